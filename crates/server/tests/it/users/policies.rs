//! Access policies.

use app::policies::{self, NewPolicy};
use app::{Caller, Error, Rule};
use domain::access::Role;
use domain::ids::UserId;
use domain::tenant::TenantKind;
use http_api::api::access_policies::{AccessPolicies, AccessPoliciesBody};
use http_api::json::decode;
use serde_json::{Value, json};
use testkit::{TestApp, at};

use super::{NOW, create, customer_with_admin, id_of};
use crate::tenants::{breaks, refuses};

const ZERO: &str = "00000000-0000-0000-0000-000000000000";

async fn put(test: &TestApp, caller: &Caller, user: UserId, items: Value) -> Result<Value, Error> {
    let body: AccessPoliciesBody = decode(json!({"items":items}).to_string().as_bytes())?;
    let items: Vec<NewPolicy> = body.into();
    let policies = policies::replace(&test.app, caller, user, items).await?;
    Ok(serde_json::to_value(AccessPolicies::from(policies)).unwrap())
}

#[tokio::test]
async fn a_set_is_replaced_as_in_the_published_example() {
    let test = TestApp::at(NOW).await;
    let (customer, caller) = customer_with_admin(&test).await;
    let user = id_of(&create(&test, &caller, customer, "jdoe").await.unwrap());
    let new = json!({"id":ZERO,"issuer_id":ZERO,"trustee_id":user,"trustee_type":"user","tenant_id":customer,
        "role_id":"company_admin","version":0});
    let answer = put(&test, &caller, user, json!([new])).await.unwrap();
    let id = answer["items"][0]["id"].clone();
    assert_ne!(id, ZERO);
    let policy = json!({"id":id,"version":0,"trustee_id":user,"trustee_type":"user",
        "issuer_id":caller.actor.id().to_string(),"tenant_id":customer,"role_id":"company_admin","created_at":NOW,
        "updated_at":NOW,"deleted_at":null});
    assert_eq!(answer, json!({"timestamp":NOW,"items":[policy]}));
    test.clock.set(at("2026-05-09T00:00:00Z"));
    let least = json!({"tenant_id":customer,"role_id":"notary_user","resource_path":"/x"});
    let kept = put(&test, &caller, user, json!([policy, least])).await.unwrap();
    assert_eq!(kept["items"][0], policy, "a kept one stays as it was");
    assert_eq!(kept["items"][1]["resource_path"], "/x");
    let stale = json!({"id":id,"version":4,"tenant_id":customer,"role_id":"company_admin"});
    let stale = put(&test, &caller, user, json!([stale])).await;
    assert!(matches!(stale, Err(Error::Stale { sent: 4, current: 0 })));
    let changed = json!({"id":id,"tenant_id":customer,"role_id":"readonly_admin"});
    let changed = put(&test, &caller, user, json!([changed])).await.unwrap();
    assert_eq!((&changed["items"][0]["id"], &changed["items"][0]["version"]), (&id, &json!(1)));
    assert_eq!(changed["items"][0]["created_at"], NOW);
    assert_eq!(put(&test, &caller, user, json!([])).await.unwrap()["items"], json!([]));
}

#[tokio::test]
async fn a_role_fits_its_tenant_and_a_service_has_one() {
    let test = TestApp::at(NOW).await;
    let (customer, caller) = customer_with_admin(&test).await;
    let user = id_of(&create(&test, &caller, customer, "jdoe").await.unwrap());
    let unfit = json!([{"tenant_id":caller.tenant_id,"role_id":"company_admin"}]);
    breaks(put(&test, &caller, user, unfit).await, Rule::Business);
    let two = json!([{"tenant_id":customer,"role_id":"company_admin"},{"tenant_id":customer,"role_id":"readonly_admin"}]);
    breaks(put(&test, &caller, user, two).await, Rule::Business);
    let other = json!([{"tenant_id":customer,"role_id":"tenant_admin"}]);
    refuses(put(&test, &caller, user, other).await, "items[0].role_id");
    let foreign = json!([{"tenant_id":customer,"role_id":"company_admin","trustee_id":customer}]);
    refuses(put(&test, &caller, user, foreign).await, "items[0].trustee_id");
    assert!(policies::get(&test.app, &caller, user).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn nobody_gives_more_than_it_holds() {
    let test = TestApp::at(NOW).await;
    let (customer, caller) = customer_with_admin(&test).await;
    let user = id_of(&create(&test, &caller, caller.tenant_id, "jdoe").await.unwrap());
    let south = test.tenant(test.top, TenantKind::Partner, "South").await;
    for (tenant, role) in [(south, "partner_admin"), (test.top, "root_admin")] {
        let beyond = put(&test, &caller, user, json!([{"tenant_id":tenant,"role_id":role}])).await;
        assert!(matches!(beyond, Err(Error::Forbidden)));
    }
    let viewer = test.caller(caller.tenant_id, Role::ReadonlyAdmin).await;
    let own = json!([{"tenant_id":caller.tenant_id,"role_id":"partner_admin"}]);
    assert!(matches!(put(&test, &viewer, user, own.clone()).await, Err(Error::Forbidden)));
    policies::get(&test.app, &viewer, user).await.expect("viewers read");
    // A token narrowed to the customer has its creator's role there and below only.
    let mut narrowed = test.caller(customer, Role::PartnerAdmin).await;
    narrowed.tenant_id = caller.tenant_id;
    narrowed.narrowed_to = Some(customer);
    let below = id_of(&create(&test, &caller, customer, "below").await.unwrap());
    assert!(matches!(put(&test, &narrowed, below, own.clone()).await, Err(Error::Forbidden)));
    let within = json!([{"tenant_id":customer,"role_id":"company_admin"}]);
    put(&test, &narrowed, below, within).await.unwrap();
    put(&test, &caller, user, own).await.unwrap();
}
