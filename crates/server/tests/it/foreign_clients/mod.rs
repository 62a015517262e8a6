//! What clients and libraries that others wrote send, each in its own manner.

mod headers;
mod members;
mod refusals;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use app::offering_items::{Change, Filter, list, update};
use domain::access::Role;
use domain::catalogue::Catalogue;
use domain::ids::TenantId;
use domain::tenant::TenantKind;
use serde_json::{Value, json};
use testkit::{Answer, Call, Server, TestApp};

const NOW: &str = "2026-05-08T10:58:53Z";
const BACKUP: &str = "6e6d758d-8e74-3ae3-ac84-50eb0dff12eb";
const PLATFORM: &str = "7459244f-68f3-3bf4-9f53-5f63ecc1d91f";

/// A partner with a customer, and root's token.
struct Scene {
    test: TestApp,
    server: Server,
    token: String,
    north: TenantId,
    harbour: TenantId,
}

impl Scene {
    async fn new() -> Self {
        let test = TestApp::at(NOW).await;
        let server = test.serve().await;
        let token = server.token(&test.client_id, &test.client_secret).await;
        let north = test.tenant(test.top, TenantKind::Partner, "North").await;
        let harbour = test.tenant(north, TenantKind::Customer, "Harbour").await;
        Self { test, server, token, north, harbour }
    }

    fn get(&self, path: &str) -> Call {
        self.server.get(&format!("/api/2{path}")).bearer(&self.token)
    }

    fn post(&self, path: &str) -> Call {
        self.server.post(&format!("/api/2{path}")).bearer(&self.token)
    }

    fn put(&self, path: &str) -> Call {
        self.server.put(&format!("/api/2{path}")).bearer(&self.token)
    }

    fn delete(&self, path: &str) -> Call {
        self.server.delete(&format!("/api/2{path}")).bearer(&self.token)
    }

    /// A user of the customer who is not activated: the id and the version.
    async fn user(&self, login: &str) -> (String, i64) {
        let contact = json!({"email": format!("{login}@harbour.example")});
        let body = json!({"tenant_id": self.harbour, "login": login, "contact": contact});
        let made = self.post("/users").json(body).await.ok();
        (made["id"].as_str().unwrap().to_owned(), made["version"].as_i64().unwrap())
    }

    /// Turns on what the top tenant has, where it passes.
    async fn turn_on(&self, tenant: TenantId, passes: impl Fn(&str) -> bool) {
        let root = self.test.caller(self.test.top, Role::RootAdmin).await;
        let items = list(&self.test.app, &root, self.test.top, &Filter::default()).await.unwrap();
        let changes: Vec<_> = items
            .iter()
            .filter(|item| passes(&item.item.name))
            .map(|item| Change {
                application_id: Catalogue::embedded().application_id(item.item.service),
                name: item.item.name.clone(),
                infra_id: item.infra_id,
                enabled: Some(true),
                quota: None,
            })
            .collect();
        update(&self.test.app, &root, tenant, &changes, false).await.unwrap();
    }

    /// Head, in small letters, and body of the answer to bytes that no library would send, or in the form that none would
    /// show. `head` goes without `Host` and `Authorization`.
    async fn raw(&self, head: &str, body: &str) -> (String, Vec<u8>) {
        let (address, token) = (self.server.address(), &self.token);
        let request = format!(
            "{head}\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n{body}"
        );
        let answered = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            answer
        });
        let answer = answered.await.unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        (String::from_utf8_lossy(&answer[..end]).to_lowercase(), answer[end..].to_vec())
    }
}

/// What a refusal says is wrong.
#[track_caller]
fn info(answer: &Answer, status: u16) -> String {
    answer.expect(status)["error"]["details"]["info"].as_str().unwrap_or_default().to_owned()
}

fn without(mut value: Value, members: &[&str]) -> Value {
    for member in members {
        value.as_object_mut().unwrap().remove(*member);
    }
    value
}
