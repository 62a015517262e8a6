//! Deleted tenants that come back, over HTTP.

use domain::access::Role;
use domain::ids::TenantId;
use domain::tenant::TenantKind::{Customer, Folder, Partner, Unit};
use serde_json::{Value, json};
use testkit::{Server, TestApp};

use super::NOW;
use crate::offering_items;

struct Desk {
    test: TestApp,
    server: Server,
    token: String,
}

impl Desk {
    async fn new() -> Self {
        let test = TestApp::at(NOW).await;
        let server = test.serve().await;
        let token = server.token(&test.client_id, &test.client_secret).await;
        Self { test, server, token }
    }

    async fn get(&self, tenant: TenantId) -> Value {
        self.server.get(&format!("/api/2/tenants/{tenant}")).bearer(&self.token).await.json()
    }

    async fn put(&self, tenant: TenantId, change: Value) -> Value {
        let mut body = change;
        body["version"] = self.get(tenant).await["version"].clone();
        self.server.put(&format!("/api/2/tenants/{tenant}")).bearer(&self.token).json(body).await.ok()
    }

    /// Disables and deletes.
    async fn delete(&self, tenant: TenantId) {
        let version = self.put(tenant, json!({"enabled":false})).await["version"].clone();
        let path = format!("/api/2/tenants/{tenant}?version={version}");
        self.server.delete(&path).bearer(&self.token).await.expect(204);
    }

    async fn restore(&self, tenant: TenantId, query: &str) -> (u16, Value) {
        let path = format!("/api/2/tenants/{tenant}/restore{query}");
        let answer = self.server.post(&path).bearer(&self.token).await;
        (answer.status, answer.json()["error"]["code"].clone())
    }

    async fn user(&self, tenant: TenantId, login: &str) -> Value {
        let body = json!({"tenant_id":tenant,"login":login,"contact":{"email":"a@harbour.example"}});
        self.server.post("/api/2/users").bearer(&self.token).json(body).await.ok()
    }

    async fn seen(&self, path: &str) -> Value {
        self.server.get(path).bearer(&self.token).await.ok()
    }
}

const DONE: (u16, Value) = (204, Value::Null);

fn refused(status: u16, code: u16) -> (u16, Value) {
    (status, json!(code))
}

#[tokio::test]
async fn tenants_users_services_access_and_clients_come_back_as_they_were() {
    let desk = Desk::new().await;
    let partner = desk.test.tenant(desk.test.top, Partner, "North").await;
    let customer = desk.test.tenant(partner, Customer, "Harbour").await;
    let unit = desk.test.tenant(customer, Unit, "Quay").await;
    let gone_before = desk.test.tenant(customer, Unit, "Pier").await;
    offering_items::turn(&desk.test, partner, &["vms"], true).await.unwrap();
    offering_items::turn(&desk.test, customer, &["vms"], true).await.unwrap();
    desk.test.user(unit, "boss", "correct horse", Role::UnitAdmin).await;
    let jdoe = desk.user(customer, "jdoe").await;
    let (client, secret) = desk.test.client(customer, Role::CompanyAdmin).await;
    desk.delete(gone_before).await;
    let paths = [
        format!("/api/2/tenants/{customer}/children?include_details=true"),
        format!("/api/2/tenants/{customer}/users"),
        format!("/api/2/tenants/{customer}/offering_items"),
        format!("/api/2/tenants/{customer}/applications"),
        format!("/api/2/tenants/{}", jdoe["personal_tenant_id"].as_str().unwrap()),
        format!("/api/2/users/{}", jdoe["id"].as_str().unwrap()),
    ];
    desk.put(customer, json!({"enabled":false})).await;
    let mut before = Vec::new();
    for path in &paths {
        before.push(desk.seen(path).await);
    }
    let version = desk.get(customer).await["version"].as_i64().unwrap();
    desk.delete(customer).await;
    let basic = || desk.server.get("/api/2/users/me").basic("boss", "correct horse");
    assert_eq!(basic().await.status, 401);

    assert_eq!(desk.restore(customer, "").await, DONE);
    let restored = desk.get(customer).await;
    assert_eq!((&restored["deleted_at"], &restored["enabled"]), (&Value::Null, &json!(false)));
    assert_eq!(restored["version"], version + 3, "disabled once more, deleted and restored");
    for (path, before) in paths.iter().zip(before) {
        assert_eq!(alike(desk.seen(path).await), alike(before), "{path}");
    }
    assert_eq!(desk.get(gone_before).await["error"]["code"], 1005, "it was deleted on its own");
    assert_eq!(basic().await.status, 401, "its customer is disabled, as it was when it was deleted");
    desk.put(customer, json!({"enabled":true})).await;
    let me = basic().await.ok();
    assert_eq!(me["tenant_id"], unit.to_string());
    let own = desk.server.token(&client, &secret).await;
    desk.server.get(&format!("/api/2/tenants/{unit}")).bearer(&own).await.ok();
    assert_eq!(desk.restore(customer, "?force=1").await, DONE, "once more does no harm");
    assert_eq!(desk.get(customer).await["version"], version + 4);
    assert_eq!(desk.restore(gone_before, "").await, DONE);
    assert_eq!(desk.get(gone_before).await["name"], "Pier");
}

/// Without what a deletion and its undoing count up.
fn alike(mut answer: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(members) => {
                for counted in ["version", "updated_at", "timestamp"] {
                    members.remove(counted);
                }
                members.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut answer);
    answer
}

#[tokio::test]
async fn names_and_logins_that_are_taken_refuse_unless_forced() {
    let desk = Desk::new().await;
    let partner = desk.test.tenant(desk.test.top, Partner, "North").await;
    let customer = desk.test.tenant(partner, Customer, "Harbour").await;
    let jdoe = desk.user(customer, "jdoe").await["id"].as_str().unwrap().to_owned();
    desk.user(customer, "jdoe-2").await;
    desk.delete(customer).await;
    let elsewhere = desk.test.tenant(desk.test.top, Partner, "Harbour").await;
    desk.user(elsewhere, "jdoe").await;
    assert_eq!(desk.restore(customer, "").await, refused(409, 1004), "the login");
    assert_eq!(desk.get(customer).await["error"]["code"], 1005, "nothing has changed");
    let other = desk.test.tenant(partner, Customer, "Harbour").await;
    desk.user(elsewhere, "jdoe-1").await;
    assert_eq!(desk.restore(customer, "?force=false").await, refused(409, 1004), "the name");
    assert_eq!(desk.restore(customer, "?force=maybe").await, refused(400, 400));
    assert_eq!(desk.restore(customer, "?force=true").await, DONE);
    assert_eq!(desk.get(customer).await["name"], "Harbour-1");
    assert_eq!(desk.get(other).await["name"], "Harbour");
    let login = desk.seen(&format!("/api/2/users/{jdoe}")).await["login"].clone();
    assert_eq!(login, "jdoe-3", "jdoe-1 is taken, and jdoe-2 comes back, too");
    let path = format!("/api/2/search?tenant={partner}&text=");
    for (text, found) in [("jdoe-3", jdoe.as_str()), ("Harbour-1", &customer.to_string())] {
        let hits = desk.seen(&format!("{path}{text}")).await;
        assert_eq!(hits["items"][0]["id"], found, "it is found by its new name: {hits}");
    }
}

#[tokio::test]
async fn what_stands_below_a_deleted_tenant_waits_for_it() {
    let desk = Desk::new().await;
    let partner = desk.test.tenant(desk.test.top, Partner, "North").await;
    let customer = desk.test.tenant(partner, Customer, "Harbour").await;
    desk.delete(customer).await;
    desk.delete(partner).await;
    assert_eq!(desk.restore(customer, "").await, refused(400, 1027));
    assert_eq!(desk.restore(partner, "").await, DONE);
    assert_eq!(desk.get(customer).await["error"]["code"], 1005, "it was deleted before");
    assert_eq!(desk.restore(customer, "").await, DONE);
    let unknown = TenantId(desk.test.app.ids.other().unwrap());
    assert_eq!(desk.restore(unknown, "").await, refused(404, 1005));
}

#[tokio::test]
async fn nobody_brings_back_what_is_not_theirs_or_locked() {
    let desk = Desk::new().await;
    let north = desk.test.tenant(desk.test.top, Partner, "North").await;
    let south = desk.test.tenant(desk.test.top, Partner, "South").await;
    let customer = desk.test.tenant(north, Customer, "Harbour").await;
    desk.delete(customer).await;
    let (client, secret) = desk.test.client(south, Role::PartnerAdmin).await;
    let southern = desk.server.token(&client, &secret).await;
    let path = format!("/api/2/tenants/{customer}/restore");
    let answer = desk.server.post(&path).bearer(&southern).json(json!({})).await.expect(403);
    assert_eq!(answer["error"]["code"], 1002);
    let locked = desk.test.tenant(north, Folder, "Locked").await;
    desk.put(locked, json!({"update_lock":{"enabled":true}})).await;
    desk.delete(locked).await;
    let (client, secret) = desk.test.client(north, Role::PartnerAdmin).await;
    let northern = desk.server.token(&client, &secret).await;
    let path = format!("/api/2/tenants/{locked}/restore");
    assert_eq!(desk.server.post(&path).bearer(&northern).await.expect(403)["error"]["code"], 1012);
    let path = format!("/api/2/tenants/{customer}/restore");
    desk.server.post(&path).bearer(&northern).json(json!({})).await.expect(204);
}

#[tokio::test]
async fn what_went_off_above_meanwhile_is_off() {
    let desk = Desk::new().await;
    let north = desk.test.tenant(desk.test.top, Partner, "North").await;
    let south = desk.test.tenant(desk.test.top, Partner, "South").await;
    let folder = desk.test.tenant(north, Folder, "Folder").await;
    let customer = desk.test.tenant(folder, Customer, "Harbour").await;
    for tenant in [north, folder, customer] {
        offering_items::turn(&desk.test, tenant, &["vms", "mailboxes"], true).await.unwrap();
    }
    desk.delete(customer).await;
    offering_items::turn(&desk.test, south, &["vms", "mailboxes"], true).await.unwrap();
    desk.put(folder, json!({"parent_id":south})).await;
    offering_items::turn(&desk.test, south, &["vms"], false).await.unwrap();
    assert_eq!(desk.restore(customer, "").await, DONE);
    let items = desk.seen(&format!("/api/2/tenants/{customer}/offering_items?edition=*")).await;
    let on: Vec<_> = items["items"].as_array().unwrap().iter().filter(|item| item["status"] == 1).collect();
    assert_eq!(on.len(), 1, "{items}");
    assert_eq!(on[0]["name"], "mailboxes");
}
