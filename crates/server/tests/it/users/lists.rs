//! Lists of users.

use app::users::{ListOptions, of_tenant};
use app::{Caller, Error};
use domain::access::Role;
use domain::ids::TenantId;
use domain::tenant::TenantKind::{Customer, Folder, Partner, Unit};
use serde_json::json;
use testkit::TestApp;

use super::{NOW, create, id_of, post, put};

/// The logins of a tenant's users.
async fn logins(
    test: &TestApp,
    caller: &Caller,
    tenant: TenantId,
    options: &ListOptions,
) -> Result<Vec<String>, Error> {
    let mut logins = Vec::new();
    for id in of_tenant(&test.app, caller, tenant, options).await? {
        logins.push(app::users::get(&test.app, caller, id, true).await?.login);
    }
    Ok(logins)
}

#[tokio::test]
async fn users_come_in_the_order_asked_for() {
    let test = TestApp::at(NOW).await;
    let partner = test.tenant(test.top, Partner, "P").await;
    let caller = test.caller(partner, Role::PartnerAdmin).await;
    for (login, first, types) in
        [("user-c", "Ann", json!(["technical"])), ("user-a", "bob", json!(["legal"]))]
    {
        let contact = json!({"email":"a@b","firstname":first,"types":types});
        post(&test, &caller, &json!({"tenant_id":partner,"login":login,"contact":contact})).await.unwrap();
    }
    let body = json!({"tenant_id":partner,"login":"user-b","contact":{"email":"a@b","firstname":"Cy"}});
    let disabled = id_of(&post(&test, &caller, &body).await.unwrap());
    put(&test, &caller, disabled, &json!({"version":1,"enabled":false})).await.unwrap();
    for (order, expected) in [
        ("name", ["user-c", "user-a", "user-b"]),
        ("-name", ["user-b", "user-a", "user-c"]),
        ("login", ["user-a", "user-b", "user-c"]),
        ("status", ["user-c", "user-a", "user-b"]),
        ("-status", ["user-b", "user-a", "user-c"]),
        ("contact_types", ["user-b", "user-a", "user-c"]),
        ("mfa_status", ["user-c", "user-a", "user-b"]),
        ("level", ["user-c", "user-a", "user-b"]),
        ("usage.storage", ["user-c", "user-a", "user-b"]),
    ] {
        let options = ListOptions { order: order.parse().unwrap(), ..ListOptions::default() };
        assert_eq!(logins(&test, &caller, partner, &options).await.unwrap(), expected, "{order}");
    }
    assert!("age".parse::<app::users::Order>().is_err());
}

#[tokio::test]
async fn grand_children_are_the_units_of_a_customer_and_the_open_folders_of_a_partner() {
    let test = TestApp::at(NOW).await;
    let partner = test.tenant(test.top, Partner, "P").await;
    let folder = test.tenant(partner, Folder, "F").await;
    let inner = test.tenant(folder, Folder, "G").await;
    let below = test.tenant(folder, Partner, "Q").await;
    let customer = test.tenant(inner, Customer, "C").await;
    let unit = test.tenant(customer, Unit, "U").await;
    let caller = test.caller(partner, Role::PartnerAdmin).await;
    for (tenant, login) in [
        (partner, "partner"),
        (folder, "folder"),
        (inner, "inner"),
        (below, "below"),
        (customer, "customer"),
        (unit, "unit"),
    ] {
        create(&test, &caller, tenant, login).await.unwrap();
    }
    let all = ListOptions { grand_children: true, order: "login".parse().unwrap(), ..ListOptions::default() };
    let own = ListOptions::default();
    assert_eq!(logins(&test, &caller, partner, &own).await.unwrap(), ["partner"]);
    assert_eq!(logins(&test, &caller, partner, &all).await.unwrap(), ["folder", "inner", "partner"]);
    assert_eq!(logins(&test, &caller, customer, &all).await.unwrap(), ["customer", "unit"]);
    let close = json!({"version":1,"ancestral_access":false});
    crate::tenants::put(&test, &caller, folder, &close).await.unwrap();
    assert_eq!(logins(&test, &caller, partner, &all).await.unwrap(), ["partner"]);
    assert!(matches!(logins(&test, &caller, folder, &own).await, Err(Error::Forbidden)));
}
