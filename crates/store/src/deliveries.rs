//! Deliveries: the mail of a run to one recipient, claimed by lease. How they are listed: [`ledger`].

mod entry;
pub mod ledger;

use domain::delivery::{Delivery, DeliveryState, DeliveryStatus};
use domain::ids::{DeliveryId, NodeId, RunId, TenantNo, UserId};
use domain::tenant::Language;
use domain::time::Instant;
use domain::user::Notification;

use crate::audit::{Change, Object};
use crate::dialect::{lease_now, mail_lease_end};
use crate::{Conn, Result, Row, Write, args, runs};

/// Inserts a delivery, in the name of whoever writes.
pub async fn insert(tx: &mut Write, subject: TenantNo, new: &Delivery) -> Result<()> {
    let ((status, detail), actor) = (new.state.parts(), tx.actor());
    let finished_at = (status == DeliveryStatus::Skipped).then_some(new.created_at);
    tx.run(
        "INSERT INTO deliveries (id, run_id, user_id, resend_no, message_id, status, detail, attempts, not_before, due_at,
         lease_epoch, created_at, finished_at, address, asked_by_kind, asked_by, report_id, subject_no)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $9, 0, $10, $11, $12, $13, $14, r.report_id, r.subject_no
         FROM runs r WHERE r.id = $2",
        args![
            new.id,
            new.run_id,
            new.user_id,
            new.resend_no,
            new.message_id.as_str(),
            status.as_str(),
            detail,
            new.attempts,
            new.not_before,
            new.created_at,
            finished_at,
            new.address.as_deref(),
            actor.kind(),
            actor.id()
        ],
    )
    .await?;
    log(tx, subject, new, None, &new.state).await
}

/// The deliveries of a run, oldest first.
pub async fn of_run(conn: &mut Conn, run: RunId) -> Result<Vec<Delivery>> {
    let sql = "SELECT id, run_id, user_id, resend_no, message_id, status, detail, attempts, not_before, address, created_at
               FROM deliveries WHERE run_id = $1 ORDER BY created_at, id";
    let rows = conn.all(sql, args![run]).await?;
    rows.iter().map(delivery).collect()
}

/// A delivery that this node is at.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The delivery.
    pub delivery: Delivery,
    /// Goes up with each claim.
    pub epoch: i64,
}

/// Claims the delivery that has waited longest, for this node.
pub async fn claim(tx: &mut Write, node: Option<NodeId>) -> Result<Option<Claim>> {
    let now = tx.now();
    let row = tx
        .one(
            concat!(
                "UPDATE deliveries SET status = 'sending', lease_node = $2, lease_epoch = lease_epoch + 1, lease_until = ",
                mail_lease_end!(),
                " WHERE id = (SELECT id FROM deliveries
                  WHERE status IN ('pending', 'sending') AND not_before <= $1
                  AND (status = 'pending' OR lease_until IS NULL OR lease_until < ",
                lease_now!(),
                ") ORDER BY not_before, created_at, id LIMIT 1)
                 RETURNING id, run_id, user_id, resend_no, message_id, status, detail, attempts, not_before, address,
                 created_at, lease_epoch"
            ),
            args![now, node],
        )
        .await?;
    row.map(|row| Ok(Claim { delivery: delivery(&row)?, epoch: row.int("lease_epoch")? })).transpose()
}

/// Whether the mail is still this claim's, and the lease renewed if so: nobody can take it over before the transaction ends.
pub async fn hold(tx: &mut Write, claim: &Claim) -> Result<bool> {
    let sql = concat!(
        "UPDATE deliveries SET lease_until = ",
        mail_lease_end!(),
        " WHERE id = $1 AND lease_epoch = $2 AND status = 'sending'"
    );
    Ok(tx.run(sql, args![claim.delivery.id, claim.epoch]).await? == 1)
}

/// Records what became of a try; `false` where the claim is no longer this node's.
pub async fn record(tx: &mut Write, subject: TenantNo, claim: &Claim, outcome: &Delivery) -> Result<bool> {
    let (now, (status, detail)) = (tx.now(), outcome.state.parts());
    let finished_at = (status != DeliveryStatus::Pending).then_some(now);
    let detail = detail.or(outcome.fault.as_deref().filter(|_| status == DeliveryStatus::Pending));
    let recorded = tx
        .run(
            "UPDATE deliveries SET status = $3, detail = $4, attempts = $5, not_before = $6, lease_until = NULL,
             finished_at = $7, address = $8 WHERE id = $1 AND lease_epoch = $2 AND status = 'sending'",
            args![
                claim.delivery.id,
                claim.epoch,
                status.as_str(),
                detail,
                outcome.attempts,
                outcome.not_before,
                finished_at,
                outcome.address.as_deref()
            ],
        )
        .await?;
    if recorded == 1 {
        log(tx, subject, outcome, Some(&claim.delivery.state), &outcome.state).await?;
        if status == DeliveryStatus::Skipped {
            runs::settle_unsent(tx, claim.delivery.run_id).await?;
        }
    }
    Ok(recorded == 1)
}

/// The delivery with this id.
pub async fn by_id(conn: &mut Conn, id: DeliveryId) -> Result<Option<Delivery>> {
    let sql = "SELECT id, run_id, user_id, resend_no, message_id, status, detail, attempts, not_before, address, created_at
               FROM deliveries WHERE id = $1";
    conn.one(sql, args![id]).await?.map(|row| delivery(&row)).transpose()
}

/// The mail came back that the server had taken, as this transaction has read.
pub async fn bounce(tx: &mut Write, subject: TenantNo, sent: &Delivery, why: &str) -> Result<()> {
    let sql = "UPDATE deliveries SET status = 'bounced', detail = $2 WHERE id = $1 AND status = 'sent'";
    tx.run(sql, args![sent.id, why]).await?;
    let new = DeliveryState::Bounced { why: why.to_owned() };
    log(tx, subject, sent, Some(&sent.state), &new).await
}

/// Keeps what a report of a delay says; `false` where the last one said the same.
pub async fn note_delay(tx: &mut Write, id: DeliveryId, why: &str) -> Result<bool> {
    let sql = "UPDATE deliveries SET delay = $2 WHERE id = $1 AND (delay IS NULL OR delay <> $2)";
    Ok(tx.run(sql, args![id, why]).await? == 1)
}

/// Up to when the link of a delivery gives its files; `None` where it brings them itself, or is not there.
pub async fn link_until(conn: &mut Conn, id: DeliveryId) -> Result<Option<Instant>> {
    let row = conn.one("SELECT link_until FROM deliveries WHERE id = $1", args![id]).await?;
    row.map_or(Ok(None), |row| row.opt_instant("link_until"))
}

/// Has a delivery bring a link from now on, for good; gives up to when it works, which the first call settles. `None`
/// where the claim is no longer this node's.
pub async fn bring_link(tx: &mut Write, claim: &Claim, until: Instant) -> Result<Option<Instant>> {
    let row = tx
        .one(
            "UPDATE deliveries SET link_until = COALESCE(link_until, $3)
             WHERE id = $1 AND lease_epoch = $2 AND status = 'sending' RETURNING link_until",
            args![claim.delivery.id, claim.epoch, until],
        )
        .await?;
    row.map_or(Ok(None), |row| row.opt_instant("link_until"))
}

/// How many deliveries wait or are under way.
pub async fn count_open(conn: &mut Conn) -> Result<i64> {
    conn.count("SELECT COUNT(*) AS n FROM deliveries WHERE status IN ('pending', 'sending')", args![]).await
}

/// Since when the oldest mail is due that nobody is sending.
pub async fn oldest_due(conn: &mut Conn, now: Instant) -> Result<Option<Instant>> {
    // Both words, too, as in the index of what is open.
    let sql = "SELECT MIN(not_before) AS at FROM deliveries
               WHERE status IN ('pending', 'sending') AND status = 'pending' AND not_before <= $1";
    conn.one(sql, args![now]).await?.map_or(Ok(None), |row| row.opt_instant("at"))
}

/// When the next mail may leave that has to wait for its moment.
pub async fn next_moment(conn: &mut Conn, now: Instant) -> Result<Option<Instant>> {
    // Both words, as in the index of what is open: with one of them SQLite reads every delivery there ever was.
    let sql = "SELECT MIN(not_before) AS at FROM deliveries WHERE status IN ('pending', 'sending') AND not_before > $1";
    conn.one(sql, args![now]).await?.map_or(Ok(None), |row| row.opt_instant("at"))
}

async fn log(
    tx: &mut Write,
    subject: TenantNo,
    delivery: &Delivery,
    old: Option<&DeliveryState>,
    new: &DeliveryState,
) -> Result<()> {
    let word = |state: &DeliveryState| state.parts().0.to_string();
    let (run, field) =
        (delivery.run_id.to_string(), format!("delivery/{}/{}", delivery.user_id, delivery.resend_no));
    if let Some(why) = new.parts().1 {
        tx.because(why);
    }
    let (old, new) = (old.map(word), Some(word(new)));
    let change = Change { object: Object::Run, id: &run, tenant: subject, field: &field, old, new };
    tx.log(change).await
}

fn delivery(row: &Row) -> Result<Delivery> {
    let detail = row.opt_text("detail")?;
    let text = detail.clone().unwrap_or_default();
    let state = match row.parsed("status")? {
        DeliveryStatus::Pending => DeliveryState::Pending,
        DeliveryStatus::Sending => DeliveryState::Sending,
        DeliveryStatus::Sent => DeliveryState::Sent { answer: text },
        DeliveryStatus::Bounced => DeliveryState::Bounced { why: text },
        DeliveryStatus::GaveUp => DeliveryState::GaveUp { why: text },
        DeliveryStatus::Skipped => DeliveryState::Skipped { why: text },
    };
    Ok(Delivery {
        id: row.parsed::<DeliveryId>("id")?,
        run_id: row.parsed("run_id")?,
        user_id: row.parsed("user_id")?,
        resend_no: row.int("resend_no")?,
        message_id: row.text("message_id")?,
        attempts: row.int("attempts")?,
        not_before: row.instant("not_before")?,
        address: row.opt_text("address")?,
        fault: detail.filter(|_| matches!(state, DeliveryState::Pending | DeliveryState::Sending)),
        created_at: row.instant("created_at")?,
        state,
    })
}

/// What a mail needs to know of the user it goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// First and last name as far as known.
    pub name: String,
    /// The contact's address, which may be empty.
    pub email: String,
    /// The language of its mails.
    pub language: Language,
    /// The mails it wants.
    pub notifications: Vec<Notification>,
    /// Whether it may sign in now.
    pub enabled: bool,
    /// Whether it lies below the tenant asked about.
    pub below: bool,
}

/// A live user as a recipient, seen from the tenant `root`; `None` where it is deleted or never was.
pub async fn recipient(
    conn: &mut Conn,
    user: UserId,
    root: TenantNo,
    now: Instant,
) -> Result<Option<Recipient>> {
    let row = conn
        .one(
            "SELECT c.firstname, c.lastname, c.email, u.language, u.notifications,
             CASE WHEN u.enabled = 1 AND (u.disable_after IS NULL OR u.disable_after > $3) THEN 1 ELSE 0 END AS enabled,
             CASE WHEN EXISTS (SELECT 1 FROM closure k WHERE k.ancestor_no = $2 AND k.tenant_no = u.tenant_no)
                  THEN 1 ELSE 0 END AS below
             FROM users u JOIN contacts c ON c.id = u.contact_id WHERE u.id = $1 AND u.deleted_at IS NULL",
            args![user, root, now],
        )
        .await?;
    row.map(|row| {
        let text = |column: &str| Ok::<_, crate::Error>(row.opt_text(column)?.unwrap_or_default());
        Ok(Recipient {
            name: format!("{} {}", text("firstname")?, text("lastname")?).trim().to_owned(),
            email: text("email")?,
            language: Language::from_code(&row.text("language")?).unwrap_or(Language::ENGLISH),
            notifications: row.parsed_list("notifications")?,
            enabled: row.flag("enabled")?,
            below: row.flag("below")?,
        })
    })
    .transpose()
}
