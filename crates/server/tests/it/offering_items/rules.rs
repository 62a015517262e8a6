//! Bindings, hard quotas and what follows at personal tenants, over HTTP (accounts-api, 1.11 and 2.3).

use serde_json::{Value, json};
use testkit::Answer;

use super::edition::Desk;
use super::*;

const BACKUP: &str = "6e6d758d-8e74-3ae3-ac84-50eb0dff12eb";
const PLATFORM: &str = "7459244f-68f3-3bf4-9f53-5f63ecc1d91f";

impl Desk {
    async fn binding(&self, method: &str, application: &str, tenant: TenantId) -> Answer {
        let path = format!("/api/2/applications/{application}/bindings/tenants/{tenant}");
        self.server.call(method.parse().unwrap(), &path).bearer(&self.token).await
    }

    async fn services(&self, tenant: TenantId) -> Vec<String> {
        let listed = self.get(&format!("/tenants/{tenant}/applications")).await.ok();
        listed["items"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    }

    async fn read(&self, tenant: TenantId, name: &str, value: i64) -> Value {
        let item = json!({"tenant_id": tenant, "offering_item": name, "usage_value": value});
        self.put("/tenants/usages", json!({"items": [item]})).await.ok()["items"][0].clone()
    }

    async fn switch_on(&self, tenant: TenantId, name: &str) -> Answer {
        let item = json!({"application_id": BACKUP, "name": name, "status": 1});
        self.put(&format!("/tenants/{tenant}/offering_items"), json!({"offering_items": [item]})).await
    }

    /// A user of the customer, and its personal tenant.
    async fn personal(&self) -> TenantId {
        let body = json!({"tenant_id": self.customer, "login": "jdoe",
            "contact": {"email": "jdoe@example.com", "firstname": "J", "lastname": "Doe"}});
        let user = self.server.post("/api/2/users").bearer(&self.token).json(body).await.ok();
        user["personal_tenant_id"].as_str().unwrap().parse().unwrap()
    }
}

fn code(answer: &Answer, status: u16) -> Value {
    answer.expect(status)["error"]["code"].clone()
}

#[tokio::test]
async fn a_service_is_bound_before_its_items_and_unbound_with_them() {
    let desk = Desk::new().await;
    let (north, harbour) = (desk.partner, desk.customer);
    assert_eq!(code(&desk.binding("POST", BACKUP, harbour).await, 400), 1026);
    for _ in 0..2 {
        let bound = desk.binding("POST", BACKUP, north).await;
        assert_eq!((bound.status, bound.body.len()), (204, 0));
    }
    assert_eq!(desk.services(north).await, [PLATFORM, BACKUP]);
    assert!(on(&desk.test, north).await.is_empty(), "items stay off");
    turn(&desk.test, north, &["vms", "fc_seats"], true).await.unwrap();
    turn(&desk.test, harbour, &["vms", "fc_seats"], true).await.unwrap();
    for _ in 0..2 {
        desk.binding("DELETE", BACKUP, north).await.expect(204);
    }
    for tenant in [north, harbour] {
        assert_eq!(on(&desk.test, tenant).await, ["fc_seats"]);
        assert!(!desk.services(tenant).await.contains(&BACKUP.to_owned()));
    }
    assert_eq!(code(&desk.binding("DELETE", PLATFORM, north).await, 400), 1027);
    desk.binding("POST", PLATFORM, north).await.expect(204);
    desk.binding("POST", "00000000-0000-4000-8000-000000000001", north).await.expect(404);
    desk.binding("POST", "1", north).await.expect(404);
}

#[tokio::test]
async fn services_are_in_the_change_log() {
    let desk = Desk::new().await;
    desk.binding("POST", BACKUP, desk.partner).await.expect(204);
    desk.binding("DELETE", BACKUP, desk.partner).await.expect(204);
    let mut conn = desk.test.app.read().await.unwrap();
    let no = desk.test.no(desk.partner).await;
    let later = store::audit::later_changes(&mut conn, no, store::audit::Object::Tenant).await.unwrap();
    let steps: Vec<_> = later.iter().map(|change| (change.field.as_str(), change.new.as_deref())).collect();
    assert_eq!(steps, [("service.backup", Some("true")), ("service.backup", Some("false"))]);
}

#[tokio::test]
async fn a_personal_tenant_follows_a_binding_and_a_switch_with_its_own_quota() {
    let desk = Desk::new().await;
    turn(&desk.test, desk.partner, &["vms", "adv_vms"], true).await.unwrap();
    turn(&desk.test, desk.customer, &["vms"], true).await.unwrap();
    let personal = desk.personal().await;
    desk.limit(personal, "vms", json!(1), json!(1)).await.ok();
    let body = json!({"target_edition": "advanced", "application_id": BACKUP});
    let refused = desk.put(&format!("/tenants/{personal}/edition"), body.clone()).await;
    assert_eq!(code(&refused, 400), 1027);
    assert_eq!(code(&desk.binding("DELETE", BACKUP, personal).await, 400), 1027);
    desk.put(&format!("/tenants/{}/edition", desk.customer), body).await.ok();
    assert_eq!(on(&desk.test, personal).await, ["adv_vms"]);
    let listed = desk.get(&format!("/tenants/{personal}/offering_items?edition=*&status=1")).await.ok();
    assert_eq!(listed["items"][0]["quota"]["value"], 1);
    desk.binding("DELETE", BACKUP, desk.customer).await.expect(204);
    assert_eq!(desk.services(personal).await, [PLATFORM]);
    desk.binding("POST", BACKUP, desk.customer).await.expect(204);
    assert_eq!(desk.services(personal).await, [PLATFORM, BACKUP]);
}

#[tokio::test]
async fn a_hard_quota_that_is_used_up_lets_nobody_below_begin_but_takes_every_reading() {
    let desk = Desk::new().await;
    let second = desk.test.tenant(desk.partner, TenantKind::Customer, "Second").await;
    turn(&desk.test, desk.partner, &["vms", "servers"], true).await.unwrap();
    turn(&desk.test, desk.customer, &["vms"], true).await.unwrap();
    desk.limit(desk.partner, "vms", json!(3), json!(2)).await.ok();
    assert!(desk.read(desk.customer, "vms", 4).await.get("error").is_none());
    desk.switch_on(second, "vms").await.ok();
    turn(&desk.test, second, &["vms"], false).await.unwrap();
    for far_beyond in [5, 5_000] {
        assert!(desk.read(desk.customer, "vms", far_beyond).await.get("error").is_none());
        assert_eq!(code(&desk.switch_on(second, "vms").await, 400), 1022);
    }
    assert!(on(&desk.test, second).await.is_empty());
    desk.switch_on(second, "servers").await.ok();
    desk.switch_on(desk.customer, "vms").await.ok();
    desk.limit(desk.partner, "vms", json!(3), Value::Null).await.ok();
    desk.switch_on(second, "vms").await.ok();
}

#[tokio::test]
async fn nothing_is_left_of_a_hard_quota_of_zero() {
    let desk = Desk::new().await;
    turn(&desk.test, desk.partner, &["vms"], true).await.unwrap();
    desk.limit(desk.partner, "vms", json!(0), json!(0)).await.ok();
    assert_eq!(code(&desk.switch_on(desk.customer, "vms").await, 400), 1022);
}

#[tokio::test]
async fn usage_of_a_deleted_tenant_stands_in_nobody_s_way() {
    let desk = Desk::new().await;
    turn(&desk.test, desk.partner, &["vms"], true).await.unwrap();
    turn(&desk.test, desk.customer, &["vms"], true).await.unwrap();
    desk.read(desk.customer, "vms", 4).await;
    let path = format!("/tenants/{}/offering_items", desk.partner);
    let off = json!({"check_usage": true, "offering_items": [{"application_id": BACKUP, "name": "vms", "status": 0}]});
    assert_eq!(code(&desk.put(&path, off.clone()).await, 400), 1027);
    let tenant = format!("/tenants/{}", desk.customer);
    let disabled = desk.put(&tenant, json!({"version": 1, "enabled": false})).await.ok();
    let path_to_delete = format!("/api/2{tenant}?version={}", disabled["version"]);
    desk.server.delete(&path_to_delete).bearer(&desk.token).await.expect(204);
    desk.put(&path, off).await.ok();
}

#[tokio::test]
async fn below_a_disabled_tenant_everything_can_be_read_and_written_from_above() {
    let desk = Desk::new().await;
    turn(&desk.test, desk.partner, &["vms"], true).await.unwrap();
    desk.put(&format!("/tenants/{}", desk.partner), json!({"version": 1, "enabled": false})).await.ok();
    desk.switch_on(desk.customer, "vms").await.ok();
    assert!(desk.read(desk.customer, "vms", 4).await.get("error").is_none(), "usage goes on, and is billed");
    let body = json!({"target_edition": "standard", "application_id": BACKUP});
    desk.put(&format!("/tenants/{}/edition", desk.customer), body).await.ok();
    let usages = desk.get(&format!("/tenants/{}/usages", desk.customer)).await.ok();
    assert_eq!(usages["items"][0]["value"], 4);
}

#[tokio::test]
async fn an_item_that_goes_off_and_on_again_is_limited_as_before_here_and_below() {
    let desk = Desk::new().await;
    let (north, harbour) = (desk.partner, desk.customer);
    let personal = desk.personal().await;
    let send = async |tenant: TenantId, mut item: Value| {
        item["application_id"] = json!(BACKUP);
        item["name"] = json!("vms");
        desk.put(&format!("/tenants/{tenant}/offering_items"), json!({"offering_items": [item]})).await
    };
    let quota = async |tenant: TenantId| {
        let listed = desk.get(&format!("/tenants/{tenant}/offering_items?edition=*&status=1")).await.ok();
        let items = listed["items"].as_array().unwrap().clone();
        let item = items.into_iter().find(|item| item["name"] == "vms");
        item.map_or(Value::Null, |item| json!([item["quota"]["value"], item["quota"]["overage"]]))
    };
    send(north, json!({"status": 1})).await.ok();
    send(harbour, json!({"status": 1, "quota": {"value": 3, "overage": 2, "version": 0}})).await.ok();
    send(personal, json!({"quota": {"value": 1, "version": 0}})).await.ok();
    for tenant in [harbour, north] {
        let off = send(tenant, json!({"status": 0})).await.ok();
        assert_eq!(off["items"][0]["quota"], Value::Null, "what is off shows no quota");
        assert_eq!(quota(harbour).await, Value::Null);
        send(north, json!({"status": 1})).await.ok();
        let on = send(harbour, json!({"status": 1, "quota": {"version": 0}})).await.ok();
        assert!(on["items"][0]["quota"]["version"].as_i64().unwrap() > 0);
        assert_eq!(quota(harbour).await, json!([3, 2]), "off at {tenant}");
        assert_eq!(quota(personal).await, json!([1, null]), "off at {tenant}");
    }
    send(harbour, json!({"status": 0})).await.ok();
    let other = json!({"status": 1, "quota": {"value": 9, "version": 7}});
    assert_eq!(code(&send(harbour, other).await, 426), 1001, "another version than 0 is one that was read");
    send(harbour, json!({"status": 1, "quota": {"value": null, "version": 0}})).await.ok();
    assert_eq!(quota(harbour).await, json!([null, null]), "unlimited where it is asked for");
}
