//! Passwords and logins.

use domain::user::User;

use crate::audit::{Change, Object};
use crate::{Conn, Result, Write, args};

/// Whether a live user has this login.
pub async fn login_exists(conn: &mut Conn, login: &str) -> Result<bool> {
    let sql = "SELECT COUNT(*) AS n FROM users WHERE login = $1 AND deleted_at IS NULL";
    Ok(conn.count(sql, args![login]).await? > 0)
}

/// Stores the hash of a new password and activates the user, whose version counts up where it was not activated before.
pub async fn set_password(tx: &mut Write, user: &User, hash: &str) -> Result<()> {
    let now = tx.stamp().await?;
    tx.run(
        "UPDATE users SET password_hash = $2, activated = 1, version = $3, updated_at = $4 WHERE id = $1",
        args![user.id, hash, user.version + i64::from(!user.activated), now],
    )
    .await?;
    let (object, id, tenant) = (Object::User, user.id.to_string(), user.tenant);
    let set = Change { object, id: &id, tenant, field: "password", old: None, new: Some("set".to_owned()) };
    let (old, new) = (Some(user.activated.to_string()), Some(true.to_string()));
    let activated = Change { object, id: &id, tenant, field: "activated", old, new };
    tx.log_all(vec![set, activated]).await
}
