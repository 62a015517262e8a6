//! Batch lists with cursors and search, over HTTP.

mod by_itself;
mod cursors;
mod isolation;
mod items;
mod large;
mod moves;
mod nonsense;
mod search;
mod sync;
mod tenants;
mod users;

use std::collections::BTreeSet;

use domain::access::Role;
use domain::ids::TenantId;
use serde_json::{Value, json};
use store::Conn;
use testkit::{Answer, Server, TestApp};

const NOW: &str = "2026-05-08T10:58:53Z";

/// A served app and a token of its top tenant.
pub(crate) struct Scene {
    pub(crate) test: TestApp,
    pub(crate) server: Server,
    pub(crate) token: String,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let test = TestApp::at(NOW).await;
        let server = test.serve().await;
        let token = server.token(&test.client_id, &test.client_secret).await;
        Self { test, server, token }
    }

    pub(crate) async fn token_of(&self, tenant: TenantId, role: Role) -> String {
        let (id, secret) = self.test.client(tenant, role).await;
        self.server.token(&id, &secret).await
    }

    pub(crate) async fn ask(&self, token: &str, path: &str) -> Answer {
        self.server.get(&format!("/api/2/{path}")).bearer(token).await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.ask(&self.token, path).await.ok()
    }

    /// Changes a tenant, whatever its version is.
    pub(crate) async fn change(&self, tenant: TenantId, mut change: Value) -> Value {
        let path = format!("/api/2/tenants/{tenant}");
        change["version"] = self.get(&path["/api/2/".len()..]).await["version"].clone();
        self.server.put(&path).bearer(&self.token).json(change).await.ok()
    }

    /// Disables and deletes a tenant.
    pub(crate) async fn delete(&self, tenant: TenantId) {
        let version = self.change(tenant, json!({"enabled": false})).await["version"].clone();
        let path = format!("/api/2/tenants/{tenant}?version={version}");
        assert_eq!(self.server.delete(&path).bearer(&self.token).await.status, 204);
    }

    pub(crate) async fn user(&self, tenant: TenantId, login: &str) -> Value {
        self.user_with(
            json!({"tenant_id": tenant, "login": login, "contact": {"email": format!("{login}@x.example")}}),
        )
        .await
    }

    async fn user_with(&self, body: Value) -> Value {
        self.server.post("/api/2/users").bearer(&self.token).json(body).await.ok()
    }

    /// Everything that a list gives, page by page by its cursors alone.
    pub(crate) async fn all(&self, token: &str, path: &str) -> Vec<Value> {
        let list = path.split('?').next().unwrap();
        let mut page = self.ask(token, path).await.ok();
        let mut items = taken(&page);
        while let Some(after) = cursor(&page) {
            page = self.ask(token, &format!("{list}?after={after}")).await.ok();
            assert!(!taken(&page).is_empty(), "a page that was promised is empty");
            items.extend(taken(&page));
        }
        items
    }

    /// The same as ids.
    pub(crate) async fn ids(&self, token: &str, path: &str) -> Vec<String> {
        self.all(token, path).await.iter().map(|item| text(item, "id")).collect()
    }

    /// The same as names, or logins of users, in no order.
    async fn names(&self, token: &str, path: &str) -> Vec<String> {
        let items = self.all(token, path).await;
        let mut names: Vec<String> = items
            .iter()
            .map(|item| text(item, if item["login"].is_null() { "name" } else { "login" }))
            .collect();
        names.sort();
        names
    }
}

pub(crate) fn taken(page: &Value) -> Vec<Value> {
    page["items"].as_array().unwrap().clone()
}

pub(crate) fn cursor(page: &Value) -> Option<String> {
    page["paging"]["cursors"]
        .as_object()
        .unwrap()
        .get("after")
        .map(|after| after.as_str().unwrap().to_owned())
}

pub(crate) fn text(item: &Value, member: &str) -> String {
    item[member].as_str().unwrap_or_else(|| panic!("no {member} in {item}")).to_owned()
}

fn members(item: &Value) -> BTreeSet<&str> {
    item.as_object().unwrap().keys().map(String::as_str).collect()
}

/// `details.info` of a 400.
#[track_caller]
pub(crate) fn refused(answer: &Answer) -> String {
    let body = answer.expect(400);
    body["error"]["details"]["info"].as_str().unwrap_or_default().to_owned()
}

/// How many rows the lists lack of what the closure table says, and how many they have beyond.
pub(crate) async fn faults(conn: &mut Conn) -> [i64; 4] {
    const TENANTS: &str = "SELECT ancestor_no, walls, depth, tenant_id FROM tenant_lists";
    const TENANTS_SAID: &str = "SELECT k.ancestor_no, k.walls, k.depth, t.id FROM closure k
        JOIN tenants t ON t.no = k.tenant_no WHERE t.owner_id IS NULL";
    const USERS: &str = "SELECT ancestor_no, walls, depth, user_id FROM user_lists";
    const USERS_SAID: &str = "SELECT k.ancestor_no,
        k.walls + (SELECT COUNT(*) FROM tenants c WHERE c.no = u.tenant_no AND c.ancestral_access = 0
                   AND c.no <> k.ancestor_no), k.depth, u.id
        FROM users u JOIN closure k ON k.tenant_no = u.tenant_no";
    let mut faults = [0; 4];
    let pairs = [(TENANTS, TENANTS_SAID), (TENANTS_SAID, TENANTS), (USERS, USERS_SAID), (USERS_SAID, USERS)];
    for (fault, (these, those)) in faults.iter_mut().zip(pairs) {
        let sql = format!("SELECT COUNT(*) AS n FROM ({these} EXCEPT {those}) x");
        *fault = conn.all_of(sql, Vec::new()).await.unwrap()[0].int("n").unwrap();
    }
    faults
}
