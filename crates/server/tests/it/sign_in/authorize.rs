//! GET /idp/authorize: who gets a code, and how everybody else is sent back or not.

use store::args;

use super::browser::next;
use super::*;

const AUTHORIZE: &str = "/api/2/idp/authorize";

/// A good request with some fields replaced, or left out where they are empty.
fn request<'a>(client: &'a str, changes: &[(&'a str, &'a str)]) -> String {
    let mut fields = vec![
        ("client_id", client),
        ("redirect_uri", BACK),
        ("response_type", "code"),
        ("scope", "openid offline_access"),
        ("state", "a b&c=\u{e4}"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for change in changes {
        fields.retain(|(name, _)| *name != change.0);
        fields.extend(Some(*change).filter(|(_, value)| !value.is_empty()));
    }
    path(AUTHORIZE, &fields)
}

#[tokio::test]
async fn a_person_signs_in_and_the_client_gets_tokens_of_theirs() {
    let scene = scene().await;
    let client = scene.client(scene.north, "none").await;
    let mut browser = Browser::new(&scene.server);
    let page = browser.get(&request(&client.id, &[("nonce", "n-0S6"), ("login_hint", "an<n>a")])).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("value=\"an&#60;n&#62;a\""), "the hint stands in the field, as text");
    let signed_in = browser.fill_in(&page, "anna", "right").await;
    assert_eq!(signed_in.status, 200, "{}", signed_in.text());
    let answer = sent_back(&browser.get(&next(&signed_in)).await);
    assert_eq!(answer["state"], "a b&c=\u{e4}");
    assert_eq!(answer.len(), 2, "{answer:?}");
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", &client.id),
        ("code", &answer["code"]),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    let given = scene.server.post(TOKEN).form(&form).await;
    assert_eq!(given.header("cache-control"), "no-store");
    let given = given.ok();
    assert_eq!(given["scope"], "openid offline_access");
    let now = testkit::at(NOW).unix_seconds();
    let id_token = json!({
        "iss": "https://tide.example.com", "sub": scene.anna, "aud": client.id, "exp": now + 7200, "iat": now,
        "nonce": "n-0S6",
    });
    assert_eq!(claims(&text(&given, "id_token")), id_token);
    let access = claims(&text(&given, "access_token"));
    assert_eq!((&access["sub"], &access["uid"]), (&json!(scene.anna), &json!(scene.anna)));
    assert_eq!(access["aud"], "tide.example.com");
    assert_eq!(scene.me(&text(&given, "access_token")).await.ok()["login"], "anna");
    let known = scene.server.get(&format!("/api/2/clients/{}", client.id)).bearer(&scene.root).await.ok();
    assert_eq!(known["last_access_at"], NOW);
    // Signed in, nobody is asked again.
    assert!(sent_back(&browser.get(&request(&client.id, &[])).await).contains_key("code"));
}

#[tokio::test]
async fn a_bearer_token_or_password_is_no_browser_session() {
    let scene = scene().await;
    let client = scene.client(scene.north, "none").await;
    let target = request(&client.id, &[("prompt", "none")]);
    for call in
        [scene.server.get(&target).basic("anna", "right"), scene.server.get(&target).bearer(&scene.root)]
    {
        assert_eq!(sent_back(&call.await)["error"], "login_required");
    }
}

#[tokio::test]
async fn errors_go_back_to_the_client_with_the_state() {
    let scene = scene().await;
    let public = scene.client(scene.north, "none").await.id;
    let secret = scene.client(scene.north, "client_secret_basic").await.id;
    let mut browser = scene.signed_in().await;
    let foreign = format!("openid urn:acronis.com:tenant-id:{}", scene.south);
    let long = "n".repeat(513);
    let cases: &[(&str, Fields, &str)] = &[
        (&public, &[("response_type", "")], "invalid_request"),
        (&public, &[("response_type", "token")], "unsupported_response_type"),
        (&public, &[("response_type", "code id_token")], "unsupported_response_type"),
        (&public, &[("code_challenge", ""), ("code_challenge_method", "")], "invalid_request"),
        (&public, &[("code_challenge_method", "plain")], "invalid_request"),
        (&public, &[("code_challenge_method", "")], "invalid_request"),
        (&public, &[("code_challenge", "short")], "invalid_request"),
        (&secret, &[("code_challenge_method", "plain")], "invalid_request"),
        (&secret, &[("code_challenge", "")], "invalid_request"),
        (&public, &[("prompt", "consent")], "invalid_request"),
        (&public, &[("prompt", "none login")], "invalid_request"),
        (&public, &[("nonce", &long)], "invalid_request"),
        (&public, &[("scope", "urn:acronis.com:tenant-id:7")], "invalid_scope"),
        (&public, &[("scope", &foreign)], "access_denied"),
    ];
    for (client, changes, error) in cases {
        let answer = sent_back(&browser.get(&request(client, changes)).await);
        assert_eq!(answer["error"], *error, "{changes:?}");
        assert_eq!(answer["state"], "a b&c=\u{e4}", "{changes:?}");
        assert!(!answer["error_description"].is_empty() && !answer.contains_key("code"));
    }
    let without_challenge = [("code_challenge", ""), ("code_challenge_method", "")];
    let answer = sent_back(&browser.get(&request(&secret, &without_challenge)).await);
    assert!(answer.contains_key("code"), "a client with a secret may do without");
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_the_client_did_not_register() {
    let scene = scene().await;
    let client = scene.client(scene.north, "none").await.id;
    let [disabled, deleted] =
        [scene.client(scene.north, "none").await.id, scene.client(scene.north, "none").await.id];
    scene.change("UPDATE clients SET status = 'disabled' WHERE id = $1", args![disabled.as_str()]).await;
    scene.change("UPDATE clients SET deleted_at = 1 WHERE id = $1", args![deleted.as_str()]).await;
    let mut browser = scene.signed_in().await;
    let nobody = "00000000-0000-4000-8000-000000000000";
    let cases: &[(&str, &str, &str)] = &[
        ("", BACK, "invalid_request"),
        ("no-uuid", BACK, "unauthorized_client"),
        (nobody, BACK, "unauthorized_client"),
        (&disabled, BACK, "unauthorized_client"),
        (&deleted, BACK, "unauthorized_client"),
        (&client, "", "invalid_request"),
        (&client, "https://crm.example.com/back", "invalid_request"),
        (&client, "https://crm.example.com/back?from=tidemark&x=1", "invalid_request"),
        (&client, "https://crm.example.com/back?from=tidemark#", "invalid_request"),
        (&client, "https://crm.example.com/Back?from=tidemark", "invalid_request"),
        (&client, "https://crm.example.com@evil.example/back?from=tidemark", "invalid_request"),
        (&client, "http://crm.example.com/back?from=tidemark", "invalid_request"),
        (&client, "http://127.0.0.1:51005/back", "invalid_request"),
        (&client, "javascript:alert(1)", "invalid_request"),
    ];
    for (client, uri, error) in cases {
        let target = request("x", &[("client_id", client), ("redirect_uri", uri)]);
        let answer = browser.get(&target).await;
        assert_eq!(refusal(&answer), refused(400, error), "{client} {uri}");
        assert_eq!(answer.header("location"), "");
        let page = browser.with_cookies(scene.server.get(&target)).header("Accept", "text/html,*/*").await;
        assert_eq!(page.status, 400);
        assert!(page.header("content-type").starts_with("text/html"), "people get a page");
    }
    scene.change("UPDATE tenants SET enabled = 0 WHERE id = $1", args![scene.north]).await;
    assert_eq!(refusal(&browser.get(&request(&client, &[])).await), refused(400, "unauthorized_client"));
}

#[tokio::test]
async fn a_prompt_asks_nobody_or_asks_anew() {
    let scene = scene().await;
    let client = scene.client(scene.north, "none").await.id;
    let none = request(&client, &[("prompt", "none")]);
    let answer = sent_back(&Browser::new(&scene.server).get(&none).await);
    assert_eq!((answer["error"].as_str(), answer["state"].as_str()), ("login_required", "a b&c=\u{e4}"));
    let mut browser = scene.signed_in().await;
    assert!(sent_back(&browser.get(&none).await).contains_key("code"));
    let before = browser.cookies.clone();
    let page = browser.get(&request(&client, &[("prompt", "login")])).await;
    assert_eq!(page.status, 200, "signed in, and asked all the same");
    let signed_in = browser.fill_in(&page, "anna", "right").await;
    assert!(sent_back(&browser.get(&next(&signed_in)).await).contains_key("code"), "and not once more");
    let mut old = Browser::new(&scene.server);
    old.cookies = before;
    assert_eq!(sent_back(&old.get(&none).await)["error"], "login_required", "the session before has ended");
}

/// An id_token from a code of this browser.
async fn id_token(scene: &Scene, browser: &mut Browser<'_>, client: &str) -> String {
    let code = sent_back(&browser.get(&request(client, &[])).await)["code"].clone();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("code", &code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    text(&scene.server.post(TOKEN).form(&form).await.ok(), "id_token")
}

#[tokio::test]
async fn a_hint_of_somebody_else_is_no_sign_in() {
    let scene = scene().await;
    scene.test.user(scene.harbour, "bert", "right", Role::CompanyAdmin).await;
    let (client, other) =
        (scene.client(scene.north, "none").await.id, scene.client(scene.north, "none").await.id);
    let mut browser = scene.signed_in().await;
    let own = id_token(&scene, &mut browser, &client).await;
    let of_other_client = id_token(&scene, &mut browser, &other).await;
    let of_bert = id_token(&scene, &mut scene.signed_in_as("bert").await, &client).await;
    let (signed, signature) = own.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let forged = format!("{header}.{}.{signature}", of_bert.split('.').nth(1).unwrap());
    scene.later(7200);
    let hinted = |hint: &str| request(&client, &[("prompt", "none"), ("id_token_hint", hint)]);
    assert!(sent_back(&browser.get(&hinted(&own)).await).contains_key("code"), "also run out");
    for hint in [&of_other_client, &of_bert, &forged, "x", "x.y.z"] {
        assert_eq!(sent_back(&browser.get(&hinted(hint)).await)["error"], "login_required", "{hint}");
    }
    let asked = browser.get(&request(&client, &[("id_token_hint", &of_bert)])).await;
    let signed_in = browser.fill_in(&asked, "bert", "right").await;
    assert!(sent_back(&browser.get(&next(&signed_in)).await).contains_key("code"));
}

#[tokio::test]
async fn nothing_that_is_asked_with_becomes_a_header_of_its_own() {
    let scene = scene().await;
    let client = scene.client(scene.north, "none").await;
    let mut browser = scene.signed_in().await;
    for break_in in
        ["a\r\nSet-Cookie: evil=1", "a\nX-Evil: 1", "a\r\n\r\n<script>", "\u{560a}\u{560d}X-Evil: 1"]
    {
        let answer = browser.get(&request(&client.id, &[("state", break_in)])).await;
        assert_eq!(sent_back(&answer)["state"], break_in, "it comes back as it was, in the address alone");
        assert!(answer.headers.get("x-evil").is_none() && !browser.cookies.contains_key("evil"));
        let refused =
            browser.get(&request(&client.id, &[("state", break_in), ("response_type", break_in)])).await;
        assert!(sent_back(&refused).contains_key("error"));
        assert!(refused.headers.get("x-evil").is_none() && !browser.cookies.contains_key("evil"));
        let elsewhere = format!("{BACK}{break_in}");
        let nowhere = browser.get(&request(&client.id, &[("redirect_uri", &elsewhere)])).await;
        assert_eq!((nowhere.status, nowhere.header("location")), (400, ""));
    }
}
