//! Numbers of tenants: handed out so that a large channel lies in few ranges, and never twice.

use domain::access::{Actor, Role};
use domain::ids::{RANGE_TENANTS, RangeNo, TenantId, TenantNo};
use domain::tenant::TenantKind::{Customer, Folder, Partner, Unit};
use serde_json::json;
use store::args;
use testkit::TestApp;

use super::{NOW, put};

async fn number(test: &TestApp, parent: TenantId, kind: domain::tenant::TenantKind) -> i64 {
    let made = test.tenant(parent, kind, "x").await;
    test.no(made).await.0
}

/// Goes on as if the numbers before `next` had been handed out already.
async fn skip_to(test: &TestApp, range: RangeNo, next: i64) {
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    let skipped = tx
        .run("UPDATE number_ranges SET next_no = $2 WHERE range_no = $1", args![range, next])
        .await
        .unwrap();
    assert_eq!(skipped, 1);
    tx.commit().await.unwrap();
}

/// A partner that owns the second range, with two folders: one made before, one after.
async fn grown(test: &TestApp) -> (TenantId, TenantId, TenantId) {
    let partner = test.tenant(test.top, Partner, "Grown").await;
    let old = test.tenant(partner, Folder, "Old").await;
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    let owner = store::tenants::by_id(&mut tx, partner).await.unwrap().unwrap().no;
    tx.run("INSERT INTO number_ranges (range_no, owner_no, next_no) VALUES (1, $1, 4096)", args![owner])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let new = test.tenant(partner, Folder, "New").await;
    (partner, old, new)
}

#[tokio::test]
async fn a_channel_shares_ranges_until_it_has_256_tenants() {
    let test = TestApp::at(NOW).await;
    assert_eq!(test.no(test.top).await, TenantNo(1));
    let large = test.tenant(test.top, Partner, "Large").await;
    let small = test.tenant(test.top, Partner, "Small").await;
    let folder = test.tenant(large, Folder, "Folder").await;
    let customer = test.tenant(folder, Customer, "Customer").await;
    for no in 6..=258 {
        assert_eq!(number(&test, if no % 2 == 0 { large } else { folder }, Customer).await, no);
    }
    // Itself, a folder, a customer and 253 more: the 257th tenant opens the first range that nobody used.
    assert_eq!(number(&test, customer, Unit).await, RANGE_TENANTS);
    assert_eq!(number(&test, large, Partner).await, RANGE_TENANTS + 1);
    assert_eq!(number(&test, small, Customer).await, 259);
    assert_eq!(number(&test, test.top, Partner).await, 260);
}

#[tokio::test]
async fn a_full_range_is_followed_by_the_lowest_one_never_used() {
    let test = TestApp::at(NOW).await;
    let (large, folder, _) = grown(&test).await;
    let small = test.tenant(test.top, Partner, "Small").await;
    skip_to(&test, RangeNo(0), RANGE_TENANTS - 1).await;
    assert_eq!(number(&test, small, Customer).await, RANGE_TENANTS - 1);
    assert_eq!(number(&test, small, Customer).await, 2 * RANGE_TENANTS);
    skip_to(&test, RangeNo(1), 2 * RANGE_TENANTS).await;
    assert_eq!(number(&test, folder, Customer).await, 3 * RANGE_TENANTS);
    assert_eq!(number(&test, large, Customer).await, 3 * RANGE_TENANTS + 1);
    assert_eq!(number(&test, small, Customer).await, 2 * RANGE_TENANTS + 1);
}

#[tokio::test]
async fn no_number_comes_twice_whatever_is_deleted_and_a_channel_keeps_its_own_ranges() {
    let test = TestApp::at(NOW).await;
    let (large, old, new) = grown(&test).await;
    let last = test.tenant(large, Customer, "Last").await;
    let last = test.no(last).await;
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    for no in [last, TenantNo(RANGE_TENANTS)] {
        store::tenants::delete_below(&mut tx, no).await.unwrap();
    }
    // Even where the rows themselves are gone.
    tx.run("DELETE FROM closure WHERE tenant_no = $1", args![last]).await.unwrap();
    tx.run("DELETE FROM tenants WHERE no = $1", args![last]).await.unwrap();
    tx.run("DELETE FROM contacts WHERE tenant_no = $1", args![last]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(number(&test, old, Customer).await, last.0 + 1);
    assert_eq!(number(&test, new, Customer).await, last.0 + 2);
}

#[tokio::test]
async fn a_tenant_that_moves_keeps_its_number_and_later_ones_follow_the_new_channel() {
    let test = TestApp::at(NOW).await;
    let root = test.caller(test.top, Role::RootAdmin).await;
    let (_, folder, _) = grown(&test).await;
    let small = test.tenant(test.top, Partner, "Small").await;
    let first = test.tenant(folder, Customer, "first").await;
    let before = [test.no(folder).await, test.no(first).await];
    assert_eq!(before.map(TenantNo::range), [RangeNo(0), RangeNo(1)]);
    put(&test, &root, folder, &json!({"version":1,"parent_id":small})).await.unwrap();
    assert_eq!([test.no(folder).await, test.no(first).await], before);
    test.clock.set(test.clock.now().plus_seconds(1));
    let second = test.tenant(folder, Customer, "second").await;
    assert_eq!(test.no(second).await.range(), RangeNo(0));
    // Their age, not their number, is the order they are listed in.
    for (order, expected) in [("as_is", [first, second]), ("-as_is", [second, first])] {
        let order = order.parse().unwrap();
        assert_eq!(app::tenants::children(&test.app, &root, folder, &order, false).await.unwrap(), expected);
        let details = app::tenants::children_in_full(&test.app, &root, folder, &order, false).await.unwrap();
        assert_eq!(details.iter().map(|details| details.tenant.id).collect::<Vec<_>>(), expected);
    }
}
