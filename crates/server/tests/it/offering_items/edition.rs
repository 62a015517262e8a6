//! The edition switch over HTTP (accounts-api, 2.3).

use serde_json::{Value, json};
use testkit::{Answer, Server, TestApp};

use super::*;

const BACKUP: &str = "6e6d758d-8e74-3ae3-ac84-50eb0dff12eb";

/// A served app with North (partner) and Harbour (customer), and root's token.
pub(super) struct Desk {
    pub(super) test: TestApp,
    pub(super) server: Server,
    pub(super) token: String,
    pub(super) partner: TenantId,
    pub(super) customer: TenantId,
}

impl Desk {
    pub(super) async fn new() -> Self {
        let test = TestApp::at(NOW).await;
        let server = test.serve().await;
        let token = server.token(&test.client_id, &test.client_secret).await;
        let (partner, customer) = partner_and_customer(&test).await;
        Self { test, server, token, partner, customer }
    }

    pub(super) async fn put(&self, path: &str, body: Value) -> Answer {
        self.server.put(&format!("/api/2{path}")).bearer(&self.token).json(body).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.server.get(&format!("/api/2{path}")).bearer(&self.token).await
    }

    async fn switch(&self, tenant: TenantId, target: &str) -> Answer {
        let body = json!({"target_edition": target, "application_id": BACKUP});
        self.put(&format!("/tenants/{tenant}/edition"), body).await
    }

    async fn preview(&self, tenant: TenantId, target: &str) -> Answer {
        let query = format!("target_edition={target}&application_id={BACKUP}");
        self.get(&format!("/tenants/{tenant}/edition?{query}")).await
    }

    /// Sets a quota of an item that is on, with the version that it has.
    pub(super) async fn limit(&self, tenant: TenantId, name: &str, value: Value, overage: Value) -> Answer {
        let path = format!("/tenants/{tenant}/offering_items");
        let listed = self.get(&format!("{path}?edition=*")).await.ok();
        let found = listed["items"].as_array().unwrap().iter().find(|item| item["name"] == name).unwrap();
        let version = &found["quota"]["version"];
        let mut item = json!({"application_id": found["application_id"], "name": name,
            "quota": {"value": value, "overage": overage, "version": version}});
        if let Some(infra) = found.get("infra_id") {
            item["infra_id"] = infra.clone();
        }
        self.put(&path, json!({"offering_items": [item]})).await
    }

    /// The items that are on, with their quotas.
    async fn quotas(&self, tenant: TenantId) -> Vec<(String, Value, Value)> {
        let listed = self.get(&format!("/tenants/{tenant}/offering_items?edition=*&status=1")).await.ok();
        let mut items: Vec<_> = listed["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| {
                let name = item["name"].as_str().unwrap().to_owned();
                (name, item["quota"]["value"].clone(), item["quota"]["overage"].clone())
            })
            .collect();
        items.sort_by(|a, b| a.0.cmp(&b.0));
        items
    }
}

fn code(answer: &Answer, status: u16) -> Value {
    answer.expect(status)["error"]["code"].clone()
}

#[tokio::test]
async fn a_switch_moves_items_with_their_quotas_and_storages() {
    let desk = Desk::new().await;
    let both = ["vms", "storage", "pg_base_vms", "pg_base_storage", "local_storage", "fc_seats"];
    turn(&desk.test, desk.partner, &both, true).await.unwrap();
    turn(&desk.test, desk.customer, &["vms", "storage", "local_storage", "fc_seats"], true).await.unwrap();
    desk.limit(desk.customer, "vms", json!(10), json!(2)).await.ok();
    assert_eq!(desk.preview(desk.customer, "pck_per_gigabyte").await.ok()["warnings"], json!([]));
    let before = desk.quotas(desk.customer).await;
    assert_eq!(before.len(), 4, "asking changes nothing");

    let answer = desk.switch(desk.customer, "pck_per_gigabyte").await.ok();
    let items = answer["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{answer}");
    assert!(items.iter().all(|item| item["edition"] == "pck_per_gigabyte" && item["status"] == 1));
    let vms = items.iter().find(|item| item["name"] == "pg_base_vms").unwrap();
    assert_eq!((&vms["quota"]["value"], &vms["quota"]["overage"]), (&json!(10), &json!(2)));
    assert!(vms["quota"]["version"].as_i64().unwrap() > 0);
    let none = Value::Null;
    let expected = [
        ("fc_seats".to_owned(), none.clone(), none.clone()),
        ("local_storage".to_owned(), none.clone(), none.clone()),
        ("pg_base_storage".to_owned(), none.clone(), none.clone()),
        ("pg_base_vms".to_owned(), json!(10), json!(2)),
    ];
    assert_eq!(desk.quotas(desk.customer).await, expected);
    assert_eq!(desk.switch(desk.customer, "pck_per_gigabyte").await.ok()["items"], answer["items"]);
}

#[tokio::test]
async fn what_the_tenant_above_lacks_is_named_and_nothing_changes() {
    let desk = Desk::new().await;
    turn(&desk.test, desk.partner, &["vms", "servers", "adv_vms"], true).await.unwrap();
    turn(&desk.test, desk.customer, &["vms", "servers"], true).await.unwrap();
    for answer in
        [desk.switch(desk.customer, "advanced").await, desk.preview(desk.customer, "advanced").await]
    {
        assert_eq!(code(&answer, 400), 1021);
        let missing = json!({"items": [{"application_id": BACKUP, "name": "adv_servers"}]});
        assert_eq!(answer.json()["error"]["context"], missing);
    }
    assert_eq!(on(&desk.test, desk.customer).await, ["servers", "vms"]);
    let nothing_there = desk.switch(desk.customer, "per_gigabyte").await;
    assert_eq!(code(&nothing_there, 400), 1021);
    let named = nothing_there.json()["error"]["context"]["items"].as_array().unwrap().len();
    assert_eq!(named, 2, "what would have taken a place");
    let other_service = desk.switch(desk.customer, "fss_per_user").await;
    assert_eq!(code(&other_service, 400), 1021);
}

#[tokio::test]
async fn a_partner_s_switch_takes_the_old_edition_from_those_below() {
    let desk = Desk::new().await;
    turn(&desk.test, desk.partner, &["vms", "mobiles"], true).await.unwrap();
    turn(&desk.test, desk.customer, &["vms"], true).await.unwrap();
    desk.switch(desk.partner, "advanced").await.ok();
    assert_eq!(on(&desk.test, desk.partner).await, ["adv_mobiles", "adv_vms"]);
    assert!(on(&desk.test, desk.customer).await.is_empty());
}

#[tokio::test]
async fn items_that_become_one_have_together_what_they_had() {
    let desk = Desk::new().await;
    turn(&desk.test, desk.partner, &["vms", "adv_vms", "pg_base_vms"], true).await.unwrap();
    turn(&desk.test, desk.customer, &["vms", "adv_vms"], true).await.unwrap();
    desk.limit(desk.customer, "vms", json!(10), json!(0)).await.ok();
    desk.limit(desk.customer, "adv_vms", json!(5), json!(1)).await.ok();
    desk.switch(desk.customer, "pck_per_gigabyte").await.ok();
    assert_eq!(desk.quotas(desk.customer).await, [("pg_base_vms".to_owned(), json!(15), json!(1))]);
}

#[tokio::test]
async fn warnings_say_what_comes_and_goes() {
    let desk = Desk::new().await;
    let partner = desk.partner;
    for (names, target, warnings) in [
        (&["p_adv_vms", "p_adv_storage"][..], "advanced", json!(["AdvCyberProtectBecomeUnavailable"])),
        (&["dre_vms", "dre_compute_points"], "advanced", json!(["OldFeaturesBecomeUnavailable"])),
        (&["adv_vms"], "disaster_recovery", json!(["NewFeaturesBecomeAvailable"])),
        (&["dre_vms"], "cyber_protect_dre", json!([])),
        (&["vms"], "standard", json!([])),
    ] {
        turn(&desk.test, partner, names, true).await.unwrap();
        assert_eq!(desk.preview(partner, target).await.ok()["warnings"], warnings, "{names:?} to {target}");
        turn(&desk.test, partner, names, false).await.unwrap();
    }
}

#[tokio::test]
async fn files_know_the_items_without_prefix_as_fss_legacy() {
    let desk = Desk::new().await;
    let applications = desk.get("/applications").await.ok();
    let mut applications = applications["items"].as_array().unwrap().iter();
    let files = &applications.find(|application| application["type"] == "files_cloud").unwrap()["id"];
    turn(&desk.test, desk.partner, &["fc_seats", "pu_base_fc_seats"], true).await.unwrap();
    turn(&desk.test, desk.customer, &["fc_seats"], true).await.unwrap();
    for (target, expected) in [("fss_per_user", "pu_base_fc_seats"), ("fss_legacy", "fc_seats")] {
        let body = json!({"target_edition": target, "application_id": files});
        let answer = desk.put(&format!("/tenants/{}/edition", desk.customer), body).await.ok();
        assert_eq!(answer["items"][0]["name"], expected);
        assert_eq!(on(&desk.test, desk.customer).await, [expected]);
    }
}

#[tokio::test]
async fn bad_input_is_named() {
    let desk = Desk::new().await;
    let path = format!("/tenants/{}/edition", desk.customer);
    let unknown = "00000000-0000-4000-8000-000000000001";
    for (query, field) in [
        (format!("?application_id={BACKUP}"), "target_edition"),
        ("?target_edition=advanced".to_owned(), "application_id"),
        (format!("?target_edition=bundled&application_id={BACKUP}"), "target_edition"),
        ("?target_edition=advanced&application_id=1".to_owned(), "application_id"),
    ] {
        let info = desk.get(&format!("{path}{query}")).await.expect(400)["error"]["details"]["info"].clone();
        assert!(info.as_str().unwrap().starts_with(field), "{query}: {info}");
    }
    for (body, field) in [
        (json!({"target_edition": "advanced"}), "application_id"),
        (json!({"target_edition": "mixed", "application_id": BACKUP}), "target_edition"),
        (json!({"target_edition": "advanced", "application_id": BACKUP, "more": 1}), "more"),
    ] {
        let info = desk.put(&path, body.clone()).await.expect(400)["error"]["details"]["info"].clone();
        assert!(info.as_str().unwrap().starts_with(field), "{body}: {info}");
    }
    let body = json!({"target_edition": "advanced", "application_id": unknown});
    desk.put(&path, body).await.expect(404);
}
