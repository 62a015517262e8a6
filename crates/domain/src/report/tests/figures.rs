//! What stands in a row, on a tree that does not change.

use super::world::{World, change, day};
use crate::billing::BillingDay;
use crate::history::Cells;
use crate::pricing::PricingMode;
use crate::report::Kind;
use crate::tenant::TenantKind;
use crate::time::Period;

const METRICS: &[&str] = &["euc_count", "reseller_count", "euc_with_local_backup_count"];

fn with_vms(subject: i64) -> World {
    let mut world = World::channel(subject);
    world.reads(3, "vms", 0, &[(-5, 2), (1, 3), (20, 10)]);
    world.reads(4, "vms", 0, &[(10, 1)]);
    world
}

#[test]
fn a_parent_is_its_own_readings_and_its_childrens() {
    let lines = with_vms(2).lines_of(&["vms"]);
    // What accrues on the start date lies before the begin: 3 of customer 3, not the 2 of the day before.
    assert_eq!(
        lines,
        ["T2 vms 05-31: 11+0 8+0 11+0", "T3 vms 05-31: 11+0 8+0 11+0", "T4 vms 05-31: 1+0 1+0 1+0"]
    );
}

#[test]
fn a_day_shows_its_change_since_the_day_before() {
    for kind in [Kind::UsageDaily, Kind::UsageBreakdown] {
        let mut world = with_vms(3);
        world.0.kind = kind;
        world.0.period = Period::inclusive(day(1), day(2));
        assert_eq!(
            world.lines_of(&["vms"]),
            ["T3 vms 05-01: 3+0 1+0 3+0", "T3 vms 05-02: 3+0 0+0 3+0"],
            "a row of unit 4, unused until the 10th, would be wrong"
        );
    }
}

#[test]
fn usage_current_counts_from_the_begin_of_the_billing_period_of_the_row() {
    let mut world = with_vms(2);
    world.0.kind = Kind::UsageCurrent;
    world.0.period = Period::inclusive(day(25), day(31));
    world.of(3).billing_day = change(BillingDay::CALENDAR, day(2), BillingDay::new(15).unwrap());
    world.item(4, "vms", 0).billing_day = change(None, day(2), BillingDay::new(10));
    // Begins: the ends of April 30 (2), May 14 (3 + 1), May 9 (0). A parent may differ from its children.
    assert_eq!(
        world.lines_of(&["vms"]),
        ["T2 vms 05-31: 11+0 9+0 11+0", "T3 vms 05-31: 11+0 7+0 11+0", "T4 vms 05-31: 1+0 1+0 1+0"]
    );
}

#[test]
fn the_effective_figure_of_accumulating_items_is_the_growth() {
    let mut world = World::channel(3);
    world.reads(3, "notarizations", 0, &[(-3, 100), (1, 110), (9, 130)]);
    world.reads(4, "notarizations", 0, &[(20, 5)]);
    assert_eq!(
        world.lines_of(&["notarizations"]),
        ["T3 notarizations 05-31: 135+0 25+0 25+0", "T4 notarizations 05-31: 5+0 5+0 5+0"]
    );
}

#[test]
fn a_switch_inside_the_month_counts_for_the_whole_month() {
    let switched = |as_known| {
        let mut world = with_vms(2);
        world.of(3).created_at = day(-2).start();
        world.of(3).pricing_mode = change(PricingMode::Trial, day(20), PricingMode::Production);
        world.0.kind = Kind::UsageCurrent;
        world.0.as_known = as_known;
        world.lines_of(&["vms"])
    };
    // Unit 4 follows its customer. April remains trial, so what was there at its end leaves the trial column.
    let expected =
        ["T2 vms 05-31: 11+0 11+-2 11+0", "T3 vms 05-31: 11+0 11+-2 11+0", "T4 vms 05-31: 1+0 1+0 1+0"];
    assert_eq!(switched(day(25)), expected);
    let not_yet_known =
        ["T2 vms 05-31: 0+11 0+9 0+11", "T3 vms 05-31: 0+11 0+9 0+11", "T4 vms 05-31: 0+1 0+1 0+1"];
    assert_eq!(switched(day(19)), not_yet_known);
}

#[test]
fn suspended_tenants_are_billed() {
    let mut world = with_vms(3);
    world.of(3).pricing_mode = change(PricingMode::Production, day(5), PricingMode::Suspended);
    assert_eq!(world.lines_of(&["vms"])[0], "T3 vms 05-31: 11+0 8+0 11+0");
}

#[test]
fn monthly_reports_leave_the_usage_of_trials_out() {
    let trial = |subject: i64| {
        let mut world = with_vms(subject);
        world.0.leave_out_trial = true;
        world.of(3).pricing_mode = change(PricingMode::Trial, day(90), PricingMode::Production);
        world.of(3).created_at = day(28).start();
        world.tenant(6, 2, TenantKind::Customer);
        world.reads(6, "vms", 0, &[(2, 4)]);
        world
    };
    assert_eq!(
        trial(2).lines_of(&["vms", "euc_count"]),
        ["T2 euc_count 05-31: 1+0 0+0 1+0", "T2 vms 05-31: 4+0 4+0 4+0", "T6 vms 05-31: 4+0 4+0 4+0"]
    );
    let mut subject = trial(3);
    subject.item(3, "vms", 0);
    assert_eq!(subject.lines_of(&["vms"]), ["T3 vms 05-31: 0+0 0+0 0+0"]);
}

#[test]
fn metrics_count_those_strictly_below_by_mode() {
    let mut world = World::channel(1);
    world.tenant(6, 5, TenantKind::Folder);
    world.tenant(7, 6, TenantKind::Customer).pricing_mode =
        change(PricingMode::Trial, day(99), PricingMode::Production);
    world.of(7).created_at = day(20).start();
    // A folder becomes a partner, a partner's own local storage is no customer's, a unit's is its customer's.
    world.tenant(8, 5, TenantKind::Folder).kind = change(TenantKind::Folder, day(12), TenantKind::Partner);
    world.reads(4, "local_storage", 0, &[(1, 10), (3, 0), (8, 5)]);
    world.reads(3, "local_storage", 0, &[(1, 10), (2, 0)]);
    world.reads(5, "local_storage", 0, &[(1, 10)]);
    world.reads(7, "local_storage", 0, &[(2, 1)]);
    assert_eq!(
        world.lines_of(METRICS),
        [
            "T1 euc_count 05-31: 1+1 0+1 1+1",
            "T1 reseller_count 05-31: 3+0 1+0 3+0",
            "T1 euc_with_local_backup_count 05-31: 1+1 0+1 1+1",
            "T2 euc_count 05-31: 1+0 0+0 1+0",
            "T2 reseller_count 05-31: 0+0 0+0 0+0",
            "T2 euc_with_local_backup_count 05-31: 1+0 0+0 1+0",
            "T5 euc_count 05-31: 0+1 0+1 0+1",
            "T5 reseller_count 05-31: 1+0 1+0 1+0",
            "T5 euc_with_local_backup_count 05-31: 0+1 0+1 0+1",
            "T6 euc_count 05-31: 0+1 0+1 0+1",
            "T6 reseller_count 05-31: 0+0 0+0 0+0",
            "T6 euc_with_local_backup_count 05-31: 0+1 0+1 0+1",
            "T8 euc_count 05-31: 0+0 0+0 0+0",
            "T8 reseller_count 05-31: 0+0 0+0 0+0",
            "T8 euc_with_local_backup_count 05-31: 0+0 0+0 0+0",
        ]
    );
}

#[test]
fn local_backup_of_a_customer_comes_and_goes_with_its_units() {
    let mut world = World::channel(2);
    world.0.kind = Kind::UsageDaily;
    world.0.period = Period::inclusive(day(1), day(5));
    world.reads(3, "local_storage", 0, &[(1, 10), (2, 0)]);
    world.reads(4, "local_storage", 0, &[(2, 1), (3, 0), (5, 1)]);
    let lines = world.lines_of(&["euc_with_local_backup_count"]);
    let of_day = |n: usize| lines[n - 1].split_once(": ").unwrap().1.to_owned();
    assert_eq!(
        [1, 2, 3, 4, 5].map(of_day),
        ["1+0 1+0 1+0", "1+0 0+0 1+0", "0+0 -1+0 0+0", "0+0 0+0 0+0", "1+0 1+0 1+0"]
    );
}

#[test]
fn local_backup_of_a_unit_and_its_customer_at_once_counts_once() {
    let mut world = World::channel(2);
    world.reads(3, "local_storage", 0, &[(1, 10)]);
    world.reads(4, "local_storage", 0, &[(2, 1), (3, 0)]);
    let lines = world.lines_of(&["euc_with_local_backup_count"]);
    assert_eq!(lines, ["T2 euc_with_local_backup_count 05-31: 1+0 0+0 1+0"]);
}

#[test]
fn local_storage_of_users_has_no_rows_but_is_summed() {
    let mut world = World::channel(3);
    world.tenant(6, 3, TenantKind::Unit).is_personal = true;
    for unit in [4, 6] {
        world.reads(unit, "local_storage", 0, &[(2, 10)]);
        world.item(unit, "local_storage", 0);
    }
    assert_eq!(
        world.lines_of(&["local_storage"]),
        ["T3 local_storage 05-31: 20+0 20+0 20+0", "T4 local_storage 05-31: 10+0 10+0 10+0"]
    );
}

#[test]
fn sums_are_exact_beyond_64_bits() {
    let most = crate::usage::MAX_READING;
    let mut world = World::about(1);
    world.tenant(1, 1, TenantKind::Root);
    for no in 2..2_002 {
        world.tenant(no, 1, TenantKind::Customer);
        world.reads(no, "local_storage", 0, &[(2, most)]);
    }
    let expected = i128::from(most) * 2_000;
    assert!(expected > i128::from(i64::MAX));
    let line = format!("T1 local_storage 05-31: {expected}+0 {expected}+0 {expected}+0");
    assert_eq!(world.lines_of(&["local_storage"])[0], line);
}

#[test]
fn days_without_a_reading_are_counted_once_however_a_segment_is_read() {
    let mut world = World::channel(2);
    world.0.kind = Kind::UsageCurrent;
    world.0.period = Period::inclusive(day(28), day(31));
    // Whether the second was used since the 28th its outline does not tell, so that the inner readings are read.
    world.reads(3, "vms", 0, &[(22, 0)]);
    world.reads(4, "vms", 0, &[(22, 1), (23, 0)]);
    let document = world.document().unwrap();
    assert_eq!(document.cells(), Cells { all: 8, carried: 8 });
}
