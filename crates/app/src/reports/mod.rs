//! Reports: ordered, read, deleted; changed in [`change`], their files in [`files`]; made without being stored in
//! [`at_once`].
//!
//! A report belongs to its subject tenant. Its figures show what lies below the subject, so that whoever may not look
//! inside a tenant gets reports of level `itself` on it and no others (reports-api, 9.1; accounts-api, 1.7).

pub mod at_once;
mod change;
pub(crate) mod content;
mod files;
pub mod mailed_files;
pub(crate) mod pieces;
pub mod subscriptions;

pub use change::{Change, change};
pub use files::{StoredFile, stored, stored_file};
pub use pieces::Flow;

use domain::access::Permission;
use domain::ids::{ReportId, TenantId, TenantNo, UserId};
use domain::report::{Level, Parameters, Report, ResultAction};
use domain::schedule::{ScheduleType, default_period, last_needed_day, monthly_period, next_monthly_due};
use domain::time::{Day, Instant, Period};
use store::reports::Stored;
use store::{Conn, Write};

use crate::access::{Deleted, Depth, Granted};
use crate::ids::Noun;
use crate::jobs::scheduler;
use crate::{App, Caller, Error, Result, Rule};

/// From this hour on a history that is not closed is a fault (reports-api, 8.2).
const HISTORY_READY_BY_SECONDS: i64 = 6 * 3600;

/// A report to be made, checked for form.
#[derive(Debug, Clone)]
pub struct NewReport {
    /// What it shows.
    pub parameters: Parameters,
    /// First and last day, as sent.
    pub period: Option<(Day, Day)>,
    /// What becomes of the files.
    pub result_action: ResultAction,
    /// Who gets the mail, as sent.
    pub recipients: Vec<UserId>,
    /// Once or monthly.
    pub schedule: ScheduleType,
    /// Whether it runs when due.
    pub enabled: bool,
    /// The generation date, as sent.
    pub generation_on: Option<Day>,
}

/// A report with what follows from its next run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The report.
    pub report: Report,
    /// Its own period, or that of the next run.
    pub period: Period,
    /// Its own generation date, or the day of the next run.
    pub generation_on: Day,
}

impl Shown {
    fn at(report: Report, now: Instant) -> Self {
        let (period, generation_on) = match report.schedule {
            ScheduleType::Once => {
                let generation_on = report.generation_on.unwrap_or_else(|| report.created_at.day());
                (report.period.unwrap_or_else(|| default_period(generation_on)), generation_on)
            }
            ScheduleType::Monthly => {
                let due_at = report.next_due_at.unwrap_or_else(|| next_monthly_due(now));
                (monthly_period(due_at), due_at.day())
            }
        };
        Self { report, period, generation_on }
    }
}

/// Makes a report (reports-api, 3). One that is due at once has its run when this returns.
pub async fn create(app: &App, caller: &Caller, subject: TenantId, new: &NewReport) -> Result<Shown> {
    let mut made = create_each(app, caller, &[subject], new).await?;
    made.pop().ok_or_else(|| Error::internal("no report was made"))
}

/// Makes a report on each of these tenants, or none at all (accounts-api, 2.8).
pub async fn create_each(
    app: &App,
    caller: &Caller,
    subjects: &[TenantId],
    new: &NewReport,
) -> Result<Vec<Shown>> {
    let mut tx = app.write(caller).await?;
    let mut granted = Vec::with_capacity(subjects.len());
    for subject in subjects {
        let depth = depth(new.parameters.level);
        let permission = Permission::ReportWriter;
        granted.push(app.allow_at(&mut tx, caller, permission, *subject, depth, Deleted::Hidden).await?);
    }
    let mut made = Vec::with_capacity(subjects.len());
    for granted in &granted {
        let report = insert(app, &mut tx, granted, new).await?;
        made.push(Shown::at(report, tx.now()));
    }
    tx.commit().await?;
    app.work.notify_waiters();
    Ok(made)
}

async fn insert(app: &App, tx: &mut Write, granted: &Granted, new: &NewReport) -> Result<Report> {
    let now = tx.now();
    let today = now.day();
    let (period, generation_on) = match new.schedule {
        ScheduleType::Once => {
            let generation_on = new.generation_on.unwrap_or(today);
            (Some(once_period(new.period, generation_on, today)?), Some(generation_on))
        }
        ScheduleType::Monthly => (None, None),
    };
    let recipients = check_recipients(tx, granted.root(), new.result_action, &new.recipients).await?;
    let next_due_at = new.enabled.then(|| match generation_on {
        Some(day) => day.start(),
        None => next_monthly_due(now),
    });
    if let (Some(period), Some(_)) = (period, next_due_at.filter(|due| *due <= now)) {
        check_ready(tx, period, now).await?;
    }
    let report = Report {
        id: ReportId(app.ids.fresh(Noun::Report)?),
        version: 1,
        subject_id: granted.tenant().id,
        parameters: new.parameters.clone(),
        period,
        result_action: new.result_action,
        recipients,
        schedule: new.schedule,
        enabled: new.enabled,
        generation_on,
        next_due_at,
        writer_tenant_id: granted.root_id(),
        created_at: now,
    };
    let mut stored = Stored { report, subject: granted.tenant().no, writer: granted.root() };
    store::reports::insert(tx, &stored).await?;
    scheduler::insert_due(app, tx, &mut stored).await?;
    Ok(stored.report)
}

/// The period of a `once` report (reports-api, 3.2).
fn once_period(sent: Option<(Day, Day)>, generation_on: Day, today: Day) -> Result<Period> {
    let refuse = |why: &'static str| Err(Error::rule(Rule::Business, format!("parameters.period: {why}")));
    match sent {
        None => Ok(default_period(generation_on.max(today))),
        Some((start, end)) if end < start => refuse("ends before it starts"),
        Some((_, end)) if end > today => refuse("lies in the future"),
        Some((start, end)) => Ok(Period::inclusive(start, end)),
    }
}

/// The recipients without repeats, in their order, if they fit what becomes of the files (reports-api, 3.3).
async fn check_recipients(
    conn: &mut Conn,
    root: TenantNo,
    result_action: ResultAction,
    sent: &[UserId],
) -> Result<Vec<UserId>> {
    let refuse = |why: String| Err(Error::rule(Rule::Business, format!("recipients: {why}")));
    let mut recipients = Vec::with_capacity(sent.len());
    for user in sent {
        if !recipients.contains(user) {
            recipients.push(*user);
        }
    }
    match (result_action, recipients.is_empty()) {
        (ResultAction::Save, false) => return refuse("a saved report has none".to_owned()),
        (ResultAction::Send, true) => return refuse("a report to be sent needs at least one".to_owned()),
        _ => {}
    }
    for user in &recipients {
        if !store::reports::sees_user(conn, root, *user).await? {
            return refuse(format!("{user} is no user that you see"));
        }
    }
    Ok(recipients)
}

/// Fails while the history that a `once` report due now needs is not closed (reports-api, 8.2).
async fn check_ready(conn: &mut Conn, period: Period, now: Instant) -> Result<()> {
    let needed = last_needed_day(period, now.day());
    let days = store::history::days(conn).await?;
    if days.is_some_and(|days| needed < days.frozen) {
        return Ok(());
    }
    let ready_by = now.day().start().plus_seconds(HISTORY_READY_BY_SECONDS);
    let left = now.until(ready_by);
    let seconds = i64::try_from(left.as_secs()).unwrap_or(0) + i64::from(left.subsec_nanos() > 0);
    Err(Error::NotReady { retry_after_seconds: (seconds > 0).then_some(seconds) })
}

/// How far one must see into the subject for a report of this level.
pub(crate) const fn depth(level: Level) -> Depth {
    match level {
        Level::Itself => Depth::Own,
        _ => Depth::Inside,
    }
}

/// A report that the caller may use; 404 where there is none, 403 where its subject lies outside the caller's subtree.
///
/// Whoever may not look inside the subject (any more) still has the report itself: to see it, to disable it, to make it
/// one of level `itself`, to delete it. What it shows of the inside needs [`Granted::may_look_inside`] as well.
pub(crate) async fn find(
    app: &App,
    conn: &mut Conn,
    caller: &Caller,
    permission: Permission,
    id: ReportId,
) -> Result<(Stored, Granted)> {
    let stored = store::reports::by_id(conn, id).await?.ok_or(Error::NotFound { what: "report" })?;
    let subject = stored.report.subject_id;
    let granted = app.allow_at(conn, caller, permission, subject, Depth::Own, Deleted::Shown).await?;
    Ok((stored, granted))
}

/// The report as it stands.
pub async fn get(app: &App, caller: &Caller, id: ReportId) -> Result<Shown> {
    let mut conn = app.read().await?;
    let (stored, _) = find(app, &mut conn, caller, Permission::ReportReader, id).await?;
    Ok(Shown::at(stored.report, app.clock.now()))
}

/// Fails where [`change`] would for want of the report or of the right: the check that comes before the body.
pub async fn check_writable(app: &App, caller: &Caller, id: ReportId) -> Result<()> {
    let mut conn = app.read().await?;
    find(app, &mut conn, caller, Permission::ReportWriter, id).await.map(|_| ())
}

/// The reports whose subject is exactly this tenant, oldest first (reports-api, 7.1).
pub async fn of_tenant(app: &App, caller: &Caller, tenant: TenantId) -> Result<Vec<ReportId>> {
    let mut conn = app.read().await?;
    let granted = app.allow(&mut conn, caller, Permission::ReportReader, tenant).await?;
    Ok(store::reports::of_subject(&mut conn, granted.tenant().no).await?)
}

/// Deletes the report with its runs and files; a run under way finds its row gone and stops (reports-api, 6).
pub async fn delete(app: &App, caller: &Caller, id: ReportId, version: i64) -> Result<()> {
    let mut tx = app.write(caller).await?;
    let (stored, _) = find(app, &mut tx, caller, Permission::ReportWriter, id).await?;
    if stored.report.version != version {
        return Err(Error::Stale { sent: version, current: stored.report.version });
    }
    store::reports::delete(&mut tx, &stored).await?;
    Ok(tx.commit().await?)
}
