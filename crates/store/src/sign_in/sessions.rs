//! Browser sessions.

use domain::ids::UserId;
use domain::time::Instant;

use super::clear;
use crate::{Conn, Result, Write, args};

/// A browser that somebody has signed in with.
#[derive(Debug, Clone)]
pub struct BrowserSession {
    /// SHA-256 of the cookie's value, in hex.
    pub sha256: String,
    /// Who.
    pub user: UserId,
    /// When it ends.
    pub expires_at: Instant,
}

/// Keeps a session.
pub async fn insert_session(tx: &mut Write, session: &BrowserSession) -> Result<()> {
    clear(tx).await?;
    tx.run(
        "INSERT INTO browser_sessions (sha256, user_id, expires_at) VALUES ($1, $2, $3)",
        args![session.sha256.as_str(), session.user, session.expires_at],
    )
    .await
    .map(|_| ())
}

/// The session with this SHA-256, run out or not.
pub async fn session(conn: &mut Conn, sha256: &str) -> Result<Option<BrowserSession>> {
    let row = conn.one("SELECT * FROM browser_sessions WHERE sha256 = $1", args![sha256]).await?;
    row.map(|row| {
        Ok(BrowserSession {
            sha256: row.text("sha256")?,
            user: row.parsed("user_id")?,
            expires_at: row.instant("expires_at")?,
        })
    })
    .transpose()
}

/// Ends a session.
pub async fn delete_session(tx: &mut Write, sha256: &str) -> Result<()> {
    tx.run("DELETE FROM browser_sessions WHERE sha256 = $1", args![sha256]).await.map(|_| ())
}
