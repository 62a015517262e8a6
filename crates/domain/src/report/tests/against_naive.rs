//! Random histories: the fold against the naive computation, and the law that a parent is its parts.

use std::collections::HashMap;

use proptest::prelude::*;

use super::naive::Expected;
use super::plan::{Event, METERS, Plan, plans};
use crate::branch::{Branch, Node};
use crate::history::{Cells, Coverage};
use crate::ids::TenantNo;
use crate::report::{Figure, Figures, Kind, Level, ReportInput, Rows, TenantTimeline};
use crate::time::{Day, Period};
use crate::timeline::Timeline;

fn folded(plan: &Plan) -> Vec<Expected> {
    plan.world().document().unwrap().rows().map(|row| Expected::from(&row)).collect()
}

/// The figures of a tenant's row; of zeros where it has none.
fn of(rows: &[Expected], tenant: usize, meter: usize) -> Figures {
    rows.iter().find(|row| row.is_of(tenant, meter)).map(Expected::figures).unwrap_or_default()
}

/// Whom the subject sees within the period, and when.
fn seen(input: &ReportInput) -> Vec<(TenantNo, Vec<Period>)> {
    let nodes = input.tenants.iter().cloned().map(|tenant| {
        let TenantTimeline { id, name, parent, deleted, ancestral_access: open, billing_day, .. } = tenant;
        (tenant.no, Node { id, name, parent, deleted, open, billing_day })
    });
    let branch = Branch { subject: input.subject, nodes: nodes.collect(), billing_days: HashMap::new() };
    let seen = branch.nodes.keys().map(|no| (*no, branch.sees(*no).runs(input.period)));
    seen.filter(|(_, runs)| !runs.is_empty()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_row_is_what_the_log_says(plan in plans()) {
        prop_assert_eq!(folded(&plan), plan.expected());
    }

    /// And all cells are those of the report, where nothing is hidden and nobody left out.
    #[test]
    fn a_branch_sees_whoever_was_there_on_the_days_on_which_nobody_hid_it(plan in plans()) {
        let days = |(no, runs): (TenantNo, Vec<Period>)| (no, runs.iter().flat_map(|run| run.days()).collect());
        let found: Vec<(TenantNo, Vec<Day>)> = seen(&plan.input()).into_iter().map(days).collect();
        prop_assert_eq!(found, plan.seen());
        let mut open = Plan { leave_out_trial: false, ..plan };
        open.log.retain(|(_, _, event)| !matches!(event, Event::Open(_)));
        let (input, archive) = open.world().parts();
        let mut cells = Cells::default();
        for (no, runs) in seen(&input) {
            for (_, series) in archive.series(no.range(), |key| key.tenant == no).unwrap() {
                let coverage = Coverage::of(&series, &runs, &Timeline::always(true));
                cells += coverage.unwrap_or_default().cells;
            }
        }
        prop_assert_eq!(cells, open.cells());
    }

    #[test]
    fn the_order_of_the_input_does_not_matter(plan in plans()) {
        let mut turned = plan.world();
        turned.0.tenants.reverse();
        turned.0.items.reverse();
        let turned = turned.document().unwrap();
        let turned: Vec<Expected> = turned.rows().map(|row| Expected::from(&row)).collect();
        prop_assert_eq!(turned, folded(&plan));
    }

    #[test]
    fn a_parent_is_its_own_readings_and_its_children(plan in plans(), moves in any::<bool>()) {
        let mut plan = Plan { kind: Kind::UsageSummary, level: Level::Accounts, ..plan };
        // Where a child moved within the span, its delta is not part of the delta of one parent.
        plan.log.retain(|(_, _, event)| match event {
            Event::Move(_) => moves,
            Event::Open(_) => false,
            _ => true,
        });
        let rows = folded(&plan);
        let (begin, end) = plan.period;
        let ordered = plan.ordered(plan.subject);
        for (tenant, _) in &ordered {
            let children = ordered.iter().filter(|(child, on)| {
                child != &plan.subject && plan.parent_on(*child, *on) == *tenant
            });
            let children: Vec<usize> = children.map(|(child, _)| *child).collect();
            for meter in 0..METERS.len() {
                let below: Figures = children.iter().fold(Figures::default(), |mut sum, child| {
                    let figures = of(&rows, *child, meter);
                    sum.absolute += figures.absolute;
                    sum.delta += figures.delta;
                    sum
                });
                let parent = of(&rows, *tenant, meter);
                prop_assert_eq!(parent.absolute, plan.own(*tenant, meter, end) + below.absolute);
                let is_range = matches!(meter, 0 | 5);
                if !moves && !is_range {
                    let own: Figure = plan.own(*tenant, meter, end) - plan.own(*tenant, meter, begin);
                    prop_assert_eq!(parent.delta, own + below.delta);
                }
            }
        }
    }
}
