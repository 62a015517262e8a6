//! A tenant is counted from the day it was made on, however far back its usage reaches (reports-api, 10).

use proptest::prelude::*;

use super::plan::{Born, Plan, plans};
use super::world::{World, change, day};
use crate::ids::TenantNo;
use crate::pricing::PricingMode;
use crate::report::{Figure, Kind, Level, Row, Rows};
use crate::tenant::TenantKind;
use crate::time::{Instant, Period};

/// Noon of a day of May.
fn noon(on: i32) -> Instant {
    day(on).start().plus_seconds(12 * 3_600)
}

/// Customer 6 is made below partner 2 on May 10; its readings, some come late, begin on the 8th. By day, from the 8th on.
fn newcomer(subject: i64, days: i32) -> World {
    let mut world = World::channel(subject);
    world.0.kind = Kind::UsageDaily;
    world.0.level = Level::Itself;
    world.0.period = Period::inclusive(day(8), day(7 + days));
    world.tenant(6, 2, TenantKind::Customer).created_at = noon(10);
    world.reads(6, "vms", 0, &[(8, 4)]);
    world.reads(6, "local_storage", 0, &[(8, 10)]);
    world
}

/// `8: 1 +0` for each day: what was there, and what came.
fn counted(world: World, name: &str) -> Vec<String> {
    let rows = world.rows();
    let of_subject = rows.iter().filter(|row| row.label.name() == name);
    let told = |row: &Row| {
        let (there, came) = (row.figures.absolute.total(), row.figures.delta.total());
        format!("{}: {there} {came:+}", row.date.0 - day(0).0)
    };
    of_subject.map(told).collect()
}

#[test]
fn a_new_customer_is_one_more_on_its_day_and_unknown_before() {
    for subject in [1, 2] {
        assert_eq!(
            counted(newcomer(subject, 4), "euc_count"),
            ["8: 1 +0", "9: 1 +0", "10: 2 +1", "11: 2 +0"]
        );
    }
    let backup = counted(newcomer(2, 4), "euc_with_local_backup_count");
    assert_eq!(
        backup,
        ["8: 0 +0", "9: 0 +0", "10: 1 +1", "11: 1 +0"],
        "a customer that is not there has no backup"
    );
    let vms = counted(newcomer(2, 4), "vms");
    assert_eq!(vms, ["8: 4 +4", "9: 4 +0", "10: 4 +0", "11: 4 +0"], "its usage reaches back");
}

#[test]
fn local_backup_of_an_older_unit_waits_for_its_customer() {
    let mut world = newcomer(2, 4);
    world.tenant(7, 6, TenantKind::Unit);
    world.reads(7, "local_storage", 0, &[(8, 1)]);
    let backup = counted(world, "euc_with_local_backup_count");
    assert_eq!(backup, ["8: 0 +0", "9: 0 +0", "10: 1 +1", "11: 1 +0"]);
}

#[test]
fn a_report_of_the_days_before_does_not_know_it() {
    let mut world = newcomer(2, 2);
    world.0.kind = Kind::UsageSummary;
    assert_eq!(
        world.lines_of(&["euc_count", "euc_with_local_backup_count", "vms"]),
        [
            "T2 euc_count 05-09: 1+0 0+0 1+0",
            "T2 euc_with_local_backup_count 05-09: 0+0 0+0 0+0",
            "T2 vms 05-09: 4+0 0+0 4+0",
        ]
    );
}

#[test]
fn a_new_partner_is_one_more_with_all_its_customers() {
    let mut world = newcomer(1, 4);
    world.tenant(7, 1, TenantKind::Partner).created_at = noon(10);
    world.tenant(8, 7, TenantKind::Customer).created_at = noon(11);
    assert_eq!(counted(world, "reseller_count"), ["8: 2 +0", "9: 2 +0", "10: 3 +1", "11: 3 +0"]);
    let mut world = newcomer(1, 4);
    world.tenant(7, 1, TenantKind::Partner).created_at = noon(10);
    world.tenant(8, 7, TenantKind::Customer).created_at = noon(11);
    assert_eq!(counted(world, "euc_count"), ["8: 1 +0", "9: 1 +0", "10: 2 +1", "11: 3 +1"]);
}

#[test]
fn deleted_and_restored_it_counts_when_it_lived() {
    let mut world = newcomer(2, 8);
    world.of(6).deleted = change(false, day(12), true);
    world.of(6).deleted.push(day(14), false);
    let lived =
        ["8: 1 +0", "9: 1 +0", "10: 2 +1", "11: 2 +0", "12: 1 -1", "13: 1 +0", "14: 2 +1", "15: 2 +0"];
    assert_eq!(counted(world, "euc_count"), lived);
}

#[test]
fn deleted_on_its_day_it_never_counts() {
    let mut world = newcomer(2, 4);
    world.of(6).deleted = change(false, day(10), true);
    assert_eq!(counted(world, "euc_count"), ["8: 1 +0", "9: 1 +0", "10: 1 +0", "11: 1 +0"]);
}

#[test]
fn moved_it_counts_where_it_stood() {
    let moved = |subject, on| {
        let mut world = newcomer(subject, 5);
        world.of(6).parent = change(TenantNo(2), day(on), TenantNo(5));
        world
    };
    assert_eq!(
        counted(moved(2, 11), "euc_count"),
        ["8: 1 +0", "9: 1 +0", "10: 2 +1", "11: 1 -1", "12: 1 +0"]
    );
    assert_eq!(
        counted(moved(5, 11), "euc_count"),
        ["8: 0 +0", "9: 0 +0", "10: 0 +0", "11: 1 +1", "12: 1 +0"]
    );
    assert_eq!(
        counted(moved(2, 10), "euc_count"),
        ["8: 1 +0", "9: 1 +0", "10: 1 +0", "11: 1 +0", "12: 1 +0"]
    );
    let backup = counted(moved(5, 10), "euc_with_local_backup_count");
    assert_eq!(backup, ["8: 0 +0", "9: 0 +0", "10: 1 +1", "11: 1 +0", "12: 1 +0"]);
}

/// Below any seller of the plan.
fn with_customer(plan: &Plan, parent: usize, made_on: i32) -> Plan {
    let mut sellers: Vec<usize> = (0..plan.born.len()).collect();
    sellers.retain(|tenant| plan.born[*tenant].kind.sells());
    let mut plan = plan.clone();
    plan.born.push(Born {
        kind: TenantKind::Customer,
        parent: sellers[parent % sellers.len()],
        created_at: noon(made_on),
        mode: PricingMode::Production,
        billing_day: 1,
    });
    plan
}

proptest! {
    /// Whatever else happens, moves and deletions of those above it too.
    #[test]
    fn a_customer_more_changes_one_count_from_its_day_on(plan in plans(), parent in 0..9_usize, made_on in 18..48_i32) {
        let plan = Plan { kind: Kind::UsageDaily, level: Level::Accounts, hide_zero_usage: false, ..plan };
        let grown = with_customer(&plan, parent, made_on);
        let newcomer = grown.born.len() - 1;
        let host = |row: &Row| usize::try_from(row.tenant.no.0 - 1).unwrap();
        let (before, after) = (plan.world().document().unwrap(), grown.world().document().unwrap());
        let (before, mut after): (Vec<Row>, Vec<Row>) = (before.rows().collect(), after.rows().collect());
        after.retain(|row| host(row) != newcomer);
        prop_assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(&after) {
            let on = after.date.0 - day(0).0;
            let counts = |on| {
                let is_counted = made_on <= on && grown.is_in(newcomer, host(after), on);
                Figure { production: i128::from(is_counted && after.label.name() == "euc_count"), trial: 0 }
            };
            prop_assert_eq!(after.figures.absolute, before.figures.absolute + counts(on));
            prop_assert_eq!(after.figures.delta, before.figures.delta + counts(on) - counts(on - 1));
        }
    }
}
