//! The packed tree after random changes is what reports are made from.

use domain::access::Actor;
use domain::history::Twig;
use domain::ids::{RANGE_TENANTS, RangeNo, Seq, TenantId};
use domain::pricing::PricingMode;
use domain::report::{Kind, Level};
use domain::tenant::TenantKind;
use domain::time::Period;
use proptest::prelude::*;
use store::report_input::Wanted;
use store::tenants::{by_id, delete_below, reach, update};
use store::{args, pricing, tree};
use testkit::TestApp;

use super::NOW;

/// What may happen; the numbers choose tenants among those there are.
#[derive(Debug, Clone)]
enum Step {
    Create {
        below: usize,
    },
    Move {
        which: usize,
        below: usize,
    },
    Turn {
        which: usize,
    },
    Switch {
        which: usize,
    },
    Delete {
        which: usize,
    },
    Days {
        count: i64,
    },
    /// The numbers up to the end of the first range are gone.
    FillRange,
    Refresh,
}

fn step() -> impl Strategy<Value = Step> {
    let at = 0..64_usize;
    prop_oneof![
        6 => at.clone().prop_map(|below| Step::Create { below }),
        4 => (at.clone(), at.clone()).prop_map(|(which, below)| Step::Move { which, below }),
        2 => at.clone().prop_map(|which| Step::Turn { which }),
        2 => at.clone().prop_map(|which| Step::Switch { which }),
        1 => at.prop_map(|which| Step::Delete { which }),
        3 => (0..40_i64).prop_map(|count| Step::Days { count }),
        1 => Just(Step::FillRange),
        3 => Just(Step::Refresh),
    ]
}

async fn take(test: &TestApp, tenants: &mut Vec<TenantId>, step: Step) {
    if let Step::Create { below } = step {
        let made = test.tenant(tenants[below % tenants.len()], TenantKind::Partner, "x").await;
        tenants.push(made);
        return;
    }
    if let Step::Days { count } = step {
        return test.clock.set(test.clock.now().plus_seconds(count * 86_400));
    }
    let chosen = |at: usize| tenants[at % tenants.len()];
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    match step {
        Step::Create { .. } | Step::Days { .. } => {}
        Step::Move { which, below } => {
            let old = by_id(&mut tx, chosen(which)).await.unwrap().unwrap();
            let parent = by_id(&mut tx, chosen(below)).await.unwrap().unwrap().no;
            if reach(&mut tx, old.no, parent).await.unwrap().is_none() {
                let new = domain::tenant::Tenant { parent, ..old.clone() };
                update(&mut tx, &old, &new).await.unwrap();
            }
        }
        Step::Turn { which } => {
            let old = by_id(&mut tx, chosen(which)).await.unwrap().unwrap();
            let turned =
                if old.kind == TenantKind::Folder { TenantKind::Partner } else { TenantKind::Folder };
            update(&mut tx, &old, &domain::tenant::Tenant { kind: turned, ..old.clone() }).await.unwrap();
        }
        Step::Switch { which } => {
            let tenant = by_id(&mut tx, chosen(which)).await.unwrap().unwrap();
            let old = pricing::of_tenant(&mut tx, tenant.no).await.unwrap().unwrap();
            let held = old.mode == PricingMode::Suspended;
            let mode = if held { PricingMode::Production } else { PricingMode::Suspended };
            pricing::update(&mut tx, &tenant.id.to_string(), &old, &pricing::Pricing { mode, ..old })
                .await
                .unwrap();
        }
        Step::Delete { which } => {
            let tenant = by_id(&mut tx, chosen(which)).await.unwrap().unwrap();
            delete_below(&mut tx, tenant.no).await.unwrap();
        }
        Step::FillRange => {
            let fill = "UPDATE number_ranges SET next_no = $1 WHERE range_no = 0";
            tx.run(fill, args![RANGE_TENANTS]).await.unwrap();
        }
        Step::Refresh => {
            let regrown = tree::regrow(&mut tx).await.unwrap();
            tree::replace(&mut tx, regrown).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
}

/// The tree by the reader of reports.
async fn of_reports(test: &TestApp) -> Vec<Twig> {
    let mut conn = test.app.read().await.unwrap();
    let today = test.clock.now().day();
    let wanted = Wanted {
        subject: by_id(&mut conn, test.top).await.unwrap().unwrap().no,
        period: Period::inclusive(today.plus(-31), today),
        kind: Kind::UsageSummary,
        level: Level::Accounts,
        hide_zero_usage: false,
        show_skus: false,
        leave_out_trial: false,
        as_known: today,
        as_of: Seq(conn.count("SELECT seq AS n FROM acceptance", Vec::new()).await.unwrap()),
    };
    let input = store::report_input::load(&mut conn, &wanted).await.unwrap();
    let mut twigs: Vec<_> = input
        .tenants
        .into_iter()
        .map(|tenant| Twig {
            no: tenant.no,
            created_at: tenant.created_at,
            is_personal: tenant.is_personal,
            parent: tenant.parent,
            kind: tenant.kind,
            deleted: tenant.deleted,
            pricing_mode: tenant.pricing_mode,
        })
        .collect();
    twigs.sort_by_key(|twig| twig.no);
    twigs
}

async fn loaded(test: &TestApp) -> Vec<Twig> {
    tree::load(&mut test.app.read().await.unwrap()).await.unwrap()
}

async fn refresh(test: &TestApp) -> usize {
    let regrown = tree::regrow(&mut test.app.read().await.unwrap()).await.unwrap();
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    let stale = tree::replace(&mut tx, regrown).await.unwrap();
    tx.commit().await.unwrap();
    stale
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_packed_tree_is_the_one_of_reports(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let [of_reports, before, after] = runtime.block_on(async {
            let test = TestApp::at(NOW).await;
            let mut tenants = vec![test.top];
            for step in steps {
                take(&test, &mut tenants, step).await;
            }
            let before = loaded(&test).await;
            refresh(&test).await;
            [of_reports(&test).await, before, loaded(&test).await]
        });
        prop_assert_eq!(&before, &of_reports);
        prop_assert_eq!(&after, &of_reports);
    }
}

#[tokio::test]
async fn only_ranges_with_a_change_of_the_tree_are_written_again() {
    let test = TestApp::at(NOW).await;
    let mut tenants = vec![test.top];
    assert_eq!(refresh(&test).await, 1);
    take(&test, &mut tenants, Step::FillRange).await;
    take(&test, &mut tenants, Step::Create { below: 0 }).await;
    assert_eq!(refresh(&test).await, 1, "the new range");
    take(&test, &mut tenants, Step::Create { below: 1 }).await;
    assert_eq!(refresh(&test).await, 1, "the new range, where a tenant was made");
    assert_eq!(refresh(&test).await, 0);
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    let old = by_id(&mut tx, test.top).await.unwrap().unwrap();
    let new = domain::tenant::Tenant { name: "Renamed".to_owned(), ..old.clone() };
    update(&mut tx, &old, &new).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(refresh(&test).await, 0, "no name is in a block");
    take(&test, &mut tenants, Step::Move { which: 2, below: 0 }).await;
    take(&test, &mut tenants, Step::Turn { which: 0 }).await;
    assert_eq!(refresh(&test).await, 2);
}

#[tokio::test]
async fn a_damaged_block_is_passed_over_and_written_again() {
    let test = TestApp::at(NOW).await;
    test.tenant(test.top, TenantKind::Partner, "North").await;
    refresh(&test).await;
    let expected = loaded(&test).await;
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    let damage = "UPDATE tree_blocks SET bytes = $2 WHERE range_no = $1";
    tx.run(damage, args![RangeNo(0), b"TMTR\x01 and no more".to_vec()]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(loaded(&test).await, expected);
    assert_eq!([refresh(&test).await, refresh(&test).await], [1, 0]);
    assert_eq!(loaded(&test).await, expected);
}
