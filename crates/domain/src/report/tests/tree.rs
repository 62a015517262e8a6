//! Which rows there are and what they sum on a tree that changes.

use super::world::{World, change, day};
use crate::ids::TenantNo;
use crate::report::{Kind, Level};
use crate::tenant::TenantKind;

/// Customer 3 moves with its unit from partner 2 to partner 5 on May 10.
fn moved(subject: i64) -> World {
    let mut world = World::channel(subject);
    world.of(3).parent = change(TenantNo(2), day(10), TenantNo(5));
    world.reads(3, "vms", 0, &[(1, 3), (20, 10)]);
    world.reads(3, "notarizations", 0, &[(1, 100), (5, 160), (10, 200), (20, 260)]);
    world
}

#[test]
fn a_moved_tenant_counts_each_day_where_it_stood() {
    assert_eq!(
        moved(1).lines_of(&["vms", "notarizations"]),
        [
            "T1 vms 05-31: 10+0 7+0 10+0",
            "T1 notarizations 05-31: 260+0 160+0 160+0",
            "T2 vms 05-31: 0+0 -3+0 0+0",
            "T2 notarizations 05-31: 0+0 60+0 60+0",
            "T5 vms 05-31: 10+0 10+0 10+0",
            "T5 notarizations 05-31: 260+0 100+0 100+0",
            "T3 vms 05-31: 10+0 7+0 10+0",
            "T3 notarizations 05-31: 260+0 160+0 160+0",
        ]
    );
}

#[test]
fn a_tenant_that_left_shows_only_its_days() {
    let mut world = moved(2);
    world.of(3).name = change("Before".to_owned(), day(9), "There".to_owned());
    world.of(3).name.push(day(11), "Elsewhere".to_owned());
    world.item(3, "workstations", 0).quota = change(Some(5), day(11), Some(6));
    // Switched on by the new partner: not the old one's to see.
    world.item(3, "servers", 0).enabled = change(false, day(12), true);
    let rows = world.rows();
    let quota = rows.iter().find(|row| row.label.name() == "workstations").map(|row| row.quota);
    assert_eq!(quota, Some(Some(5)));
    let lines: Vec<String> =
        rows.iter().map(super::world::line).filter(|line| !line.contains("_count")).collect();
    assert_eq!(
        lines,
        [
            "T2 vms 05-31: 0+0 -3+0 0+0",
            "T2 notarizations 05-31: 0+0 60+0 60+0",
            "There vms 05-31: 0+0 -3+0 0+0",
            "There workstations 05-31: 0+0 0+0 0+0",
            "There notarizations 05-31: 0+0 60+0 60+0",
        ]
    );
}

#[test]
fn daily_rows_end_with_the_last_day_below_the_subject() {
    let mut world = moved(2);
    world.0.kind = Kind::UsageDaily;
    let dates = |name: &str, lines: &[String]| lines.iter().filter(|line| line.starts_with(name)).count();
    let lines = world.lines_of(&["vms"]);
    assert_eq!((dates("T2", &lines), dates("T3", &lines)), (31, 9));
    assert_eq!(lines[9], "T2 vms 05-10: 0+0 -3+0 0+0");
    assert_eq!(lines.last().unwrap(), "T3 vms 05-09: 3+0 0+0 3+0");
}

#[test]
fn who_left_before_the_period_counts_only_at_its_begin() {
    let mut world = moved(2);
    world.0.kind = Kind::UsageDaily;
    world.0.period.start = day(10);
    let lines = world.lines_of(&["vms", "euc_count"]);
    assert_eq!(lines[0], "T2 euc_count 05-10: 0+0 -1+0 0+0");
    assert!(lines.iter().all(|line| line.starts_with("T2 euc_count")), "vms were not used within the period");
}

#[test]
fn deletion_takes_along_what_is_below() {
    let mut world = moved(1);
    world.of(5).deleted = change(false, day(25), true);
    assert_eq!(
        world.lines_of(&["vms"]),
        [
            "T1 vms 05-31: 0+0 -3+0 0+0",
            "T2 vms 05-31: 0+0 -3+0 0+0",
            "T5 vms 05-31: 0+0 0+0 0+0",
            "T3 vms 05-31: 0+0 -3+0 0+0",
        ]
    );
}

#[test]
fn a_deleted_subject_keeps_its_rows_and_those_of_the_others() {
    let mut world = moved(2);
    world.of(2).deleted = change(false, day(5), true);
    world.of(2).name = change("Alive".to_owned(), day(5), "Gone".to_owned());
    assert_eq!(world.lines_of(&["vms"]), ["Alive vms 05-31: 0+0 -3+0 0+0", "T3 vms 05-31: 0+0 -3+0 0+0"]);
    let mut never = moved(2);
    never.of(2).deleted = crate::timeline::Timeline::always(true);
    assert_eq!(never.tenants_with_rows(), ["T2"], "the subject always has rows");
}

#[test]
fn the_latest_name_within_the_period_is_shown() {
    let mut world = moved(3);
    world.of(3).name.push(day(12), "May".to_owned());
    world.of(3).name.push(day(32), "June".to_owned());
    world.of(3).customer_id = change(None, day(12), Some("H-17".to_owned()));
    let document = world.document().unwrap();
    assert_eq!(document.subject().name, "May");
    assert_eq!(document.subject().customer_id.as_deref(), Some("H-17"));
}

#[test]
fn a_report_needs_its_subject() {
    assert!(World::channel(77).document().is_none());
}

/// Root 1: partner 2 (customer 3 (unit 4)), partner 5 (folder 6 (customer 7)), customer 8 (unit 9).
fn all_kinds(subject: i64, level: Level) -> World {
    let mut world = World::channel(subject);
    world.tenant(6, 5, TenantKind::Folder);
    world.tenant(7, 6, TenantKind::Customer);
    world.tenant(8, 1, TenantKind::Customer);
    world.tenant(9, 8, TenantKind::Unit).is_personal = true;
    world.0.level = level;
    for no in 1..10 {
        world.item(no, "vms", 0);
        world.reads(no, "vms", 0, &[(2, 1)]);
    }
    world
}

#[test]
fn the_level_says_who_has_rows() {
    let with = |subject, level| all_kinds(subject, level).tenants_with_rows().join(" ");
    assert_eq!(with(1, Level::Itself), "T1");
    assert_eq!(with(1, Level::DirectPartners), "T1 T2 T5 T8");
    assert_eq!(with(1, Level::AllCustomers), "T1 T2 T3 T5 T6 T7 T8");
    assert_eq!(with(1, Level::Accounts), "T1 T2 T3 T4 T5 T6 T7 T8 T9");
    assert_eq!(with(1, Level::AllPartners), "T1 T2 T5 T6");
    assert_eq!(with(3, Level::AllPartners), "T3");
    assert_eq!(with(8, Level::Accounts), "T8 T9");
    for level in Level::ALL {
        let lines = all_kinds(1, *level).lines_of(&["vms"]);
        assert_eq!(lines[0], "T1 vms 05-31: 9+0 9+0 9+0", "{level}: all are summed");
    }
}

#[test]
fn below_a_closed_tenant_nobody_is_shown_and_everybody_summed() {
    let closed = |subject: i64, no: i64| {
        let mut world = all_kinds(subject, Level::Accounts);
        world.of(no).ancestral_access = change(true, day(3), false);
        world
    };
    assert_eq!(closed(1, 5).tenants_with_rows().join(" "), "T1 T2 T3 T4 T5 T8 T9");
    assert_eq!(closed(1, 5).lines_of(&["vms"])[4], "T5 vms 05-31: 3+0 3+0 3+0");
    assert_eq!(closed(2, 3).tenants_with_rows().join(" "), "T2 T3");
    assert_eq!(closed(3, 3).tenants_with_rows().join(" "), "T3 T4", "the subject itself hides nothing");
    assert_eq!(closed(3, 2).tenants_with_rows().join(" "), "T3 T4", "nor does a tenant above it");
}

#[test]
fn who_was_above_may_stand_below_later() {
    // Partner 2 stands below 5 until May 10, then 5 below 2.
    let mut world = World::channel(1);
    world.of(2).parent = change(TenantNo(5), day(10), TenantNo(1));
    world.of(5).parent = change(TenantNo(1), day(10), TenantNo(2));
    world.reads(2, "vms", 0, &[(1, 1)]);
    world.reads(5, "vms", 0, &[(1, 10)]);
    assert_eq!(
        world.lines_of(&["vms"]),
        ["T1 vms 05-31: 11+0 0+0 11+0", "T2 vms 05-31: 11+0 10+0 11+0", "T5 vms 05-31: 10+0 -1+0 10+0"]
    );
}

#[test]
fn the_level_is_that_of_each_day() {
    // Customer 8 is a direct one until May 10, then one of partner 2.
    let with = |kind| {
        let mut world = all_kinds(1, Level::DirectPartners);
        world.0.kind = kind;
        world.of(8).parent = change(TenantNo(1), day(10), TenantNo(2));
        world
    };
    let days = with(Kind::UsageDaily).lines_of(&["vms"]).iter().filter(|line| line.starts_with("T8")).count();
    assert_eq!(days, 9, "its rows are those of the days on which it was a direct one");
    assert_eq!(with(Kind::UsageSummary).tenants_with_rows().join(" "), "T1 T2 T8 T5");
}
