//! Second factors: what is demanded, and what is there.

use domain::ids::UserId;
use domain::mfa::MfaStatus;
use domain::tenant::Tenant;
use domain::user::User;

use crate::audit::{Change, Object};
use crate::{Conn, Result, Row, Write, args};

/// The columns that [`status`] reads, of the user under this alias and of its tenant under `t`.
macro_rules! mfa_columns {
    ($user:literal) => {
        concat!(
            "t.mfa_demanded AS mfa_of_tenant, ",
            $user,
            ".mfa_demanded AS mfa_of_user, EXISTS (SELECT 1 FROM totp_factors f WHERE f.user_id = ",
            $user,
            ".id AND f.confirmed_at IS NOT NULL) AS has_totp"
        )
    };
}
pub(crate) use mfa_columns;

pub(crate) fn status(row: &Row) -> Result<MfaStatus> {
    let (tenant, user) = (row.flag("mfa_of_tenant")?, row.opt_flag("mfa_of_user")?);
    Ok(MfaStatus::of_user(tenant, user, row.flag("has_totp")?))
}

/// How many live users a tenant has itself, and how many of them have set a second factor up.
pub async fn users_of(conn: &mut Conn, tenant: &Tenant) -> Result<(i64, i64)> {
    let row = conn
        .one(
            "SELECT COUNT(*) AS users, COUNT(f.user_id) AS with_totp FROM users u
             LEFT JOIN totp_factors f ON f.user_id = u.id AND f.confirmed_at IS NOT NULL
             WHERE u.tenant_no = $1 AND u.deleted_at IS NULL",
            args![tenant.no],
        )
        .await?;
    row.map_or(Ok((0, 0)), |row| Ok((row.int("users")?, row.int("with_totp")?)))
}

/// Demands second factors of a tenant's own users, or no longer, and counts the tenant's version up.
pub async fn set_of_tenant(tx: &mut Write, tenant: &Tenant, demanded: bool) -> Result<()> {
    let now = tx.stamp().await?;
    tx.run(
        "UPDATE tenants SET mfa_demanded = $2, version = version + 1, updated_at = $3 WHERE no = $1",
        args![tenant.no, demanded, now],
    )
    .await?;
    // The users who follow it show it.
    tx.run(
        "UPDATE users SET updated_at = $2 WHERE tenant_no = $1 AND mfa_demanded IS NULL AND deleted_at IS NULL",
        args![tenant.no, now],
    )
    .await?;
    let (id, word) = (tenant.id.to_string(), |demanded| Some(MfaStatus::of_tenant(demanded).to_string()));
    let (old, new) = (word(tenant.mfa_demanded), word(demanded));
    let (object, tenant) = (Object::Tenant, tenant.no);
    tx.log(Change { object, id: &id, tenant, field: "mfa_status", old, new }).await
}

/// Demands a second factor of one user, or none, where that differs from its tenant; `None` follows the tenant.
pub async fn set_of_user(tx: &mut Write, user: &User, demanded: Option<bool>) -> Result<()> {
    let row = tx.one("SELECT mfa_demanded FROM users WHERE id = $1", args![user.id]).await?;
    let old = row.map_or(Ok(None), |row| row.opt_flag("mfa_demanded"))?;
    tx.run("UPDATE users SET mfa_demanded = $2 WHERE id = $1", args![user.id, demanded]).await?;
    let word = |demanded: Option<bool>| demanded.map(|demanded| demanded.to_string());
    log(tx, user, "mfa_demanded", word(old), word(demanded)).await
}

/// Counts a user's version up after its second factor has changed, and logs what it was before; nothing where it stands
/// as it did.
pub async fn changed(tx: &mut Write, before: &User) -> Result<()> {
    let Some(after) = crate::users::by_id(tx, before.id).await? else { return Ok(()) };
    if after.mfa_status == before.mfa_status {
        return Ok(());
    }
    let now = tx.stamp().await?;
    tx.run("UPDATE users SET version = version + 1, updated_at = $2 WHERE id = $1", args![before.id, now])
        .await?;
    let (old, new) = (Some(before.mfa_status.to_string()), Some(after.mfa_status.to_string()));
    log(tx, before, "mfa_status", old, new).await
}

async fn log(
    tx: &mut Write,
    user: &User,
    field: &str,
    old: Option<String>,
    new: Option<String>,
) -> Result<()> {
    let (object, id, tenant) = (Object::User, user.id.to_string(), user.tenant);
    tx.log(Change { object, id: &id, tenant, field, old, new }).await
}

/// The second factor of a user.
#[derive(Debug, Clone)]
pub struct TotpFactor {
    /// Its secret, sealed.
    pub sealed_secret: Vec<u8>,
    /// Whether its set-up is finished.
    pub is_confirmed: bool,
    /// No code of this step, or of one before, is taken any more.
    pub last_step: i64,
}

/// The second factor that a user has set up, or is about to.
pub async fn factor(conn: &mut Conn, user: UserId) -> Result<Option<TotpFactor>> {
    let sql = "SELECT sealed_secret, confirmed_at, last_step FROM totp_factors WHERE user_id = $1";
    let row = conn.one(sql, args![user]).await?;
    row.map(|row| {
        Ok(TotpFactor {
            sealed_secret: row.blob("sealed_secret")?,
            is_confirmed: row.opt_instant("confirmed_at")?.is_some(),
            last_step: row.int("last_step")?,
        })
    })
    .transpose()
}

/// Begins the set-up of a factor, in place of one that was begun before.
pub async fn begin(tx: &mut Write, user: &User, sealed_secret: Vec<u8>) -> Result<()> {
    remove(tx, user).await?;
    tx.run(
        "INSERT INTO totp_factors (user_id, sealed_secret, last_step) VALUES ($1, $2, 0)",
        args![user.id, sealed_secret],
    )
    .await?;
    log(tx, user, "totp", None, Some("begun".to_owned())).await
}

/// Uses up a step; `false` where it, or a later one, was used before, or the factor is no longer the one it was read as.
pub async fn use_step(tx: &mut Write, user: UserId, read: &TotpFactor, step: i64) -> Result<bool> {
    let now = tx.now();
    let used = tx
        .run(
            "UPDATE totp_factors SET last_step = $2, used_at = $3, confirmed_at = COALESCE(confirmed_at, $3)
             WHERE user_id = $1 AND last_step < $2 AND sealed_secret = $4",
            args![user, step, now, read.sealed_secret.clone()],
        )
        .await?;
    Ok(used == 1)
}

/// Logs that a set-up is finished: the caller has used a step of it up.
pub async fn log_confirmed(tx: &mut Write, user: &User) -> Result<()> {
    log(tx, user, "totp", Some("begun".to_owned()), Some("confirmed".to_owned())).await
}

/// Removes a user's factor, where there is one.
pub async fn remove(tx: &mut Write, user: &User) -> Result<()> {
    let sql = "DELETE FROM totp_factors WHERE user_id = $1 RETURNING confirmed_at";
    let Some(row) = tx.one(sql, args![user.id]).await? else { return Ok(()) };
    let old = row.opt_instant("confirmed_at")?.map_or("begun", |_| "confirmed");
    log(tx, user, "totp", Some(old.to_owned()), None).await
}

/// When a code of a user was last taken.
pub async fn used_at(conn: &mut Conn, user: UserId) -> Result<Option<domain::time::Instant>> {
    let sql = "SELECT used_at FROM totp_factors WHERE user_id = $1 AND confirmed_at IS NOT NULL";
    conn.one(sql, args![user]).await?.map_or(Ok(None), |row| row.opt_instant("used_at"))
}
