//! One-time tokens.

use domain::ids::{TenantNo, UserId};
use domain::oauth::OneTimePurpose;
use domain::time::Instant;

use super::clear;
use crate::audit::{Change, Object};
use crate::dialect::placeholders;
use crate::{Arg, Conn, Result, Write, args};

/// What an API client lets a user sign in with, once.
#[derive(Debug, Clone)]
pub struct OneTimeToken {
    /// SHA-256 of the token, in hex.
    pub sha256: String,
    /// Who signs in.
    pub user: UserId,
    /// What it is for.
    pub purpose: OneTimePurpose,
    /// When it runs out.
    pub expires_at: Instant,
}

/// Keeps a token for a user of this tenant, and logs who wanted it.
pub async fn insert_one_time(tx: &mut Write, home: TenantNo, token: &OneTimeToken) -> Result<()> {
    clear(tx).await?;
    tx.run(
        "INSERT INTO one_time_tokens (sha256, user_id, purpose, expires_at) VALUES ($1, $2, $3, $4)",
        args![token.sha256.as_str(), token.user, token.purpose.as_str(), token.expires_at],
    )
    .await?;
    let (id, new) = (token.user.to_string(), Some(token.purpose.to_string()));
    let change =
        Change { object: Object::User, id: &id, tenant: home, field: "one_time_token", old: None, new };
    tx.log(change).await
}

/// The token with this SHA-256, run out or not.
pub async fn one_time(conn: &mut Conn, sha256: &str) -> Result<Option<OneTimeToken>> {
    let row = conn.one("SELECT * FROM one_time_tokens WHERE sha256 = $1", args![sha256]).await?;
    row.map(|row| {
        Ok(OneTimeToken {
            sha256: row.text("sha256")?,
            user: row.parsed("user_id")?,
            purpose: row.parsed("purpose")?,
            expires_at: row.instant("expires_at")?,
        })
    })
    .transpose()
}

/// Takes a token of a user of this tenant out, so that nobody uses it again, and logs that; `false` where it is gone.
pub async fn use_one_time(tx: &mut Write, home: TenantNo, token: &OneTimeToken) -> Result<bool> {
    let sql = "DELETE FROM one_time_tokens WHERE sha256 = $1";
    if tx.run(sql, args![token.sha256.as_str()]).await? == 0 {
        return Ok(false);
    }
    let (object, id, old) = (Object::User, token.user.to_string(), Some(token.purpose.to_string()));
    tx.log(Change { object, id: &id, tenant: home, field: "one_time_token", old, new: None }).await?;
    Ok(true)
}

/// The live users with this id of another system, two at most, in the tenants below any of these that are open to it.
pub async fn users_with_external_id(
    conn: &mut Conn,
    roots: &[TenantNo],
    external_id: &str,
) -> Result<Vec<UserId>> {
    let mut args = args![external_id];
    args.extend(roots.iter().map(|root| Arg::from(*root)));
    let roots = placeholders(2, roots.len());
    let sql = format!(
        "SELECT DISTINCT u.id FROM users u JOIN tenants t ON t.no = u.tenant_no
         JOIN closure k ON k.tenant_no = u.tenant_no AND k.ancestor_no IN ({roots})
         WHERE u.external_id = $1 AND u.external_id IS NOT NULL AND u.deleted_at IS NULL
         AND k.walls = 0 AND (t.ancestral_access = 1 OR k.depth = 0) LIMIT 2"
    );
    conn.all_of(sql, args).await?.iter().map(|row| row.parsed("id")).collect()
}
