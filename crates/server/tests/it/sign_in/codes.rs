//! The authorisation_code grant, and what becomes of its tokens.

use store::args;

use super::*;

/// A code for Anna's browser.
async fn code(scene: &Scene, client: &Registered, with_challenge: bool) -> String {
    let mut browser = scene.signed_in().await;
    let mut fields = vec![
        ("client_id", client.id.as_str()),
        ("redirect_uri", BACK),
        ("response_type", "code"),
        ("scope", "openid offline_access"),
    ];
    if with_challenge {
        fields.extend([("code_challenge", CHALLENGE), ("code_challenge_method", "S256")]);
    }
    sent_back(&browser.get(&path("/api/2/idp/authorize", &fields)).await)["code"].clone()
}

/// A good exchange with some fields replaced, or left out where they are empty.
fn exchange<'a>(client: &'a str, code: &'a str, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("code", code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    for change in changes {
        form.retain(|(name, _)| *name != change.0);
        form.extend(Some(*change).filter(|(_, value)| !value.is_empty()));
    }
    form
}

#[tokio::test]
async fn a_code_is_good_once_and_a_second_use_revokes_what_it_gave() {
    let scene = scene().await;
    let client = scene.client(scene.north, "none").await;
    let stolen = code(&scene, &client, true).await;
    let form = exchange(&client.id, &stolen, &[]);
    let first = scene.server.post(TOKEN).form(&form).await.ok();
    let refresh = text(&first, "refresh_token");
    let refreshing =
        [("grant_type", "refresh_token"), ("refresh_token", &refresh), ("client_id", &client.id)];
    let second = scene.server.post(TOKEN).form(&refreshing).await.ok();
    let tokens = [text(&first, "access_token"), text(&second, "access_token")];
    for token in &tokens {
        scene.me(token).await.ok();
    }
    scene.later(3600);
    assert_eq!(scene.refusal_of(&form).await, refused(400, "invalid_grant"));
    for token in &tokens {
        scene.me(token).await.expect(401);
    }
    let latest = text(&second, "refresh_token");
    let refreshing = [("grant_type", "refresh_token"), ("refresh_token", &latest), ("client_id", &client.id)];
    assert_eq!(scene.refusal_of(&refreshing).await, refused(400, "invalid_grant"));
}

#[tokio::test]
async fn a_second_use_without_the_verifier_revokes_too() {
    let scene = scene().await;
    let client = scene.client(scene.north, "none").await;
    let stolen = code(&scene, &client, true).await;
    let given = scene.server.post(TOKEN).form(&exchange(&client.id, &stolen, &[])).await.ok();
    let replayed = exchange(&client.id, &stolen, &[("code_verifier", "")]);
    assert_eq!(scene.refusal_of(&replayed).await, refused(400, "invalid_grant"));
    scene.me(&text(&given, "access_token")).await.expect(401);
}

#[tokio::test]
async fn a_code_is_good_for_a_minute() {
    let scene = scene().await;
    let client = scene.client(scene.north, "none").await;
    for (seconds, is_good) in [(59, true), (60, false)] {
        let code = code(&scene, &client, true).await;
        scene.later(seconds);
        let answer = scene.server.post(TOKEN).form(&exchange(&client.id, &code, &[])).await;
        assert_eq!(answer.status == 200, is_good, "{seconds}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_code_needs_its_client_its_address_and_its_verifier() {
    let scene = scene().await;
    let client = scene.client(scene.north, "none").await;
    let [public, secret] =
        [scene.client(scene.north, "none").await, scene.client(scene.north, "client_secret_post").await];
    let code = code(&scene, &client, true).await;
    let other = "x".repeat(43);
    let cases: &[(Fields, u16, &str)] = &[
        (&[("code", "")], 400, "invalid_request"),
        (&[("redirect_uri", "")], 400, "invalid_request"),
        (&[("code_verifier", "short")], 400, "invalid_request"),
        (&[("code_verifier", CHALLENGE)], 400, "invalid_grant"),
        (&[("code_verifier", &other)], 400, "invalid_grant"),
        (&[("code_verifier", "")], 400, "invalid_grant"),
        (&[("code", &other)], 400, "invalid_grant"),
        (&[("redirect_uri", "http://127.0.0.1:51004/back")], 400, "invalid_grant"),
        (&[("redirect_uri", "https://evil.example/")], 400, "invalid_grant"),
        (&[("client_id", &public.id)], 400, "invalid_grant"),
        (&[("client_id", &secret.id), ("client_secret", &secret.secret)], 400, "invalid_grant"),
        (&[("client_id", &secret.id)], 401, "invalid_client"),
        (&[("client_id", "")], 401, "invalid_client"),
        (&[("client_id", &scene.test.client_id)], 401, "invalid_client"),
        (&[("client_secret", "wrong")], 401, "invalid_client"),
    ];
    for (changes, status, error) in cases {
        let form = exchange(&client.id, &code, changes);
        assert_eq!(scene.refusal_of(&form).await, refused(*status, error), "{changes:?}");
    }
    scene.server.post(TOKEN).form(&exchange(&client.id, &code, &[])).await.ok();
}

#[tokio::test]
async fn a_client_with_a_secret_proves_itself_and_takes_no_verifier_it_did_not_announce() {
    let scene = scene().await;
    let client = scene.client(scene.north, "client_secret_basic").await;
    let code = code(&scene, &client, false).await;
    let call = || scene.server.post(TOKEN).basic(&client.id, &client.secret);
    let without_verifier = [("client_id", ""), ("code_verifier", "")];
    let form = exchange("", &code, &without_verifier);
    assert_eq!(refusal(&scene.server.post(TOKEN).form(&form).await), refused(401, "invalid_client"));
    let downgraded = exchange("", &code, &[("client_id", "")]);
    assert_eq!(refusal(&call().form(&downgraded).await), refused(400, "invalid_grant"));
    let given = call().form(&form).await.ok();
    let refresh = text(&given, "refresh_token");
    let refreshing = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    assert_eq!(scene.refusal_of(&refreshing).await, refused(401, "invalid_client"));
    let mut named = refreshing.to_vec();
    named.push(("client_id", &client.id));
    assert_eq!(scene.refusal_of(&named).await, refused(401, "invalid_client"), "an id alone proves nothing");
    let other = scene.client(scene.north, "client_secret_basic").await;
    let foreign = scene.server.post(TOKEN).basic(&other.id, &other.secret).form(&refreshing).await;
    assert_eq!(refusal(&foreign), refused(400, "invalid_grant"));
    let refreshed = call().form(&refreshing).await.ok();
    assert_eq!(claims(&text(&refreshed, "id_token"))["aud"], client.id);
}

#[tokio::test]
async fn a_public_client_gets_nothing_in_its_own_name_without_its_secret() {
    let scene = scene().await;
    let client = scene.client(scene.north, "none").await;
    let form = [("grant_type", "client_credentials"), ("client_id", client.id.as_str())];
    assert_eq!(scene.refusal_of(&form).await, refused(401, "invalid_client"));
}

#[tokio::test]
async fn tokens_end_with_their_client_and_with_their_user() {
    let scene = scene().await;
    let client = scene.client(scene.north, "none").await;
    let fresh = async || code(&scene, &client, true).await;
    let given = scene.server.post(TOKEN).form(&exchange(&client.id, &fresh().await, &[])).await.ok();
    let (token, refresh) = (text(&given, "access_token"), text(&given, "refresh_token"));
    let scope = format!("urn:acronis.com:tenant-id:{}", scene.harbour);
    let narrowing = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("assertion", token.as_str()),
        ("scope", &scope),
    ];
    let narrowed = text(&scene.server.post(TOKEN).form(&narrowing).await.ok(), "access_token");
    let refreshing =
        [("grant_type", "refresh_token"), ("refresh_token", &refresh), ("client_id", &client.id)];
    let endings = [
        (
            "UPDATE clients SET status = 'disabled' WHERE id = $1",
            "UPDATE clients SET status = 'enabled' WHERE id = $1",
            client.id.clone(),
            "invalid_client",
        ),
        (
            "UPDATE clients SET deleted_at = 1 WHERE id = $1",
            "UPDATE clients SET deleted_at = NULL WHERE id = $1",
            client.id.clone(),
            "invalid_client",
        ),
        (
            "UPDATE users SET enabled = 0 WHERE id = $1",
            "UPDATE users SET enabled = 1 WHERE id = $1",
            scene.anna.to_string(),
            "access_denied",
        ),
    ];
    for (off, on, id, error) in endings {
        let code = fresh().await;
        scene.change(off, args![id.as_str()]).await;
        for token in [&token, &narrowed] {
            scene.me(token).await.expect(401);
        }
        let exchanged = scene.refusal_of(&exchange(&client.id, &code, &[])).await;
        assert_eq!(exchanged, refused(401, error), "{off}");
        assert_eq!(scene.refusal_of(&refreshing).await, refused(401, error), "{off}");
        scene.change(on, args![id.as_str()]).await;
    }
    scene.me(&token).await.ok();
    scene.me(&narrowed).await.ok();
}
