//! Deleted users who come back.

use domain::ids::TenantNo;
use domain::time::Instant;
use domain::user::User;

use crate::audit::{Change, Object};
use crate::{Result, Write, args};

/// Brings a user back that was deleted at `deleted_at`, with the personal tenant that was deleted with it. A login that
/// a live user has is [`crate::Error::Unique`] on `users.login`.
pub async fn restore(
    tx: &mut Write,
    user: &User,
    deleted_at: Instant,
    login: &str,
    enabled: bool,
) -> Result<()> {
    let now = tx.stamp().await?;
    tx.run(
        "UPDATE users SET deleted_at = NULL, updated_at = $2, version = version + 1, login = $3, enabled = $4
         WHERE id = $1",
        args![user.id, now, login, enabled],
    )
    .await?;
    let personal = tx
        .one(
            "UPDATE tenants SET deleted_at = NULL, updated_at = $3, version = version + 1 WHERE deleted_at = $2
             AND no = (SELECT personal_tenant_no FROM users WHERE id = $1) RETURNING id, no",
            args![user.id, deleted_at, now],
        )
        .await?;
    let personal =
        personal.map(|row| Ok::<_, crate::Error>((row.text("id")?, row.int("no")?))).transpose()?;
    let (id, tenant) = (user.id.to_string(), user.tenant);
    let change = |field, old, new| Change {
        object: Object::User,
        id: &id,
        tenant,
        field,
        old: Some(old),
        new: Some(new),
    };
    let mut changes = vec![
        change("deleted", true.to_string(), false.to_string()),
        change("login", user.login.clone(), login.to_owned()),
        change("enabled", user.enabled.to_string(), enabled.to_string()),
    ];
    if let Some((id, no)) = &personal {
        let (tenant, old, new) = (TenantNo(*no), Some(true.to_string()), Some(false.to_string()));
        changes.push(Change { object: Object::Tenant, id, tenant, field: "deleted", old, new });
    }
    tx.log_all(changes).await
}
