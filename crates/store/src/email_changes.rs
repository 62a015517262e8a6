//! New addresses of activated users that wait for their confirmation (accounts-api, 1.9).

use domain::delivery::DeliveryState;
use domain::ids::{TenantNo, UserId};
use domain::time::Instant;

use crate::audit::{Change, Object};
use crate::dialect::lease_now;
use crate::{Conn, Result, Row, Write, args};

/// A new address that waits, with what its mail needs.
#[derive(Debug, Clone)]
pub struct EmailChange {
    /// Whose.
    pub user_id: UserId,
    /// The new address.
    pub new_email: String,
    /// SHA-256 of the link's token, in hex: what tells this change from a later one.
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
    pub requested_at: Instant,
    /// When the link runs out.
    pub expires_at: Instant,
}

/// Lets a change wait, in place of an earlier one of the same user.
pub async fn insert(tx: &mut Write, tenant: TenantNo, new: &EmailChange) -> Result<()> {
    tx.run("DELETE FROM email_changes WHERE user_id = $1", args![new.user_id]).await?;
    tx.run(
        "INSERT INTO email_changes (user_id, new_email, token_sha256, sealed_token, message_id, status, attempts,
         not_before, requested_at, expires_at) VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $8, $9)",
        args![
            new.user_id,
            new.new_email.as_str(),
            new.token_sha256.as_str(),
            new.sealed_token.clone(),
            new.message_id.as_str(),
            new.attempts,
            new.not_before,
            new.requested_at,
            new.expires_at
        ],
    )
    .await?;
    let (id, asked) = (new.user_id.to_string(), Some(new.new_email.clone()));
    tx.log(Change { object: Object::User, id: &id, tenant, field: "email_asked_for", old: None, new: asked })
        .await
}

/// Claims the change whose mail has waited longest.
pub async fn claim(tx: &mut Write) -> Result<Option<EmailChange>> {
    let now = tx.now();
    let row = tx
        .one(
            concat!(
                "UPDATE email_changes SET status = 'sending', lease_until = ",
                lease_now!(),
                " + 3600000000 WHERE user_id = (SELECT user_id FROM email_changes
                  WHERE status IN ('pending', 'sending') AND not_before <= $1
                  AND (status = 'pending' OR lease_until IS NULL OR lease_until < ",
                lease_now!(),
                ") ORDER BY not_before, user_id LIMIT 1)
                 RETURNING user_id, new_email, token_sha256, sealed_token, message_id, attempts, not_before,
                 requested_at, expires_at"
            ),
            args![now],
        )
        .await?;
    row.map(|row| change(&row)).transpose()
}

/// Records what became of the mail; nothing where a later change has taken this one's place.
pub async fn record(
    tx: &mut Write,
    claimed: &EmailChange,
    state: &DeliveryState,
    attempts: i64,
    not_before: Instant,
) -> Result<()> {
    let (status, detail) = state.parts();
    tx.run(
        "UPDATE email_changes SET status = $2, detail = $3, attempts = $4, not_before = $5, lease_until = NULL
         WHERE token_sha256 = $1 AND status = 'sending'",
        args![claimed.token_sha256.as_str(), status.as_str(), detail, attempts, not_before],
    )
    .await
    .map(|_| ())
}

/// Voids the leases of the process before.
pub async fn release_leases(tx: &mut Write) -> Result<()> {
    tx.run("UPDATE email_changes SET lease_until = NULL WHERE lease_until IS NOT NULL", args![])
        .await
        .map(|_| ())
}

/// When the next mail may leave that has to wait for its moment.
pub async fn next_moment(conn: &mut Conn, now: Instant) -> Result<Option<Instant>> {
    let sql = "SELECT MIN(not_before) AS at FROM email_changes WHERE status IN ('pending', 'sending') AND not_before > $1";
    conn.one(sql, args![now]).await?.map_or(Ok(None), |row| row.opt_instant("at"))
}

/// The change that a link's token belongs to.
pub async fn by_token(conn: &mut Conn, token_sha256: &str) -> Result<Option<EmailChange>> {
    let sql = "SELECT user_id, new_email, token_sha256, sealed_token, message_id, attempts, not_before, requested_at,
               expires_at FROM email_changes WHERE token_sha256 = $1";
    conn.one(sql, args![token_sha256]).await?.map(|row| change(&row)).transpose()
}

/// Ends the waiting of a user's change.
pub async fn delete(tx: &mut Write, user: UserId) -> Result<()> {
    tx.run("DELETE FROM email_changes WHERE user_id = $1", args![user]).await.map(|_| ())
}

fn change(row: &Row) -> Result<EmailChange> {
    Ok(EmailChange {
        user_id: row.parsed("user_id")?,
        new_email: row.text("new_email")?,
        token_sha256: row.text("token_sha256")?,
        sealed_token: row.blob("sealed_token")?,
        message_id: row.text("message_id")?,
        attempts: row.int("attempts")?,
        not_before: row.instant("not_before")?,
        requested_at: row.instant("requested_at")?,
        expires_at: row.instant("expires_at")?,
    })
}
