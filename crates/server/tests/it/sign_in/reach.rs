//! Whom a client may sign in: nobody consents, so the client must stand above all that the person is and may.

use store::args;

use super::*;

/// What this browser's person gets for a client: `code`, or the error.
async fn outcome(browser: &mut Browser<'_>, client: &str) -> String {
    let fields = [
        ("client_id", client),
        ("redirect_uri", BACK),
        ("response_type", "code"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let answer = sent_back(&browser.get(&path("/api/2/idp/authorize", &fields)).await);
    answer.get("error").cloned().unwrap_or_else(|| "code".to_owned())
}

#[tokio::test]
async fn a_client_signs_in_users_of_its_tenant_and_below_where_nothing_hides_them() {
    let scene = scene().await;
    let quay = scene.test.tenant(scene.harbour, TenantKind::Unit, "Quay").await;
    let [top, north, harbour, below, beside] = [
        scene.client(scene.test.top, "none").await.id,
        scene.client(scene.north, "none").await.id,
        scene.client(scene.harbour, "none").await.id,
        scene.client(quay, "none").await.id,
        scene.client(scene.south, "none").await.id,
    ];
    let mut anna = scene.signed_in().await;
    for (client, expected) in [
        (&top, "code"),
        (&north, "code"),
        (&harbour, "code"),
        (&below, "access_denied"),
        (&beside, "access_denied"),
    ] {
        assert_eq!(outcome(&mut anna, client).await, expected);
    }
    // With a role above, whoever made a client in the customer would act there through her.
    let policy = "UPDATE access_policies SET tenant_no = $2 WHERE user_id = $1";
    scene.change(policy, args![scene.anna, scene.test.no(scene.north).await]).await;
    assert_eq!(outcome(&mut anna, &harbour).await, "access_denied");
    assert_eq!(outcome(&mut anna, &north).await, "code");
    scene.change(policy, args![scene.anna, scene.test.no(scene.harbour).await]).await;
    let close = json!({"version": 1, "ancestral_access": false});
    scene.server.put(&format!("/api/2/tenants/{}", scene.harbour)).bearer(&scene.root).json(close).await.ok();
    assert_eq!(outcome(&mut anna, &north).await, "access_denied", "the customer hides its people from above");
    assert_eq!(outcome(&mut anna, &harbour).await, "code");
}

#[tokio::test]
async fn a_client_gets_no_new_tokens_once_its_user_is_more() {
    let scene = scene().await;
    let client = scene.client(scene.harbour, "none").await.id;
    let mut anna = scene.signed_in().await;
    let fields = [
        ("client_id", client.as_str()),
        ("redirect_uri", BACK),
        ("response_type", "code"),
        ("scope", "offline_access"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let code = sent_back(&anna.get(&path("/api/2/idp/authorize", &fields)).await)["code"].clone();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", &client),
        ("code", &code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    let refresh = text(&scene.server.post(TOKEN).form(&form).await.ok(), "refresh_token");
    let north = scene.test.no(scene.north).await;
    let policy = "UPDATE access_policies SET tenant_no = $2 WHERE user_id = $1";
    scene.change(policy, args![scene.anna, north]).await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", &refresh), ("client_id", &client)];
    assert_eq!(scene.refusal_of(&form).await, refused(403, "access_denied"));
}

#[tokio::test]
async fn a_client_of_another_branch_gets_no_device_connected() {
    let scene = scene().await;
    scene.test.user(scene.harbour, "bo", "right", Role::BackupUser).await;
    let foreign = scene.client(scene.south, "none").await.id;
    let form = [("client_id", foreign.as_str()), ("scope", "openid")];
    let begun = scene.server.post("/api/2/idp/device_authorization").form(&form).await.ok();
    let form = [("grant_type", "password"), ("username", "bo"), ("password", "right")];
    let token = text(&scene.server.post(TOKEN).form(&form).await.ok(), "access_token");
    let body = json!({"code": begun["user_code"]});
    let call = scene.server.post("/api/2/idp/device_authorization/approval").bearer(&token).json(body);
    assert_eq!(refusal(&call.await), refused(403, "access_denied"));
}

#[tokio::test]
async fn codes_are_registered_to_be_sent_over_https_or_to_the_own_machine() {
    let scene = scene().await;
    let made = |uris: Value| {
        scene.server.post("/api/2/clients").bearer(&scene.root).json(json!({
            "type": "api_client", "tenant_id": scene.north, "token_endpoint_auth_method": "none",
            "redirect_uris": uris,
        }))
    };
    let good = json!(["https://a.example/back?x=1", "http://localhost:3000/", "http://[::1]/"]);
    let client = made(good.clone()).await.expect(201);
    assert_eq!(client["redirect_uris"], good);
    let place = format!("/api/2/clients/{}", text(&client, "client_id"));
    for bad in ["http://a.example/", "https://a.example/#x", "https://u@a.example/", "app:/back", "/back", ""]
    {
        let uris = json!(["https://a.example/", bad]);
        let updated = scene.server.put(&place).bearer(&scene.root).json(json!({"redirect_uris": uris}));
        for answer in [made(uris.clone()).await, updated.await] {
            let answer = answer.expect(400);
            let info = answer["error"]["details"]["info"].as_str().unwrap();
            assert!(info.starts_with("redirect_uris[1]: "), "{bad}: {info}");
        }
    }
    let unchanged = scene.server.get(&place).bearer(&scene.root).await.ok();
    assert_eq!(unchanged["redirect_uris"], good);
}
