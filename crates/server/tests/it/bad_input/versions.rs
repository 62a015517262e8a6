//! The version of everything that has one: behind, ahead, missing and of the wrong kind (wire-conventions, 8 and 10).

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::Answer;

use super::world::{World, document};

const LOGO: &[u8] = include_bytes!("../../../../render/tests/logo.png");

/// Where the version stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Query,
    /// At this pointer of the body.
    Body(&'static str),
}

/// A call that names the version of what it changes.
#[derive(Clone, Copy)]
struct Versioned {
    /// As the document names it.
    operation: &'static str,
    path: &'static str,
    /// JSON; empty: none.
    body: &'static str,
    at: At,
    /// Whether the call may do without.
    is_optional: bool,
    /// Where the version can be read, and at which pointer.
    read: &'static str,
    shown: &'static str,
}

impl Versioned {
    /// One with a required version in the body, which is shown where it is written.
    const fn in_body(operation: &'static str, path: &'static str, body: &'static str) -> Self {
        let at = At::Body("/version");
        Self { operation, path, body, at, is_optional: false, read: path, shown: "/version" }
    }

    /// One with its version in the query.
    const fn in_query(operation: &'static str, path: &'static str, body: &'static str) -> Self {
        Self { at: At::Query, ..Self::in_body(operation, path, body) }
    }

    const fn read_at(self, read: &'static str) -> Self {
        Self { read, ..self }
    }

    const fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }

    /// With its version elsewhere in the body, and in what is read.
    const fn within(self, at: &'static str, shown: &'static str) -> Self {
        Self { at: At::Body(at), shown, ..self }
    }

    /// The member or parameter that a refusal names.
    fn name(&self) -> String {
        let At::Body(pointer) = self.at else { return "version".to_owned() };
        pointer[1..].replace("/0", "[0]").replace('/', ".")
    }

    /// The status of a version that is not the current one.
    fn stale(&self) -> u16 {
        if self.read.contains("/offering_items?") { 426 } else { 409 }
    }

    async fn call(&self, world: &World, version: Option<&Value>) -> Answer {
        let (method, _) = self.operation.split_once(' ').unwrap();
        let mut path = self.path.to_owned();
        let mut body: Value = serde_json::from_str(&world.filled(self.body)).unwrap_or_default();
        match (self.at, version) {
            (_, None) => {}
            (At::Query, Some(version)) => {
                let sent = version.as_str().map_or_else(|| version.to_string(), ToOwned::to_owned);
                path = format!("{path}?version={sent}");
            }
            (At::Body(pointer), Some(version)) => {
                let (above, member) = pointer.rsplit_once('/').unwrap();
                body.pointer_mut(above).unwrap()[member] = version.clone();
            }
        }
        let call = world.call(method, &path);
        if path.contains("/logo") {
            return call.raw("image/png", LOGO).await;
        }
        if body.is_null() { call.await } else { call.json(body).await }
    }

    async fn read(&self, world: &World) -> (Value, i64) {
        let seen = world.read(self.read).await.ok();
        let version = seen.pointer(self.shown).and_then(Value::as_i64);
        let version = version.unwrap_or_else(|| panic!("{}: no version in {seen}", self.operation));
        (seen, version)
    }
}

const TENANT: &str = "/api/2/tenants/$customer";
const PARTNER: &str = "/api/2/tenants/$north";
const BRAND: &str = "/api/2/tenants/$north/brand";
const USER: &str = "/api/2/users/$user";
const REPORT: &str = "/api/2/reports/$report";
const LOCATION: &str = "/api/2/locations/$empty_location";
const INFRA: &str = "/api/2/infra/$infra";

/// In an order in which each finds what it needs.
const CALLS: &[Versioned] = &[
    Versioned::in_body("PUT /api/2/tenants/{tenant_id}", TENANT, r#"{"name":"Renamed"}"#),
    Versioned::in_body(
        "PUT /api/2/tenants/{tenant_id}/default_idp",
        "/api/2/tenants/$customer/default_idp",
        r#"{"idp_id":"22222222-2222-2222-2222-222222222222","apply_to_children":false}"#,
    )
    .read_at(TENANT),
    Versioned::in_query("POST /api/2/tenants/{tenant_id}/brand", BRAND, r#"{"company_name":"Coast"}"#)
        .read_at(PARTNER),
    Versioned::in_query("PUT /api/2/tenants/{tenant_id}/brand", BRAND, r#"{"company_name":"Shore"}"#)
        .read_at(PARTNER),
    Versioned::in_query("POST /api/2/tenants/{tenant_id}/brand/logo", "/api/2/tenants/$north/brand/logo", "")
        .read_at(PARTNER),
    Versioned::in_query("DELETE /api/2/tenants/{tenant_id}/brand", BRAND, "").read_at(PARTNER),
    Versioned::in_body("PUT /api/2/users/{user_id}", USER, r#"{"enabled":false}"#),
    Versioned::in_body(
        "PUT /api/2/users/{user_id}/access_policies",
        "/api/2/users/$user/access_policies",
        r#"{"items":[{"id":"$policy","tenant_id":"$customer","role_id":"readonly_admin"}]}"#,
    )
    .within("/items/0/version", "/items/0/version")
    .optional(),
    Versioned::in_body("PUT /api/2/reports/{report_id}", REPORT, r#"{"parameters":{"level":"accounts"}}"#).optional(),
    Versioned::in_query("DELETE /api/2/reports/{report_id}", REPORT, ""),
    Versioned::in_query("DELETE /api/2/users/{user_id}", USER, ""),
    Versioned::in_body("PUT /api/2/locations/{location_id}", LOCATION, r#"{"name":"Loft"}"#),
    Versioned::in_query("DELETE /api/2/locations/{location_id}", LOCATION, ""),
    Versioned::in_body("PUT /api/2/infra/{infra_id}", INFRA, r#"{"name":"Rack"}"#),
    Versioned::in_query("DELETE /api/2/infra/{infra_id}", INFRA, ""),
    Versioned::in_body(
        "PUT /api/2/tenants/{tenant_id}/pricing",
        "/api/2/tenants/$customer/pricing",
        r#"{"currency":"EUR"}"#,
    ),
    Versioned::in_body(
        "PUT /api/2/tenants/{tenant_id}/offering_items/pricing",
        "/api/2/tenants/$customer/offering_items/pricing",
        r#"{"items":[{"application_id":"$backup","name":"vms","price":"0.05"}]}"#,
    )
    .within("/items/0/version", "/items/0/version")
    .optional(),
    Versioned::in_body(
        "PUT /api/2/tenants/{tenant_id}/offering_items",
        "/api/2/tenants/$customer/offering_items",
        r#"{"offering_items":[{"application_id":"$backup","name":"vms","quota":{"value":5,"overage":null}}]}"#,
    )
    .within("/offering_items/0/quota/version", "/items/0/quota/version")
    .read_at("/api/2/tenants/$customer/offering_items?usage_names=vms"),
    Versioned::in_body(
        "PUT /api/2/billing/tenants/{tenant_id}",
        "/api/2/billing/tenants/$customer",
        r#"{"mode":"external"}"#,
    ),
    Versioned::in_body(
        "POST /api/2/tenants/batch/delete",
        "/api/2/tenants/batch/delete",
        r#"{"items":[{"id":"$going"}]}"#,
    )
    .within("/items/0/version", "/version")
    .read_at("/api/2/tenants/$going"),
    Versioned::in_query("DELETE /api/2/tenants/{tenant_id}", "/api/2/tenants/$gone", ""),
];

/// Whether a schema has a member `version` anywhere.
fn has_version(document: &Value, schema: &Value) -> bool {
    if let Some(reference) = schema["$ref"].as_str() {
        return has_version(document, document.pointer(reference.trim_start_matches('#')).unwrap());
    }
    let members = schema["properties"].as_object().into_iter().flatten();
    let parts = ["oneOf", "allOf", "anyOf"].iter().filter_map(|kind| schema[kind].as_array()).flatten();
    members.into_iter().any(|(name, member)| name == "version" || has_version(document, member))
        || parts.into_iter().any(|part| has_version(document, part))
        || schema["items"].is_object() && has_version(document, &schema["items"])
}

#[test]
fn every_call_with_a_version_is_looked_at() {
    let document = document();
    let mut there = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(method, _)| *method != "get") {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let in_query = parameters.into_iter().any(|parameter| parameter["name"] == "version");
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            if in_query || has_version(&document, body) {
                there.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    let looked_at: BTreeSet<String> = CALLS.iter().map(|call| call.operation.to_owned()).collect();
    assert_eq!(there, looked_at);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_is_not_the_current_one_changes_nothing_and_names_itself() {
    let mut world = World::new().await;
    world.prepare_versions().await;
    for call in CALLS {
        let (before, current) = call.read(&world).await;
        let others = [
            json!(current - 1),
            json!(current + 1),
            json!(-1),
            json!(i64::MAX),
            json!((current - 1).to_string()),
        ];
        for version in others {
            let answer = call.call(&world, Some(&version)).await;
            let code = answer.expect(call.stale())["error"]["code"].clone();
            assert_eq!(code, 1001, "{} with {version}: {}", call.operation, answer.text());
        }
        for version in wrong(call.at).into_iter().map(Some).chain([None]) {
            if call.is_optional && version.as_ref().is_none_or(Value::is_null) {
                continue;
            }
            let answer = call.call(&world, version.as_ref()).await;
            let what = format!("{} with {version:?}: {}", call.operation, answer.text());
            assert_eq!(answer.status, 400, "{what}");
            let info = answer.json()["error"]["details"]["info"].as_str().unwrap().to_owned();
            assert!(info.starts_with(&format!("{}:", call.name())), "{what}");
        }
        assert_eq!(call.read(&world).await.0, before, "{}: nothing changed", call.operation);
        let answer = call.call(&world, Some(&json!(current.to_string()))).await;
        assert!(answer.status < 300, "{}, as digits: {}", call.operation, answer.text());
        // Who saw what was there before is behind by one now.
        if !call.operation.starts_with("DELETE") && !call.operation.ends_with("/delete") {
            let again = call.call(&world, Some(&json!(current))).await;
            let (_, now) = call.read(&world).await;
            assert!(now > current, "{}", call.operation);
            let taken = call.operation.starts_with("POST") && again.status == 409;
            assert!(taken || again.status == call.stale(), "{}: {}", call.operation, again.text());
        }
    }
}

/// What is no version.
fn wrong(at: At) -> Vec<Value> {
    let mut wrong: Vec<Value> =
        ["", "x", "1.5", "+1", "1e3", "0x1", " 1", "9223372036854775808"].map(Value::from).to_vec();
    match at {
        At::Query => {
            let encoded = |text: &Value| json!(domain::text::percent_encoded(text.as_str().unwrap()));
            wrong = wrong.iter().map(encoded).collect();
        }
        At::Body(_) => wrong.extend([
            json!(1.5),
            json!(true),
            json!([1]),
            json!({"version": 1}),
            Value::Null,
            json!(9_223_372_036_854_775_808_u64),
        ]),
    }
    wrong
}

impl World {
    /// Gives everything a version of its own: a role, a price, and a tenant more to delete.
    async fn prepare_versions(&mut self) {
        let policy = json!({"items": [{"tenant_id": "$customer", "role_id": "company_admin"}]});
        let path = "/api/2/users/$user/access_policies";
        let given = self.call("PUT", path).json(self.body(&policy)).await.ok();
        self.name("policy", &given["items"][0]["id"]);
        let pricing = "/api/2/tenants/$customer/pricing";
        let version = self.read(pricing).await.ok()["version"].clone();
        self.call("PUT", pricing).json(json!({"version": version, "currency": "USD"})).await.ok();
        let price = json!({"items": [{"application_id": "$backup", "name": "vms", "price": "0.01"}]});
        self.call("PUT", "/api/2/tenants/$customer/offering_items/pricing")
            .json(self.body(&price))
            .await
            .ok();
        let body = json!({"name": "Gone", "parent_id": "$north", "kind": "customer", "enabled": false});
        let gone = self.call("POST", "/api/2/tenants").json(self.body(&body)).await.expect(201);
        self.name("gone", &gone["id"]);
    }
}
