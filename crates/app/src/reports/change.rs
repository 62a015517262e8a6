//! PUT of a report (reports-api, 5).

use std::collections::HashSet;

use domain::access::Permission;
use domain::ids::{ReportId, TenantId, UserId};
use domain::report::{Format, Kind, Level, Report, ResultAction};
use domain::schedule::{ScheduleType, next_monthly_due};
use domain::time::{Day, Instant, Period};
use store::Write;
use store::reports::Stored;

use super::{Shown, check_recipients, depth, find};
use crate::access::Depth;
use crate::jobs::scheduler;
use crate::{App, Caller, Error, Result, Rule};

/// What was sent; an absent member stays as it is. The second half cannot change: it is tolerated where it is equal.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Replaces the list.
    pub recipients: Option<Vec<UserId>>,
    /// Replaces the level.
    pub level: Option<Level>,
    /// Replaces the kind.
    pub kind: Option<Kind>,
    /// Replaces the flag.
    pub hide_zero_usage: Option<bool>,
    /// Replaces the flag.
    pub show_skus: Option<bool>,
    /// Enables or disables.
    pub enabled: Option<bool>,
    /// The report's own id.
    pub id: Option<ReportId>,
    /// The version that the sender knows.
    pub version: Option<i64>,
    /// The subject.
    pub tenant_id: Option<TenantId>,
    /// The formats, compared as a set.
    pub formats: Option<Vec<Format>>,
    /// First and last day.
    pub period: Option<(Day, Day)>,
    /// The schedule.
    pub schedule: Option<ScheduleType>,
    /// What becomes of the files.
    pub result_action: Option<ResultAction>,
    /// The generation date.
    pub generation_on: Option<Day>,
}

impl Change {
    /// The first member that differs from what the report shows though it cannot change.
    fn forbidden(&self, shown: &Shown) -> Option<&'static str> {
        let report = &shown.report;
        let set = |formats: &[Format]| formats.iter().copied().collect::<HashSet<_>>();
        let period = |(start, end)| Period::inclusive(start, end);
        [
            ("parameters.tenant_id", differs(self.tenant_id, &report.subject_id)),
            (
                "parameters.formats",
                differs(self.formats.as_deref().map(set), &set(&report.parameters.formats)),
            ),
            ("parameters.period", differs(self.period.map(period), &shown.period)),
            ("schedule.type", differs(self.schedule, &report.schedule)),
            ("result_action", differs(self.result_action, &report.result_action)),
            ("generation_date", differs(self.generation_on, &shown.generation_on)),
            ("id", differs(self.id, &report.id)),
        ]
        .into_iter()
        .find_map(|(field, differs)| differs.then_some(field))
    }

    /// Whether the report is to show what lies inside its subject: by a level that it did not have, or by the one that it
    /// has and runs with. It can be disabled from outside.
    fn looks_inside(&self, old: &Report) -> bool {
        let runs = self.enabled.unwrap_or(old.enabled);
        let kept = Some(old.parameters.level).filter(|_| runs);
        self.level
            .filter(|level| *level != old.parameters.level)
            .or(kept)
            .is_some_and(|level| depth(level) == Depth::Inside)
    }
}

fn differs<T: PartialEq>(sent: Option<T>, stored: &T) -> bool {
    sent.is_some_and(|sent| sent != *stored)
}

/// Changes a report whose next generation is still ahead. What becomes due by it has its run when this returns.
pub async fn change(app: &App, caller: &Caller, id: ReportId, change: &Change) -> Result<Shown> {
    let mut tx = app.write(caller).await?;
    let now = tx.now();
    let (mut old, granted) = find(app, &mut tx, caller, Permission::ReportWriter, id).await?;
    if let Some(field) = change.forbidden(&Shown::at(old.report.clone(), now)) {
        return Err(Error::invalid(field, "cannot be changed"));
    }
    if let Some(sent) = change.version.filter(|sent| *sent != old.report.version) {
        return Err(Error::Stale { sent, current: old.report.version });
    }
    check_ahead(&mut tx, &old).await?;
    if change.looks_inside(&old.report) && !granted.may_look_inside() {
        return Err(Error::Forbidden);
    }
    // A monthly run that fell due before this change happens as the report was.
    if old.report.schedule == ScheduleType::Monthly {
        scheduler::insert_due(app, &mut tx, &mut old).await?;
    }
    let mut new = Stored { writer: granted.root(), ..old.clone() };
    new.report.writer_tenant_id = granted.root_id();
    if let Some(sent) = &change.recipients {
        let action = old.report.result_action;
        new.report.recipients = check_recipients(&mut tx, granted.root(), action, sent).await?;
    }
    apply(change, &mut new, now);
    store::reports::update(&mut tx, &old, &new).await?;
    scheduler::insert_due(app, &mut tx, &mut new).await?;
    tx.commit().await?;
    app.work.notify_waiters();
    Ok(Shown::at(new.report, now))
}

/// Fails once the only run of a `once` report exists, in whatever state (reports-api, 5.1).
pub(super) async fn check_ahead(tx: &mut Write, stored: &Stored) -> Result<()> {
    let report = &stored.report;
    if report.schedule == ScheduleType::Once && store::reports::has_run(tx, report.id).await? {
        return Err(Error::rule(Rule::Business, "the generation of this report has started"));
    }
    Ok(())
}

fn apply(change: &Change, new: &mut Stored, now: Instant) {
    let report = &mut new.report;
    report.version += 1;
    let parameters = &mut report.parameters;
    parameters.level = change.level.unwrap_or(parameters.level);
    parameters.kind = change.kind.unwrap_or(parameters.kind);
    parameters.hide_zero_usage = change.hide_zero_usage.or(parameters.hide_zero_usage);
    parameters.show_skus = change.show_skus.or(parameters.show_skus);
    report.enabled = change.enabled.unwrap_or(report.enabled);
    report.next_due_at = report.enabled.then(|| match report.generation_on {
        Some(day) => day.start(),
        None => report.next_due_at.unwrap_or_else(|| next_monthly_due(now)),
    });
}
