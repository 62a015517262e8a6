//! Isolation: nobody reaches beyond their own subtree.

use app::Error;
use domain::access::{Actor, Permission, Role};
use domain::ids::TenantId;
use domain::tenant::{Tenant, TenantKind};
use store::tenants::{by_id, update};
use testkit::TestApp;

#[tokio::test]
async fn a_partner_reaches_itself_and_below_and_nobody_else() {
    let test = TestApp::at("2026-05-08T10:00:00Z").await;
    let north = test.tenant(test.top, TenantKind::Partner, "North").await;
    let south = test.tenant(test.top, TenantKind::Partner, "South").await;
    let customer = test.tenant(north, TenantKind::Customer, "Harbour").await;
    let caller = test.caller(north, Role::PartnerAdmin).await;
    let mut conn = test.app.read().await.unwrap();
    for mine in [north, customer] {
        let granted = test.app.allow(&mut conn, &caller, Permission::TenantAdmin, mine).await.unwrap();
        assert_eq!(granted.root_id(), north);
    }
    for foreign in [south, test.top] {
        let refused = test.app.allow(&mut conn, &caller, Permission::TenantViewer, foreign).await;
        assert!(matches!(refused, Err(Error::Forbidden)));
    }
    let unknown = TenantId(test.app.ids.other().unwrap());
    let refused = test.app.allow(&mut conn, &caller, Permission::TenantViewer, unknown).await;
    assert!(matches!(refused, Err(Error::NotFound { what: "tenant" })));
}

#[tokio::test]
async fn of_several_grants_the_one_that_reaches_furthest_counts() {
    let test = TestApp::at("2026-05-08T10:00:00Z").await;
    let north = test.tenant(test.top, TenantKind::Partner, "North").await;
    let closed = test.tenant(north, TenantKind::Customer, "Harbour").await;
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    let old = by_id(&mut tx, closed).await.unwrap().unwrap();
    update(&mut tx, &old, &Tenant { ancestral_access: false, ..old.clone() }).await.unwrap();
    tx.commit().await.unwrap();
    let mut caller = test.caller(north, Role::PartnerAdmin).await;
    let mut conn = test.app.read().await.unwrap();
    let granted = test.app.allow(&mut conn, &caller, Permission::ReportReader, closed).await.unwrap();
    assert!(!granted.may_look_inside());
    caller.grants.extend(test.caller(closed, Role::CompanyAdmin).await.grants);
    let granted = test.app.allow(&mut conn, &caller, Permission::ReportReader, closed).await.unwrap();
    assert!(granted.may_look_inside());
    assert_eq!(granted.root_id(), closed);
}
