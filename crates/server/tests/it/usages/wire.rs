//! Usages over a real socket (accounts-api, 1.12).

use domain::access::Role;
use domain::tenant::TenantKind;
use serde_json::{Value, json};
use testkit::TestApp;

use crate::metering::Metering as _;

fn fault(code: &str, message: &str, info: &str) -> Value {
    let flat = json!({ "code": code, "domain": "PlatformAccountServer", "message": message,
        "details": { "info": info }, "context": {} });
    let mut both = flat.clone();
    both["error"] = flat;
    both
}

#[tokio::test]
async fn readings_go_in_and_usages_come_out() {
    let test = TestApp::at("2026-05-08T10:58:53Z").await;
    let partner = test.tenant(test.top, TenantKind::Partner, "North").await;
    let customer = test.tenant(partner, TenantKind::Customer, "Harbour").await;
    let infra = test.storage(test.top, "eu1", "backup").await;
    test.switch(customer, "pw_base_storage", Some(infra), true).await;
    let server = test.serve().await;
    let token = server.token(&test.client_id, &test.client_secret).await;

    let body = json!({ "items": [
        { "tenant_id": customer, "offering_item": "pw_base_storage", "infra_id": infra, "usage_value": 344_064 },
        { "tenant_id": customer, "offering_item": "pw_nothing", "usage_value": 1 },
        { "tenant_id": customer, "offering_item": "pw_base_storage", "infra_id": infra, "usage_value": "7" },
    ] });
    let answer = server.put("/api/2/tenants/usages").bearer(&token).json(body).await.ok();
    let verdict = |item: &str, infra: &str| json!({ "tenant_id": customer, "resource_id": "", "usage_type": "", "offering_item": item, "infra_id": infra });
    let infra = infra.to_string();
    let mut verdicts =
        [verdict("pw_base_storage", &infra), verdict("pw_nothing", ""), verdict("pw_base_storage", &infra)];
    verdicts[1]["error"] = fault("1021", "Offering item not available", "pw_nothing");
    let why = "usage_value: must be an integer from 0 to 9007199254740991";
    verdicts[2]["error"] = fault("400", "Bad Request", why);
    assert_eq!(answer, json!({ "items": verdicts }));

    let usage = |tenant: &str, no: i64| {
        json!({ "tenant_uuid": tenant, "tenant_id": no, "application_id": "6e6d758d-8e74-3ae3-ac84-50eb0dff12eb",
            "name": "pw_base_storage", "edition": "pck_per_workload", "usage_name": "storage", "type": "infra",
            "measurement_unit": "bytes", "infra_id": infra, "range_start": "2026-05-01T00:00:00", "value": 344_064,
            "absolute_value": 344_064 })
    };
    let mut at_customer = usage(&customer.to_string(), test.no(customer).await.0);
    at_customer["offering_item"] =
        json!({ "status": 1, "quota": { "value": null, "overage": null, "version": 0 } });
    let at_partner = usage(&partner.to_string(), test.no(partner).await.0);
    let path = format!("/api/2/tenants/{customer}/usages?usage_names=storage");
    assert_eq!(server.get(&path).bearer(&token).await.ok(), json!({ "items": [at_customer] }));
    let path = format!("/api/2/tenants/usages?tenants={partner},{customer}&editions=pck_per_workload");
    assert_eq!(
        server.get(&path).bearer(&token).await.ok(),
        json!({ "items": [
            { "tenant": partner, "usages": [at_partner] },
            { "tenant": customer, "usages": [at_customer] },
        ] })
    );
}

#[tokio::test]
async fn a_whole_call_is_refused_by_its_caller_its_form_or_its_length() {
    let test = TestApp::at("2026-05-08T10:58:53Z").await;
    let partner = test.tenant(test.top, TenantKind::Partner, "North").await;
    let (id, secret) = test.client(partner, Role::PartnerAdmin).await;
    let server = test.serve().await;
    let root = server.token(&test.client_id, &test.client_secret).await;
    let other = server.token(&id, &secret).await;
    let put = |token: &str, body: Value| server.put("/api/2/tenants/usages").bearer(token).json(body);
    let code = |answer: Value| answer["error"]["code"].clone();

    assert_eq!(code(put(&other, json!("not even read")).await.expect(403)), 1002);
    assert_eq!(server.put("/api/2/tenants/usages").basic(&test.client_id, "x").await.status, 401);
    assert_eq!(code(put(&root, json!({})).await.expect(400)), 400);
    assert_eq!(put(&root, json!({ "items": [] })).await.ok(), json!({ "items": [] }));
    assert_eq!(put(&root, json!({ "items": [7] })).await.ok()["items"][0]["error"]["code"], "400");
    let reading = json!({ "usage_value": 1 });
    assert_eq!(put(&root, json!({ "items": vec![&reading; 1_000] })).await.status, 200);
    assert_eq!(code(put(&root, json!({ "items": vec![&reading; 1_001] })).await.expect(413)), 413);

    let get = |token: &str, path: &str| server.get(&format!("/api/2/tenants{path}")).bearer(token);
    let unknown = test.app.ids.other().unwrap();
    assert_eq!(code(get(&other, &format!("/{}/usages", test.top)).await.expect(403)), 1002);
    assert_eq!(code(get(&root, &format!("/{unknown}/usages")).await.expect(404)), 1005);
    assert_eq!(get(&root, "/usages").await.status, 400);
    assert_eq!(get(&root, "/usages?tenants=x").await.status, 400);
    assert_eq!(get(&root, &format!("/usages?tenants={unknown}")).await.ok(), json!({ "items": [] }));
    assert_eq!(get(&other, &format!("/usages?tenants={partner},{}", test.top)).await.status, 403);
}
