//! A tree twenty levels deep, of units below a customer, made and metered over the wire. Deep trees of partners and folders,
//! and their lists: `lists::large` and `tenants::isolation`.

use std::collections::BTreeMap;

use domain::access::Role;
use domain::ids::TenantId;
use domain::tenant::TenantKind::Partner;
use serde_json::{Value, json};
use testkit::Answer;

use crate::lists::{Scene, text};

const BACKUP: &str = "6e6d758d-8e74-3ae3-ac84-50eb0dff12eb";
const DEPTH: usize = 20;

/// The top tenant, a partner, a customer, and a unit on each further level. Level n has read 2^n virtual machines.
struct Chain {
    scene: Scene,
    tenants: Vec<TenantId>,
}

impl Chain {
    async fn new() -> Self {
        let scene = Scene::new().await;
        let tenants = vec![scene.test.top];
        let mut chain = Self { scene, tenants };
        for level in 1..=DEPTH {
            let kind = ["root", "partner", "customer", "unit"][level.min(3)];
            let body = json!({"name": format!("Level {level}"), "parent_id": chain.tenants[level - 1], "kind": kind});
            let made = chain.call("POST", "/api/2/tenants", body).await.expect(201);
            chain.tenants.push(text(&made, "id").parse().unwrap());
            let on = json!({"offering_items": [{"application_id": BACKUP, "name": "vms", "status": 1}]});
            let path = format!("/api/2/tenants/{}/offering_items", chain.tenants[level]);
            chain.call("PUT", &path, on).await.ok();
        }
        let read = |level: usize| json!({"tenant_id": chain.tenants[level], "offering_item": "vms", "usage_value": 1 << level});
        let items: Vec<Value> = (1..=DEPTH).map(read).collect();
        let verdicts = chain.call("PUT", "/api/2/tenants/usages", json!({"items": items})).await.ok();
        assert!(
            verdicts["items"].as_array().unwrap().iter().all(|item| item["error"].is_null()),
            "{verdicts}"
        );
        chain
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        let call = self.scene.server.call(method.parse().unwrap(), path).bearer(&self.scene.token);
        if body.is_null() { call.await } else { call.json(body).await }
    }

    /// Puts a tenant below another; the status, and the code of a refusal.
    async fn move_to(&self, tenant: TenantId, parent: TenantId) -> (u16, Value) {
        let path = format!("/api/2/tenants/{tenant}");
        let version = self.call("GET", &path, Value::Null).await.ok()["version"].clone();
        let answer = self.call("PUT", &path, json!({"version": version, "parent_id": parent})).await;
        (answer.status, answer.json()["error"]["code"].clone())
    }

    /// What a report with all below it says of virtual machines, by tenant.
    async fn figures(&self, tenant: TenantId) -> BTreeMap<String, u64> {
        let path = format!(
            "/api/tidemark/1/tenants/{tenant}/report?kind=usage_current&level=accounts&end=2026-05-08"
        );
        let file = self.call("GET", &path, Value::Null).await;
        assert_eq!(file.status, 200, "{}", file.text());
        let mut rows = csv::Reader::from_reader(file.body.as_slice());
        let rows = rows.deserialize::<BTreeMap<String, String>>().map(Result::unwrap);
        let rows = rows.filter(|row| row["name"] == "vms");
        rows.map(|row| (row["tenant.id"].clone(), row["usage.absolute.total"].parse().unwrap())).collect()
    }

    /// What the usages of a tenant say.
    async fn usage(&self, tenant: TenantId) -> Value {
        let usages = self.scene.get(&format!("tenants/{tenant}/usages?usage_names=vms")).await;
        usages["items"][0]["value"].clone()
    }
}

/// What stands at a level and below it, down to the deepest.
fn from(level: usize) -> u64 {
    (level..=DEPTH).map(|level| 1 << level).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_levels_add_up_at_each_and_go_where_the_customer_goes() {
    let chain = Chain::new().await;
    let (tenants, top) = (&chain.tenants, chain.tenants[0]);
    for level in 1..=DEPTH {
        assert_eq!(chain.usage(tenants[level]).await, from(level), "usages at {level}");
        let told = chain.figures(tenants[level]).await;
        assert_eq!(told.len(), DEPTH - level + 1, "every level below {level} has its row");
        for below in level..=DEPTH {
            assert_eq!(told[&tenants[below].to_string()], from(below), "{below} in the report on {level}");
        }
    }
    let listed = chain
        .scene
        .ids(&chain.scene.token, &format!("tenants?subtree_root_id={top}&lod=stamps&limit=7"))
        .await;
    assert_eq!(listed, tenants.iter().map(ToString::to_string).collect::<Vec<_>>());

    // Nothing makes a cycle, and a unit stays where it is (accounts-api, tier 3).
    for level in [1, 2, 3, 10] {
        for target in [level, level + 1, level + 3, DEPTH] {
            let refused = chain.move_to(tenants[level], tenants[target]).await;
            assert_eq!(refused, (400, json!(1007)), "{level} below {target}");
        }
    }
    assert_eq!(chain.move_to(top, tenants[DEPTH]).await, (400, json!(1007)));
    assert_eq!(chain.move_to(tenants[10], tenants[5]).await, (400, json!(1008)));
    assert_eq!(chain.usage(tenants[1]).await, from(1), "nothing of it has moved");

    let other = chain.scene.test.tenant(top, Partner, "Other").await;
    assert_eq!(chain.move_to(tenants[2], other).await, (400, json!(1014)), "it lacks the item");
    crate::offering_items::turn(&chain.scene.test, other, &["vms"], true).await.unwrap();
    assert_eq!(chain.move_to(tenants[2], other).await.0, 200);
    assert_eq!((chain.usage(other).await, chain.usage(tenants[1]).await), (json!(from(2)), json!(2)));
    let told = chain.figures(other).await;
    assert_eq!((told.len(), told[&tenants[DEPTH].to_string()]), (DEPTH, from(DEPTH)));
    let deepest = chain.scene.get(&format!("tenants/{}?embed_path=1", tenants[DEPTH])).await;
    let path = deepest["path"].as_array().unwrap();
    assert_eq!((path.len(), &path[DEPTH - 2], &path[DEPTH - 1]), (DEPTH, &json!(other), &json!(top)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_disabled_on_the_third_level_shuts_all_below_out_and_nobody_above() {
    let chain = Chain::new().await;
    let tenants = &chain.tenants;
    for (login, level) in [("second", 2), ("third", 3), ("deepest", DEPTH)] {
        let role = if level == 2 { Role::CompanyAdmin } else { Role::UnitAdmin };
        chain.scene.test.user(tenants[level], login, "correct horse", role).await;
    }
    let seen = async |login: &str, level: usize| {
        let path = format!("/api/2/tenants/{}", tenants[level]);
        chain.scene.server.get(&path).basic(login, "correct horse").await.status
    };
    assert_eq!((seen("third", 3).await, seen("deepest", DEPTH).await), (200, 200));
    chain.scene.change(tenants[3], json!({"enabled": false})).await;
    assert_eq!((seen("third", 3).await, seen("deepest", DEPTH).await), (401, 401));
    assert_eq!(seen("second", DEPTH).await, 200, "those above go on");
    assert_eq!(chain.usage(tenants[1]).await, from(1), "and what is used is still counted");
    assert_eq!(chain.figures(tenants[1]).await[&tenants[3].to_string()], from(3));
    let child = |parent: TenantId| json!({"name": "New", "parent_id": parent, "kind": "unit"});
    let refused = chain.call("POST", "/api/2/tenants", child(tenants[3])).await;
    assert_eq!(refused.expect(400)["error"]["code"], 1003);
    chain.scene.change(tenants[3], json!({"enabled": true})).await;
    assert_eq!((seen("third", 3).await, seen("deepest", DEPTH).await), (200, 200));
}
