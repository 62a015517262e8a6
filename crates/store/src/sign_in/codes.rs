//! Authorisation codes.

use domain::ids::{ClientId, UserId};
use domain::time::Instant;

use super::clear;
use crate::{Conn, Result, Write, args};

/// An authorisation code with what it was asked for with.
#[derive(Debug, Clone)]
pub struct Code {
    /// SHA-256 of the code, in hex.
    pub sha256: String,
    /// Who may exchange it.
    pub client: ClientId,
    /// Who has signed in.
    pub user: UserId,
    /// Where it was sent.
    pub redirect_uri: String,
    /// The scope that was granted, as the wire shows it.
    pub scope: String,
    /// SHA-256 of the verifier that the exchange needs, in base64url.
    pub challenge: Option<String>,
    /// What the client wants to find in the id_token.
    pub nonce: Option<String>,
    /// What its tokens are revoked with.
    pub family: uuid::Uuid,
    /// When it runs out.
    pub expires_at: Instant,
    /// Until when a second use is to be noticed.
    pub forget_at: Instant,
    /// When it was exchanged.
    pub used_at: Option<Instant>,
}

/// Keeps a code.
pub async fn insert_code(tx: &mut Write, code: &Code) -> Result<()> {
    clear(tx).await?;
    tx.run(
        "INSERT INTO authorization_codes (sha256, client_id, user_id, redirect_uri, scope, code_challenge, nonce,
         family, expires_at, forget_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        args![
            code.sha256.as_str(),
            code.client,
            code.user,
            code.redirect_uri.as_str(),
            code.scope.as_str(),
            code.challenge.clone(),
            code.nonce.clone(),
            code.family,
            code.expires_at,
            code.forget_at
        ],
    )
    .await
    .map(|_| ())
}

/// The code with this SHA-256, in whatever state.
pub async fn code(conn: &mut Conn, sha256: &str) -> Result<Option<Code>> {
    let row = conn.one("SELECT * FROM authorization_codes WHERE sha256 = $1", args![sha256]).await?;
    row.map(|row| {
        Ok(Code {
            sha256: row.text("sha256")?,
            client: row.parsed("client_id")?,
            user: row.parsed("user_id")?,
            redirect_uri: row.text("redirect_uri")?,
            scope: row.text("scope")?,
            challenge: row.opt_text("code_challenge")?,
            nonce: row.opt_text("nonce")?,
            family: row.parsed("family")?,
            expires_at: row.instant("expires_at")?,
            forget_at: row.instant("forget_at")?,
            used_at: row.opt_instant("used_at")?,
        })
    })
    .transpose()
}

/// Marks a code as exchanged; `false` where it already was.
pub async fn use_code(tx: &mut Write, sha256: &str) -> Result<bool> {
    let now = tx.now();
    let sql = "UPDATE authorization_codes SET used_at = $2 WHERE sha256 = $1 AND used_at IS NULL";
    Ok(tx.run(sql, args![sha256, now]).await? > 0)
}
