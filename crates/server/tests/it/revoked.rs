//! What one node takes back, every other one refuses within two seconds: tokens, sessions, secrets, people, tenants, roles.

use std::time::Duration;

use app::auth::{Password, sessions};
use domain::access::Role;
use domain::ids::TenantId;
use domain::tenant::TenantKind;
use serde_json::{Value, json};
use testkit::{Call, Server, TestApp};

const NOW: &str = "2026-05-08T10:58:53Z";
const TOKEN: &str = "/api/2/idp/token";
/// Within which a node must have heard of what was changed on another.
const LIMIT: Duration = Duration::from_secs(2);

/// Two nodes, each with connections of its own, on one database.
struct Nodes {
    test: TestApp,
    there_app: app::App,
    here: Server,
    there: Server,
    root: String,
    north: TenantId,
}

impl Nodes {
    async fn new() -> Self {
        let test = TestApp::at(NOW).await;
        let there_app = test.another_node().await;
        let (here, there) = (test.serve().await, Server::of(&there_app).await);
        let root = here.token(&test.client_id, &test.client_secret).await;
        let north = test.tenant(test.top, TenantKind::Partner, "North").await;
        Self { test, there_app, here, there, root, north }
    }

    /// A change on this node, in the name of root.
    async fn change(&self, call: Call) {
        let answer = call.bearer(&self.root).await;
        assert!((200..300).contains(&answer.status), "{}", answer.text());
    }

    async fn version(&self, path: &str) -> Value {
        self.here.get(path).bearer(&self.root).await.ok()["version"].clone()
    }

    async fn disable(&self, path: &str) {
        let body = json!({"version": self.version(path).await, "enabled": false});
        self.change(self.here.put(path).json(body)).await;
    }

    /// A user of a new customer, with a token from this node.
    async fn user(&self, login: &str) -> (TenantId, String, String) {
        let harbour = self.test.tenant(self.north, TenantKind::Customer, login).await;
        let id = self.test.user(harbour, login, "right", Role::CompanyAdmin).await;
        let form = [("grant_type", "password"), ("username", login), ("password", "right")];
        let token = self.here.post(TOKEN).form(&form).await.ok();
        (harbour, id.to_string(), token["access_token"].as_str().unwrap().to_owned())
    }

    async fn me(&self, token: &str) -> u16 {
        self.there.get("/api/2/users/me").bearer(token).await.status
    }

    async fn basic(&self, login: &str, password: &str) -> u16 {
        self.there.get("/api/2/users/me").basic(login, password).await.status
    }

    async fn by_secret(&self, (id, secret): &(String, String)) -> u16 {
        let form = [("grant_type", "client_credentials")];
        self.there.post(TOKEN).basic(id, secret).form(&form).await.status
    }
}

/// The other node, asked again and again, comes to this answer in time.
async fn comes_to<T: PartialEq + std::fmt::Debug>(what: &str, wanted: T, ask: impl AsyncFn() -> T) {
    let asking = async { while ask().await != wanted {} };
    let in_time = tokio::time::timeout(LIMIT, asking).await;
    assert!(in_time.is_ok(), "{what}: not within {LIMIT:?}");
}

#[tokio::test]
async fn tokens_and_clients() {
    let nodes = Nodes::new().await;
    let (test, here) = (&nodes.test, &nodes.here);
    let basic = || here.post("/api/2/idp/revoke_token").basic(&test.client_id, &test.client_secret);
    let issued = here.post(TOKEN).basic(&test.client_id, &test.client_secret);
    let issued = issued.form(&[("grant_type", "client_credentials"), ("scope", "offline_access")]).await.ok();
    let (access, refresh) =
        (issued["access_token"].as_str().unwrap(), issued["refresh_token"].as_str().unwrap());
    assert_eq!(nodes.me(access).await, 200);
    basic().form(&[("token", refresh)]).await.ok();
    comes_to("an access token whose refresh token was revoked", 401, async || nodes.me(access).await).await;
    comes_to("a refresh token", 400, async || {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
        nodes.there.post(TOKEN).basic(&test.client_id, &test.client_secret).form(&form).await.status
    })
    .await;
    let access = here.token(&test.client_id, &test.client_secret).await;
    assert_eq!(nodes.me(&access).await, 200);
    basic().form(&[("token", &access)]).await.ok();
    comes_to("an access token", 401, async || nodes.me(&access).await).await;

    for (name, method) in [("disabled", "PUT"), ("deleted", "DELETE")] {
        let client = test.client(nodes.north, Role::PartnerAdmin).await;
        let token = here.token(&client.0, &client.1).await;
        assert_eq!((nodes.by_secret(&client).await, nodes.me(&token).await), (200, 200));
        let path = format!("/api/2/clients/{}", client.0);
        let call = here.call(method.parse().unwrap(), &path);
        nodes.change(if method == "PUT" { call.json(json!({"status": "disabled"})) } else { call }).await;
        let secret = async || nodes.by_secret(&client).await != 200;
        comes_to(&format!("the secret of a client that was {name}"), true, secret).await;
        comes_to(&format!("its token, {name}"), 401, async || nodes.me(&token).await).await;
    }
}

#[tokio::test]
async fn people_passwords_and_roles() {
    let nodes = Nodes::new().await;
    let here = &nodes.here;
    let (_, anna, token) = nodes.user("anna").await;
    assert_eq!((nodes.basic("anna", "right").await, nodes.me(&token).await), (200, 200));
    nodes.disable(&format!("/api/2/users/{anna}")).await;
    comes_to("the password of a disabled user", 401, async || nodes.basic("anna", "right").await).await;
    comes_to("the token of a disabled user", 401, async || nodes.me(&token).await).await;

    let (_, bob, _) = nodes.user("bob-").await;
    assert_eq!(nodes.basic("bob-", "right").await, 200);
    let password = json!({"password": "an old lighthouse"});
    nodes.change(here.post(&format!("/api/2/users/{bob}/password")).json(password)).await;
    comes_to("a password that was replaced", 401, async || nodes.basic("bob-", "right").await).await;
    comes_to("the new one", 200, async || nodes.basic("bob-", "an old lighthouse").await).await;

    let (harbour, cid, token) = nodes.user("cid-").await;
    let own = format!("/api/2/tenants/{harbour}");
    let read = async || nodes.there.get(&own).bearer(&token).await.status;
    assert_eq!(read().await, 200);
    nodes.change(here.put(&format!("/api/2/users/{cid}/access_policies")).json(json!({"items": []}))).await;
    comes_to("a role that was taken away", 403, read).await;

    let (harbour, _, token) = nodes.user("dora").await;
    assert_eq!(nodes.me(&token).await, 200);
    nodes.disable(&format!("/api/2/tenants/{harbour}")).await;
    comes_to("the token of a user of a disabled tenant", 401, async || nodes.me(&token).await).await;
    comes_to("her password", 401, async || nodes.basic("dora", "right").await).await;
    let (_, _, token) = nodes.user("ella").await;
    assert_eq!(nodes.me(&token).await, 200);
    nodes.disable(&format!("/api/2/tenants/{}", nodes.north)).await;
    comes_to("the token of a user below a disabled tenant", 401, async || nodes.me(&token).await).await;
}

#[tokio::test]
async fn browser_sessions() {
    let nodes = Nodes::new().await;
    let begin = async |login: &str| {
        let password = Password { login: login.to_owned(), password: "right".to_owned(), totp_code: None };
        sessions::begin(&nodes.test.app, &password, None, None).await.unwrap()
    };
    let is_good = async |session: &str| sessions::caller(&nodes.there_app, session).await.unwrap().is_some();
    let (_, anna, _) = nodes.user("anna").await;
    let (one, other) = (begin("anna").await, begin("anna").await);
    assert!(is_good(&one).await && is_good(&other).await);
    sessions::end(&nodes.test.app, &one).await.unwrap();
    comes_to("a session that was signed out of", false, async || is_good(&one).await).await;
    assert!(is_good(&other).await, "the one in another browser goes on");
    nodes.disable(&format!("/api/2/users/{anna}")).await;
    comes_to("a session of a disabled user", false, async || is_good(&other).await).await;

    let (_, bob, _) = nodes.user("bob-").await;
    let session = begin("bob-").await;
    assert!(is_good(&session).await);
    let password = json!({"password": "an old lighthouse"});
    nodes.change(nodes.here.post(&format!("/api/2/users/{bob}/password")).json(password)).await;
    comes_to("a session from before the new password", false, async || is_good(&session).await).await;
}
