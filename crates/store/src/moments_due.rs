//! What comes to pass by itself at a moment known before: ends of trials, and of users' time.
//!
//! Whoever reads judges by the clock; but whoever synchronises by `updated_since` hears of it only by a stamp, so that it is
//! recorded once it has come to pass.

use domain::ids::{TenantNo, UserId};
use domain::time::Instant;

use crate::{Conn, Result, Row, Write, args, pricing};

const NEXT: &str = "SELECT MIN(at) AS at FROM (
    SELECT MIN(trial_ends_at) AS at FROM tenants WHERE trial_ends_at IS NOT NULL
    UNION ALL
    SELECT MIN(disable_after) FROM users WHERE disable_after IS NOT NULL AND enabled = 1 AND deleted_at IS NULL) x";
const TRIALS: &str =
    "SELECT no, created_at FROM tenants WHERE trial_ends_at <= $1 ORDER BY trial_ends_at LIMIT $2";
const USERS: &str = "SELECT id FROM users WHERE disable_after <= $1 AND enabled = 1 AND deleted_at IS NULL
    ORDER BY disable_after LIMIT $2";

/// When something of it comes to pass next.
pub async fn next(conn: &mut Conn) -> Result<Option<Instant>> {
    conn.one(NEXT, args![]).await?.map_or(Ok(None), |row| row.opt_instant("at"))
}

/// At most `limit` tenants whose trial may have ended by now, with the moments when they were made.
pub async fn trials(tx: &mut Write, limit: i64) -> Result<Vec<(TenantNo, Instant)>> {
    let now = tx.now();
    let tenant = |row: &Row| Ok((TenantNo(row.int("no")?), row.instant("created_at")?));
    tx.all(TRIALS, args![now, limit]).await?.iter().map(tenant).collect()
}

/// The trial ends later than was noted.
pub async fn put_trial_off(tx: &mut Write, tenant: TenantNo, ends_at: Instant) -> Result<()> {
    tx.run("UPDATE tenants SET trial_ends_at = $2 WHERE no = $1", args![tenant, ends_at]).await.map(|_| ())
}

/// The trial has ended: everybody whose object shows it has changed.
pub async fn trial_ended(tx: &mut Write, tenant: TenantNo) -> Result<()> {
    tx.run("UPDATE tenants SET trial_ends_at = NULL WHERE no = $1", args![tenant]).await?;
    pricing::stamp_shown(tx, tenant).await
}

/// At most `limit` users whose `disable_after` has come and who are still enabled.
pub async fn users(tx: &mut Write, limit: i64) -> Result<Vec<UserId>> {
    let now = tx.now();
    tx.all(USERS, args![now, limit]).await?.iter().map(|row| row.parsed("id")).collect()
}

#[cfg(test)]
pub(crate) fn statements() -> [(&'static str, &'static str, String); 3] {
    [
        ("trials that end", "tenants_by_trial_end", TRIALS.to_owned()),
        ("users whose time ends", "users_by_end", USERS.to_owned()),
        ("the next end", "tenants_by_trial_end", NEXT.to_owned()),
    ]
}
