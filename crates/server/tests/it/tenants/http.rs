//! Tenants over the wire: statuses, codes and the order of checks.

use domain::tenant::TenantKind::{Customer, Partner};
use serde_json::{Value, json};
use testkit::{Server, TestApp};

use super::NOW;

pub(super) async fn served(test: &TestApp) -> (Server, String) {
    let server = test.serve().await;
    let token = server.token(&test.client_id, &test.client_secret).await;
    (server, token)
}

#[tokio::test]
async fn a_tenant_is_made_read_changed_and_deleted() {
    let test = TestApp::at(NOW).await;
    let partner = test.tenant(test.top, Partner, "North").await;
    let (server, token) = served(&test).await;
    let body = json!({"name":"Harbour Ltd","parent_id":partner,"kind":"customer","contact":{"email":"ops@harbour.example"}});
    let made = server.post("/api/2/tenants").bearer(&token).json(body).await.expect(201);
    let path = format!("/api/2/tenants/{}", made["id"].as_str().unwrap());
    assert_eq!(server.get(&path).bearer(&token).await.ok(), made);
    let upper = path.to_uppercase().replace("/API/2/TENANTS", "/api/2/tenants");
    assert_eq!(server.get(&upper).bearer(&token).await.ok(), made, "upper case is lowered");
    let mut change = made.clone();
    change["enabled"] = json!("false");
    let changed = server.put(&path).bearer(&token).json(change.clone()).await.ok();
    assert_eq!((&changed["version"], &changed["enabled"]), (&json!(2), &json!(false)));
    let stale = server.put(&path).bearer(&token).json(change).await.expect(409);
    assert_eq!(stale["error"]["code"], 1001);
    let listed =
        server.get(&format!("/api/2/tenants/{partner}/children?order=-name")).bearer(&token).await.ok();
    assert_eq!(listed, json!({"items":[made["id"]]}));
    let full = format!("/api/2/tenants/{partner}/children?include_details=1");
    assert_eq!(server.get(&full).bearer(&token).await.ok(), json!({"items":[changed]}));
    let gone = server.delete(&format!("{path}?version=2")).bearer(&token).await;
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    assert_eq!(server.get(&path).bearer(&token).await.expect(404)["error"]["code"], 1005);
    let deleted = server.get(&format!("{path}?allow_deleted=true&embed_path=true")).bearer(&token).await.ok();
    assert_eq!(deleted["path"], json!([partner, test.top]));
    assert_eq!(deleted["deleted_at"], NOW);
}

#[tokio::test]
async fn failures_come_in_the_order_of_checks_with_their_codes() {
    let test = TestApp::at(NOW).await;
    let partner = test.tenant(test.top, Partner, "North").await;
    let customer = test.tenant(partner, Customer, "C").await;
    let (server, token) = served(&test).await;
    let path = format!("/api/2/tenants/{partner}");
    let error = |answer: Value| (answer["error"]["code"].clone(), answer["error"]["details"]["info"].clone());
    let bad = json!({"surprise":1,"version":1});
    assert_eq!(server.put(&path).json(bad.clone()).await.expect(401)["error"]["code"], 401);
    let (code, info) = error(server.put(&path).bearer(&token).json(bad.clone()).await.expect(400));
    assert_eq!((code, info), (json!(400), json!("surprise: unknown member")));
    let unknown = "/api/2/tenants/ede9f834-70b3-476c-83d9-736f9f8c7dae";
    server.put(unknown).bearer(&token).json(bad).await.expect(400);
    let (code, _) = error(server.put(unknown).bearer(&token).json(json!({"version":1})).await.expect(404));
    assert_eq!(code, 1005);
    server.get("/api/2/tenants/no-uuid").bearer(&token).await.expect(404);
    server.delete(&path).bearer(&token).await.expect(400);
    let (code, _) = error(server.delete(&format!("{path}?version=1")).bearer(&token).await.expect(400));
    assert_eq!(code, 1006);
    let form = server.post("/api/2/tenants").bearer(&token).raw("text/plain", "{}").await;
    form.expect(415);
    let misfit = json!({"name":"x","parent_id":customer,"kind":"partner"});
    let (code, _) = error(server.post("/api/2/tenants").bearer(&token).json(misfit).await.expect(400));
    assert_eq!(code, 1027);
    let order = format!("{path}/children?order=size");
    let (_, info) = error(server.get(&order).bearer(&token).await.expect(400));
    assert_eq!(info, "order: unknown order");
    let under_child = json!({"version":1,"parent_id":customer});
    let (code, _) = error(server.put(&path).bearer(&token).json(under_child).await.expect(400));
    assert_eq!(code, 1007);
}

#[tokio::test]
async fn users_and_their_policies_are_served() {
    let test = TestApp::at(NOW).await;
    let partner = test.tenant(test.top, Partner, "North").await;
    let customer = test.tenant(partner, Customer, "C").await;
    let (server, token) = served(&test).await;
    let body = json!({"tenant_id":customer,"login":"jdoe","contact":{"email":"jdoe@harbour.example"}});
    let user = server.post("/api/2/users").bearer(&token).json(body.clone()).await.expect(200);
    let conflict = server.post("/api/2/users").bearer(&token).json(body).await.expect(409);
    assert_eq!(conflict["error"]["code"], 1033);
    let short = json!({"tenant_id":customer,"login":"jd","contact":{"email":"jdoe@harbour.example"}});
    let short = server.post("/api/2/users").bearer(&token).json(short).await.expect(400);
    assert_eq!(short["error"]["code"], 1033);
    let path = format!("/api/2/users/{}", user["id"].as_str().unwrap());
    assert_eq!(server.get(&path).bearer(&token).await.ok(), user);
    let listed = server.get(&format!("/api/2/tenants/{customer}/users")).bearer(&token).await.ok();
    assert_eq!(listed, json!({"items":[user["id"]]}));
    let policies = format!("{path}/access_policies");
    let set = json!({"items":[{"tenant_id":customer,"role_id":"company_admin"}]});
    let replaced = server.put(&policies).bearer(&token).json(set).await.ok();
    assert_eq!(server.get(&policies).bearer(&token).await.ok()["items"], replaced["items"]);
    server.delete(&format!("{path}?version=1")).bearer(&token).await.expect(400);
    server.put(&path).bearer(&token).json(json!({"version":"1","enabled":false})).await.ok();
    assert_eq!(server.delete(&format!("{path}?version=2")).bearer(&token).await.status, 204);
    assert_eq!(server.get(&path).bearer(&token).await.expect(404)["error"]["code"], 404);
    let me = server.get("/api/2/users/me").bearer(&token).await.ok();
    assert_eq!((&me["id"], &me["tenant_id"]), (&json!(test.client_id), &json!(test.top)));
    let services = server.get(&format!("/api/2/tenants/{partner}/applications")).bearer(&token).await.ok();
    assert_eq!(services, json!({"items":["7459244f-68f3-3bf4-9f53-5f63ecc1d91f"]}));
}
