//! Closes days and inserts the runs that are due.

use domain::access::Actor;
use domain::ids::{ArtefactId, RunId};
use domain::report::{Run, RunStatus};
use domain::schedule::{ScheduleType, following_monthly_due, monthly_period};
use domain::time::Instant;
use store::Write;
use store::reports::Stored;

use super::{by_itself, steps};
use crate::{App, Error, Result};

/// Reports looked at in one transaction.
const BATCH: i64 = 200;

/// Does what is due; gives back when to look again. Midnight closes a day, whether or not a report is due.
pub(super) async fn work(app: &App) -> Result<Option<Instant>> {
    let midnight = app.clock.now().day().next().start();
    wake(app).await?;
    let mut conn = app.read().await?;
    let due = store::reports::next_due_at(&mut conn).await?;
    let by_itself = store::moments_due::next(&mut conn).await?;
    Ok([Some(midnight), due, by_itself].into_iter().flatten().min())
}

/// Closes the days that are over, records what came to pass by itself, and inserts the runs that are due; gives back how
/// many.
pub async fn wake(app: &App) -> Result<usize> {
    crate::history::close_due(app).await?;
    by_itself::work(app).await?;
    let mut inserted = 0;
    loop {
        let mut tx = app.write_as(Actor::System).await?;
        let now = tx.now();
        let due = store::reports::due(&mut tx, now, BATCH).await?;
        if due.is_empty() {
            break;
        }
        for mut stored in due {
            inserted += insert_due(app, &mut tx, &mut stored).await?;
        }
        tx.commit().await?;
        steps::reached(app, "after-run-inserted");
    }
    if inserted > 0 {
        app.work.notify_waiters();
    }
    Ok(inserted)
}

/// Inserts the runs of a report that are due, every missed month with its own, and moves on to the next one.
pub(crate) async fn insert_due(app: &App, tx: &mut Write, stored: &mut Stored) -> Result<usize> {
    let now = tx.now();
    let mut inserted = 0;
    while let Some(due_at) = stored.report.next_due_at.filter(|due_at| *due_at <= now) {
        inserted += usize::from(insert_run(app, tx, stored, due_at).await?);
        let next = match stored.report.schedule {
            ScheduleType::Once => None,
            ScheduleType::Monthly => Some(following_monthly_due(due_at)),
        };
        stored.report.next_due_at = next;
        store::reports::set_next_due(tx, stored.report.id, next).await?;
    }
    Ok(inserted)
}

/// Inserts a run with copies of what the report says now, and its files as in progress.
async fn insert_run(app: &App, tx: &mut Write, stored: &Stored, due_at: Instant) -> Result<bool> {
    let report = &stored.report;
    let period = match report.schedule {
        ScheduleType::Once => {
            report.period.ok_or_else(|| Error::internal("a once report without a period"))?
        }
        ScheduleType::Monthly => monthly_period(due_at),
    };
    let run = Run {
        id: RunId(app.ids.other()?),
        report_id: report.id,
        subject_id: report.subject_id,
        due_at,
        schedule: report.schedule,
        period,
        parameters: report.parameters.clone(),
        result_action: report.result_action,
        recipients: report.recipients.clone(),
        writer_tenant_id: report.writer_tenant_id,
        status: RunStatus::Queued,
        reason: None,
        attempts: 0,
        created_at: tx.now(),
        generated_at: None,
    };
    let mut files = Vec::with_capacity(run.parameters.formats.len());
    for format in &run.parameters.formats {
        files.push((ArtefactId(app.ids.other()?), *format));
    }
    let id = run.id;
    let new = store::runs::Stored { run, subject: stored.subject, writer: stored.writer };
    let inserted = store::runs::insert(tx, &new).await?;
    if inserted {
        store::runs::artefacts::insert(tx, id, files).await?;
    }
    Ok(inserted)
}
