//! The device flow.

use store::args;

use super::browser::hidden;
use super::*;

const AUTHORIZATION: &str = "/api/2/idp/device_authorization";
const APPROVAL: &str = "/api/2/idp/device_authorization/approval";
const DEVICE_CODE: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code");

/// A device that waits, with the token of a person who may connect it.
struct Waiting {
    scene: Scene,
    client: Registered,
    device_code: String,
    user_code: String,
    token: String,
}

async fn waiting() -> Waiting {
    let scene = scene().await;
    let bo = scene.test.user(scene.harbour, "bo", "right", Role::BackupUser).await;
    assert!(!bo.to_string().is_empty());
    let client = scene.client(scene.north, "none").await;
    let (device_code, user_code) = begin(&scene, &client, "offline_access").await;
    let token = token_of(&scene, "bo").await;
    Waiting { scene, client, device_code, user_code, token }
}

async fn begin(scene: &Scene, client: &Registered, scope: &str) -> (String, String) {
    let form = [("client_id", client.id.as_str()), ("scope", scope), ("display_name", "Storage box 7")];
    let begun = scene.server.post(AUTHORIZATION).form(&form).await.ok();
    (text(&begun, "device_code"), text(&begun, "user_code"))
}

async fn token_of(scene: &Scene, login: &str) -> String {
    let form = [("grant_type", "password"), ("username", login), ("password", "right")];
    text(&scene.server.post(TOKEN).form(&form).await.ok(), "access_token")
}

impl Waiting {
    async fn poll(&self) -> Answer {
        let form = [DEVICE_CODE, ("client_id", &self.client.id), ("device_code", &self.device_code)];
        self.scene.server.post(TOKEN).form(&form).await
    }

    async fn approve(&self, body: Value) -> Answer {
        self.scene.server.post(APPROVAL).bearer(&self.token).json(body).await
    }

    async fn look(&self, query: &[(&str, &str)]) -> Answer {
        self.scene.server.get(&path(APPROVAL, query)).bearer(&self.token).await
    }
}

#[tokio::test]
async fn a_device_waits_for_its_person_and_gets_tokens_once() {
    let waiting = waiting().await;
    assert_eq!(refusal(&waiting.poll().await), refused(400, "authorization_pending"));
    waiting.scene.later(5);
    assert_eq!(refusal(&waiting.poll().await), refused(400, "authorization_pending"));
    let asked = waiting.look(&[("code", &waiting.user_code)]).await.ok();
    let expected = json!({
        "client_id": waiting.client.id, "display_name": "Storage box 7", "scope": ["offline_access"],
        "tenant_id": waiting.scene.harbour, "tenant_name": "Harbour", "is_current_tenant": true,
    });
    assert_eq!(asked, expected);
    let done = waiting.approve(json!({"code": waiting.user_code.to_lowercase().replace('-', " ")})).await;
    assert_eq!((done.status, done.body.len()), (204, 0));
    let given = waiting.poll().await.ok();
    assert_eq!(given["scope"], "offline_access");
    assert_eq!(claims(&text(&given, "id_token"))["aud"], waiting.client.id);
    assert_eq!(waiting.scene.me(&text(&given, "access_token")).await.ok()["login"], "bo");
    assert_eq!(refusal(&waiting.poll().await), refused(400, "invalid_grant"));
    waiting.scene.me(&text(&given, "access_token")).await.ok();
    let refresh = text(&given, "refresh_token");
    let form =
        [("grant_type", "refresh_token"), ("refresh_token", &refresh), ("client_id", &waiting.client.id)];
    waiting.scene.server.post(TOKEN).form(&form).await.ok();
}

#[tokio::test]
async fn the_codes_have_their_published_form() {
    let scene = scene().await;
    let client = scene.client(scene.north, "client_secret_basic").await;
    let form = [("client_id", client.id.as_str()), ("scope", "openid")];
    let answer = scene.server.post(AUTHORIZATION).form(&form).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let begun = answer.ok();
    let code = text(&begun, "user_code");
    assert_eq!(code.len(), 9);
    assert_eq!(begun["verification_uri"], "https://tide.example.com/device");
    assert_eq!(
        begun["verification_uri_complete"],
        format!("https://tide.example.com/device?user_code={code}")
    );
    assert_eq!((&begun["expires_in"], &begun["interval"]), (&json!(600), &json!(5)));
    let disabled = scene.client(scene.north, "none").await.id;
    scene.change("UPDATE clients SET status = 'disabled' WHERE id = $1", args![disabled.as_str()]).await;
    let long = "x".repeat(257);
    let cases: &[(Fields, u16, &str)] = &[
        (&[("scope", "openid")], 400, "invalid_request"),
        (&[("client_id", &client.id)], 400, "invalid_request"),
        (&[("client_id", "x"), ("scope", "openid")], 401, "invalid_client"),
        (&[("client_id", &disabled), ("scope", "openid")], 401, "invalid_client"),
        (&[("client_id", &client.id), ("scope", "urn:acronis.com:tenant-id:7")], 400, "invalid_request"),
        (&[("client_id", &client.id), ("scope", "x"), ("display_name", "a\u{7}")], 400, "invalid_request"),
        (&[("client_id", &client.id), ("scope", "x"), ("display_name", &long)], 400, "invalid_request"),
    ];
    for (form, status, error) in cases {
        let answer = scene.server.post(AUTHORIZATION).form(form).await;
        assert_eq!(refusal(&answer), refused(*status, error), "{form:?}");
    }
}

#[tokio::test]
async fn a_device_that_asks_too_often_is_slowed_down() {
    let waiting = waiting().await;
    let mut said = Vec::new();
    for seconds in [0, 4, 9, 10, 5, 15] {
        waiting.scene.later(seconds);
        said.push(refusal(&waiting.poll().await).1);
    }
    // 4 s after the first: wait 10 s from now on; 9 s: wait 15 s; 10 s and 5 s: too early; 15 s: too early by then.
    let (pending, slow) = ("authorization_pending", "slow_down");
    assert_eq!(said, [pending, slow, slow, slow, slow, slow]);
    waiting.scene.later(30);
    assert_eq!(refusal(&waiting.poll().await).1, pending);
    waiting.approve(json!({"code": waiting.user_code})).await.expect(204);
    waiting.poll().await.ok();
}

#[tokio::test]
async fn codes_run_out_after_ten_minutes() {
    let waiting = waiting().await;
    waiting.scene.later(599);
    waiting.look(&[("code", &waiting.user_code)]).await.ok();
    assert_eq!(refusal(&waiting.poll().await), refused(400, "authorization_pending"));
    waiting.scene.later(1);
    let late = waiting.approve(json!({"code": waiting.user_code})).await;
    assert_eq!(refusal(&late), refused(400, "invalid_request"));
    assert_eq!(refusal(&waiting.poll().await), refused(400, "expired_token"));
}

#[tokio::test]
async fn an_approved_device_that_never_asks_gets_nothing_later() {
    let waiting = waiting().await;
    waiting.approve(json!({"code": waiting.user_code})).await.expect(204);
    waiting.scene.later(600);
    assert_eq!(refusal(&waiting.poll().await), refused(400, "expired_token"));
}

#[tokio::test]
async fn a_device_code_is_no_use_to_another_client_or_when_forged() {
    let waiting = waiting().await;
    waiting.approve(json!({"code": waiting.user_code})).await.expect(204);
    let other = waiting.scene.client(waiting.scene.north, "client_secret_basic").await;
    let code = waiting.device_code.as_str();
    let id = waiting.client.id.as_str();
    let cases: &[(Fields, u16, &str)] = &[
        (&[DEVICE_CODE, ("client_id", id)], 400, "invalid_request"),
        (&[DEVICE_CODE, ("device_code", code)], 400, "invalid_request"),
        (&[DEVICE_CODE, ("client_id", id), ("device_code", "x")], 400, "invalid_grant"),
        (&[DEVICE_CODE, ("client_id", id), ("device_code", &waiting.user_code)], 400, "invalid_grant"),
        (&[DEVICE_CODE, ("client_id", &other.id), ("device_code", code)], 400, "invalid_grant"),
        (&[DEVICE_CODE, ("client_id", "x"), ("device_code", code)], 401, "invalid_client"),
        (
            &[DEVICE_CODE, ("client_id", id), ("client_secret", "x"), ("device_code", code)],
            401,
            "invalid_client",
        ),
    ];
    for (form, status, error) in cases {
        assert_eq!(waiting.scene.refusal_of(form).await, refused(*status, error), "{form:?}");
    }
    waiting.poll().await.ok();
}

#[tokio::test]
async fn only_people_who_use_devices_approve_them_and_with_a_token_only() {
    let waiting = waiting().await;
    let Waiting { scene, user_code, .. } = &waiting;
    let code = [("code", user_code.as_str())];
    scene.test.user(scene.harbour, "prot", "right", Role::ProtectionAdmin).await;
    scene.test.user(scene.harbour, "sync", "right", Role::SyncShareUser).await;
    for login in ["prot", "sync"] {
        let token = token_of(scene, login).await;
        scene.server.get(&path(APPROVAL, &code)).bearer(&token).await.ok();
    }
    for token in [token_of(scene, "anna").await, scene.root.clone()] {
        let looked = scene.server.get(&path(APPROVAL, &code)).bearer(&token).await;
        assert_eq!(refusal(&looked), refused(403, "access_denied"));
        let approved = scene.server.post(APPROVAL).bearer(&token).json(json!({"code": user_code})).await;
        assert_eq!(refusal(&approved), refused(403, "access_denied"));
    }
    for call in [
        scene.server.get(&path(APPROVAL, &code)),
        scene.server.get(&path(APPROVAL, &code)).basic("bo", "right"),
    ] {
        assert_eq!(refusal(&call.await), refused(401, "invalid_token"));
    }
    assert_eq!(refusal(&waiting.poll().await).1, "authorization_pending");
}

#[tokio::test]
async fn bad_approvals_name_the_field_and_change_nothing() {
    let waiting = waiting().await;
    let nobody = "00000000-0000-4000-8000-000000000000";
    for body in [
        json!({}),
        json!({"code": null}),
        json!({"code": ""}),
        json!({"code": "RDRD"}),
        json!({"code": "BBBB-BBBB"}),
        json!({"code": waiting.user_code, "tenant_uuid": "x"}),
        json!([]),
    ] {
        let answer = waiting.approve(body.clone()).await;
        assert_eq!(refusal(&answer), refused(400, "invalid_request"), "{body}");
    }
    for tenant in [waiting.scene.south.to_string(), waiting.scene.north.to_string(), nobody.to_owned()] {
        let answer = waiting.approve(json!({"code": waiting.user_code, "tenant_uuid": tenant})).await;
        assert_eq!(refusal(&answer), refused(403, "access_denied"), "{tenant}");
        let answer = waiting.look(&[("code", &waiting.user_code), ("tenant_uuid", &tenant)]).await;
        assert_eq!(refusal(&answer), refused(403, "access_denied"), "{tenant}");
    }
    assert_eq!(refusal(&waiting.look(&[]).await), refused(400, "invalid_request"));
    let plain = waiting.scene.server.post(APPROVAL).bearer(&waiting.token).raw("text/plain", "{}").await;
    assert_eq!(plain.status, 415);
    assert_eq!(refusal(&waiting.poll().await).1, "authorization_pending");
    waiting.approve(json!({"code": waiting.user_code})).await.expect(204);
    let twice = waiting.approve(json!({"code": waiting.user_code})).await;
    assert_eq!(refusal(&twice), refused(400, "invalid_request"));
}

#[tokio::test]
async fn guessing_codes_is_slowed_down() {
    let waiting = waiting().await;
    for _ in 0..5 {
        waiting.look(&[("code", "BBBB-BBBB")]).await.expect(400);
    }
    let held_back = waiting.look(&[("code", &waiting.user_code)]).await;
    assert_eq!(refusal(&held_back), refused(429, "access_denied"));
    waiting.scene.later(1);
    waiting.look(&[("code", &waiting.user_code)]).await.ok();
}

#[tokio::test]
async fn too_many_devices_from_one_address_are_slowed_down() {
    let waiting = waiting().await;
    let Waiting { scene, client, .. } = &waiting;
    let form = [("client_id", client.id.as_str()), ("scope", "openid")];
    let nobody = [("client_id", "00000000-0000-4000-8000-000000000000"), ("scope", "openid")];
    // One waits already; those of no client count, too.
    for _ in 0..24 {
        begin(scene, client, "openid").await;
        scene.server.post(AUTHORIZATION).form(&nobody).await.expect(401);
    }
    begin(scene, client, "openid").await;
    let held_back = scene.server.post(AUTHORIZATION).form(&form).await;
    assert_eq!(refusal(&held_back), refused(429, "access_denied"));
    assert_eq!(held_back.header("retry-after"), "1");
    token_of(scene, "bo").await;
    waiting.approve(json!({"code": waiting.user_code})).await.expect(204);
    scene.later(1);
    begin(scene, client, "openid").await;
    assert_eq!(scene.server.post(AUTHORIZATION).form(&form).await.header("retry-after"), "2");
    scene.later(900);
    begin(scene, client, "openid").await;
}

#[tokio::test]
async fn a_device_reaches_the_tenant_it_was_given_and_no_more_than_its_person() {
    let waiting = waiting().await;
    let Waiting { scene, client, .. } = &waiting;
    let quay = scene.test.tenant(scene.harbour, TenantKind::Unit, "Quay").await;
    let asked = waiting.look(&[("code", &waiting.user_code), ("tenant_uuid", &quay.to_string())]).await.ok();
    assert_eq!((&asked["tenant_name"], &asked["is_current_tenant"]), (&json!("Quay"), &json!(false)));
    waiting.approve(json!({"code": waiting.user_code, "tenant_uuid": quay})).await.expect(204);
    let given = waiting.poll().await.ok();
    let narrowing = json!([[format!("urn:acronis.com:tenant-id:{quay}")]]);
    assert_eq!(claims(&text(&given, "access_token"))["narrowing"], narrowing);
    // A device that asks for one tenant is not given another, and a narrowed token gives no more than it has.
    let (_, user_code) = begin(scene, client, &format!("urn:acronis.com:tenant-id:{quay}")).await;
    let beyond = waiting.approve(json!({"code": user_code, "tenant_uuid": scene.harbour})).await;
    assert_eq!(refusal(&beyond), refused(403, "access_denied"));
    let narrowed = text(&given, "access_token");
    let (device_code, user_code) = begin(scene, client, "openid").await;
    let approve = |body: Value| scene.server.post(APPROVAL).bearer(&narrowed).json(body);
    let beyond = approve(json!({"code": user_code, "tenant_uuid": scene.harbour})).await;
    assert_eq!(refusal(&beyond), refused(403, "access_denied"));
    approve(json!({"code": user_code})).await.expect(204);
    let form = [DEVICE_CODE, ("client_id", &client.id), ("device_code", &device_code)];
    let given = scene.server.post(TOKEN).form(&form).await.ok();
    assert_eq!(claims(&text(&given, "access_token"))["narrowing"], narrowing);
}

#[tokio::test]
async fn a_person_connects_a_device_on_the_page_or_refuses_it() {
    let waiting = waiting().await;
    let Waiting { scene, client, user_code, .. } = &waiting;
    let mut browser = Browser::new(&scene.server);
    let target = path("/device", &[("user_code", user_code)]);
    let page = browser.get(&target).await;
    let signed_in = browser.fill_in(&page, "bo", "right").await;
    assert_eq!(browser::next(&signed_in), target);
    let page = browser.get(&target).await;
    for shown in ["Storage box 7", "Harbour", user_code] {
        assert!(page.text().contains(shown), "{}", page.text());
    }
    let form = hidden(&page, "form");
    let answer = |answer| [("form", form.as_str()), ("user_code", user_code), ("answer", answer)];
    let forged = [("user_code", user_code.as_str()), ("answer", "approve")];
    assert_eq!(browser.post("/device", &forged).await.status, 400, "no form of ours");
    let call = browser.with_cookies(scene.server.post("/device")).header("Origin", "https://evil.example");
    let call = call.form(&answer("approve"));
    assert_eq!(browser.send(call).await.status, 400);
    assert_eq!(browser.post("/device", &answer("perhaps")).await.status, 400);
    assert_eq!(refusal(&waiting.poll().await).1, "authorization_pending");
    let done = browser.post("/device", &answer("approve")).await;
    assert!(done.text().contains("You can go on at the device."), "{}", done.text());
    assert_eq!(browser.post("/device", &answer("deny")).await.status, 400, "decided on before");
    waiting.poll().await.ok();
    let (device_code, other_code) = begin(scene, client, "openid").await;
    let denial = [("form", form.as_str()), ("user_code", &other_code), ("answer", "deny")];
    assert_eq!(browser.post("/device", &denial).await.status, 200);
    let form = [DEVICE_CODE, ("client_id", &client.id), ("device_code", &device_code)];
    assert_eq!(scene.refusal_of(&form).await, refused(400, "access_denied"));
    let unknown = browser.get("/device?user_code=BBBB-BBBB").await;
    assert_eq!(unknown.status, 400);
    assert!(unknown.text().contains("No device shows this code now."));
    let mut anna = scene.signed_in().await;
    assert_eq!(
        anna.get("/device?user_code=BBBB-BBBB").await.status,
        403,
        "not of the roles that use devices"
    );
}
