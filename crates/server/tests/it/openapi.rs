//! What the OpenAPI document promises its readers.

use std::collections::BTreeSet;

use domain::access::Role;
use domain::report::{Format, Kind, Level};
use serde_json::{Value, json};
use ureq::http::Method;

fn document() -> Value {
    let (_, document) = http_api::serve::documented();
    serde_json::to_value(document).unwrap()
}

/// Every operation, by its place.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            methods.map(move |(method, operation)| (format!("{method} {path}"), operation))
        })
        .collect()
}

/// A request of every operation, its path parameters filled with an id of nothing.
pub(crate) fn requests() -> Vec<(Method, String)> {
    let mut requests = Vec::new();
    for (path, methods) in document()["paths"].as_object().unwrap() {
        let id = "00000000-0000-4000-8000-000000000001";
        let filled = path.split('/').map(|part| if part.starts_with('{') { id } else { part });
        let filled = filled.collect::<Vec<_>>().join("/");
        for method in methods.as_object().unwrap().keys() {
            requests.push((method.to_ascii_uppercase().parse().unwrap(), filled.clone()));
        }
    }
    requests
}

/// The schema itself, where it is named by a reference, alone or beside null or a description.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    for parts in ["oneOf", "allOf"] {
        if let Some(parts) = schema[parts].as_array() {
            let named = parts.iter().find(|part| part["$ref"].is_string()).unwrap();
            return resolved(document, named);
        }
    }
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// The words that a member of a body may have; of a list: those of its items.
fn words<'a>(document: &'a Value, body: &str, member: &str) -> &'a Value {
    let member = resolved(document, &document["components"]["schemas"][body]["properties"][member]);
    let one = if member["items"].is_object() { resolved(document, &member["items"]) } else { member };
    &one["enum"]
}

#[test]
fn it_is_of_version_3_1() {
    assert!(document()["openapi"].as_str().unwrap().starts_with("3.1."));
}

#[test]
fn every_reference_leads_somewhere() {
    fn check(document: &Value, part: &Value) {
        if let Some(reference) = part["$ref"].as_str() {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
        match part {
            Value::Object(members) => members.values().for_each(|part| check(document, part)),
            Value::Array(parts) => parts.iter().for_each(|part| check(document, part)),
            _ => {}
        }
    }
    let document = document();
    check(&document, &document);
}

#[test]
fn every_operation_has_an_id_of_its_own_and_a_described_tag() {
    let document = document();
    let tags: Vec<_> = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    assert_eq!((tags.first(), tags.last()), (Some(&&json!("reports")), Some(&&json!("idp"))));
    let mut ids = BTreeSet::new();
    for (place, operation) in operations(&document) {
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{place}: its id is taken");
        assert!(tags.contains(&&operation["tags"][0]), "{place}: its tag is not described");
    }
}

#[test]
fn every_response_is_described() {
    let document = document();
    for (place, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert_ne!(response["description"], "", "{place}: {status}");
            assert!(response["description"].is_string(), "{place}: {status}");
            let says_what =
                !["OK", "Created", "No Content"].contains(&response["description"].as_str().unwrap());
            assert!(says_what, "{place}: {status} does not say what comes back");
        }
    }
}

#[test]
fn members_name_the_words_of_the_domain() {
    let document = document();
    let all = |words: Vec<&str>| Value::from(words);
    let levels = all(Level::ALL.iter().map(|level| level.as_str()).collect());
    let kinds = all(Kind::ALL.iter().map(|kind| kind.as_str()).collect());
    let formats = all(Format::ALL.iter().map(|format| format.as_str()).collect());
    let roles = all(Role::ALL.iter().map(|role| role.as_str()).collect());
    for body in ["OnOne", "OnMany", "PutParameters", "ReportParameters"] {
        assert_eq!(*words(&document, body, "level"), levels, "{body}");
        assert_eq!(*words(&document, body, "kind"), kinds, "{body}");
        assert_eq!(*words(&document, body, "formats"), formats, "{body}");
    }
    for body in ["AccessPolicy", "AccessPolicyBody"] {
        assert_eq!(*words(&document, body, "role_id"), roles, "{body}");
    }
    assert_eq!(levels, json!(["itself", "direct_partners", "all_customers", "accounts", "all_partners"]));
}

#[test]
fn a_body_that_may_be_missing_is_not_required_and_none_is_null() {
    let document = document();
    let mut optional = Vec::new();
    for (place, operation) in operations(&document) {
        let body = &operation["requestBody"];
        let Some(content) = body["content"].as_object() else { continue };
        for (media, content) in content {
            let choice = content["schema"]["oneOf"].as_array().into_iter().flatten();
            assert!(choice.clone().all(|schema| schema["type"] != "null"), "{place} {media}");
        }
        if body["required"] != true {
            optional.push(place);
        }
    }
    let expected = [
        "post /api/2/applications/{application_id}/bindings/tenants/{tenant_id}",
        "post /api/2/tenants/{tenant_id}/restore",
        "post /api/2/users/{user_id}/restore",
        "post /api/2/users/{user_id}/send-activation-email",
        "post /api/tidemark/1/deliveries/{delivery_id}/resend",
        "post /api/tidemark/1/delivery-alerts/{alert_id}/acknowledge",
        "post /api/tidemark/1/reports/{report_id}/deliveries/resend",
        "put /api/2/clients/{client_id}",
    ];
    optional.sort();
    assert_eq!(optional, expected, "those of wire-conventions, 10, and those without a required member");
}
