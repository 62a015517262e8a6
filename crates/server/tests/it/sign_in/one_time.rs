//! One-time tokens.

use domain::access::Permission;
use store::args;

use super::browser::next;
use super::*;

const OTT: &str = "/api/2/idp/ott";
const LOGIN: &str = "/api/2/idp/ott/login";
const SESSION: &str = "__Host-tidemark_session";

impl Scene {
    /// A token for Anna from a client of her partner.
    async fn ott(&self, purpose: &str) -> String {
        let (id, secret) = self.test.client(self.north, Role::PartnerAdmin).await;
        let token = self.server.token(&id, &secret).await;
        let body = json!({"purpose": purpose, "login": "anna"});
        text(&self.server.post(OTT).bearer(&token).json(body).await.ok(), "ott")
    }
}

#[tokio::test]
async fn a_token_signs_its_user_in_once() {
    let scene = scene().await;
    let ott = scene.ott("user_login").await;
    assert!(ott.bytes().all(|byte| byte.is_ascii_alphanumeric()) && ott.len() == 64, "{ott}");
    let mut browser = Browser::new(&scene.server);
    let call = scene.server.post(LOGIN).json(json!({"ott": ott}));
    let answer = browser.send(call).await;
    let user = answer.ok();
    assert_eq!((&user["id"], &user["login"]), (&json!(scene.anna), &json!("anna")));
    assert_eq!(answer.header("cache-control"), "no-store");
    let page = browser.get("/device").await.text();
    assert!(!page.contains("action=\"/login\""), "signed in");
    let again = scene.server.post(LOGIN).json(json!({"ott": ott})).await;
    assert_eq!(again.expect(401)["error"]["code"], 401);
    assert_eq!(again.header("set-cookie"), "");
}

#[tokio::test]
async fn the_client_that_makes_a_token_answers_for_its_user_so_no_code_is_asked_for() {
    let scene = scene().await;
    let now = scene.test.app.clock.now();
    let sql =
        "INSERT INTO totp_factors (user_id, sealed_secret, confirmed_at, last_step) VALUES ($1, $2, $3, 0)";
    scene.change(sql, args![scene.anna, vec![7_u8], now]).await;
    let form = [("grant_type", "password"), ("username", "anna"), ("password", "right")];
    assert_eq!(scene.refusal_of(&form).await, refused(400, "totp_required"));
    let ott = scene.ott("user_login").await;
    let answer = scene.server.post(LOGIN).json(json!({"ott": ott})).await;
    assert_eq!(answer.ok()["mfa_status"], "enabled");
    assert!(answer.header("set-cookie").starts_with(SESSION));
    // Who answered for her, and that she came, stands in the log.
    let log = format!("/api/tidemark/1/tenants/{}/changes?field=one_time_token", scene.harbour);
    let log = scene.server.get(&log).bearer(&scene.root).await.ok();
    let told = |at: usize| (log["items"][at]["actor"]["type"].clone(), log["items"][at]["new"].clone());
    assert_eq!(told(0), (json!("user"), Value::Null));
    assert_eq!(told(1), (json!("client"), json!("user_login")));
}

#[tokio::test]
async fn a_token_is_good_for_five_minutes_and_while_its_user_is() {
    let scene = scene().await;
    for (seconds, status) in [(299, 200), (300, 401)] {
        let ott = scene.ott("user_login").await;
        scene.later(seconds);
        scene.server.post(LOGIN).json(json!({"ott": ott})).await.expect(status);
    }
    let ott = scene.ott("user_login").await;
    scene.change("UPDATE users SET enabled = 0 WHERE id = $1", args![scene.anna]).await;
    scene.server.post(LOGIN).json(json!({"ott": ott})).await.expect(401);
    for (body, status) in [
        (json!({"ott": "x"}), 401),
        (json!({"ott": ""}), 401),
        (json!({}), 400),
        (json!({"ott": null}), 400),
        (json!({"ott": 7}), 400),
    ] {
        scene.server.post(LOGIN).json(body).await.expect(status);
    }
}

#[tokio::test]
async fn a_token_to_verify_begins_no_session() {
    let scene = scene().await;
    let ott = scene.ott("verify").await;
    let answer = scene.server.post(LOGIN).json(json!({"ott": ott})).await;
    assert_eq!(answer.ok()["login"], "anna");
    assert_eq!(answer.header("set-cookie"), "");
    let ott = scene.ott("verify").await;
    let answer = scene.server.get(&path("/api/2/idp/external-login", &[("ott", &ott)])).await;
    assert_eq!((answer.status, answer.header("set-cookie")), (401, ""));
}

#[tokio::test]
async fn a_link_signs_in_and_goes_on_to_this_host_alone() {
    let scene = scene().await;
    let ott = scene.ott("user_login").await;
    let link =
        |ott: &str, target: &str| path("/api/2/idp/external-login", &[("ott", ott), ("targetURI", target)]);
    for target in
        ["https://evil.example/", "//evil.example", "https://tide.example.com.evil.example/", "evil"]
    {
        let answer = scene.server.get(&link(&ott, target)).await;
        assert!(answer.expect(400)["error"]["details"]["info"].as_str().unwrap().starts_with("targetURI"));
    }
    scene.server.get("/api/2/idp/external-login").await.expect(400);
    let mut browser = Browser::new(&scene.server);
    let answer = browser.get(&link(&ott, "https://tide.example.com/device?user_code=RDRD-WNDB")).await;
    assert_eq!(answer.status, 200, "the refused targets have not used it up");
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
    assert_eq!(next(&answer), "/device?user_code=RDRD-WNDB");
    assert!(browser.cookies.contains_key(SESSION));
    let again = scene.server.get(&link(&ott, "")).header("Accept", "text/html").await;
    assert_eq!(again.status, 401);
    assert!(again.text().contains("The link is wrong, used up or too old."), "{}", again.text());
}

#[tokio::test]
async fn only_api_clients_that_stand_above_all_that_a_user_is_get_a_token() {
    let scene = scene().await;
    let south = scene.test.user(scene.south, "sven", "right", Role::PartnerAdmin).await;
    let quay = scene.test.tenant(scene.harbour, TenantKind::Unit, "Quay").await;
    scene.test.user(quay, "quinn", "right", Role::UnitAdmin).await;
    let (id, secret) = scene.test.client(scene.harbour, Role::CompanyAdmin).await;
    let token = scene.server.token(&id, &secret).await;
    let ask = async |login: &str| {
        let body = json!({"purpose": "user_login", "login": login});
        scene.server.post(OTT).bearer(&token).json(body).await
    };
    ask("anna").await.ok();
    ask("quinn").await.ok();
    assert_eq!(ask("sven").await.expect(403)["error"]["code"], 1002);
    scene.test.user(scene.north, "nora", "right", Role::PartnerAdmin).await;
    ask("nora").await.expect(403);
    ask("nobody").await.expect(400);
    let by_id = json!({"purpose": "verify", "user_id": south});
    scene.server.post(OTT).bearer(&token).json(by_id).await.expect(403);
    // Anna is given a role above the client's tenant: who signed her in would have it, too.
    scene
        .change(
            "UPDATE access_policies SET tenant_no = $2 WHERE user_id = $1",
            args![scene.anna, scene.test.no(scene.north).await],
        )
        .await;
    ask("anna").await.expect(403);
    let nora = scene.server.post(OTT).basic("nora", "right");
    nora.json(json!({"purpose": "user_login", "login": "quinn"})).await.expect(403);
    let (id, secret) = scene.test.client(scene.north, Role::ReadonlyAdmin).await;
    let reader = scene.server.token(&id, &secret).await;
    let body = json!({"purpose": "user_login", "login": "quinn"});
    scene.server.post(OTT).bearer(&reader).json(body.clone()).await.expect(403);
    assert!(!Role::ReadonlyAdmin.permits(Permission::UserAdmin));
    let (id, secret) = scene.test.client(scene.north, Role::PartnerAdmin).await;
    let partner = scene.server.token(&id, &secret).await;
    scene.server.post(OTT).bearer(&partner).json(body.clone()).await.ok();
    let close = json!({"version": 1, "ancestral_access": false});
    scene.server.put(&format!("/api/2/tenants/{}", scene.harbour)).bearer(&scene.root).json(close).await.ok();
    scene.server.post(OTT).bearer(&partner).json(body).await.expect(403);
    ask("quinn").await.ok();
}

#[tokio::test]
async fn a_narrowed_token_signs_in_users_of_its_tenant_only() {
    let scene = scene().await;
    scene.test.user(scene.north, "nora", "right", Role::PartnerAdmin).await;
    let scope = format!("urn:acronis.com:tenant-id:{}", scene.harbour);
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("assertion", scene.root.as_str()),
        ("scope", &scope),
    ];
    let narrowed = text(&scene.server.post(TOKEN).form(&form).await.ok(), "access_token");
    for (login, status) in [("anna", 200), ("nora", 403)] {
        let body = json!({"purpose": "user_login", "login": login});
        scene.server.post(OTT).bearer(&narrowed).json(body).await.expect(status);
    }
}

#[tokio::test]
async fn users_are_named_in_one_of_three_ways() {
    let scene = scene().await;
    let ask = async |body: Value| scene.server.post(OTT).bearer(&scene.root).json(body).await;
    scene.change("UPDATE users SET external_id = 'E-1' WHERE id = $1", args![scene.anna]).await;
    for whom in [json!({"user_id": scene.anna}), json!({"external_id": "E-1"}), json!({"login": "anna"})] {
        let mut body = whom.clone();
        body["purpose"] = json!("user_login");
        body["audit_data"] = json!({"ticket": 17});
        let ott = text(&ask(body).await.ok(), "ott");
        assert_eq!(scene.server.post(LOGIN).json(json!({"ott": ott})).await.ok()["login"], "anna", "{whom}");
    }
    let sql = "SELECT COUNT(*) AS n FROM changes WHERE field = 'one_time_token' AND object_id = $1
               AND new_value = 'user_login' AND actor_id = $2 AND reason = '{\"ticket\":17}'";
    let mut conn = scene.test.app.read().await.unwrap();
    let logged = conn.count(sql, args![scene.anna, scene.test.client_id.as_str()]).await.unwrap();
    assert_eq!(logged, 3, "who wanted it, and why, stands in the log");
    let twin = scene.test.user(scene.harbour, "twin", "right", Role::CompanyAdmin).await;
    scene.change("UPDATE users SET external_id = 'E-1' WHERE id = $1", args![twin]).await;
    let long = "x".repeat(5_000);
    for (body, field) in [
        (json!({"login": "anna"}), "purpose"),
        (json!({"purpose": "surprise", "login": "anna"}), "purpose"),
        (json!({"purpose": "verify"}), "login"),
        (json!({"purpose": "verify", "login": "anna", "user_id": scene.anna}), "login"),
        (json!({"purpose": "verify", "login": "nobody"}), "login"),
        (json!({"purpose": "verify", "user_id": "00000000-0000-4000-8000-000000000000"}), "user_id"),
        (json!({"purpose": "verify", "user_id": "x"}), "user_id"),
        (json!({"purpose": "verify", "external_id": "E-2"}), "external_id"),
        (json!({"purpose": "verify", "external_id": "E-1"}), "external_id"),
        (json!({"purpose": "verify", "login": "anna", "surprise": 1}), "surprise"),
        (json!({"purpose": "verify", "login": "anna", "audit_data": long}), "audit_data"),
    ] {
        let answer = ask(body.clone()).await.expect(400);
        let info = answer["error"]["details"]["info"].as_str().unwrap();
        assert!(info.starts_with(field), "{body}: {info}");
    }
}
