//! Moving tenants (accounts-api, tier 3).

use std::future::IntoFuture as _;

use app::offering_items::Change;
use app::{Error, Rule};
use domain::access::Role;
use domain::catalogue::{Catalogue, Service};
use domain::ids::TenantId;
use domain::tenant::TenantKind::{Customer, Folder, Partner, Unit};
use serde_json::json;
use store::args;
use testkit::TestApp;

use super::{NOW, breaks, get, put};
use crate::{offering_items, users};

#[tokio::test]
async fn a_partner_moves_with_everything_below_it() {
    let test = TestApp::at(NOW).await;
    let top = test.caller(test.top, Role::RootAdmin).await;
    let north = test.tenant(test.top, Partner, "North").await;
    let south = test.tenant(test.top, Partner, "South").await;
    let moved = test.tenant(north, Folder, "Moved").await;
    let customer = test.tenant(moved, Customer, "C").await;
    let southerner = test.caller(south, Role::PartnerAdmin).await;
    let northerner = test.caller(north, Role::PartnerAdmin).await;
    let refused = put(&test, &northerner, moved, &json!({"version":1,"parent_id":south})).await;
    assert!(matches!(refused, Err(Error::Forbidden)), "both parents must be administered");
    let answer = put(&test, &top, moved, &json!({"version":1,"parent_id":south})).await.unwrap();
    assert_eq!(answer["parent_id"], south.to_string());
    get(&test, &southerner, customer).await.expect("now below south");
    assert!(matches!(get(&test, &northerner, customer).await, Err(Error::Forbidden)));
    let options = app::tenants::Options { path: true, ..Default::default() };
    let details = app::tenants::get(&test.app, &top, customer, options).await.unwrap();
    assert_eq!(details.path.unwrap(), [moved, south, test.top]);
    assert_eq!(details.tenant.level, 3);
}

#[tokio::test]
async fn a_move_keeps_the_rules() {
    let test = TestApp::at(NOW).await;
    let top = test.caller(test.top, Role::RootAdmin).await;
    let north = test.tenant(test.top, Partner, "North").await;
    let folder = test.tenant(north, Folder, "Folder").await;
    let customer = test.tenant(folder, Customer, "C").await;
    let other = test.tenant(north, Customer, "D").await;
    let unit = test.tenant(customer, Unit, "U").await;
    let disabled = test.tenant(test.top, Partner, "Disabled").await;
    put(&test, &top, disabled, &json!({"version":1,"enabled":false})).await.unwrap();
    for (tenant, target, rule) in [
        (north, folder, Rule::MoveUnderChild),
        (north, north, Rule::MoveUnderChild),
        (test.top, north, Rule::MoveUnderChild),
        (other, customer, Rule::MoveInsideCustomer),
        (folder, other, Rule::MoveInsideCustomer),
        (unit, other, Rule::MoveInsideCustomer),
        (folder, disabled, Rule::MoveUnderDisabled),
    ] {
        breaks(put(&test, &top, tenant, &json!({"version":1,"parent_id":target})).await, rule);
    }
    let unknown = TenantId(test.app.ids.other().unwrap());
    let refused = put(&test, &top, folder, &json!({"version":1,"parent_id":unknown})).await;
    assert!(matches!(refused, Err(Error::NotFound { what: "tenant" })));
}

#[tokio::test]
async fn the_target_must_have_on_what_the_moved_tree_has_on() {
    let test = TestApp::at(NOW).await;
    let top = test.caller(test.top, Role::RootAdmin).await;
    let north = test.tenant(test.top, Partner, "North").await;
    let south = test.tenant(test.top, Partner, "South").await;
    let folder = test.tenant(north, Folder, "Folder").await;
    let customer = test.tenant(folder, Customer, "C").await;
    switch(&test, customer, true).await;
    let moved = json!({"version":1,"parent_id":south});
    breaks(put(&test, &top, folder, &moved).await, Rule::MoveItemsUnavailable);
    switch(&test, south, false).await;
    breaks(put(&test, &top, folder, &moved).await, Rule::MoveItemsUnavailable);
    switch(&test, south, true).await;
    put(&test, &top, folder, &moved).await.unwrap();
}

#[tokio::test]
async fn users_and_storages_of_its_own_do_not_hold_a_tenant_back() {
    let test = TestApp::at(NOW).await;
    let top = test.caller(test.top, Role::RootAdmin).await;
    let north = test.tenant(test.top, Partner, "North").await;
    let south = test.tenant(test.top, Partner, "South").await;
    let moved = test.tenant(north, Folder, "Moved").await;
    let customer = test.tenant(moved, Customer, "C").await;
    users::create(&test, &top, customer, "jdoe").await.unwrap();
    let own = offering_items::storage(&test, moved).await;
    offering_items::turn(&test, north, &["storage"], true).await.unwrap();
    for tenant in [moved, customer] {
        let change = Change {
            application_id: Catalogue::embedded().application_id(Service::Backup),
            name: "storage".to_owned(),
            infra_id: Some(own),
            enabled: Some(true),
            quota: None,
        };
        app::offering_items::update(&test.app, &top, tenant, &[change], false).await.unwrap();
    }
    let change = json!({"version":1,"parent_id":south});
    breaks(put(&test, &top, moved, &change).await, Rule::MoveItemsUnavailable);
    offering_items::turn(&test, south, &["storage"], true).await.unwrap();
    put(&test, &top, moved, &change).await.unwrap();
}

/// Switches an item on or off at a tenant, below the use cases.
async fn switch(test: &TestApp, tenant: TenantId, on: bool) {
    let no = test.no(tenant).await;
    let mut tx = test.app.write_as(domain::access::Actor::System).await.unwrap();
    let numbers = store::catalogue::item_numbers(&mut tx).await.unwrap();
    tx.run(
        "INSERT INTO tenant_items (tenant_no, item_no, infra_no, enabled, quota_version, updated_at)
         VALUES ($1, $2, 0, $3, 0, 0) ON CONFLICT (tenant_no, item_no, infra_no) DO UPDATE SET enabled = excluded.enabled",
        args![no, numbers.no("mailboxes").unwrap(), on],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_locked_tree_does_not_leave_the_tenant_that_holds_the_lock() {
    let test = TestApp::at(NOW).await;
    let top = test.caller(test.top, Role::RootAdmin).await;
    let north = test.tenant(test.top, Partner, "North").await;
    let south = test.tenant(test.top, Partner, "South").await;
    let folder = test.tenant(north, Folder, "Folder").await;
    let other = test.tenant(north, Folder, "Other").await;
    let customer = test.tenant(folder, Customer, "C").await;
    let northerner = test.caller(north, Role::PartnerAdmin).await;
    let lock = json!({"version":1,"update_lock":{"enabled":true}});
    put(&test, &northerner, customer, &lock).await.unwrap();
    let away = |version: i64, target: TenantId| json!({"version":version,"parent_id":target});
    breaks(put(&test, &top, folder, &away(1, south)).await, Rule::MoveOutOfLock);
    breaks(put(&test, &top, customer, &away(2, south)).await, Rule::Locked);
    put(&test, &northerner, folder, &away(1, other)).await.expect("North stays above it");
    put(&test, &northerner, customer, &away(2, north)).await.expect("its own people move it");
    put(&test, &top, other, &away(1, south)).await.expect("nothing locked is left in it");
}

#[tokio::test]
async fn policies_that_would_reach_across_the_border_end_with_a_move() {
    let test = TestApp::at(NOW).await;
    let north = test.tenant(test.top, Partner, "North").await;
    let south = test.tenant(test.top, Partner, "South").await;
    let folder = test.tenant(north, Folder, "Folder").await;
    let moved = test.tenant(folder, Folder, "Moved").await;
    let customer = test.tenant(moved, Customer, "C").await;
    let (server, token) = super::http::served(&test).await;
    let mut people = Vec::new();
    for (login, home) in [("top", test.top), ("north", north), ("moved", moved)] {
        let role = if login == "top" { Role::RootAdmin } else { Role::PartnerAdmin };
        people.push(test.user(home, login, "correct horse", role).await);
    }
    let give = async |user: usize, tenant: TenantId, role: &str| {
        let path = format!("/api/2/users/{}/access_policies", people[user]);
        let body = json!({"items":[{"tenant_id":tenant,"role_id":role}]});
        server.put(&path).bearer(&token).json(body).await.ok();
    };
    give(0, moved, "partner_admin").await;
    give(1, customer, "company_admin").await;
    give(2, folder, "partner_admin").await;
    let sees = async |login: &str, tenant: TenantId| {
        server.get(&format!("/api/2/tenants/{tenant}")).basic(login, "correct horse").await.status
    };
    let move_to = async |version: i64, parent: TenantId| {
        let body = json!({"version":version,"parent_id":parent});
        server.put(&format!("/api/2/tenants/{moved}")).bearer(&token).json(body).await.ok();
    };
    move_to(1, north).await;
    assert_eq!(sees("north", customer).await, 200, "North stands above all of it, as before");
    assert_eq!(sees("moved", folder).await, 403, "Folder does not");
    give(2, north, "partner_admin").await;
    assert_eq!(sees("moved", folder).await, 200);
    move_to(2, south).await;
    assert_eq!(sees("top", customer).await, 200);
    assert_eq!(sees("north", customer).await, 403);
    assert_eq!(sees("moved", north).await, 403);
    let policies = server.get(&format!("/api/2/users/{}/access_policies", people[1])).bearer(&token).await;
    assert_eq!(policies.ok()["items"], json!([]));
}

#[tokio::test]
async fn two_tenants_moved_under_each_other_at_once_make_no_cycle() {
    let test = TestApp::at(NOW).await;
    let (server, token) = super::http::served(&test).await;
    for _ in 0..12 {
        let one = test.tenant(test.top, Partner, "One").await;
        let two = test.tenant(test.top, Partner, "Two").await;
        let below = test.tenant(one, Folder, "Below").await;
        let put = |tenant: TenantId, parent: TenantId| {
            let body = json!({"version":1,"parent_id":parent});
            server.put(&format!("/api/2/tenants/{tenant}")).bearer(&token).json(body).into_future()
        };
        let (first, second) = tokio::join!(put(one, two), put(two, below));
        let (won, lost) = if first.status == 200 { (first, second) } else { (second, first) };
        won.ok();
        assert_eq!(lost.expect(400)["error"]["code"], 1007);
    }
    let one = test.tenant(test.top, Partner, "One").await;
    let two = test.tenant(test.top, Partner, "Two").await;
    let moved = test.tenant(test.top, Partner, "Moved").await;
    let put = |parent: TenantId| {
        let body = json!({"version":1,"parent_id":parent});
        server.put(&format!("/api/2/tenants/{moved}")).bearer(&token).json(body).into_future()
    };
    let (first, second) = tokio::join!(put(one), put(two));
    let lost = if first.status == 200 { second } else { first };
    assert_eq!(lost.expect(409)["error"]["code"], 1001, "one wins, the other is stale");
}
