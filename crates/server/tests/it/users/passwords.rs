//! Passwords set by API clients, logins that are asked for, and users who come back.

use domain::access::Role;
use domain::ids::{TenantId, UserId};
use domain::tenant::TenantKind;
use serde_json::{Value, json};
use testkit::{Answer, Server, TestApp};

use super::{NOW, create, id_of};

const PASSWORD: &str = "an old lighthouse";

/// A served app: a partner with an API client, its customer and a user in that.
struct Desk {
    test: TestApp,
    server: Server,
    token: String,
    partner: TenantId,
    customer: TenantId,
    user: UserId,
}

impl Desk {
    async fn new() -> Self {
        let test = TestApp::at(NOW).await;
        let partner = test.tenant(test.top, TenantKind::Partner, "North").await;
        let customer = test.tenant(partner, TenantKind::Customer, "Harbour").await;
        let caller = test.caller(partner, Role::PartnerAdmin).await;
        let user = id_of(&create(&test, &caller, customer, "jdoe").await.unwrap());
        let (id, secret) = test.client(partner, Role::PartnerAdmin).await;
        let server = test.serve().await;
        let token = server.token(&id, &secret).await;
        Self { test, server, token, partner, customer, user }
    }

    async fn set(&self, user: UserId, body: Value) -> Answer {
        self.server.post(&format!("/api/2/users/{user}/password")).bearer(&self.token).json(body).await
    }

    async fn shown(&self) -> Value {
        self.server.get(&format!("/api/2/users/{}", self.user)).bearer(&self.token).await.ok()
    }

    async fn sign_in(&self, login: &str, password: &str) -> Answer {
        let form = [("grant_type", "password"), ("username", login), ("password", password)];
        self.server.post("/api/2/idp/token").form(&form).await
    }

    /// Disables and deletes the user.
    async fn delete(&self) {
        let path = format!("/api/2/users/{}", self.user);
        let version = self.shown().await["version"].clone();
        let body = json!({"version": version, "enabled": false});
        let version = &self.server.put(&path).bearer(&self.token).json(body).await.ok()["version"];
        self.server.delete(&format!("{path}?version={version}")).bearer(&self.token).await.expect(204);
    }

    async fn restore(&self, query: &str) -> Answer {
        self.server.post(&format!("/api/2/users/{}/restore{query}", self.user)).bearer(&self.token).await
    }
}

#[tokio::test]
async fn a_client_sets_a_password_which_activates_the_user() {
    let desk = Desk::new().await;
    assert_eq!(desk.sign_in("jdoe", PASSWORD).await.status, 401);
    desk.set(desk.user, json!({"password": PASSWORD})).await.expect(204);
    let user = desk.shown().await;
    assert_eq!((&user["activated"], &user["version"]), (&json!(true), &json!(2)));
    let token = desk.sign_in("jdoe", PASSWORD).await.ok()["access_token"].as_str().unwrap().to_owned();
    desk.server.get("/api/2/users/me").bearer(&token).await.ok();
    desk.set(desk.user, json!({"password": "another lighthouse"})).await.expect(204);
    desk.server.get("/api/2/users/me").bearer(&token).await.expect(401);
    assert_eq!(desk.sign_in("jdoe", PASSWORD).await.status, 401);
    desk.sign_in("jdoe", "another lighthouse").await.ok();
    assert_eq!(desk.shown().await["version"], 2, "nothing that is shown has changed");
    for (body, why) in [
        (json!({"password": "short"}), "password: must have 8 to 256 characters"),
        (json!({"password": null}), "password: must be a string, not null"),
        (json!({}), "password: required"),
    ] {
        assert_eq!(desk.set(desk.user, body).await.expect(400)["error"]["details"]["info"], why);
    }
    desk.sign_in("jdoe", "another lighthouse").await.ok();
}

#[tokio::test]
async fn passwords_are_set_for_users_of_tenants_below_who_have_no_rights_above() {
    let desk = Desk::new().await;
    let own = desk.test.user(desk.partner, "seller", PASSWORD, Role::PartnerAdmin).await;
    let body = || json!({"password": "another lighthouse"});
    desk.set(own, body()).await.expect(403);
    let elsewhere = desk.test.tenant(desk.test.top, TenantKind::Partner, "South").await;
    let foreign = desk.test.user(elsewhere, "foreign", PASSWORD, Role::PartnerAdmin).await;
    desk.set(foreign, body()).await.expect(403);
    // Lives below, and holds a role above: whoever set its password would hold it, too.
    let higher = desk.test.user(desk.customer, "higher", PASSWORD, Role::CompanyAdmin).await;
    let root = desk.server.token(&desk.test.client_id, &desk.test.client_secret).await;
    let policies = json!({"items": [{"tenant_id": desk.test.top, "role_id": "root_admin"}]});
    let path = format!("/api/2/users/{higher}/access_policies");
    desk.server.put(&path).bearer(&root).json(policies).await.ok();
    desk.set(higher, body()).await.expect(403);
    desk.sign_in("higher", PASSWORD).await.ok();
    let call = desk.server.post(&format!("/api/2/users/{}/password", desk.user));
    call.basic("seller", PASSWORD).json(json!({})).await.expect(403);
}

#[tokio::test]
async fn a_login_is_free_taken_or_none() {
    let desk = Desk::new().await;
    let check = |name: &str| {
        let path = format!("/api/2/users/check_login?username={name}");
        desk.server.get(&path).bearer(&desk.token)
    };
    let free = check("jane").await;
    assert_eq!((free.status, free.body.len()), (204, 0));
    assert_eq!(check("jdoe").await.expect(409)["error"]["code"], 1033);
    assert_eq!(check("%20jdoe%20").await.status, 409, "a new user's login is trimmed, too");
    for bad in ["", "jd", "j%20doe", "%C3%A4bc"] {
        assert_eq!(check(bad).await.expect(406)["error"]["code"], 406, "{bad}");
    }
    desk.server.get("/api/2/users/check_login").bearer(&desk.token).await.expect(406);
    desk.server.get("/api/2/users/check_login?username=jane").await.expect(401);
    desk.delete().await;
    assert_eq!(check("jdoe").await.status, 204, "deleting frees a login");
}

#[tokio::test]
async fn anybody_may_ask_for_stolen_passwords_and_for_the_server_of_a_login() {
    let desk = Desk::new().await;
    let check = |body: Value| desk.server.post("/api/2/users/check_password").json(body);
    let digest = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8";
    assert_eq!(check(json!({"password": digest})).await.ok(), json!({"compromised": false}));
    let lower = json!({"password": digest.to_lowercase()});
    for bad in [json!({}), json!({"password": "secret"}), json!({"password": 7}), lower] {
        let info = check(bad).await.expect(400)["error"]["details"]["info"].clone();
        assert!(info.as_str().unwrap().starts_with("password: "), "{info}");
    }
    for login in ["?login=jdoe", "?login=nobody", "/?login=", ""] {
        let found = desk.server.get(&format!("/api/1/accounts{login}")).await.ok();
        assert_eq!(found, json!({"server_url": "https://tide.example.com"}), "{login}");
    }
}

#[tokio::test]
async fn a_deleted_user_comes_back_as_it_was() {
    let desk = Desk::new().await;
    desk.set(desk.user, json!({"password": PASSWORD})).await.expect(204);
    let before = desk.shown().await;
    desk.delete().await;
    let personal = format!("/api/2/tenants/{}", before["personal_tenant_id"].as_str().unwrap());
    desk.server.get(&personal).bearer(&desk.token).await.expect(404);
    desk.restore("").await.expect(204);
    let after = desk.shown().await;
    let mut expected = before.clone();
    expected["version"] = json!(5);
    expected["enabled"] = json!(false);
    assert_eq!(after, expected);
    desk.server.get(&personal).bearer(&desk.token).await.ok();
    desk.restore("?enable=true").await.expect(204);
    assert_eq!(desk.shown().await, expected, "nothing to restore, so nothing is enabled");
    desk.server
        .delete(&format!("/api/2/users/{}?version=5", desk.user))
        .bearer(&desk.token)
        .await
        .expect(204);
    desk.restore("?enable=1").await.expect(204);
    desk.sign_in("jdoe", PASSWORD).await.ok();
    desk.restore("?force=perhaps").await.expect(400);
}

#[tokio::test]
async fn a_login_taken_meanwhile_is_in_the_way_unless_forced() {
    let desk = Desk::new().await;
    desk.delete().await;
    let caller = desk.test.caller(desk.partner, Role::PartnerAdmin).await;
    for login in ["jdoe", "jdoe-1"] {
        create(&desk.test, &caller, desk.customer, login).await.unwrap();
    }
    assert_eq!(desk.restore("").await.expect(409)["error"]["code"], 1033);
    desk.server.get(&format!("/api/2/users/{}", desk.user)).bearer(&desk.token).await.expect(404);
    desk.restore("?force=true").await.expect(204);
    assert_eq!(desk.shown().await["login"], "jdoe-2");
}

#[tokio::test]
async fn a_user_of_a_deleted_or_closed_tenant_does_not_come_back() {
    let desk = Desk::new().await;
    desk.delete().await;
    let path = format!("/api/2/tenants/{}", desk.customer);
    let change = |body: Value| desk.server.put(&path).bearer(&desk.token).json(body);
    change(json!({"version": 1, "ancestral_access": false})).await.ok();
    desk.restore("").await.expect(403);
    desk.test.open(desk.customer).await;
    change(json!({"version": 3, "enabled": false})).await.ok();
    desk.server.delete(&format!("{path}?version=4")).bearer(&desk.token).await.expect(204);
    assert_eq!(desk.restore("").await.expect(404)["error"]["code"], 1005);
}
