//! Tenants.

mod closure;
mod default_idp;
mod http;
mod isolation;
mod lists;
mod moves;
mod numbers;
mod restore;
mod tree;

use app::tenants::{self, Options};
use app::{Caller, Error, Rule};
use domain::access::Role;
use domain::ids::TenantId;
use domain::tenant::TenantKind;
use http_api::api::tenants::body::{NewTenantBody, Tenant, TenantBody};
use http_api::json::decode;
use serde_json::{Value, json};
use testkit::{TestApp, at};

const NOW: &str = "2026-05-08T10:58:53Z";

/// Makes a tenant from a body, and gives it as an answer shows it.
pub(crate) async fn create(test: &TestApp, caller: &Caller, body: &Value) -> Result<Value, Error> {
    let body: NewTenantBody = decode(body.to_string().as_bytes())?;
    Ok(shown(tenants::create(&test.app, caller, body.into()).await?))
}

/// Changes a tenant by a body, and gives it as an answer shows it.
pub(crate) async fn put(test: &TestApp, caller: &Caller, id: TenantId, body: &Value) -> Result<Value, Error> {
    let body: TenantBody = decode(body.to_string().as_bytes())?;
    Ok(shown(tenants::update(&test.app, caller, id, body.into()).await?))
}

/// A tenant as an answer shows it.
pub(crate) async fn get(test: &TestApp, caller: &Caller, id: TenantId) -> Result<Value, Error> {
    Ok(shown(tenants::get(&test.app, caller, id, Options::default()).await?))
}

fn shown(details: tenants::Details) -> Value {
    serde_json::to_value(Tenant::from(details)).unwrap()
}

pub(crate) fn id_of(object: &Value) -> TenantId {
    object["id"].as_str().unwrap().parse().unwrap()
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "reads best around a call")]
pub(crate) fn breaks<T: std::fmt::Debug>(result: Result<T, Error>, expected: Rule) {
    assert!(
        matches!(&result, Err(Error::Rule { rule, .. }) if *rule == expected),
        "{expected:?}: {result:?}"
    );
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "reads best around a call")]
pub(crate) fn refuses<T: std::fmt::Debug>(result: Result<T, Error>, member: &str) {
    assert!(matches!(&result, Err(Error::Invalid { field, .. }) if field == member), "{member}: {result:?}");
}

async fn partner_with_admin(test: &TestApp) -> (TenantId, Caller) {
    let partner = test.tenant(test.top, TenantKind::Partner, "North").await;
    let caller = test.caller(partner, Role::PartnerAdmin).await;
    (partner, caller)
}

#[tokio::test]
async fn a_new_tenant_is_answered_as_in_the_published_example() {
    let test = TestApp::at(NOW).await;
    let (partner, caller) = partner_with_admin(&test).await;
    let body = json!({"name":"Harbour Ltd","parent_id":partner,"kind":"customer",
        "contact":{"email":"ops@harbour.example","phone":"123456789"},"customer_id":"H-17","language":"en"});
    let tenant = create(&test, &caller, &body).await.unwrap();
    let expected = json!({"id":tenant["id"],"version":1,"created_at":NOW,"updated_at":NOW,"deleted_at":null,
        "name":"Harbour Ltd","customer_type":"default","parent_id":partner,"kind":"customer",
        "contact":{"id":tenant["contact"]["id"],"created_at":NOW,"updated_at":NOW,"types":["legal"],
            "email":"ops@harbour.example","firstname":null,"lastname":null,"address1":null,"address2":null,
            "country":null,"state":null,"city":null,"zipcode":null,"phone":"123456789","title":null,"website":null,
            "industry":null,"organization_size":null,"email_confirmed":false,"aan":null,"fax":null,"language":null},
        "contacts":[],"enabled":true,"customer_id":"H-17","brand_id":1,
        "brand_uuid":"03fa8bf4-28f2-11e7-ba28-cbe99c3c450a","brand_enabled":false,"internal_tag":null,"language":"en",
        "owner_id":null,"has_children":false,"default_idp_id":"11111111-1111-1111-1111-111111111111",
        "update_lock":{"enabled":false,"owner_id":null},"ancestral_access":true,"mfa_status":"disabled",
        "pricing_mode":"trial","production_start_date":"2026-06-08T10:58:53Z","external_operation_status":null});
    assert_eq!(tenant, expected);
    assert_eq!(get(&test, &caller, id_of(&tenant)).await.unwrap(), expected);
}

#[tokio::test]
async fn a_fetched_tenant_can_be_sent_back_and_changes_its_version_alone() {
    let test = TestApp::at(NOW).await;
    let (partner, caller) = partner_with_admin(&test).await;
    let fetched = get(&test, &caller, partner).await.unwrap();
    test.clock.set(at("2026-05-09T00:00:00Z"));
    let answer = put(&test, &caller, partner, &fetched).await.unwrap();
    let mut expected = fetched.clone();
    expected["version"] = json!(2);
    expected["updated_at"] = json!("2026-05-09T00:00:00Z");
    assert_eq!(answer, expected);
    let stale = put(&test, &caller, partner, &fetched).await;
    assert!(matches!(stale, Err(Error::Stale { sent: 1, current: 2 })));
}

#[tokio::test]
async fn given_members_change_and_null_clears_the_nullable_ones() {
    let test = TestApp::at(NOW).await;
    let (partner, caller) = partner_with_admin(&test).await;
    let first = json!({"version":"1","name":"South","customer_type":"enterprise","customer_id":"S-1","internal_tag":"x",
        "language":"pt_BR","enabled":"false","external_operation_status":"deleting",
        "contact":{"id":"","types":["billing"],"email":"a@b","city":"Hull"},"settings":null});
    refuses(put(&test, &caller, partner, &first).await, "settings");
    let mut first = first;
    first.as_object_mut().unwrap().remove("settings");
    let tenant = put(&test, &caller, partner, &first).await.unwrap();
    assert_eq!(tenant["language"], "pt-BR");
    assert_eq!(tenant["enabled"], false);
    assert_eq!(tenant["external_operation_status"], "deleting");
    assert_eq!(tenant["contact"]["types"], json!(["legal", "billing"]));
    let second = json!({"version":2,"name":null,"customer_id":null,"external_operation_status":"no_operation",
        "contact":{"city":null,"types":null}});
    let tenant = put(&test, &caller, partner, &second).await.unwrap();
    assert_eq!(tenant["name"], "South");
    assert_eq!(tenant["customer_id"], Value::Null);
    assert_eq!(tenant["internal_tag"], "x");
    assert_eq!(tenant["external_operation_status"], Value::Null);
    assert_eq!(tenant["contact"]["city"], Value::Null);
    assert_eq!(tenant["contact"]["email"], "a@b");
    assert_eq!(tenant["contact"]["types"], json!(["legal", "billing"]));
}

#[tokio::test]
async fn malformed_bodies_name_the_member() {
    let test = TestApp::at(NOW).await;
    let (partner, caller) = partner_with_admin(&test).await;
    for (member, value) in [
        ("surprise", json!(1)),
        ("name", json!("a\nb")),
        ("name", json!(" ")),
        ("kind", json!("shop")),
        ("parent_id", json!("ede9f83470b3476c83d9736f9f8c7dae")),
        ("language", json!("tlh")),
        ("internal_tag", json!("x".repeat(257))),
        ("enabled", json!("yes")),
    ] {
        let mut body = json!({"name":"Harbour","parent_id":partner,"kind":"customer"});
        body[member] = value;
        refuses(create(&test, &caller, &body).await, member);
    }
    for (member, contact) in [
        ("contact.email", json!({"email":"nobody"})),
        ("contact.nickname", json!({"nickname":"x"})),
        ("contact.types", json!({"types":["company_billing"]})),
    ] {
        let body = json!({"name":"Harbour","parent_id":partner,"kind":"customer","contact":contact});
        refuses(create(&test, &caller, &body).await, member);
    }
    refuses(create(&test, &caller, &json!({"name":"x","kind":"customer"})).await, "parent_id");
    refuses(put(&test, &caller, partner, &json!({"name":"x"})).await, "version");
}

#[tokio::test]
async fn a_kind_stands_only_where_the_table_allows_it() {
    let test = TestApp::at(NOW).await;
    let top = test.caller(test.top, Role::RootAdmin).await;
    let partner = test.tenant(test.top, TenantKind::Partner, "P").await;
    let customer = test.tenant(partner, TenantKind::Customer, "C").await;
    let body = |parent: TenantId, kind: &str| json!({"name":"x","parent_id":parent,"kind":kind});
    for (parent, kind) in [(partner, "unit"), (customer, "customer"), (customer, "folder"), (partner, "root")]
    {
        breaks(create(&test, &top, &body(parent, kind)).await, Rule::Business);
    }
    let unit = create(&test, &top, &body(customer, "unit")).await.unwrap();
    assert_eq!(unit["pricing_mode"], "trial");
    let folder = create(&test, &top, &body(partner, "folder")).await.unwrap();
    assert_eq!(folder["pricing_mode"], "production");
    assert_eq!(folder["production_start_date"], NOW);
    let folder = id_of(&folder);
    let regrouped = put(&test, &top, folder, &json!({"version":1,"kind":"partner"})).await.unwrap();
    assert_eq!(regrouped["kind"], "partner");
    breaks(put(&test, &top, folder, &json!({"version":2,"kind":"customer"})).await, Rule::Business);
    put(&test, &top, partner, &json!({"version":1,"enabled":false})).await.unwrap();
    breaks(create(&test, &top, &body(partner, "customer")).await, Rule::ParentDisabled);
}

#[tokio::test]
async fn a_trial_ends_by_itself_after_a_month_for_the_customer_and_its_units() {
    let test = TestApp::at("2026-01-31T12:00:00Z").await;
    let (partner, caller) = partner_with_admin(&test).await;
    let body = json!({"name":"C","parent_id":partner,"kind":"customer"});
    let customer = id_of(&create(&test, &caller, &body).await.unwrap());
    test.clock.set(at("2026-02-20T00:00:00Z"));
    let unit = create(&test, &caller, &json!({"name":"U","parent_id":customer,"kind":"unit"})).await.unwrap();
    for (now, mode) in [("2026-02-28T11:59:59Z", "trial"), ("2026-02-28T12:00:00Z", "production")] {
        test.clock.set(at(now));
        for tenant in [customer, id_of(&unit)] {
            let tenant = get(&test, &caller, tenant).await.unwrap();
            assert_eq!(tenant["pricing_mode"], mode);
            assert_eq!(tenant["production_start_date"], "2026-02-28T12:00:00Z");
        }
    }
}

#[tokio::test]
async fn a_tenant_is_disabled_before_it_is_deleted_with_everything_below() {
    let test = TestApp::at(NOW).await;
    let (partner, caller) = partner_with_admin(&test).await;
    let customer = test.tenant(partner, TenantKind::Customer, "C").await;
    let unit = test.tenant(customer, TenantKind::Unit, "U").await;
    let user = crate::users::create(&test, &caller, customer, "jdoe").await.unwrap();
    let enabled = tenants::delete(&test.app, &caller, customer, 1).await;
    assert!(matches!(enabled, Err(Error::StillEnabled { .. })), "{enabled:?}");
    let stale = tenants::delete(&test.app, &caller, customer, 7).await;
    assert!(matches!(stale, Err(Error::Stale { sent: 7, current: 1 })));
    put(&test, &caller, customer, &json!({"version":1,"enabled":false})).await.unwrap();
    tenants::delete(&test.app, &caller, customer, 2).await.unwrap();
    let deleted_too = Options { deleted_too: true, ..Options::default() };
    for id in [customer, unit] {
        assert!(matches!(get(&test, &caller, id).await, Err(Error::NotFound { what: "tenant" })));
        let tenant = shown(tenants::get(&test.app, &caller, id, deleted_too).await.unwrap());
        assert_eq!(tenant["deleted_at"], NOW);
    }
    let id = user["id"].as_str().unwrap().parse().unwrap();
    let gone = app::users::get(&test.app, &caller, id, false).await;
    assert!(matches!(gone, Err(Error::NotFound { what: "user" })));
    assert!(app::users::get(&test.app, &caller, id, true).await.unwrap().deleted_at.is_some());
    crate::users::create(&test, &caller, partner, "jdoe").await.expect("the login is free again");
    assert_eq!(get(&test, &caller, partner).await.unwrap()["has_children"], false);
    let top = test.caller(test.top, Role::RootAdmin).await;
    put(&test, &top, test.top, &json!({"version":1,"enabled":false})).await.unwrap();
    breaks(tenants::delete(&test.app, &top, test.top, 2).await, Rule::Business);
}

#[tokio::test]
async fn only_the_people_of_the_locking_tenant_write_a_locked_one() {
    let test = TestApp::at(NOW).await;
    let (partner, caller) = partner_with_admin(&test).await;
    let customer = test.tenant(partner, TenantKind::Customer, "C").await;
    let own = test.caller(customer, Role::CompanyAdmin).await;
    let body = json!({"version":1,"update_lock":{"enabled":true,"owner_id":null}});
    let locked = put(&test, &caller, customer, &body).await.unwrap();
    assert_eq!(locked["update_lock"], json!({"enabled":true,"owner_id":partner}));
    for foreign in [&own, &test.caller(test.top, Role::RootAdmin).await] {
        breaks(put(&test, foreign, customer, &json!({"version":2,"name":"x"})).await, Rule::Locked);
        breaks(tenants::delete(&test.app, foreign, customer, 2).await, Rule::Locked);
        get(&test, foreign, customer).await.expect("reading is free");
    }
    let body = json!({"version":2,"update_lock":{"enabled":false}});
    let unlocked = put(&test, &caller, customer, &body).await.unwrap();
    assert_eq!(unlocked["update_lock"], json!({"enabled":false,"owner_id":null}));
    put(&test, &own, customer, &json!({"version":3,"name":"x"})).await.unwrap();
}

#[tokio::test]
async fn a_closed_tenant_hides_its_users_and_children_from_above() {
    let test = TestApp::at(NOW).await;
    let (partner, caller) = partner_with_admin(&test).await;
    let customer = test.tenant(partner, TenantKind::Customer, "C").await;
    let unit = test.tenant(customer, TenantKind::Unit, "U").await;
    let own = test.caller(customer, Role::CompanyAdmin).await;
    let user = crate::users::create(&test, &own, customer, "jdoe").await.unwrap();
    let user = user["id"].as_str().unwrap().parse().unwrap();
    put(&test, &caller, customer, &json!({"version":1,"ancestral_access":false})).await.unwrap();
    let forbidden = |result: Result<(), Error>| assert!(matches!(result, Err(Error::Forbidden)));
    forbidden(get(&test, &caller, unit).await.map(drop));
    forbidden(app::users::get(&test.app, &caller, user, false).await.map(drop));
    forbidden(crate::users::create(&test, &caller, customer, "other").await.map(drop));
    forbidden(lists::children(&test, &caller, customer, "name").await.map(drop));
    let body = json!({"name":"x","parent_id":customer,"kind":"unit"});
    forbidden(create(&test, &caller, &body).await.map(drop));
    get(&test, &own, unit).await.expect("its own people look inside");
    app::users::get(&test.app, &own, user, false).await.unwrap();
    put(&test, &caller, customer, &json!({"version":2,"name":"still writable"})).await.unwrap();
    let opened = json!({"version":3,"ancestral_access":true});
    forbidden(put(&test, &caller, customer, &opened).await.map(drop));
    put(&test, &own, customer, &opened).await.unwrap();
    get(&test, &caller, unit).await.expect("open again");
    breaks(put(&test, &own, unit, &json!({"version":1,"ancestral_access":false})).await, Rule::Business);
}

#[tokio::test]
async fn what_changes_is_logged_with_its_old_and_new_value() {
    let test = TestApp::at(NOW).await;
    let (partner, caller) = partner_with_admin(&test).await;
    let customer = test.tenant(partner, TenantKind::Customer, "C").await;
    let body = json!({"version":1,"name":"D","customer_id":"7","enabled":false,"internal_tag":"seen"});
    put(&test, &caller, customer, &body).await.unwrap();
    tenants::delete(&test.app, &caller, customer, 2).await.unwrap();
    let no = test.no(customer).await;
    let mut conn = test.app.read().await.unwrap();
    let changes = store::audit::later_changes(&mut conn, no, store::audit::Object::Tenant).await.unwrap();
    let changes: Vec<_> = changes
        .iter()
        .map(|change| (change.field.as_str(), change.old.as_deref(), change.new.as_deref()))
        .collect();
    assert_eq!(
        changes,
        [
            ("name", Some("C"), Some("D")),
            ("enabled", Some("true"), Some("false")),
            ("customer_id", None, Some("7")),
            ("internal_tag", None, Some("seen")),
            ("deleted", Some("false"), Some("true")),
        ]
    );
}
