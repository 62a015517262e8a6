//! Signing keys: published, rotated, sealed.

use app::auth::keys;
use domain::access::Role;

use super::*;

async fn published(server: &Server) -> Vec<String> {
    let set = server.get("/api/2/idp/keys").await.ok();
    set["keys"].as_array().unwrap().iter().map(|key| text(key, "kid")).collect()
}

#[tokio::test]
async fn the_key_set_has_the_published_form() {
    let (_test, server) = served().await;
    let set = server.get("/api/2/idp/keys").await.ok();
    let keys = set["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2, "the one that signs and the next");
    for key in keys {
        assert_eq!(key.as_object().unwrap().len(), 6);
        assert_eq!((&key["kty"], &key["use"], &key["alg"]), (&"RSA".into(), &"sig".into(), &"RS256".into()));
        assert_eq!(key["e"], "AQAB");
        assert_eq!(URL_SAFE_NO_PAD.decode(text(key, "n")).unwrap().len(), 256);
        let kid = text(key, "kid");
        assert!(kid.len() == 40 && kid.bytes().all(|digit| digit.is_ascii_hexdigit()), "{kid}");
    }
}

#[tokio::test]
async fn rotation_signs_with_the_next_key_and_old_tokens_stay_good() {
    let (test, server) = served().await;
    let before = published(&server).await;
    let old = server.token(&test.client_id, &test.client_secret).await;
    test.clock.set(testkit::at("2026-05-08T11:00:00Z"));
    keys::rotate(&test.app).await.unwrap();
    let new = server.token(&test.client_id, &test.client_secret).await;
    let kids = [text(&part(&old, 0), "kid"), text(&part(&new, 0), "kid")];
    assert_ne!(kids[0], kids[1]);
    assert!(before.contains(&kids[1]), "it was published before it signed");
    for token in [&old, &new] {
        assert_eq!(status_with(&test, &server, token).await, 200);
    }
    assert_eq!(published(&server).await.len(), 3);
    test.clock.set(testkit::at("2026-05-08T12:58:52Z"));
    assert_eq!(status_with(&test, &server, &old).await, 200);
    assert!(published(&server).await.contains(&kids[0]));
    test.clock.set(testkit::at("2026-05-08T13:30:00Z"));
    let after = published(&server).await;
    assert!(after.len() == 2 && !after.contains(&kids[0]), "its last token has run out");
}

#[tokio::test]
async fn a_key_is_rotated_after_thirty_days_once() {
    let (test, server) = served().await;
    let before = published(&server).await;
    test.clock.set(testkit::at("2026-06-07T10:58:52Z"));
    assert!(!keys::rotate_if_due(&test.app).await.unwrap());
    test.clock.set(testkit::at("2026-06-07T10:58:53Z"));
    assert!(keys::rotate_if_due(&test.app).await.unwrap());
    assert!(!keys::rotate_if_due(&test.app).await.unwrap());
    assert_ne!(published(&server).await, before);
}

#[tokio::test]
async fn no_secret_stands_in_the_database() {
    let (test, server) = served().await;
    let (id, secret) = test.client(test.top, Role::RootAdmin).await;
    test.user(test.top, "anna", "a very own password", Role::RootAdmin).await;
    let call = server.post(TOKEN).basic(&id, &secret);
    let issued = call.form(&[CLIENT_CREDENTIALS, ("scope", "offline_access")]).await.ok();
    server.get("/api/2/clients").basic("anna", "a very own password").await.ok();
    let private_key = include_bytes!("../../../../testkit/keys/active.pk8");
    // Beyond the public modulus, which stands near the beginning.
    let private_part = &private_key[private_key.len() / 2..private_key.len() / 2 + 32];
    assert!(test.database.holds(id.as_bytes()).await, "the database is the right one");
    assert!(test.database.holds(test.client_id.as_bytes()).await);
    let access_token = text(&issued, "access_token");
    for needle in [
        secret.as_bytes(),
        test.client_secret.as_bytes(),
        b"a very own password",
        text(&issued, "refresh_token").as_bytes(),
        access_token.as_bytes(),
        private_part,
        &[7; 32],
    ] {
        assert!(!test.database.holds(needle).await, "{}", String::from_utf8_lossy(needle));
    }
}
