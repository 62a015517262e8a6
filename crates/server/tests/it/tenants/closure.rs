//! The closure table after random changes equals a naive recomputation.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Actor;
use domain::ids::{TenantId, TenantNo};
use domain::tenant::TenantKind;
use proptest::prelude::*;
use store::Conn;
use store::tenants::{by_id, delete_below, reach, update};
use testkit::TestApp;

use super::NOW;

/// A change of the tree; the numbers choose tenants among those there are.
#[derive(Debug, Clone)]
enum Step {
    Create { below: usize },
    Move { which: usize, below: usize },
    Flip { which: usize },
    MoveAndFlip { which: usize, below: usize },
    Delete { which: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let at = 0..64_usize;
    prop_oneof![
        5 => at.clone().prop_map(|below| Step::Create { below }),
        4 => (at.clone(), at.clone()).prop_map(|(which, below)| Step::Move { which, below }),
        3 => at.clone().prop_map(|which| Step::Flip { which }),
        1 => (at.clone(), at.clone()).prop_map(|(which, below)| Step::MoveAndFlip { which, below }),
        1 => at.prop_map(|which| Step::Delete { which }),
    ]
}

async fn take(test: &TestApp, tenants: &mut Vec<TenantId>, step: Step) {
    let chosen = |at: usize| tenants[at % tenants.len()];
    match step {
        Step::Create { below } => {
            let made = test.tenant(chosen(below), TenantKind::Partner, "x").await;
            user(test, made).await;
            tenants.push(made);
        }
        Step::Move { which, below } => change(test, chosen(which), Some(chosen(below)), false).await,
        Step::Flip { which } => change(test, chosen(which), None, true).await,
        Step::MoveAndFlip { which, below } => change(test, chosen(which), Some(chosen(below)), true).await,
        Step::Delete { which } => {
            let mut tx = test.app.write_as(Actor::System).await.unwrap();
            let tenant = by_id(&mut tx, chosen(which)).await.unwrap().unwrap();
            delete_below(&mut tx, tenant.no).await.unwrap();
            tx.commit().await.unwrap();
        }
    }
}

/// A user of the tenant, as lists of users must follow the tree too.
async fn user(test: &TestApp, tenant: TenantId) {
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    let home = by_id(&mut tx, tenant).await.unwrap().unwrap();
    app::users::create_first(&test.app, &mut tx, &home, "", "").await.unwrap();
    tx.run("UPDATE users SET login = id", Vec::new()).await.unwrap();
    tx.commit().await.unwrap();
}

/// Moves a tenant, unless it would come to stand below itself, and flips its `ancestral_access` where asked for.
async fn change(test: &TestApp, id: TenantId, below: Option<TenantId>, flip: bool) {
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    let old = by_id(&mut tx, id).await.unwrap().unwrap();
    let mut new = old.clone();
    if let Some(below) = below {
        let parent = by_id(&mut tx, below).await.unwrap().unwrap();
        if reach(&mut tx, old.no, parent.no).await.unwrap().is_none() {
            new.parent = parent.no;
        }
    }
    new.ancestral_access ^= flip;
    update(&mut tx, &old, &new).await.unwrap();
    tx.commit().await.unwrap();
}

type Rows = BTreeSet<(TenantNo, TenantNo, i64, i64)>;

async fn stored(conn: &mut Conn) -> Rows {
    let rows =
        conn.all("SELECT ancestor_no, tenant_no, depth, walls FROM closure", Vec::new()).await.unwrap();
    let int = |row: &store::Row, column| row.int(column).unwrap();
    rows.iter()
        .map(|row| {
            let (ancestor, tenant) = (TenantNo(int(row, "ancestor_no")), TenantNo(int(row, "tenant_no")));
            (ancestor, tenant, int(row, "depth"), int(row, "walls"))
        })
        .collect()
}

/// Walks up from every tenant and counts levels, and the closed tenants strictly between.
async fn recomputed(conn: &mut Conn) -> Rows {
    let rows = conn.all("SELECT no, parent_no, ancestral_access FROM tenants", Vec::new()).await.unwrap();
    let parents: BTreeMap<TenantNo, (TenantNo, bool)> = rows
        .iter()
        .map(|row| {
            let parent = TenantNo(row.int("parent_no").unwrap());
            (TenantNo(row.int("no").unwrap()), (parent, row.flag("ancestral_access").unwrap()))
        })
        .collect();
    let mut pairs = Rows::new();
    for tenant in parents.keys() {
        let (mut at, mut depth, mut walls) = (*tenant, 0, 0);
        pairs.insert((at, *tenant, depth, walls));
        while parents[&at].0 != at {
            if at != *tenant && !parents[&at].1 {
                walls += 1;
            }
            at = parents[&at].0;
            depth += 1;
            pairs.insert((at, *tenant, depth, walls));
        }
    }
    pairs
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_closure_table_equals_a_naive_recomputation_and_the_lists_follow_it(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (stored, recomputed, faults) = runtime.block_on(async {
            let test = TestApp::at(NOW).await;
            let mut tenants = vec![test.top];
            let mut tx = test.app.write_as(Actor::System).await.unwrap();
            tx.run("UPDATE users SET login = id", Vec::new()).await.unwrap();
            tx.commit().await.unwrap();
            for step in steps {
                take(&test, &mut tenants, step).await;
            }
            let mut conn = test.app.read().await.unwrap();
            let faults = crate::lists::faults(&mut conn).await;
            (stored(&mut conn).await, recomputed(&mut conn).await, faults)
        });
        prop_assert_eq!(stored, recomputed);
        prop_assert_eq!(faults, [0; 4]);
    }
}
