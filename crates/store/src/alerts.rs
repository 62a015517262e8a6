//! What should have gone out and did not: read from what is due, waits or failed, never from what has gone well. What a
//! statement reads is what is outstanding now, however long the history.

use domain::delivery::AlertKind;
use domain::ids::{AlertId, DeliveryId, ReportId, RunId, TenantId, UserId};
use domain::time::Instant;

use crate::audit::{Change, Object};
use crate::deliveries::ledger::{Sight, seen};
use crate::runs::Stored;
use crate::{Conn, Result, Row, Write, args};

/// A place in the list: what was due first comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// When it was due.
    pub due_at: Instant,
    /// The alert's id.
    pub id: AlertId,
}

/// Something that should have gone out and did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// What is wrong.
    pub kind: AlertKind,
    /// The id of the report of a [`AlertKind::RunMissing`], of the run, or of the delivery.
    pub id: AlertId,
    /// When it was due.
    pub due_at: Instant,
    /// Whom the report is about.
    pub subject: TenantId,
    /// Which report.
    pub report: ReportId,
    /// Which run; `None` where there is none yet.
    pub run: Option<RunId>,
    /// To whom; `None` of a whole run.
    pub user: Option<UserId>,
    /// Why, as far as known.
    pub why: Option<String>,
}

impl Alert {
    /// Where it stands in the list.
    pub const fn position(&self) -> Position {
        Position { due_at: self.due_at, id: self.id }
    }
}

/// The subject `s` of what comes before, as the reader sees it: `$1` root, `$2` everything, `$3` inside.
macro_rules! of_subject {
    ($subject:literal) => {
        concat!(
            " AND k.ancestor_no = $1 AND k.tenant_no = ",
            $subject,
            " AND s.no = ",
            $subject,
            " AND (k.walls = 0 OR $2 = 1) AND (k.depth = 0 OR $3 = 1)"
        )
    };
}
/// Behind `($4, $5)`, at most `$6`.
macro_rules! in_order {
    ($due:expr, $id:literal) => {
        concat!(" AND (", $due, ", ", $id, ") > ($4, $5) ORDER BY ", $due, ", ", $id, " LIMIT $6")
    };
}
macro_rules! of_report {
    ($condition:expr) => {
        concat!(
            "FROM reports r CROSS JOIN closure k CROSS JOIN tenants s WHERE ",
            $condition,
            of_subject!("r.subject_no")
        )
    };
}
macro_rules! of_run {
    ($condition:expr) => {
        concat!(
            "FROM runs r CROSS JOIN closure k CROSS JOIN tenants s WHERE ",
            $condition,
            of_subject!("r.subject_no")
        )
    };
}
macro_rules! of_mail {
    ($condition:expr) => {
        concat!(
            "FROM deliveries d CROSS JOIN closure k CROSS JOIN tenants s CROSS JOIN runs r WHERE ",
            $condition,
            of_subject!("d.subject_no"),
            " AND r.id = d.run_id AND ",
            seen!("r")
        )
    };
}
/// When a run is expected to begin: one that is ordered late in the day is due at the day's begin.
macro_rules! run_due {
    () => {
        "CASE WHEN r.schedule = 'once' THEN r.created_at ELSE r.due_at END"
    };
}
/// Why a run failed, for those who may see what it shows.
macro_rules! reason {
    () => {
        concat!("CASE WHEN ", seen!("r"), " THEN r.reason END AS why ")
    };
}

/// Reports whose next run is overdue: found out though no scheduler is alive to insert it.
const MISSING: &str = concat!(
    "SELECT 'run_missing' AS kind, r.next_due_at AS due_at, r.id, s.id AS subject_id, r.id AS report_id,
     NULL AS run_id, NULL AS user_id, NULL AS why ",
    of_report!("r.next_due_at <= $7"),
    in_order!("r.next_due_at", "r.id")
);
const LATE_RUNS: &str = concat!(
    "SELECT 'run_late' AS kind, ",
    run_due!(),
    " AS due_at, r.id, s.id AS subject_id, r.report_id, r.id AS run_id, NULL AS user_id, ",
    reason!(),
    of_run!(concat!("r.status IN ('queued', 'building') AND ", run_due!(), " <= $7")),
    in_order!("CASE WHEN r.schedule = 'once' THEN r.created_at ELSE r.due_at END", "r.id")
);
const UNSENT_RUNS: &str = concat!(
    "SELECT CASE WHEN r.status = 'failed' THEN 'run_failed' ELSE 'all_skipped' END AS kind, r.due_at, r.id,
     s.id AS subject_id, r.report_id, r.id AS run_id, NULL AS user_id, ",
    reason!(),
    of_run!("r.unsent_at IS NOT NULL"),
    in_order!("r.due_at", "r.id")
);
const LATE_MAILS: &str = concat!(
    "SELECT 'mail_late' AS kind, d.due_at, d.id, s.id AS subject_id, d.report_id, d.run_id, d.user_id, d.detail AS why ",
    of_mail!("d.status IN ('pending', 'sending') AND d.due_at <= $7"),
    in_order!("d.due_at", "d.id")
);
const FAILED_MAILS: &str = concat!(
    "SELECT CASE WHEN d.status = 'bounced' THEN 'mail_bounced' ELSE 'mail_gave_up' END AS kind, d.due_at, d.id,
     s.id AS subject_id, d.report_id, d.run_id, d.user_id, d.detail AS why ",
    of_mail!(
        "d.status IN ('bounced', 'gave_up') AND d.resent_at IS NULL AND d.acknowledged_at IS NULL"
    ),
    in_order!("d.due_at", "d.id")
);

/// At most `limit` alerts that the reader sees, behind a position; late is what was due at `late_at` or earlier.
pub async fn list(
    conn: &mut Conn,
    sight: Sight,
    late_at: Instant,
    behind: Option<Position>,
    limit: i64,
) -> Result<Vec<Alert>> {
    let Sight { root, inside, all, .. } = sight;
    let (due_at, id) = behind.map_or((Instant(i64::MIN), String::new()), |at| (at.due_at, at.id.to_string()));
    let noted = || args![root, all, inside, due_at, id.as_str(), limit];
    let late = || args![root, all, inside, due_at, id.as_str(), limit, late_at];
    let mut rows = conn.all(MISSING, late()).await?;
    rows.extend(conn.all(LATE_RUNS, late()).await?);
    rows.extend(conn.all(UNSENT_RUNS, noted()).await?);
    rows.extend(conn.all(LATE_MAILS, late()).await?);
    rows.extend(conn.all(FAILED_MAILS, noted()).await?);
    let mut alerts = rows.iter().map(alert).collect::<Result<Vec<_>>>()?;
    alerts.sort_by_key(Alert::position);
    alerts.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(alerts)
}

fn alert(row: &Row) -> Result<Alert> {
    Ok(Alert {
        kind: row.parsed("kind")?,
        id: row.parsed("id")?,
        due_at: row.instant("due_at")?,
        subject: row.parsed("subject_id")?,
        report: row.parsed("report_id")?,
        run: row.opt_parsed("run_id")?,
        user: row.opt_parsed("user_id")?,
        why: row.opt_text("why")?,
    })
}

/// How many there are of each kind in the whole installation.
pub async fn counts(conn: &mut Conn, late_at: Instant) -> Result<Vec<(AlertKind, i64)>> {
    let sql = "SELECT COUNT(*) AS n FROM reports WHERE next_due_at <= $1";
    let missing = conn.count(sql, args![late_at]).await?;
    let mut counts = vec![(AlertKind::RunMissing, missing)];
    let sql = concat!(
        "SELECT COUNT(*) AS n FROM runs r WHERE r.status IN ('queued', 'building') AND ",
        run_due!(),
        " <= $1"
    );
    counts.push((AlertKind::RunLate, conn.count(sql, args![late_at]).await?));
    let sql = "SELECT COUNT(*) AS n FROM runs WHERE unsent_at IS NOT NULL AND status = $1";
    for (kind, status) in [(AlertKind::RunFailed, "failed"), (AlertKind::AllSkipped, "ready")] {
        counts.push((kind, conn.count(sql, args![status]).await?));
    }
    let sql = "SELECT COUNT(*) AS n FROM deliveries WHERE status IN ('pending', 'sending') AND due_at <= $1";
    counts.push((AlertKind::MailLate, conn.count(sql, args![late_at]).await?));
    let sql =
        "SELECT COUNT(*) AS n FROM deliveries WHERE status IN ('bounced', 'gave_up') AND resent_at IS NULL
               AND acknowledged_at IS NULL AND status || '' = $1";
    for (kind, status) in [(AlertKind::MailBounced, "bounced"), (AlertKind::MailGaveUp, "gave_up")] {
        counts.push((kind, conn.count(sql, args![status]).await?));
    }
    Ok(counts)
}

/// Notes that somebody knows of a run of which nothing went out; `false` where there is nothing to know any more.
pub async fn acknowledge_run(tx: &mut Write, stored: &Stored) -> Result<bool> {
    let id = stored.run.id;
    let noted = "UPDATE runs SET unsent_at = NULL WHERE id = $1 AND unsent_at IS NOT NULL";
    if tx.run(noted, args![id]).await? == 0 {
        return Ok(false);
    }
    log(tx, stored, "acknowledged").await.map(|()| true)
}

/// Notes that somebody knows of a mail that did not arrive; `false` where there is nothing to know any more.
pub async fn acknowledge_mail(
    tx: &mut Write,
    stored: &Stored,
    delivery: &domain::delivery::Delivery,
) -> Result<bool> {
    let (now, id): (Instant, DeliveryId) = (tx.now(), delivery.id);
    let noted =
        "UPDATE deliveries SET acknowledged_at = $2 WHERE id = $1 AND status IN ('bounced', 'gave_up')
                 AND resent_at IS NULL AND acknowledged_at IS NULL";
    if tx.run(noted, args![id, now]).await? == 0 {
        return Ok(false);
    }
    let field = format!("delivery/{}/{}/acknowledged", delivery.user_id, delivery.resend_no);
    log(tx, stored, &field).await.map(|()| true)
}

async fn log(tx: &mut Write, stored: &Stored, field: &str) -> Result<()> {
    let id = stored.run.id.to_string();
    let (old, new) = (None, Some("true".to_owned()));
    tx.log(Change { object: Object::Run, id: &id, tenant: stored.subject, field, old, new }).await
}

/// The statements of alerts: a name, what each begins at, and its text.
#[cfg(test)]
pub(crate) fn statements() -> Vec<(&'static str, &'static str, String)> {
    [
        ("missing runs", "reports_due", MISSING),
        ("late runs", "runs_open", LATE_RUNS),
        ("runs of which nothing went out", "runs_unsent", UNSENT_RUNS),
        ("late mails", "deliveries_open", LATE_MAILS),
        ("mails that did not arrive", "deliveries_failed", FAILED_MAILS),
    ]
    .map(|(name, first, sql)| (name, first, sql.to_owned()))
    .to_vec()
}
