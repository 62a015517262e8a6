//! Reports are as they were told, and each of their runs was made once.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use domain::schedule::{following_monthly_due, next_monthly_due};
use domain::time::Instant;

use super::Verdict;
use crate::load::Told;
use crate::load::caller::Caller;
use crate::load::orders::Orders;
use crate::rows::{Report, Rows, Run};

/// Reports of one run that are asked for over HTTP; of the others the database is asked alone.
const SAMPLE: usize = 100;

/// Every run that was due is there once and has come to its end; with an edition, and a mail for each recipient.
pub fn check(verdict: &mut Verdict, rows: &Rows, now: Instant, told: &Told) -> Result<()> {
    let runs = rows.runs()?;
    let reports = rows.reports()?;
    verdict.count("reports", reports.len());
    verdict.count("runs", runs.len());
    let mut by_report: BTreeMap<&str, Vec<&Run>> = BTreeMap::new();
    for run in &runs {
        by_report.entry(&run.report).or_default().push(run);
        let is_over = run.status == "ready" || (run.status == "skipped" && run.reason.is_some());
        verdict.demand(is_over, || format!("a run did not come to its end: {run:?}"));
    }
    let orders = &told.orders;
    verdict.demand(u64::try_from(reports.len())? <= orders.sent, || "more reports than orders".to_owned());
    let there: BTreeSet<&str> = reports.iter().map(|report| report.id.as_str()).collect();
    let steady: BTreeSet<&str> =
        orders.orders.iter().filter(|order| order.is_steady).map(|order| order.id.as_str()).collect();
    for order in &orders.orders {
        verdict.demand(there.contains(order.id.as_str()), || format!("an order is lost: {order:?}"));
    }
    for report in &reports {
        let mut due: Vec<Instant> =
            by_report.get(report.id.as_str()).into_iter().flatten().map(|run| run.due_at).collect();
        due.sort();
        if report.is_monthly {
            let distinct: BTreeSet<Instant> = due.iter().copied().collect();
            verdict.demand(distinct.len() == due.len(), || format!("{} ran twice: {due:?}", report.id));
            if steady.contains(report.id.as_str()) {
                let expected = expected(report, now);
                verdict.demand(due == expected, || {
                    format!("{} ran at {due:?} instead of {expected:?}", report.id)
                });
            }
        } else {
            verdict.demand(due.len() == 1, || format!("{} ran {} times", report.id, due.len()));
        }
    }
    what_follows(verdict, rows, &runs)
}

/// When a monthly report that was never disabled must have run until now.
fn expected(report: &Report, now: Instant) -> Vec<Instant> {
    let first = next_monthly_due(report.created_at);
    std::iter::successors(Some(first), |due| Some(following_monthly_due(*due)))
        .take_while(|due| *due <= now)
        .collect()
}

/// A run that is ready has an edition, and one that is sent a mail for each recipient.
fn what_follows(verdict: &mut Verdict, rows: &Rows, runs: &[Run]) -> Result<()> {
    let mut editions = rows.editions()?;
    editions.sort();
    let ready = runs.iter().filter(|run| run.status == "ready");
    let mut with_edition: Vec<String> = ready.clone().map(|run| run.id.clone()).collect();
    with_edition.sort();
    verdict.count("editions", editions.len());
    verdict.demand(editions == with_edition, || "runs and editions differ".to_owned());
    let (mut recipients, mut mailed) = (rows.recipients()?, Vec::new());
    let sent: BTreeSet<&str> = ready.filter(|run| run.is_sent).map(|run| run.id.as_str()).collect();
    recipients.retain(|(run, _)| sent.contains(run.as_str()));
    let deliveries = rows.deliveries()?;
    mailed.extend(deliveries.into_iter().filter(|it| it.resend_no == 0).map(|it| (it.run, it.user)));
    recipients.sort();
    mailed.sort();
    verdict.demand(recipients == mailed, || "recipients of runs and mails of the ledger differ".to_owned());
    Ok(())
}

/// What was acknowledged of reports is what they say.
pub fn check_orders(verdict: &mut Verdict, caller: &mut Caller, orders: &Orders) {
    let (changed, others): (Vec<_>, Vec<_>) =
        orders.orders.iter().partition(|order| order.version() > 1 || order.pending.is_some());
    for order in changed.into_iter().chain(others.into_iter().rev().take(SAMPLE)) {
        let now = caller.get(&format!("/api/2/reports/{}", order.id));
        verdict.count("reports compared", 1);
        let is_so = now.as_ref().is_some_and(|now| order.is(now));
        verdict.demand(is_so, || format!("{order:?} is now {now:?}"));
    }
}
