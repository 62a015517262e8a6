//! The identity provider of a tenant, and of all below it.

use domain::access::Role;
use domain::ids::TenantId;
use domain::tenant::TenantKind::{Customer, Partner, Unit};
use serde_json::{Value, json};
use testkit::{Answer, Server, TestApp};

const NEW: &str = "22222222-2222-2222-2222-222222222222";
const OLD: &str = "11111111-1111-1111-1111-111111111111";

struct Desk {
    server: Server,
    token: String,
}

impl Desk {
    async fn put(&self, tenant: TenantId, body: Value) -> Answer {
        let path = format!("/api/2/tenants/{tenant}/default_idp");
        self.server.put(&path).bearer(&self.token).json(body).await
    }

    /// Provider and version of a tenant.
    async fn seen(&self, tenant: TenantId) -> (Value, Value) {
        let tenant = self.server.get(&format!("/api/2/tenants/{tenant}")).bearer(&self.token).await.ok();
        (tenant["default_idp_id"].clone(), tenant["version"].clone())
    }

    async fn change(&self, tenant: TenantId, body: Value) {
        self.server.put(&format!("/api/2/tenants/{tenant}")).bearer(&self.token).json(body).await.ok();
    }
}

fn body(version: i64, to_children: bool) -> Value {
    json!({"version": version, "idp_id": NEW, "apply_to_children": to_children})
}

#[tokio::test]
async fn a_provider_goes_to_the_tenant_or_to_all_below_that_the_caller_may_look_into() {
    let test = TestApp::at("2026-05-08T10:58:53Z").await;
    let server = test.serve().await;
    let north = test.tenant(test.top, Partner, "North").await;
    let harbour = test.tenant(north, Customer, "Harbour").await;
    let quay = test.tenant(harbour, Unit, "Quay").await;
    let closed = test.tenant(north, Customer, "Closed").await;
    let inside = test.tenant(closed, Unit, "Inside").await;
    let south = test.tenant(test.top, Partner, "South").await;
    let (id, secret) = test.client(north, Role::PartnerAdmin).await;
    let token = server.token(&id, &secret).await;
    let desk = Desk { server, token };
    let answer = desk.put(north, body(1, false)).await.ok();
    assert_eq!((&answer["id"], &answer["version"]), (&json!(north), &json!(2)));
    assert_eq!(desk.seen(north).await, (json!(NEW), json!(2)));
    assert_eq!(desk.seen(harbour).await, (json!(OLD), json!(1)));

    desk.change(closed, json!({"version": 1, "ancestral_access": false})).await;
    assert_eq!(desk.put(north, body(1, true)).await.expect(409)["error"]["code"], 1001);
    assert_eq!(desk.seen(harbour).await, (json!(OLD), json!(1)), "a stale version changes nothing");
    desk.put(north, json!({"version": "2", "idp_id": NEW, "apply_to_children": "true"})).await.ok();
    assert_eq!(desk.seen(north).await, (json!(NEW), json!(3)));
    assert_eq!(desk.seen(harbour).await, (json!(NEW), json!(2)));
    assert_eq!(desk.seen(quay).await, (json!(NEW), json!(2)));
    assert_eq!(desk.seen(closed).await, (json!(NEW), json!(3)), "its own property");
    desk.put(closed, body(3, true)).await.expect(403);
    let root = desk.server.token(&test.client_id, &test.client_secret).await;
    let desk = Desk { token: root, ..desk };
    test.open(closed).await;
    assert_eq!(desk.seen(inside).await, (json!(OLD), json!(1)), "behind the wall");
    assert_eq!(desk.seen(south).await, (json!(OLD), json!(1)));
}

#[tokio::test]
async fn a_lock_below_is_in_the_way_of_all_and_bad_bodies_name_their_member() {
    let test = TestApp::at("2026-05-08T10:58:53Z").await;
    let server = test.serve().await;
    let north = test.tenant(test.top, Partner, "North").await;
    let harbour = test.tenant(north, Customer, "Harbour").await;
    let root = server.token(&test.client_id, &test.client_secret).await;
    let lock = json!({"version": 1, "update_lock": {"enabled": true}});
    server.put(&format!("/api/2/tenants/{harbour}")).bearer(&root).json(lock).await.ok();
    let (id, secret) = test.client(north, Role::PartnerAdmin).await;
    let token = server.token(&id, &secret).await;
    let desk = Desk { server, token };
    assert_eq!(desk.put(north, body(1, true)).await.expect(403)["error"]["code"], 1012);
    assert_eq!(desk.put(harbour, body(2, false)).await.expect(403)["error"]["code"], 1012);
    for (body, why) in [
        (json!({"version": 1, "idp_id": NEW}), "apply_to_children: required"),
        (json!({"version": 1, "idp_id": "x", "apply_to_children": true}), "idp_id: "),
        (json!({"version": 1, "idp_id": null, "apply_to_children": true}), "idp_id: "),
        (json!({"idp_id": NEW, "apply_to_children": true}), "version: required"),
        (json!({"version": 1, "idp_id": NEW, "apply_to_children": true, "x": 1}), "x: unknown member"),
    ] {
        let info = desk.put(north, body).await.expect(400)["error"]["details"]["info"].clone();
        assert!(info.as_str().unwrap().starts_with(why), "{info}");
    }
    assert_eq!(desk.seen(north).await, (json!(OLD), json!(1)));
    desk.put(north, body(1, false)).await.ok();
}
