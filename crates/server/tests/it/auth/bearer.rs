//! What is no good as a bearer token.

use super::*;

/// A token with another header or other claims, and the signature it had.
fn forged(token: &str, change: impl FnOnce(&mut Value, &mut Value)) -> String {
    let (mut header, mut claims) = (part(token, 0), part(token, 1));
    change(&mut header, &mut claims);
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signature = token.rsplit('.').next().unwrap();
    format!("{}.{}.{signature}", encode(&header), encode(&claims))
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let (test, server) = served().await;
    let token = server.token(&test.client_id, &test.client_secret).await;
    assert_eq!(status_with(&test, &server, &token).await, 200);
    let (message, _) = token.rsplit_once('.').unwrap();
    let unsigned = forged(&token, |header, _| header["alg"] = "none".into());
    let unsigned = unsigned.rsplit_once('.').unwrap().0;
    let refused = [
        forged(&token, |_, claims| claims["exp"] = 9_999_999_999_i64.into()),
        forged(&token, |_, claims| claims["sub"] = "00000000-0000-4000-8000-000000000000".into()),
        forged(&token, |header, _| header["alg"] = "none".into()),
        forged(&token, |header, _| header["alg"] = "HS256".into()),
        forged(&token, |header, _| header["kid"] = "0".repeat(40).into()),
        format!("{unsigned}."),
        unsigned.to_owned(),
        format!("{message}."),
        format!("{token}A"),
        format!("{token}.{token}"),
        String::from("x"),
    ];
    for token in &refused {
        let answer = server.get("/api/2/clients").bearer(token).await;
        assert_eq!(answer.expect(401)["error"]["code"], 401, "{token}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
}

#[tokio::test]
async fn tokens_of_another_installation_are_refused() {
    let (test, server) = served().await;
    let (other, other_server) = served().await;
    // The same key by chance of the test kit, but never issued here.
    let token = other_server.token(&other.client_id, &other.client_secret).await;
    assert_eq!(status_with(&test, &server, &token).await, 401);
    // A key that is not known here, and then one that pretends to be.
    app::auth::keys::rotate(&other.app).await.unwrap();
    app::auth::keys::rotate(&other.app).await.unwrap();
    let token = other_server.token(&other.client_id, &other.client_secret).await;
    assert_eq!(status_with(&test, &server, &token).await, 401);
    let known = part(&server.token(&test.client_id, &test.client_secret).await, 0)["kid"].clone();
    let pretended = forged(&token, |header, _| header["kid"] = known);
    assert_eq!(status_with(&test, &server, &pretended).await, 401);
}

#[tokio::test]
async fn a_token_is_good_at_the_address_it_was_issued_for() {
    let (test, server) = served().await;
    let token = server.token(&test.client_id, &test.client_secret).await;
    for (url, is_good) in [("https://tide.example.com", true), ("https://other.example.com", false)] {
        let settings = app::Settings { public_url: url.to_owned(), ..test.app.settings.clone() };
        let clock = app::Clock::Manual(test.clock.clone());
        let (db, ids) = (test.app.db.clone(), test.app.ids.clone());
        let moved = app::App::new(db, clock, ids, settings, test.app.sealing.clone());
        assert_eq!(app::auth::bearer(&moved, &token).await.is_ok(), is_good, "{url}");
    }
}

#[tokio::test]
async fn a_token_is_good_for_two_hours_of_the_apps_clock() {
    let (test, server) = served().await;
    let token = server.token(&test.client_id, &test.client_secret).await;
    for (time, status) in [
        ("2026-05-08T12:58:52Z", 200),
        ("2026-05-08T12:58:53Z", 401),
        ("2026-05-08T10:58:30Z", 200),
        ("2026-05-08T09:58:53Z", 401),
    ] {
        test.clock.set(testkit::at(time));
        assert_eq!(status_with(&test, &server, &token).await, status, "{time}");
    }
}

#[tokio::test]
async fn an_id_token_is_no_bearer_token_and_no_assertion() {
    let (test, server) = served().await;
    let call = server.post(TOKEN).basic(&test.client_id, &test.client_secret);
    let id_token = text(&call.form(&[CLIENT_CREDENTIALS]).await.ok(), "id_token");
    assert_eq!(status_with(&test, &server, &id_token).await, 401);
    let scope = format!("urn:acronis.com:tenant-id:{}", test.top);
    let form = [JWT_BEARER, ("assertion", id_token.as_str()), ("scope", scope.as_str())];
    assert_eq!(refusal(&server.post(TOKEN).form(&form).await), refused(400, "invalid_grant"));
}

#[tokio::test]
async fn a_token_in_the_query_does_but_not_together_with_the_header() {
    let (test, server) = served().await;
    let token = server.token(&test.client_id, &test.client_secret).await;
    let path = format!("/api/2/clients?access_token={token}");
    server.get(&path).await.ok();
    server.get(&path).bearer(&token).await.expect(400);
    server.get("/api/2/clients").await.expect(401);
    server.get("/api/2/clients").header("Authorization", &format!("bEaReR {token}")).await.ok();
}
