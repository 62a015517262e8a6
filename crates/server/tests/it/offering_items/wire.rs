//! Bodies and routes.

use http_api::api::offering_items::wire::Put;
use http_api::json::decode;

#[test]
fn bodies_are_read_as_tolerantly_as_the_contract_says() {
    let item = |members: &str| {
        let body = format!(
            r#"{{"offering_items":[{{"application_id":"6e6d758d-8e74-3ae3-ac84-50eb0dff12eb","name":"vms"{members}}}]}}"#
        );
        decode::<Put>(body.as_bytes()).and_then(Put::into_changes).map_err(|error| error.to_string())
    };
    let (changes, _) = item(r#","locked":false,"surprise":1,"quota":null,"infra_id":null"#).unwrap();
    assert!(changes[0].quota.is_none() && changes[0].enabled.is_none());
    assert!(item(r#","status":2"#).unwrap_err().starts_with("offering_items[0].status:"));
    assert!(
        item(r#","quota":{"value":-1,"version":0}"#)
            .unwrap_err()
            .starts_with("offering_items[0].quota.value")
    );
    assert!(item(r#","quota":{"value":1}"#).unwrap_err().starts_with("offering_items[0].quota.version"));
    assert!(item(r#","quota":{"value":1,"version":"17"}"#).is_ok());
    let top = |body: &str| decode::<Put>(body.as_bytes()).map_err(|error| error.to_string());
    assert!(top(r#"{"offering_items":[],"check_usage":"true"}"#).unwrap().check_usage == Some(true));
    assert!(top(r#"{"offering_items":[],"surprise":1}"#).unwrap_err().starts_with("surprise"));
    assert!(top("{}").unwrap_err().starts_with("offering_items: required"));
}

#[test]
fn the_routes_around_items_are_served_and_documented() {
    let (_router, document) = http_api::serve::documented();
    let paths = serde_json::to_value(document).unwrap()["paths"].clone();
    for (path, methods) in [
        ("/api/2/applications", "get"),
        ("/api/2/applications/{application_id}", "get"),
        ("/api/2/applications/{application_id}/settings/tenants/{tenant_id}/{name}", "delete get put"),
        ("/api/2/billing/tenants/{tenant_id}", "get put"),
        ("/api/2/billing/tenants/{tenant_id}/periods", "get put"),
        ("/api/2/infra", "get post"),
        ("/api/2/infra/{infra_id}", "delete get put"),
        ("/api/2/locations", "get post"),
        ("/api/2/locations/{location_id}", "delete get put"),
        ("/api/2/locations/{location_id}/infra", "get"),
        ("/api/2/tenants/{tenant_id}/infra", "get"),
        ("/api/2/tenants/{tenant_id}/locations", "get"),
        ("/api/2/tenants/{tenant_id}/offering_items", "get put"),
        ("/api/2/tenants/{tenant_id}/offering_items/available_for_child", "get"),
        ("/api/2/tenants/{tenant_id}/offering_items/pricing", "get put"),
        ("/api/2/tenants/{tenant_id}/pricing", "get put"),
        ("/api/tidemark/1/tenants/{tenant_id}/billing_period", "put"),
    ] {
        let mut found: Vec<_> = paths[path].as_object().expect(path).keys().cloned().collect();
        found.sort();
        assert_eq!(found.join(" "), methods, "{path}");
    }
}
