//! Lists of children and services.

use app::{Caller, Error};
use domain::access::{Actor, Role};
use domain::ids::{InfraNo, TenantId};
use domain::tenant::TenantKind::{Customer, Partner};
use serde_json::json;
use store::args;
use testkit::TestApp;

use super::{NOW, put};

/// The names of a tenant's children, by id and in full: the two must agree.
pub(super) async fn children(
    test: &TestApp,
    caller: &Caller,
    parent: TenantId,
    order: &str,
) -> Result<Vec<String>, Error> {
    let order = order.parse().unwrap();
    let ids = app::tenants::children(&test.app, caller, parent, &order, false).await?;
    let full = app::tenants::children_in_full(&test.app, caller, parent, &order, false).await?;
    assert_eq!(ids, full.iter().map(|details| details.tenant.id).collect::<Vec<_>>());
    Ok(full.into_iter().map(|details| details.tenant.name).collect())
}

#[tokio::test]
async fn children_come_in_the_order_asked_for() {
    let test = TestApp::at(NOW).await;
    let partner = test.tenant(test.top, Partner, "P").await;
    let caller = test.caller(partner, Role::PartnerAdmin).await;
    let beta = test.tenant(partner, Customer, "beta").await;
    let alpha = test.tenant(partner, Customer, "Alpha").await;
    test.tenant(partner, Customer, "gamma").await;
    test.tenant(beta, domain::tenant::TenantKind::Unit, "grandchild").await;
    put(&test, &caller, alpha, &json!({"version":1,"enabled":false})).await.unwrap();
    let deleted = test.tenant(partner, Customer, "deleted").await;
    put(&test, &caller, deleted, &json!({"version":1,"enabled":false})).await.unwrap();
    app::tenants::delete(&test.app, &caller, deleted, 2).await.unwrap();
    for (order, expected) in [
        ("name", ["Alpha", "beta", "gamma"]),
        ("-name", ["gamma", "beta", "Alpha"]),
        ("as_is", ["beta", "Alpha", "gamma"]),
        ("status", ["beta", "gamma", "Alpha"]),
        ("usage.storage", ["Alpha", "beta", "gamma"]),
    ] {
        assert_eq!(children(&test, &caller, partner, order).await.unwrap(), expected, "{order}");
    }
    for (tenant, item, level) in [(alpha, "storage", 5), (beta, "p_storage", i64::MAX), (beta, "storage", 7)]
    {
        read_meter(&test, tenant, item, level).await;
    }
    let order = "-usage.storage";
    assert_eq!(children(&test, &caller, partner, order).await.unwrap(), ["beta", "Alpha", "gamma"]);
    let order = app::tenants::Order::default();
    let all = app::tenants::children(&test.app, &caller, partner, &order, true).await.unwrap();
    assert!(all.contains(&deleted));
}

async fn read_meter(test: &TestApp, tenant: TenantId, item: &str, level: i64) {
    let no = test.no(tenant).await;
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    let numbers = store::catalogue::item_numbers(&mut tx).await.unwrap();
    tx.run(
        "INSERT INTO meters (tenant_no, item_no, infra_no, level, heard_on, heard_at) VALUES ($1, $2, $3, $4, 0, 0)",
        args![no, numbers.no(item).unwrap(), InfraNo::NONE, level],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn the_platform_is_on_everywhere() {
    let test = TestApp::at(NOW).await;
    let partner = test.tenant(test.top, Partner, "P").await;
    let caller = test.caller(partner, Role::ReadonlyAdmin).await;
    let services = app::tenants::applications(&test.app, &caller, partner).await.unwrap();
    let names: Vec<_> = services.iter().filter_map(|id| test.app.catalogue().application(*id)).collect();
    assert_eq!(names.iter().map(|service| service.service.as_str()).collect::<Vec<_>>(), ["platform"]);
    let no = test.no(partner).await;
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    tx.run("INSERT INTO tenant_services (tenant_no, service) VALUES ($1, 'backup')", args![no])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(app::tenants::applications(&test.app, &caller, partner).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_deep_tree_and_ten_thousand_children_are_no_trouble() {
    let test = TestApp::at(NOW).await;
    let mut deepest = test.top;
    for depth in 1..=20 {
        deepest = test.tenant(deepest, Partner, &format!("level {depth}")).await;
    }
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    let parent = store::tenants::by_id(&mut tx, deepest).await.unwrap().unwrap();
    assert_eq!(parent.level, 20);
    let first = store::tenants::details(&mut tx, parent.no).await.unwrap().unwrap();
    let rows = (0..10_000_i64).map(|at| (parent.no.0 + 1 + at, at)).collect::<Vec<_>>();
    let contact = first.contact.id.to_string();
    let tenants = rows.iter().map(|(no, at)| {
        args![*no, test.app.ids.other().unwrap(), parent.no, format!("child {at:05}"), contact.as_str()]
    });
    tx.insert_many(
        "INSERT INTO tenants (no, id, parent_no, name, contact_id, version, created_at, updated_at, kind, customer_type,
         enabled, language, default_idp_id, ancestral_access, enhanced_security, external_operation, pricing_mode,
         pricing_version, billing_day, billing_mode, usage_calculation_mode, billing_version)
         SELECT v.column1, v.column2, v.column3, v.column4, v.column5, 1, 0, 0, 'customer', 'default', 1, 'en',
         '11111111-1111-1111-1111-111111111111', 1, 0, 'no_operation', 'trial', 0, 1, 'internal', 'last_day', 0 FROM (",
        ") v",
        tenants.collect(),
    )
    .await
    .unwrap();
    tx.run(
        "INSERT INTO closure (ancestor_no, tenant_no, depth, walls)
         SELECT k.ancestor_no, t.no, k.depth + 1, 0 FROM tenants t JOIN closure k ON k.tenant_no = t.parent_no
         WHERE t.parent_no = $1 UNION ALL SELECT no, no, 0, 0 FROM tenants WHERE parent_no = $1",
        args![parent.no],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let caller = test.caller(test.top, Role::RootAdmin).await;
    let names = children(&test, &caller, deepest, "-name").await.unwrap();
    assert_eq!(names.len(), 10_000);
    assert_eq!(names.first().map(String::as_str), Some("child 09999"));
    let top =
        app::tenants::get(&test.app, &caller, test.top, app::tenants::Options::default()).await.unwrap();
    assert!(top.tenant.has_children);
}
