//! A channel in which there is one of everything that a path can name.

use std::collections::HashMap;

use domain::tenant::TenantKind::{Customer, Partner};
use serde_json::{Value, json};
use testkit::{Answer, Call};

use crate::lists::{Scene, text};

const BACKUP: &str = "6e6d758d-8e74-3ae3-ac84-50eb0dff12eb";
const PLATFORM: &str = "7459244f-68f3-3bf4-9f53-5f63ecc1d91f";

/// The OpenAPI document.
pub(super) fn document() -> Value {
    let (_, document) = http_api::serve::documented();
    serde_json::to_value(document).unwrap()
}

/// Two partners, the things of one, and the ids of all by the word that names them in a template.
pub(super) struct World {
    pub(super) scene: Scene,
    ids: HashMap<&'static str, String>,
}

impl World {
    pub(super) async fn new() -> Self {
        let scene = Scene::new().await;
        let test = &scene.test;
        let north = test.tenant(test.top, Partner, "North").await;
        let south = test.tenant(test.top, Partner, "South").await;
        let customer = test.tenant(north, Customer, "Harbour").await;
        let foreign = test.tenant(south, Customer, "South Vineyard").await;
        for tenant in [north, customer] {
            crate::offering_items::turn(test, tenant, &["vms", "local_storage"], true).await.unwrap();
        }
        let mut ids = HashMap::new();
        for (word, tenant) in
            [("north", north), ("south", south), ("customer", customer), ("foreign", foreign)]
        {
            ids.insert(word, tenant.to_string());
        }
        ids.insert("backup", BACKUP.to_owned());
        ids.insert("platform", PLATFORM.to_owned());
        let mut world = Self { scene, ids };
        for (word, path, body, id) in things() {
            let made = world.call("POST", path).json(world.body(&body)).await;
            assert!(made.status < 300, "{word}: {}", made.text());
            world.ids.insert(word, text(&made.json(), id));
        }
        world
    }

    /// Gives a word to an id.
    pub(super) fn name(&mut self, word: &'static str, id: &Value) {
        self.ids.insert(word, id.as_str().unwrap().to_owned());
    }

    /// A template with each `$word` replaced by the id it stands for.
    pub(super) fn filled(&self, template: &str) -> String {
        let mut parts = template.split('$');
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|c: char| !(c.is_ascii_lowercase() || c == '_')).unwrap_or(part.len());
            out += self.ids.get(&part[..end]).unwrap_or_else(|| panic!("nobody knows ${part}"));
            out += &part[end..];
        }
        out
    }

    /// As [`World::filled`], of every text in a body.
    pub(super) fn body(&self, template: &Value) -> Value {
        serde_json::from_str(&self.filled(&template.to_string())).unwrap()
    }

    /// A call of root.
    pub(super) fn call(&self, method: &str, path: &str) -> Call {
        self.scene.server.call(method.parse().unwrap(), &self.filled(path)).bearer(&self.scene.token)
    }

    /// What root is told.
    pub(super) async fn read(&self, path: &str) -> Answer {
        self.call("GET", path).await
    }
}

/// What is made over the wire: the word for it, where, from what, and the member that holds its id.
fn things() -> [(&'static str, &'static str, Value, &'static str); 8] {
    let user = |login: &str, origin: &str| {
        json!({"tenant_id": "$customer", "login": login, "contact": {"email": format!("{login}@x.example")},
            "external_id": origin, "origin_id": origin})
    };
    let report = json!({
        "parameters": {"tenant_id": "$customer", "level": "itself", "kind": "usage_current"},
        "schedule": {"type": "monthly"}, "result_action": "send", "recipients": ["$user"],
    });
    let method = "client_secret_basic";
    [
        ("user", "/api/2/users", user("jdoe", "crm"), "id"),
        ("other_user", "/api/2/users", user("asmith", "shop"), "id"),
        (
            "client",
            "/api/2/clients",
            json!({"type": "api_client", "tenant_id": "$north", "token_endpoint_auth_method": method,
                "origin_id": "crm"}),
            "client_id",
        ),
        ("location", "/api/2/locations", json!({"owner_tenant_id": "$north", "name": "Cellar"}), "id"),
        ("empty_location", "/api/2/locations", json!({"owner_tenant_id": "$north", "name": "Attic"}), "id"),
        (
            "infra",
            "/api/2/infra",
            json!({"owner_tenant_id": "$north", "location_id": "$location", "name": "Shelf",
                "url": "abgw://shelf.example.com:44445", "capabilities": ["backup"]}),
            "id",
        ),
        ("report", "/api/2/reports", report, "id"),
        (
            "going",
            "/api/2/tenants",
            json!({"name": "Going", "parent_id": "$north", "kind": "customer", "enabled": false}),
            "id",
        ),
    ]
}
