//! What a restored backup does not know: which mails left, and which tokens were revoked, after it was made.

use domain::ids::{DeliveryId, ReportId, RunId, TenantNo, UserId};
use domain::time::Instant;
use domain::user::LinkPurpose;

use crate::audit::{Change, Object};
use crate::{Conn, Result, Row, Write, args};

/// The moment that no held mail reaches by itself: the end of the last day that has a date of ten characters.
const HELD: Instant = Instant::from_unix_seconds(253_402_300_799);

/// What may be signed in with, and what leads to it.
const WAYS_IN: [&str; 6] = [
    "DELETE FROM tokens",
    "DELETE FROM refresh_tokens",
    "DELETE FROM browser_sessions",
    "DELETE FROM authorization_codes",
    "DELETE FROM device_codes",
    "DELETE FROM one_time_tokens",
];

/// Makes a state of the past one to go on from: records the restore, voids the leases of nodes that are gone, ends all that
/// was signed in, and holds the mails that might have left since the backup was made.
pub async fn settle(tx: &mut Write, backup_made_at: Instant) -> Result<()> {
    let now = tx.now();
    let sql = "INSERT INTO restores (restored_at, backup_made_at) VALUES ($1, $2)";
    tx.run(sql, args![now, backup_made_at]).await?;
    crate::runs::release_leases(tx).await?;
    crate::mailed_links::release_leases(tx).await?;
    tx.run("DELETE FROM nodes", args![]).await?;
    for sql in WAYS_IN {
        tx.run(sql, args![]).await?;
    }
    tx.run(
        "UPDATE deliveries SET status = 'pending', lease_until = NULL, lease_node = NULL, not_before = $2
         WHERE status IN ('pending', 'sending') AND not_before <= $1",
        args![now, HELD],
    )
    .await?;
    tx.run(
        "UPDATE mailed_links SET status = 'pending', lease_until = NULL, lease_node = NULL, not_before = $2
         WHERE status IN ('pending', 'sending') AND not_before <= $1",
        args![now, HELD],
    )
    .await?;
    // Lists of changes go on after all that were answered before the restore.
    tx.stamp().await.map(drop)
}

/// Holds the mail of a report until somebody has decided, where a server that was restored since it could leave may have
/// sent it before.
pub async fn hold(tx: &mut Write, mail: DeliveryId, report: ReportId, could_leave: Instant) -> Result<()> {
    // A report that was made after the restore had no mails before it.
    let sql = "UPDATE deliveries SET not_before = $4 WHERE id = $1 AND status = 'pending' AND EXISTS (
               SELECT 1 FROM restores WHERE restored_at >= $3
               AND restored_at >= (SELECT created_at FROM reports WHERE id = $2))";
    tx.run(sql, args![mail, report, could_leave, HELD]).await.map(drop)
}

/// A report's mail that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldMail {
    /// The delivery.
    pub id: DeliveryId,
    /// Whose run it is.
    pub run: RunId,
    /// The run's report.
    pub report: ReportId,
    /// When the run was due.
    pub due_at: Instant,
    /// Who is to get it.
    pub user: UserId,
    /// The user's login; `None` where the user is gone.
    pub login: Option<String>,
    /// What the mail would have in its head, and had where it left.
    pub message_id: String,
    subject: TenantNo,
    resend_no: i64,
}

/// The mails of reports that are held, whose runs were due from `from` on and before `until`.
pub async fn held_mails(conn: &mut Conn, from: Instant, until: Instant) -> Result<Vec<HeldMail>> {
    let sql = "SELECT d.id, d.run_id, r.report_id, r.due_at, d.user_id, u.login, d.message_id, d.resend_no, r.subject_no
         FROM deliveries d JOIN runs r ON r.id = d.run_id LEFT JOIN users u ON u.id = d.user_id
         WHERE d.status IN ('pending', 'sending') AND d.not_before = $1 AND r.due_at >= $2 AND r.due_at < $3
         ORDER BY r.due_at, d.id";
    conn.all(sql, args![HELD, from, until]).await?.iter().map(held_mail).collect()
}

fn held_mail(row: &Row) -> Result<HeldMail> {
    Ok(HeldMail {
        id: row.parsed("id")?,
        run: row.parsed("run_id")?,
        report: row.parsed("report_id")?,
        due_at: row.instant("due_at")?,
        user: row.parsed("user_id")?,
        login: row.opt_text("login")?,
        message_id: row.text("message_id")?,
        subject: TenantNo(row.int("subject_no")?),
        resend_no: row.int("resend_no")?,
    })
}

/// A mail with a link that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLink {
    /// Who is to get it.
    pub user: UserId,
    /// The user's login.
    pub login: String,
    /// What the link is for.
    pub purpose: LinkPurpose,
    /// When it was asked for.
    pub asked_at: Instant,
    /// What the mail would have in its head, and had where it left.
    pub message_id: String,
    tenant: TenantNo,
}

/// The mails with links that are held, which were asked for from `from` on and before `until`.
pub async fn held_links(conn: &mut Conn, from: Instant, until: Instant) -> Result<Vec<HeldLink>> {
    let sql = "SELECT m.user_id, u.login, u.tenant_no, m.purpose, m.asked_at, m.message_id
         FROM mailed_links m JOIN users u ON u.id = m.user_id
         WHERE m.status IN ('pending', 'sending') AND m.not_before = $1 AND m.asked_at >= $2 AND m.asked_at < $3
         ORDER BY m.asked_at, m.user_id";
    conn.all(sql, args![HELD, from, until]).await?.iter().map(held_link).collect()
}

fn held_link(row: &Row) -> Result<HeldLink> {
    Ok(HeldLink {
        user: row.parsed("user_id")?,
        login: row.text("login")?,
        purpose: row.parsed("purpose")?,
        asked_at: row.instant("asked_at")?,
        message_id: row.text("message_id")?,
        tenant: TenantNo(row.int("tenant_no")?),
    })
}

/// How many mails are held.
pub async fn count_held(conn: &mut Conn) -> Result<i64> {
    let mails =
        "SELECT COUNT(*) AS n FROM deliveries WHERE status IN ('pending', 'sending') AND not_before = $1";
    let links =
        "SELECT COUNT(*) AS n FROM mailed_links WHERE status IN ('pending', 'sending') AND not_before = $1";
    Ok(conn.count(mails, args![HELD]).await? + conn.count(links, args![HELD]).await?)
}

/// How many runs are still to be made that were due before the newest restore: their mails will be held.
pub async fn count_coming(conn: &mut Conn) -> Result<i64> {
    let sql =
        "SELECT COUNT(*) AS n FROM runs WHERE status IN ('queued', 'building') AND result_action = 'send'
               AND due_at <= (SELECT MAX(restored_at) FROM restores)";
    conn.count(sql, args![]).await
}

/// What becomes of a mail that was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is sent.
    Send,
    /// It is not, as it had left before.
    Skip,
}

/// What stands with a mail that is not sent, and in the change log.
const SKIPPED: &str = "it was due before a backup was restored, and somebody found that it had left";

/// Decides on a mail of a report; `false` where somebody has decided before.
pub async fn decide_on_mail(tx: &mut Write, mail: &HeldMail, decision: Decision) -> Result<bool> {
    let now = tx.now();
    let decided = match decision {
        Decision::Send => {
            let sql = "UPDATE deliveries SET not_before = $3 WHERE id = $1 AND status = 'pending' AND not_before = $2";
            tx.run(sql, args![mail.id, HELD, now]).await?
        }
        Decision::Skip => {
            let sql =
                "UPDATE deliveries SET status = 'skipped', detail = $4, not_before = $3, finished_at = $3
                       WHERE id = $1 AND status = 'pending' AND not_before = $2";
            tx.run(sql, args![mail.id, HELD, now, SKIPPED]).await?
        }
    };
    let (id, field) = (mail.run.to_string(), format!("delivery/{}/{}", mail.user, mail.resend_no));
    if decided > 0 {
        log(tx, decision, Object::Run, &id, mail.subject, &field).await?;
    }
    Ok(decided > 0)
}

/// Decides on a mail with a link; `false` where somebody has decided before.
pub async fn decide_on_link(tx: &mut Write, link: &HeldLink, decision: Decision) -> Result<bool> {
    let now = tx.now();
    let decided = match decision {
        Decision::Send => {
            let sql = "UPDATE mailed_links SET not_before = $3
                       WHERE message_id = $1 AND status = 'pending' AND not_before = $2";
            tx.run(sql, args![link.message_id.as_str(), HELD, now]).await?
        }
        Decision::Skip => {
            let sql = "UPDATE mailed_links SET status = 'skipped', detail = $4, not_before = $3
                       WHERE message_id = $1 AND status = 'pending' AND not_before = $2";
            tx.run(sql, args![link.message_id.as_str(), HELD, now, SKIPPED]).await?
        }
    };
    let (id, field) = (link.user.to_string(), format!("{}_mail", link.purpose));
    if decided > 0 {
        log(tx, decision, Object::User, &id, link.tenant, &field).await?;
    }
    Ok(decided > 0)
}

async fn log(
    tx: &mut Write,
    decision: Decision,
    object: Object,
    id: &str,
    tenant: TenantNo,
    field: &str,
) -> Result<()> {
    let (new, why) = match decision {
        Decision::Send => ("pending", "it was held since a backup was restored, and somebody let it leave"),
        Decision::Skip => ("skipped", SKIPPED),
    };
    tx.because(why);
    let (old, new) = (Some("held".to_owned()), Some(new.to_owned()));
    tx.log(Change { object, id, tenant, field, old, new }).await
}
