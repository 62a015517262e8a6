//! Second factors: set up by a user or because the tenant demands it, and asked for at every sign-in.

use domain::access::Role;
use domain::ids::UserId;
use domain::tenant::TenantKind;
use serde_json::json;
use testkit::at;

use super::*;

const MY_TOTP: &str = "/api/tidemark/1/users/me/totp";
const PASSWORD: &str = "an old lighthouse";

/// What an authenticator app shows for a secret that was typed in.
pub(crate) fn shown(secret: &str, now: &str) -> String {
    let index = |letter| "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).expect("base32");
    let bits = secret.chars().flat_map(|letter| (0..5).rev().map(move |bit| index(letter) >> bit & 1 == 1));
    let bits: Vec<bool> = bits.collect();
    let bytes = bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit)));
    let bytes: Vec<u8> = bytes.collect();
    app::auth::totp::code_at(&bytes, at(now))
}

/// A served app with a user of a partner.
struct Desk {
    test: TestApp,
    server: Server,
    user: UserId,
    partner: domain::ids::TenantId,
}

impl Desk {
    async fn new() -> Self {
        let (test, server) = served().await;
        let partner = test.tenant(test.top, TenantKind::Partner, "North").await;
        let user = test.user(partner, "anna", PASSWORD, Role::PartnerAdmin).await;
        Self { test, server, user, partner }
    }

    async fn sign_in(&self, code: Option<&str>) -> Answer {
        let mut form = vec![("grant_type", "password"), ("username", "anna"), ("password", PASSWORD)];
        form.extend(code.map(|code| ("totp_code", code)));
        self.server.post(TOKEN).form(&form).await
    }

    async fn token(&self, code: Option<&str>) -> String {
        text(&self.sign_in(code).await.ok(), "access_token")
    }

    /// Sets a second factor up with a token, and gives its secret. The code of this moment is used up.
    async fn enrolled(&self) -> String {
        let token = self.token(None).await;
        let begun = self.server.post(MY_TOTP).bearer(&token).await.expect(201);
        let secret = text(&begun, "secret");
        let code = json!({"code": shown(&secret, NOW)});
        self.server.put(MY_TOTP).bearer(&token).json(code).await.expect(204);
        secret
    }

    async fn root(&self) -> String {
        self.server.token(&self.test.client_id, &self.test.client_secret).await
    }

    async fn demand(&self, enabled: bool) -> Value {
        let path = format!("/api/2/tenants/{}/mfa/status", self.partner);
        self.server.put(&path).bearer(&self.root().await).json(json!({"enabled": enabled})).await.ok()
    }

    async fn demand_of_user(&self, enabled: bool) {
        let path = format!("/api/2/users/{}/mfa/status", self.user);
        let body = json!({"enabled": enabled});
        let answer = self.server.put(&path).bearer(&self.root().await).json(body).await;
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{}", answer.text());
    }

    async fn seen(&self) -> Value {
        self.server.get(&format!("/api/2/users/{}", self.user)).bearer(&self.root().await).await.ok()
    }

    fn clock(&self, now: &str) {
        self.test.clock.set(at(now));
    }
}

#[tokio::test]
async fn a_user_sets_a_second_factor_up_and_needs_it_from_then_on() {
    let desk = Desk::new().await;
    let token = desk.token(None).await;
    let answer = desk.server.post(MY_TOTP).bearer(&token).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let begun = answer.expect(201);
    let secret = text(&begun, "secret");
    let uri = format!(
        "otpauth://totp/tide.example.com:anna?secret={secret}&issuer=tide.example.com&algorithm=SHA1&digits=6&period=30"
    );
    assert_eq!((secret.len(), text(&begun, "otpauth_uri")), (32, uri));
    desk.token(None).await;
    assert_eq!(
        desk.seen().await["mfa_status"],
        "disabled",
        "it does not count before a code has confirmed it"
    );

    let wrong = desk.server.put(MY_TOTP).bearer(&token).json(json!({"code": "12345"})).await.expect(400);
    assert_eq!(wrong["error"]["details"]["info"], "code: must be six digits");
    let code = shown(&secret, NOW);
    desk.server.put(MY_TOTP).bearer(&token).json(json!({"code": code})).await.expect(204);
    assert_eq!(status_with(&desk.test, &desk.server, &token).await, 401, "tokens of before are revoked");
    let user = desk.seen().await;
    assert_eq!((&user["mfa_status"], &user["version"]), (&json!("enabled"), &json!(2)));

    assert_eq!(refusal(&desk.sign_in(None).await), refused(400, "totp_required"));
    assert_eq!(refusal(&desk.sign_in(Some("")).await), refused(400, "totp_required"));
    assert_eq!(refusal(&desk.sign_in(Some("x")).await), refused(400, "invalid_totp"));
    assert_eq!(refusal(&desk.sign_in(Some(&code)).await), refused(400, "invalid_totp"), "it was used");
    desk.clock("2026-05-08T10:59:30Z");
    let code = shown(&secret, "2026-05-08T10:59:30Z");
    let token = desk.token(Some(&code)).await;
    assert_eq!(refusal(&desk.sign_in(Some(&code)).await), refused(400, "invalid_totp"), "each code once");
    let me = desk.server.get("/api/2/users/me").bearer(&token).await.ok();
    assert_eq!(me["login_totp_time"], "2026-05-08T10:59:30Z");
    desk.server.post(MY_TOTP).bearer(&token).await.expect(400);

    let drop = |query: &str| desk.server.delete(&format!("{MY_TOTP}{query}")).bearer(&token);
    assert_eq!(drop("").await.expect(400)["error"]["details"]["info"], "code: required");
    drop(&format!("?code={code}")).await.expect(400);
    desk.clock("2026-05-08T11:00:00Z");
    drop(&format!("?code={}", shown(&secret, "2026-05-08T11:00:00Z"))).await.expect(204);
    drop("?code=123456").await.expect(404);
    desk.token(None).await;
}

#[tokio::test]
async fn clocks_may_differ_by_a_step_and_no_more() {
    let desk = Desk::new().await;
    let secret = desk.enrolled().await;
    desk.clock("2026-05-08T12:00:00Z");
    for (theirs, taken) in [
        ("2026-05-08T11:59:00Z", false),
        ("2026-05-08T12:01:00Z", false),
        ("2026-05-08T11:59:30Z", true),
        ("2026-05-08T12:00:30Z", true),
        ("2026-05-08T12:00:00Z", false), // One of a later step was taken.
    ] {
        assert_eq!(desk.sign_in(Some(&shown(&secret, theirs))).await.status == 200, taken, "{theirs}");
    }
}

#[tokio::test]
async fn of_two_sign_ins_with_one_code_at_the_same_moment_one_wins() {
    let desk = Desk::new().await;
    let secret = desk.enrolled().await;
    desk.clock("2026-05-08T12:00:00Z");
    let code = shown(&secret, "2026-05-08T12:00:00Z");
    let both = tokio::join!(desk.sign_in(Some(&code)), desk.sign_in(Some(&code)));
    let mut statuses = [both.0.status, both.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    // As two processes would, which both read before either writes.
    let app = &desk.test.app;
    let read = store::mfa::factor(&mut app.read().await.unwrap(), desk.user).await.unwrap().unwrap();
    for (step, taken) in [(read.last_step, false), (read.last_step + 1, true), (read.last_step + 1, false)] {
        let mut tx = app.write_as(Actor::User(desk.user)).await.unwrap();
        assert_eq!(store::mfa::use_step(&mut tx, desk.user, &read, step).await.unwrap(), taken);
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn login_and_password_alone_do_not_do_for_users_with_a_second_factor() {
    let desk = Desk::new().await;
    let basic = |path: &str| desk.server.get(path).basic("anna", PASSWORD);
    basic("/api/2/users/me").await.ok();
    desk.enrolled().await;
    basic("/api/2/users/me").await.expect(401);
    desk.server.post(MY_TOTP).basic("anna", PASSWORD).await.expect(401);
}

#[tokio::test]
async fn who_must_have_a_second_factor_gets_in_to_set_it_up_and_for_nothing_else() {
    let desk = Desk::new().await;
    let form = [
        ("grant_type", "password"),
        ("username", "anna"),
        ("password", PASSWORD),
        ("scope", "offline_access"),
    ];
    let before = desk.server.post(TOKEN).form(&form).await.ok();
    let status = desk.demand(true).await;
    let expected = json!({"mfa_status": "enabled", "users_count": 1, "users_with_totp_enabled_count": 0,
        "update_allowed": true});
    assert_eq!(status, expected);
    assert_eq!(desk.seen().await["mfa_status"], "setup_required");
    assert_eq!(refusal(&desk.sign_in(None).await), refused(400, "totp_setup_required"));
    assert_eq!(refusal(&desk.sign_in(Some("123456")).await), refused(400, "totp_setup_required"));
    let refresh = text(&before, "refresh_token");
    let again = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let again = desk.server.post(TOKEN).form(&again).await;
    assert_eq!(refusal(&again), refused(400, "totp_setup_required"), "a session of before ends, too");

    desk.server.get("/api/2/users/me").basic("anna", PASSWORD).await.expect(401);
    desk.server.post(MY_TOTP).basic("anna", "wrong").await.expect(401);
    let begun = desk.server.post(MY_TOTP).basic("anna", PASSWORD).await.expect(201);
    let secret = text(&begun, "secret");
    let code = json!({"code": shown(&secret, NOW)});
    desk.server.put(MY_TOTP).basic("anna", PASSWORD).json(code).await.expect(204);
    desk.clock("2026-05-08T10:59:30Z");
    desk.token(Some(&shown(&secret, "2026-05-08T10:59:30Z"))).await;
    let path = format!("/api/2/tenants/{}", desk.partner);
    let tenant = desk.server.get(&path).bearer(&desk.root().await).await.ok();
    assert_eq!((&tenant["mfa_status"], &tenant["version"]), (&json!("enabled"), &json!(2)));
    let status = desk.server.get(&format!("{path}/mfa/status")).bearer(&desk.root().await).await.ok();
    assert_eq!(status["users_with_totp_enabled_count"], 1);
    assert_eq!(desk.demand(false).await["mfa_status"], "disabled");
    assert_eq!(desk.seen().await["mfa_status"], "enabled", "who has a factor keeps it");
}

#[tokio::test]
async fn one_user_may_do_without_or_must_have_one_alone() {
    let desk = Desk::new().await;
    desk.demand_of_user(true).await;
    assert_eq!(desk.seen().await["mfa_status"], "setup_required");
    assert_eq!(refusal(&desk.sign_in(None).await), refused(400, "totp_setup_required"));
    desk.demand_of_user(false).await;
    desk.enrolled().await;
    desk.demand(true).await;
    desk.demand_of_user(false).await;
    assert_eq!(desk.seen().await["mfa_status"], "forcibly_disabled");
    desk.token(None).await;
    desk.server.get("/api/2/users/me").basic("anna", PASSWORD).await.ok();
    desk.demand_of_user(true).await;
    assert_eq!(desk.seen().await["mfa_status"], "setup_required");
}

#[tokio::test]
async fn nobody_switches_the_own_factor_off_without_a_code_nor_that_of_somebody_higher() {
    let desk = Desk::new().await;
    let secret = desk.enrolled().await;
    desk.clock("2026-05-08T10:59:30Z");
    let token = desk.token(Some(&shown(&secret, "2026-05-08T10:59:30Z"))).await;
    let off = |user, token: &str| {
        let path = format!("/api/2/users/{user}/mfa/status");
        desk.server.put(&path).bearer(token).json(json!({"enabled": "false"}))
    };
    assert_eq!(off(desk.user, &token).await.expect(400)["error"]["code"], 1027);
    let higher = desk.test.user(desk.partner, "bert", PASSWORD, Role::PartnerAdmin).await;
    off(higher, &token).await.ok();
    let policy = json!({"items": [{"tenant_id": desk.test.top, "role_id": "root_admin"}]});
    let path = format!("/api/2/users/{higher}/access_policies");
    desk.server.put(&path).bearer(&desk.root().await).json(policy).await.ok();
    assert_eq!(off(higher, &token).await.expect(403)["error"]["code"], 1002);
}

#[tokio::test]
async fn guesses_of_codes_are_throttled_though_the_password_is_right() {
    let desk = Desk::new().await;
    let secret = desk.enrolled().await;
    desk.clock("2026-05-08T11:00:00Z");
    for _ in 0..5 {
        assert_eq!(refusal(&desk.sign_in(Some("x")).await), refused(400, "invalid_totp"));
    }
    let right = shown(&secret, "2026-05-08T11:00:00Z");
    let held_back = desk.sign_in(Some(&right)).await;
    assert_eq!(refusal(&held_back), refused(429, "access_denied"));
    assert_eq!(held_back.header("retry-after"), "1");
    desk.clock("2026-05-08T11:00:01Z");
    desk.token(Some(&right)).await;
}

#[tokio::test]
async fn a_disabled_user_is_refused_as_before_whatever_the_code() {
    let desk = Desk::new().await;
    desk.enrolled().await;
    change(&desk.test, "UPDATE users SET enabled = 0 WHERE id = $1", store::args![desk.user]).await;
    assert_eq!(refusal(&desk.sign_in(None).await), refused(401, "access_denied"));
    assert_eq!(refusal(&desk.sign_in(Some("123456")).await), refused(401, "access_denied"));
}

#[tokio::test]
async fn a_tenants_demand_is_for_its_own_users_and_not_for_folders_and_units() {
    let desk = Desk::new().await;
    let customer = desk.test.tenant(desk.partner, TenantKind::Customer, "Harbour").await;
    desk.test.user(customer, "carl", PASSWORD, Role::CompanyAdmin).await;
    desk.demand(true).await;
    let form = [("grant_type", "password"), ("username", "carl"), ("password", PASSWORD)];
    let carl = text(&desk.server.post(TOKEN).form(&form).await.ok(), "access_token");
    let root = desk.root().await;
    for (parent, kind) in [(desk.partner, TenantKind::Folder), (customer, TenantKind::Unit)] {
        let path = format!("/api/2/tenants/{}/mfa/status", desk.test.tenant(parent, kind, "X").await);
        let refused = desk.server.put(&path).bearer(&root).json(json!({"enabled": true})).await;
        assert_eq!(refused.expect(400)["error"]["code"], 1027);
        assert_eq!(desk.server.get(&path).bearer(&root).await.ok()["update_allowed"], false);
    }
    let path = format!("/api/2/tenants/{customer}/mfa/status");
    let put = |body: Value| desk.server.put(&path).bearer(&carl).json(body);
    for (body, field) in [
        (json!({}), "enabled: required"),
        (json!({"enabled": 1}), "enabled: must be true or false"),
        (json!({"enabled": true, "surprise": 1}), "surprise: unknown member"),
    ] {
        assert_eq!(put(body).await.expect(400)["error"]["details"]["info"], field);
    }
    let mut fetched = desk.server.get(&path).bearer(&carl).await.ok();
    fetched["enabled"] = json!("true");
    assert_eq!(put(fetched).await.ok()["mfa_status"], "enabled");
    let reader = desk.test.caller(customer, Role::ReadonlyAdmin).await;
    let seen = app::mfa::of_tenant(&desk.test.app, &reader, customer).await.unwrap();
    assert!(!seen.update_allowed);
}

#[tokio::test]
async fn the_secret_is_nowhere_in_clear_in_the_database() {
    let desk = Desk::new().await;
    let secret = desk.enrolled().await;
    assert!(!desk.test.database.holds(secret.as_bytes()).await);
}
