//! Reports: the orders to make one, and who gets them.

use domain::ids::{ReportId, TenantNo, UserId};
use domain::report::{Parameters, Report};
use domain::time::{Instant, Period};

use crate::arg::list;
use crate::audit::{Change, Object};
use crate::{Conn, Result, Row, Write, args, contents};

/// A report with the numbers of the tenants it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The report.
    pub report: Report,
    /// Whom it is about.
    pub subject: TenantNo,
    /// The tenant of its last writer.
    pub writer: TenantNo,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, r.version, r.subject_no, s.id AS subject_id, r.level, r.kind, r.formats, r.hide_zero_usage,
             r.show_skus, r.period_start, r.period_end, r.result_action, r.schedule, r.enabled, r.generation_on,
             r.next_due_at, r.writer_tenant_no, w.id AS writer_id, r.created_at
             FROM reports r JOIN tenants s ON s.no = r.subject_no JOIN tenants w ON w.no = r.writer_tenant_no ",
            $rest
        )
    };
}

/// The report with this id.
pub async fn by_id(conn: &mut Conn, id: ReportId) -> Result<Option<Stored>> {
    match conn.one(select!("WHERE r.id = $1"), args![id]).await? {
        Some(row) => stored(conn, &row).await.map(Some),
        None => Ok(None),
    }
}

/// Reports whose next run is due, the longest overdue first, at most `limit`.
pub async fn due(conn: &mut Conn, now: Instant, limit: i64) -> Result<Vec<Stored>> {
    let sql = select!("WHERE r.next_due_at <= $1 ORDER BY r.next_due_at, r.no LIMIT $2");
    let rows = conn.all(sql, args![now, limit]).await?;
    let mut due = Vec::with_capacity(rows.len());
    for row in &rows {
        due.push(stored(conn, row).await?);
    }
    Ok(due)
}

/// When the next run of any report is due.
pub async fn next_due_at(conn: &mut Conn) -> Result<Option<Instant>> {
    let row =
        conn.one("SELECT MIN(next_due_at) AS at FROM reports WHERE next_due_at IS NOT NULL", args![]).await?;
    row.map_or(Ok(None), |row| row.opt_instant("at"))
}

/// The reports whose subject is exactly this tenant, oldest first.
pub async fn of_subject(conn: &mut Conn, subject: TenantNo) -> Result<Vec<ReportId>> {
    let rows = conn.all("SELECT id FROM reports WHERE subject_no = $1 ORDER BY no", args![subject]).await?;
    rows.iter().map(|row| row.parsed("id")).collect()
}

/// The reports that list this user as a recipient, oldest first.
pub async fn of_recipient(conn: &mut Conn, user: UserId) -> Result<Vec<ReportId>> {
    let rows = conn
        .all(
            "SELECT r.id FROM report_recipients u JOIN reports r ON r.id = u.report_id WHERE u.user_id = $1
             ORDER BY r.no",
            args![user],
        )
        .await?;
    rows.iter().map(|row| row.parsed("id")).collect()
}

/// Whether a run of the report exists, in whatever state.
pub async fn has_run(conn: &mut Conn, id: ReportId) -> Result<bool> {
    Ok(conn.count("SELECT COUNT(*) AS n FROM runs WHERE report_id = $1", args![id]).await? > 0)
}

/// Whether a live user lies below `root` and nothing between hides it from there.
pub async fn sees_user(conn: &mut Conn, root: TenantNo, user: UserId) -> Result<bool> {
    let found = conn
        .count(
            "SELECT COUNT(*) AS n FROM users u JOIN closure k ON k.tenant_no = u.tenant_no
             JOIN tenants t ON t.no = u.tenant_no
             WHERE u.id = $1 AND u.deleted_at IS NULL AND k.ancestor_no = $2 AND k.walls = 0
             AND (t.ancestral_access = 1 OR t.no = $2)",
            args![user, root],
        )
        .await?;
    Ok(found > 0)
}

/// The tenant a live user belongs to.
pub async fn tenant_of_user(conn: &mut Conn, user: UserId) -> Result<Option<domain::ids::TenantId>> {
    let row = conn
        .one(
            "SELECT t.id FROM users u JOIN tenants t ON t.no = u.tenant_no WHERE u.id = $1 AND u.deleted_at IS NULL",
            args![user],
        )
        .await?;
    row.map(|row| row.parsed("id")).transpose()
}

async fn stored(conn: &mut Conn, row: &Row) -> Result<Stored> {
    let id: ReportId = row.parsed("id")?;
    let recipients = conn
        .all("SELECT user_id FROM report_recipients WHERE report_id = $1 ORDER BY position", args![id])
        .await?;
    let period = row.opt_day("period_start")?.zip(row.opt_day("period_end")?);
    let report = Report {
        id,
        version: row.int("version")?,
        subject_id: row.parsed("subject_id")?,
        parameters: parameters(row)?,
        period: period.map(|(start, end)| Period { start, end }),
        result_action: row.parsed("result_action")?,
        recipients: recipients.iter().map(|row| row.parsed("user_id")).collect::<Result<_>>()?,
        schedule: row.parsed("schedule")?,
        enabled: row.flag("enabled")?,
        generation_on: row.opt_day("generation_on")?,
        next_due_at: row.opt_instant("next_due_at")?,
        writer_tenant_id: row.parsed("writer_id")?,
        created_at: row.instant("created_at")?,
    };
    let (subject, writer) = (TenantNo(row.int("subject_no")?), TenantNo(row.int("writer_tenant_no")?));
    Ok(Stored { report, subject, writer })
}

/// The columns `level` to `show_skus`, which reports and runs share.
pub(crate) fn parameters(row: &Row) -> Result<Parameters> {
    Ok(Parameters {
        level: row.parsed("level")?,
        kind: row.parsed("kind")?,
        formats: row.parsed_list("formats")?,
        hide_zero_usage: row.opt_flag("hide_zero_usage")?,
        show_skus: row.opt_flag("show_skus")?,
    })
}

/// Inserts a report with its recipients.
pub async fn insert(tx: &mut Write, new: &Stored) -> Result<()> {
    let report = &new.report;
    tx.run(
        "INSERT INTO reports (id, version, subject_no, level, kind, formats, hide_zero_usage, show_skus, period_start,
         period_end, result_action, schedule, enabled, generation_on, next_due_at, writer_tenant_no, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        args![
            report.id,
            report.version,
            new.subject,
            report.parameters.level.as_str(),
            report.parameters.kind.as_str(),
            list(&report.parameters.formats),
            report.parameters.hide_zero_usage,
            report.parameters.show_skus,
            report.period.map(|period| period.start),
            report.period.map(|period| period.end),
            report.result_action.as_str(),
            report.schedule.as_str(),
            report.enabled,
            report.generation_on,
            report.next_due_at,
            new.writer,
            report.created_at
        ],
    )
    .await?;
    insert_recipients(tx, report).await?;
    let id = report.id.to_string();
    for (field, value) in logged(new) {
        let change =
            Change { object: Object::Report, id: &id, tenant: new.subject, field, old: None, new: value };
        tx.log_first(change).await?;
    }
    Ok(())
}

/// Saves what a PUT may change, of the report as `old` read it in the same transaction.
pub async fn update(tx: &mut Write, old: &Stored, new: &Stored) -> Result<()> {
    let report = &new.report;
    tx.run(
        "UPDATE reports SET version = $2, level = $3, kind = $4, hide_zero_usage = $5, show_skus = $6, enabled = $7,
         next_due_at = $8, writer_tenant_no = $9 WHERE id = $1",
        args![
            report.id,
            report.version,
            report.parameters.level.as_str(),
            report.parameters.kind.as_str(),
            report.parameters.hide_zero_usage,
            report.parameters.show_skus,
            report.enabled,
            report.next_due_at,
            new.writer
        ],
    )
    .await?;
    if old.report.recipients != report.recipients {
        tx.run("DELETE FROM report_recipients WHERE report_id = $1", args![report.id]).await?;
        insert_recipients(tx, report).await?;
    }
    let id = report.id.to_string();
    for ((field, was), (_, is)) in logged(old).into_iter().zip(logged(new)) {
        let change =
            Change { object: Object::Report, id: &id, tenant: new.subject, field, old: was, new: is };
        tx.log(change).await?;
    }
    Ok(())
}

/// Sets when the next run is due; `None` where none is to come. No change of the report, so its version stays.
pub async fn set_next_due(tx: &mut Write, id: ReportId, at: Option<Instant>) -> Result<()> {
    tx.run("UPDATE reports SET next_due_at = $2 WHERE id = $1", args![id, at]).await.map(|_| ())
}

/// Deletes a report with its runs, files and deliveries: whoever is at one of them finds its row gone. The bytes of its
/// files go a while later, where no other file holds the same.
pub async fn delete(tx: &mut Write, stored: &Stored) -> Result<()> {
    contents::look_at_those_of(tx, stored.report.id).await?;
    tx.run("DELETE FROM reports WHERE id = $1", args![stored.report.id]).await?;
    let id = stored.report.id.to_string();
    let change = Change {
        object: Object::Report,
        id: &id,
        tenant: stored.subject,
        field: "deleted",
        old: Some(false.to_string()),
        new: Some(true.to_string()),
    };
    tx.log(change).await
}

async fn insert_recipients(tx: &mut Write, report: &Report) -> Result<()> {
    let places = (0_i64..).zip(&report.recipients);
    let rows = places.map(|(at, user)| args![report.id, at, *user]).collect();
    tx.insert_many("INSERT INTO report_recipients (report_id, position, user_id)", "", rows).await
}

/// What the change log keeps of a report.
fn logged(stored: &Stored) -> [(&'static str, Option<String>); 12] {
    let report = &stored.report;
    [
        ("level", Some(report.parameters.level.to_string())),
        ("kind", Some(report.parameters.kind.to_string())),
        ("formats", Some(list(&report.parameters.formats))),
        ("hide_zero_usage", report.parameters.hide_zero_usage.map(|flag| flag.to_string())),
        ("show_skus", report.parameters.show_skus.map(|flag| flag.to_string())),
        ("result_action", Some(report.result_action.to_string())),
        ("recipients", Some(list(&report.recipients))),
        ("schedule", Some(report.schedule.to_string())),
        ("period", report.period.map(|period| period.to_string())),
        ("generation_date", report.generation_on.map(|day| day.to_string())),
        ("enabled", Some(report.enabled.to_string())),
        ("writer_tenant", Some(stored.writer.to_string())),
    ]
}
