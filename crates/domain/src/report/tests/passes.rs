//! One pass for all: what reports share, what is folded again, and what the parts add up to.

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::naive::Expected;
use super::plan::{METERS, Plan, plans};
use super::world::{World, day, item};
use crate::history::{Archive, Damaged};
use crate::ids::{InfraNo, ItemNo, TenantNo};
use crate::report::{Document, Figure, Figures, Kind, Label, Level, Pass, Question, ReportInput, Row, Rows};
use crate::tenant::TenantKind;

/// What all reports of the plan's channel ask, with the days just before anybody's billing period.
fn question(plan: &Plan) -> Question {
    let input = plan.input();
    let end = input.period.last();
    let billing = input.tenants.iter().map(|tenant| *tenant.billing_day.at(end));
    Question::new(input.period, input.kind, billing, input.as_known, input.leave_out_trial)
}

/// A pass over the whole channel of the plan.
fn pass(plan: &Plan) -> Pass {
    let (input, archive) = plan.world().parts();
    let twigs: Vec<_> = input.tenants.iter().map(crate::report::TenantTimeline::twig).collect();
    Pass::new(TenantNo(1), twigs, &archive, &input.numbers, question(plan)).unwrap().unwrap()
}

fn rows(document: &Document) -> Vec<Expected> {
    document.rows().map(|row| Expected::from(&row)).collect()
}

/// Whether the pass has the figures of a row; those of what was at zero on all days of the period it leaves out.
fn is_in_pass(pass: &Pass, row: &Row, plan: &Plan) -> bool {
    let Label::Item(item) = row.label else { return true };
    let infra = row.infra.as_ref().map_or(InfraNo::NONE, |infra| InfraNo(infra.name[1..].parse().unwrap()));
    let tenant = usize::try_from(row.tenant.no.0 - 1).unwrap();
    let begin = day(plan.begin(tenant, row.date.0 - day(0).0));
    let key = (plan.input().numbers.no(&item.name).unwrap(), infra);
    let mut figures = pass.figures(row.tenant.no, begin, row.date);
    let found = figures.find(|(item, infra, _)| (*item, *infra) == key);
    found.map_or(row.figures.absolute == Figure::default(), |(.., figures)| figures == row.figures)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_report_folded_in_runs_is_the_same(plan in plans(), most_cells in 1..60_usize) {
        let (input, archive) = plan.world().parts();
        let archive = || Ok::<_, Damaged>(archive);
        let document = Document::arranged(input, None, archive, most_cells).unwrap().unwrap();
        prop_assert_eq!(rows(&document), plan.expected());
        prop_assert_eq!(rows(&document), plan.expected(), "a second time");
        prop_assert_eq!(document.cells(), plan.cells());
    }

    #[test]
    fn every_report_may_take_its_figures_from_one_pass(plan in plans()) {
        let pass = Arc::new(pass(&plan));
        for subject in 0..plan.born.len() {
            for level in [Level::DirectPartners, Level::Accounts] {
                let plan = Plan { subject, level, ..plan.clone() };
                let (input, archive) = plan.world().parts();
                let archive = || Ok::<_, Damaged>(archive);
                let document = Document::sharing(input, Some(pass.clone()), archive).unwrap().unwrap();
                prop_assert_eq!(rows(&document), plan.expected(), "subject {}", subject);
                prop_assert_eq!(document.cells(), plan.cells());
            }
        }
    }

    #[test]
    fn a_report_of_settled_tenants_asks_the_pass_alone(plan in plans()) {
        let pass = Arc::new(pass(&plan));
        // Of units a pass keeps nothing.
        let is_kept = |subject: &usize| plan.kind_on(*subject, plan.period.1) != TenantKind::Unit;
        for subject in (0..plan.born.len()).filter(|subject| plan.is_settled(*subject)).filter(is_kept) {
            let plan = Plan { subject, level: Level::Itself, ..plan.clone() };
            let archive = || -> Result<_, Damaged> { panic!("nothing is loaded") };
            let document = Document::sharing(plan.input(), Some(pass.clone()), archive).unwrap().unwrap();
            prop_assert_eq!(rows(&document), plan.expected(), "subject {}", subject);
            for row in document.rows() {
                prop_assert!(is_in_pass(&pass, &row, &plan), "{row:?}");
            }
        }
    }

    #[test]
    fn the_top_is_the_sum_of_all_own_readings(plan in plans()) {
        let mut plan = Plan { kind: Kind::UsageSummary, subject: 0, leave_out_trial: false, ..plan };
        plan.log.retain(|(_, tenant, event)| *tenant > 0 || !matches!(event, super::plan::Event::Deleted(_)));
        let pass = pass(&plan);
        let (begin, end) = plan.period;
        let mut all: HashMap<(ItemNo, InfraNo), Figures> = pass
            .figures(TenantNo(1), day(begin), day(end))
            .map(|(item, infra, figures)| ((item, infra), figures))
            .collect();
        for (meter, (name, infra)) in METERS.into_iter().enumerate() {
            let tenants = 0..plan.born.len();
            let absolute = tenants.fold(Figure::default(), |sum, tenant| sum + plan.own(tenant, meter, end));
            let key = (plan.input().numbers.no(name).unwrap(), InfraNo(infra));
            prop_assert_eq!(all.remove(&key).unwrap_or_default().absolute, absolute, "{}", name);
        }
        prop_assert!(all.is_empty());
    }
}

/// Root 1, partners 2 and 5 below it, and below each so many customers, in ranges of their own.
fn channel(customers: i64) -> (ReportInput, Archive) {
    let mut world = World::channel(1);
    for (partner, first) in [(2, 10_000), (5, 20_000)] {
        for no in first..first + customers {
            world.tenant(no, partner, TenantKind::Customer);
            world.reads(no, "vms", 0, &[(-4, 1), (7, no % 5)]);
        }
    }
    world.parts()
}

#[test]
fn a_damaged_block_gives_no_rows() {
    let (input, mut archive) = channel(3);
    let shelf = archive.shelves.get_mut(&TenantNo(20_000).range()).unwrap();
    *shelf.segments[1].block.last_mut().unwrap() ^= 1;
    let told = Document::new(input, archive).unwrap_err().to_string();
    assert_eq!(
        told,
        "history segment of range 4 from 2026-05-01 to 2026-05-31 is damaged: its checksum is wrong"
    );
}

#[test]
fn items_that_the_catalogue_does_not_know_have_no_rows() {
    let (mut input, archive) = channel(3);
    let vms = input.numbers.no("vms").unwrap();
    input.numbers = input.numbers.iter().filter(|(no, _)| *no != vms).collect();
    let document = Document::new(input, archive).unwrap().unwrap();
    let is_vms = |row: &Row| row.label.name() == item("vms").name;
    assert!(!document.rows().any(|row| is_vms(&row)));
}

#[test]
fn many_ranges_are_unpacked_by_several_threads() {
    let mut world = World::about(1);
    world.tenant(1, 1, TenantKind::Root);
    for no in 1..=40 {
        world.tenant(no * 4096, 1, TenantKind::Customer);
        world.reads(no * 4096, "vms", 0, &[(2, no)]);
    }
    assert_eq!(world.lines_of(&["vms"])[0], "T1 vms 05-31: 820+0 820+0 820+0");
}
