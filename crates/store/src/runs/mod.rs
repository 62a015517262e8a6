//! Runs: executions of reports. A node that is at one holds a lease with an epoch, and every write of its job checks it.

pub mod artefacts;
pub mod editions;
mod lease;

pub use lease::{
    Alike, Claim, Pinned, claim, count_alike, hold, next, pin, pinned, record_fault, release_leases,
};

use domain::ids::{ReportId, TenantNo};
use domain::report::{Run, RunStatus};
use domain::time::{Instant, Period};

use crate::arg::list;
use crate::audit::{Change, Object};
use crate::{Conn, Result, Row, Write, args};

/// A run with the numbers of the tenants it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The run.
    pub run: Run,
    /// Whom it is about.
    pub subject: TenantNo,
    /// The tenant in whose subtree subject and recipients must lie.
    pub writer: TenantNo,
}

macro_rules! select {
    ($rest:expr) => {
        concat!(
            "SELECT r.id, r.report_id, r.subject_no, s.id AS subject_id, r.due_at, r.schedule, r.level, r.kind, r.formats,
             r.hide_zero_usage, r.show_skus, r.period_start, r.period_end, r.result_action, r.writer_tenant_no,
             w.id AS writer_id, r.status, r.reason, r.attempts, r.created_at, r.generated_at, r.lease_epoch,
             r.as_of_seq, r.language
             FROM runs r JOIN tenants s ON s.no = r.subject_no JOIN tenants w ON w.no = r.writer_tenant_no ",
            $rest
        )
    };
}
use select;

/// Inserts a run with its recipients, unless the report has one for this subject and moment already.
pub async fn insert(tx: &mut Write, new: &Stored) -> Result<bool> {
    let run = &new.run;
    let inserted = tx
        .run(
            "INSERT INTO runs (id, report_id, subject_no, due_at, schedule, level, kind, formats, hide_zero_usage,
             show_skus, period_start, period_end, result_action, writer_tenant_no, status, attempts, not_before,
             lease_epoch, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, $16, 0, $16)
             ON CONFLICT (report_id, subject_no, due_at) DO NOTHING",
            args![
                run.id,
                run.report_id,
                new.subject,
                run.due_at,
                run.schedule.as_str(),
                run.parameters.level.as_str(),
                run.parameters.kind.as_str(),
                list(&run.parameters.formats),
                run.parameters.hide_zero_usage,
                run.parameters.show_skus,
                run.period.start,
                run.period.end,
                run.result_action.as_str(),
                new.writer,
                run.status.as_str(),
                run.created_at
            ],
        )
        .await?;
    if inserted == 0 {
        return Ok(false);
    }
    let recipients = (0_i64..).zip(&run.recipients).map(|(at, user)| args![run.id, at, *user]).collect();
    tx.insert_many("INSERT INTO run_recipients (run_id, position, user_id)", "", recipients).await?;
    log_status(tx, new, None, run.status).await?;
    Ok(true)
}

/// The run with this id.
pub async fn by_id(conn: &mut Conn, id: domain::ids::RunId) -> Result<Option<Stored>> {
    match conn.one(select!("WHERE r.id = $1"), args![id]).await? {
        Some(row) => stored(conn, &row).await.map(Some),
        None => Ok(None),
    }
}

/// The runs of a report, oldest first.
pub async fn of_report(conn: &mut Conn, report: ReportId) -> Result<Vec<Stored>> {
    let rows = conn.all(select!("WHERE r.report_id = $1 ORDER BY r.no"), args![report]).await?;
    let mut runs = Vec::with_capacity(rows.len());
    for row in &rows {
        runs.push(stored(conn, row).await?);
    }
    Ok(runs)
}

/// Notes since when nothing of a run that is ready goes out to anybody: every newest delivery was skipped. Not noted any
/// more once one is sent after all.
pub async fn settle_unsent(tx: &mut Write, run: domain::ids::RunId) -> Result<()> {
    let now = tx.now();
    tx.run(
        "UPDATE runs SET unsent_at = CASE WHEN EXISTS (SELECT 1 FROM deliveries d
             WHERE d.run_id = runs.id AND d.resent_at IS NULL AND d.status <> 'skipped') THEN NULL
         ELSE COALESCE(unsent_at, $2) END WHERE id = $1 AND status = 'ready' AND result_action = 'send'",
        args![run, now],
    )
    .await
    .map(|_| ())
}

/// Ends a run: `ready`, or `failed` or `skipped` with the reason.
pub async fn finish(tx: &mut Write, stored: &Stored, status: RunStatus, reason: Option<&str>) -> Result<()> {
    let now = tx.now();
    tx.run(
        "UPDATE runs SET status = $2, reason = $3, finished_at = $4, lease_until = NULL,
         unsent_at = CASE WHEN $2 = 'failed' THEN COALESCE(unsent_at, $4) END WHERE id = $1",
        args![stored.run.id, status.as_str(), reason, now],
    )
    .await?;
    if let Some(reason) = reason {
        tx.because(reason);
    }
    log_status(tx, stored, Some(RunStatus::Building), status).await
}

async fn log_status(tx: &mut Write, stored: &Stored, old: Option<RunStatus>, new: RunStatus) -> Result<()> {
    let id = stored.run.id.to_string();
    let (old, new) = (old.map(|status| status.to_string()), Some(new.to_string()));
    let change = Change { object: Object::Run, id: &id, tenant: stored.subject, field: "status", old, new };
    tx.log(change).await
}

async fn stored(conn: &mut Conn, row: &Row) -> Result<Stored> {
    let id: domain::ids::RunId = row.parsed("id")?;
    let recipients =
        conn.all("SELECT user_id FROM run_recipients WHERE run_id = $1 ORDER BY position", args![id]).await?;
    let run = Run {
        id,
        report_id: row.parsed("report_id")?,
        subject_id: row.parsed("subject_id")?,
        due_at: row.instant("due_at")?,
        schedule: row.parsed("schedule")?,
        period: Period { start: row.day("period_start")?, end: row.day("period_end")? },
        parameters: crate::reports::parameters(row)?,
        result_action: row.parsed("result_action")?,
        recipients: recipients.iter().map(|row| row.parsed("user_id")).collect::<Result<_>>()?,
        writer_tenant_id: row.parsed("writer_id")?,
        status: row.parsed("status")?,
        reason: row.opt_text("reason")?,
        attempts: row.int("attempts")?,
        created_at: row.instant("created_at")?,
        generated_at: row.opt_instant("generated_at")?,
    };
    let (subject, writer) = (TenantNo(row.int("subject_no")?), TenantNo(row.int("writer_tenant_no")?));
    Ok(Stored { run, subject, writer })
}

/// How many runs wait or are under way.
pub async fn count_open(conn: &mut Conn) -> Result<i64> {
    conn.count("SELECT COUNT(*) AS n FROM runs WHERE status IN ('queued', 'building')", args![]).await
}

/// Since when the oldest run is due that nobody has begun.
pub async fn oldest_due(conn: &mut Conn, now: Instant) -> Result<Option<Instant>> {
    // Both words, too, as in the index of what is open.
    let sql = "SELECT MIN(not_before) AS at FROM runs
               WHERE status IN ('queued', 'building') AND status = 'queued' AND not_before <= $1";
    conn.one(sql, args![now]).await?.map_or(Ok(None), |row| row.opt_instant("at"))
}

/// When the next run may be tried that has to wait for its moment.
pub async fn next_moment(conn: &mut Conn, now: Instant) -> Result<Option<Instant>> {
    let sql =
        "SELECT MIN(not_before) AS at FROM runs WHERE status IN ('queued', 'building') AND not_before > $1";
    conn.one(sql, args![now]).await?.map_or(Ok(None), |row| row.opt_instant("at"))
}
