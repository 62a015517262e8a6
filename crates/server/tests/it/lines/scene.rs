//! The served app, and for each call a partner of its own with what the call names.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use domain::access::Role;
use serde_json::{Value, json};
use testkit::{Answer, Server, TestApp, at};

use super::calls::By;
use crate::auth::totp::shown;

const NOW: &str = "2026-05-08T10:00:00Z";
const PASSWORD: &str = "an old lighthouse";
const BACKUP: &str = "6e6d758d-8e74-3ae3-ac84-50eb0dff12eb";
const SHIPPING: &str = "b71b2c18-590a-303c-9d5a-8444fbe713ac";
const PLATFORM: &str = "7459244f-68f3-3bf4-9f53-5f63ecc1d91f";
const LOGO: &[u8] = include_bytes!("../../../../render/tests/logo.png");

pub(super) struct Scene {
    pub(super) test: TestApp,
    server: Server,
    root: String,
    next: AtomicU32,
}

/// What is to be sent.
pub(super) struct Request {
    method: String,
    target: String,
    body: String,
}

/// A partner with a customer, and the words that calls use for what is there; made when they are first used.
pub(super) struct Place<'a> {
    scene: &'a Scene,
    words: HashMap<String, String>,
    /// Ann of the partner: her token.
    ann: Option<String>,
    /// What the step before was answered.
    answered: Value,
}

impl Scene {
    pub(super) async fn new() -> Self {
        Self::over(TestApp::in_file_at(NOW).await).await
    }

    /// On an installation that is older.
    pub(super) async fn over(test: TestApp) -> Self {
        test.clock.set(at(NOW));
        let server = test.serve().await;
        let root = server.token(&test.client_id, &test.client_secret).await;
        Self { test, server, root, next: AtomicU32::new(1) }
    }

    fn number(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    async fn as_root(&self, operation: &str, body: Value) -> Value {
        let (method, path) = operation.split_once(' ').unwrap();
        let call = self.server.call(method.parse().unwrap(), path).bearer(&self.root);
        let answer = if body.is_null() { call.await } else { call.json(body).await };
        assert!(answer.status < 300, "{operation}: {}", answer.text());
        answer.json()
    }

    async fn made(&self, path: &str, body: Value, member: &str) -> String {
        text(&self.as_root(&format!("POST /api/2/{path}"), body).await[member])
    }

    /// A report whose one mail came back: the id of the mail, or of the report where the word asks for that.
    async fn bounced(&self, report: &str, word: &str) -> String {
        app::jobs::drain(&self.test.app).await.unwrap();
        let mut tx = self.test.app.write_as(domain::access::Actor::System).await.unwrap();
        let sql = "UPDATE deliveries SET status = 'bounced' WHERE report_id = $1";
        tx.run(sql, store::args![report]).await.unwrap();
        tx.commit().await.unwrap();
        let path = format!("GET /api/tidemark/1/reports/{report}/deliveries");
        let list = self.as_root(&path, Value::Null).await;
        if word == "bounced_report_id" { report.to_owned() } else { text(&list["items"][0]["id"]) }
    }

    /// A partner that a customer may move to.
    async fn west(&self) -> String {
        let body = json!({"name": "West", "parent_id": self.test.top, "kind": "partner"});
        let made = self.made("tenants", body, "id").await;
        let item = json!({"application_id": BACKUP, "name": "vms", "status": 1});
        let path = format!("PUT /api/2/tenants/{made}/offering_items");
        self.as_root(&path, json!({"offering_items": [item]})).await;
        made
    }

    pub(super) async fn place(&self, by: By) -> Place<'_> {
        let n = self.number();
        let top = json!(self.test.top);
        let partner = json!({"name": format!("North {n}"), "parent_id": top, "kind": "partner"});
        let partner = self.made("tenants", partner, "id").await;
        let customer = json!({"name": format!("Harbour {n}"), "parent_id": partner, "kind": "customer"});
        let customer = self.made("tenants", customer, "id").await;
        for tenant in [&partner, &customer] {
            let item = json!({"application_id": BACKUP, "name": "vms", "status": 1});
            let path = format!("PUT /api/2/tenants/{tenant}/offering_items");
            self.as_root(&path, json!({"offering_items": [item]})).await;
        }
        let mut words = HashMap::from(
            [
                ("tenant_id", partner.as_str()),
                ("customer_id", &customer),
                ("application_id", BACKUP),
                ("shipping_id", SHIPPING),
                ("platform_id", PLATFORM),
            ]
            .map(|(word, value)| (word.to_owned(), value.to_owned())),
        );
        let mut ann = None;
        if by == By::Ann {
            let login = format!("ann-{n}");
            let id = self.test.user(partner.parse().unwrap(), &login, PASSWORD, Role::BackupUser).await;
            words.insert("ann_id".to_owned(), id.to_string());
            let form = [("grant_type", "password"), ("username", &*login), ("password", PASSWORD)];
            ann = Some(text(&self.server.post("/api/2/idp/token").form(&form).await.ok()["access_token"]));
        }
        Place { scene: self, words, ann, answered: Value::Null }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

impl Place<'_> {
    /// The id of the one whose lines a call leaves.
    pub(super) async fn actor(&mut self, by: By) -> String {
        match by {
            By::Root => self.scene.test.client_id.clone(),
            By::Ann => self.words["ann_id"].clone(),
            By::Link => self.word("user_id").await,
        }
    }

    /// A step before the call.
    pub(super) async fn step(&mut self, operation: &str, body: &str, by: By) -> Answer {
        let (method, target) = operation.split_once(' ').unwrap();
        let by = if by == By::Link { By::Root } else { by };
        let request = Request {
            method: method.to_owned(),
            target: self.filled(target).await,
            body: self.filled(body).await,
        };
        let answer = self.sent(&request, by).await;
        self.answered = answer.json();
        answer
    }

    /// A call with its words filled in; where it names no target, the one of the document.
    pub(super) async fn request(&mut self, operation: &str, target: &str, body: &str) -> Request {
        let (method, path) = operation.split_once(' ').unwrap();
        let path = path.replace('{', "$").replace('}', "");
        let target = match target {
            "" => path,
            query if query.starts_with('?') => format!("{path}{query}"),
            other => other.to_owned(),
        };
        Request {
            method: method.to_owned(),
            target: self.filled(&target).await,
            body: self.filled(body).await,
        }
    }

    pub(super) async fn sent(&self, request: &Request, by: By) -> Answer {
        let call = self.scene.server.call(request.method.parse().unwrap(), &request.target);
        let call = match by {
            By::Root => call.bearer(&self.scene.root),
            By::Ann => call.bearer(self.ann.as_ref().unwrap()),
            By::Link => call,
        };
        match request.body.as_bytes() {
            [] => call.await,
            b"LOGO" => call.raw("image/png", LOGO).await,
            [b'{', ..] => call.json(serde_json::from_str(&request.body).unwrap()).await,
            _ => call.raw("application/x-www-form-urlencoded", request.body.as_str()).await,
        }
    }

    async fn filled(&mut self, template: &str) -> String {
        let mut parts = template.split('$');
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|c: char| !(c.is_ascii_lowercase() || c == '_')).unwrap_or(part.len());
            let (word, rest) = part.split_at(end);
            out.push_str(&self.word(word).await);
            out.push_str(rest);
        }
        out
    }

    async fn word(&mut self, word: &str) -> String {
        if let Some(known) = self.words.get(word) {
            return known.clone();
        }
        if let Some(noun) = word.strip_suffix("_version") {
            return self.version(noun).await;
        }
        let made = match word {
            "n" => return self.scene.number().to_string(),
            "totp_code" => return shown(&text(&self.answered["secret"]), NOW),
            "ott" => return text(&self.answered["ott"]),
            "activation" | "email_change" => {
                return self.mailed(&format!("{}s", word.replace('_', "-"))).await;
            }
            _ => self.make(word).await,
        };
        self.words.insert(word.to_owned(), made.clone());
        made
    }

    async fn version(&mut self, noun: &str) -> String {
        let path = match noun {
            "tenant" | "customer" => format!("tenants/{}", self.words[&format!("{noun}_id")]),
            "pricing" => format!("tenants/{}/pricing", self.words["tenant_id"]),
            "billing" => format!("billing/tenants/{}", self.words["tenant_id"]),
            "infra" => format!("infra/{}", Box::pin(self.word("infra_id")).await),
            _ => format!("{noun}s/{}", Box::pin(self.word(&format!("{noun}_id"))).await),
        };
        self.scene.as_root(&format!("GET /api/2/{path}"), Value::Null).await["version"].to_string()
    }

    async fn make(&mut self, word: &str) -> String {
        let (scene, n) = (self.scene, self.scene.number());
        let (tenant, customer) = (&self.words["tenant_id"], &self.words["customer_id"]);
        let report = |schedule: &str, more: Value| {
            let mut body = json!({
                "parameters": {"tenant_id": tenant, "level": "itself", "kind": "usage_current"},
                "schedule": {"type": schedule}, "result_action": "save",
            });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        match word {
            "user_id" => {
                let contact = json!({"email": format!("jdoe-{n}@harbour.example")});
                let body = json!({"tenant_id": customer, "login": format!("jdoe-{n}"), "contact": contact});
                scene.made("users", body, "id").await
            }
            "other_partner_id" => scene.west().await,
            "client_id" | "app_id" => {
                let method = if word == "app_id" { "none" } else { "client_secret_basic" };
                let body = json!({
                    "type": "api_client", "tenant_id": tenant, "token_endpoint_auth_method": method,
                });
                scene.made("clients", body, "client_id").await
            }
            "location_id" | "other_location_id" => {
                let body = json!({"owner_tenant_id": tenant, "name": format!("Location {n}")});
                scene.made("locations", body, "id").await
            }
            "infra_id" => {
                let body = json!({
                    "owner_tenant_id": tenant, "name": format!("Storage {n}"),
                    "url": format!("abgw://s{n}.example.com:44445"), "capabilities": ["backup"],
                });
                scene.made("infra", body, "id").await
            }
            "report_id" => scene.made("reports", report("monthly", json!({})), "id").await,
            "mailed_report_id" | "bounced_report_id" | "delivery_id" | "alert_id" => {
                let contact = json!({"email": format!("reader-{n}@harbour.example")});
                let reader =
                    json!({"tenant_id": customer, "login": format!("reader-{n}"), "contact": contact});
                let reader = scene.made("users", reader, "id").await;
                let more = json!({"result_action": "send", "recipients": [reader]});
                let is_ordered = word == "mailed_report_id";
                let order = report(if is_ordered { "monthly" } else { "once" }, more);
                let id = scene.made("reports", order, "id").await;
                if is_ordered { id } else { scene.bounced(&id, word).await }
            }
            "user_code" => {
                let client = Box::pin(self.word("app_id")).await;
                let form = [("client_id", client.as_str()), ("scope", "openid")];
                let call = scene.server.post("/api/2/idp/device_authorization").form(&form);
                text(&call.await.ok()["user_code"])
            }
            _ => panic!("nobody knows how to make a {word}"),
        }
    }

    /// The last part of the one mailed link to a page of this noun.
    async fn mailed(&self, noun: &str) -> String {
        app::jobs::drain(&self.scene.test.app).await.unwrap();
        let folder = std::fs::read_dir(self.scene.test.directory.path().join("mail")).unwrap();
        let mails = folder.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
        let page = format!("https://tide.example.com/api/tidemark/1/{noun}/");
        let links: Vec<String> = mails
            .filter_map(|mail| Some(mail.replace("=\r\n", "").split_once(&page)?.1.to_owned()))
            .map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect())
            .collect();
        let [link] = &links[..] else { panic!("{} links to {noun}", links.len()) };
        link.clone()
    }
}
