//! Links that users are mailed: a new address to confirm (accounts-api, 1.9), a first password to choose (2.5).

use domain::delivery::{DeliveryState, DeliveryStatus};
use domain::ids::{NodeId, TenantNo, UserId};
use domain::time::Instant;
use domain::user::LinkPurpose;

use crate::audit::{Change, Object};
use crate::dialect::{lease_now, mail_lease_end};
use crate::{Conn, Result, Row, Write, args};

/// A link that was not used yet, with what its mail needs.
#[derive(Debug, Clone)]
pub struct MailedLink {
    /// Whose.
    pub user_id: UserId,
    /// What it is for.
    pub purpose: LinkPurpose,
    /// Of a change: the new address. Of an activation: the address that it was mailed to.
    pub email: String,
    /// SHA-256 of the link's token, in hex: what tells this link from a later one.
    pub token_sha256: String,
    /// The token, sealed.
    pub sealed_token: Vec<u8>,
    /// Of its mail: a retry repeats it.
    pub message_id: String,
    /// How often the mail was tried.
    pub attempts: i64,
    /// The mail leaves not before this moment.
    pub not_before: Instant,
    /// When it was asked for.
    pub asked_at: Instant,
    /// When the link runs out.
    pub expires_at: Instant,
}

/// Keeps a link, in place of an earlier one of the same user and purpose, and has it mailed.
pub async fn insert(tx: &mut Write, tenant: TenantNo, new: &MailedLink) -> Result<()> {
    delete(tx, new.user_id, new.purpose).await?;
    tx.run(
        "INSERT INTO mailed_links (user_id, purpose, email, token_sha256, sealed_token, message_id, status, attempts,
         not_before, asked_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, 'pending', $7, $8, $9, $10)",
        args![
            new.user_id,
            new.purpose.as_str(),
            new.email.as_str(),
            new.token_sha256.as_str(),
            new.sealed_token.clone(),
            new.message_id.as_str(),
            new.attempts,
            new.not_before,
            new.asked_at,
            new.expires_at
        ],
    )
    .await?;
    let field = match new.purpose {
        LinkPurpose::EmailChange => "email_asked_for",
        LinkPurpose::Activation => "activation_mailed_to",
    };
    let (id, email) = (new.user_id.to_string(), Some(new.email.clone()));
    tx.log(Change { object: Object::User, id: &id, tenant, field, old: None, new: email }).await
}

/// A link that this node is mailing.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The link.
    pub link: MailedLink,
    /// Goes up with each claim.
    pub epoch: i64,
}

/// Claims the link whose mail has waited longest, for this node.
pub async fn claim(tx: &mut Write, node: Option<NodeId>) -> Result<Option<Claim>> {
    let now = tx.now();
    let row = tx
        .one(
            concat!(
                "UPDATE mailed_links SET status = 'sending', lease_node = $2, lease_epoch = lease_epoch + 1, lease_until = ",
                mail_lease_end!(),
                " WHERE token_sha256 = (SELECT token_sha256 FROM mailed_links
                  WHERE status IN ('pending', 'sending') AND not_before <= $1
                  AND (status = 'pending' OR lease_until IS NULL OR lease_until < ",
                lease_now!(),
                ") ORDER BY not_before, token_sha256 LIMIT 1)
                 RETURNING user_id, purpose, email, token_sha256, sealed_token, message_id, attempts, not_before,
                 asked_at, expires_at, lease_epoch"
            ),
            args![now, node],
        )
        .await?;
    row.map(|row| Ok(Claim { link: link(&row)?, epoch: row.int("lease_epoch")? })).transpose()
}

/// Whether the mail is still this claim's, and the lease renewed if so: as with deliveries.
pub async fn hold(tx: &mut Write, claim: &Claim) -> Result<bool> {
    let sql = concat!(
        "UPDATE mailed_links SET lease_until = ",
        mail_lease_end!(),
        " WHERE token_sha256 = $1 AND lease_epoch = $2 AND status = 'sending'"
    );
    Ok(tx.run(sql, args![claim.link.token_sha256.as_str(), claim.epoch]).await? == 1)
}

/// Records what became of the mail; nothing where a later link, or another node's claim, has taken this one's place.
pub async fn record(
    tx: &mut Write,
    claim: &Claim,
    state: &DeliveryState,
    attempts: i64,
    not_before: Instant,
) -> Result<()> {
    let (claimed, (status, detail)) = (&claim.link, state.parts());
    let recorded = tx
        .run(
            "UPDATE mailed_links SET status = $2, detail = $3, attempts = $4, not_before = $5, lease_until = NULL
             WHERE token_sha256 = $1 AND lease_epoch = $6 AND status = 'sending'",
            args![claimed.token_sha256.as_str(), status.as_str(), detail, attempts, not_before, claim.epoch],
        )
        .await?;
    let home = tx.one("SELECT tenant_no FROM users WHERE id = $1", args![claimed.user_id]).await?;
    let (1, Some(home)) = (recorded, home) else { return Ok(()) };
    if let Some(detail) = detail {
        tx.because(detail);
    }
    let (id, tenant) = (claimed.user_id.to_string(), TenantNo(home.int("tenant_no")?));
    let field = format!("{}_mail", claimed.purpose);
    let (old, new) = (Some(DeliveryStatus::Pending.to_string()), Some(status.to_string()));
    tx.log(Change { object: Object::User, id: &id, tenant, field: &field, old, new }).await
}

/// Voids the leases of the process before.
pub async fn release_leases(tx: &mut Write) -> Result<()> {
    tx.run("UPDATE mailed_links SET lease_until = NULL WHERE lease_until IS NOT NULL", args![])
        .await
        .map(|_| ())
}

/// When the next mail may leave that has to wait for its moment.
pub async fn next_moment(conn: &mut Conn, now: Instant) -> Result<Option<Instant>> {
    let sql = "SELECT MIN(not_before) AS at FROM mailed_links WHERE status IN ('pending', 'sending') AND not_before > $1";
    conn.one(sql, args![now]).await?.map_or(Ok(None), |row| row.opt_instant("at"))
}

/// The link with this token.
pub async fn by_token(
    conn: &mut Conn,
    purpose: LinkPurpose,
    token_sha256: &str,
) -> Result<Option<MailedLink>> {
    let sql = "SELECT user_id, purpose, email, token_sha256, sealed_token, message_id, attempts, not_before, asked_at,
               expires_at FROM mailed_links WHERE token_sha256 = $1 AND purpose = $2";
    conn.one(sql, args![token_sha256, purpose.as_str()]).await?.map(|row| link(&row)).transpose()
}

/// Ends a user's link of this purpose, where there is one.
pub async fn delete(tx: &mut Write, user: UserId, purpose: LinkPurpose) -> Result<()> {
    let sql = "DELETE FROM mailed_links WHERE user_id = $1 AND purpose = $2";
    tx.run(sql, args![user, purpose.as_str()]).await.map(|_| ())
}

fn link(row: &Row) -> Result<MailedLink> {
    Ok(MailedLink {
        user_id: row.parsed("user_id")?,
        purpose: row.parsed("purpose")?,
        email: row.text("email")?,
        token_sha256: row.text("token_sha256")?,
        sealed_token: row.blob("sealed_token")?,
        message_id: row.text("message_id")?,
        attempts: row.int("attempts")?,
        not_before: row.instant("not_before")?,
        asked_at: row.instant("asked_at")?,
        expires_at: row.instant("expires_at")?,
    })
}
