//! Changes of tenants: every one of them in the change log.

use domain::ids::{TenantNo, UserId};
use domain::tenant::Tenant;

use super::closure;
use crate::audit::{Change, Object};
use crate::{Result, Row, Write, args, lists, search};

/// Saves what differs between the tenant as it is and as it shall be, counts its version up, and keeps the closure
/// table and the lists true where it moved, was opened or was closed.
pub async fn update(tx: &mut Write, old: &Tenant, new: &Tenant) -> Result<()> {
    let placed_anew = old.parent != new.parent || old.ancestral_access != new.ancestral_access;
    if placed_anew {
        lists::take_out(tx, old.no).await?;
    }
    if old.ancestral_access != new.ancestral_access {
        closure::set_wall(tx, old.no, !new.ancestral_access).await?;
    }
    let now = tx.stamp().await?;
    tx.run(
        "UPDATE tenants SET version = version + 1, updated_at = $2, parent_no = $3, name = $4, kind = $5,
         customer_type = $6, enabled = $7, customer_id = $8, internal_tag = $9, language = $10, default_idp_id = $11,
         update_lock_owner_id = $12, ancestral_access = $13, external_operation = $14 WHERE no = $1",
        args![
            old.no,
            now,
            new.parent,
            new.name.as_str(),
            new.kind.as_str(),
            new.customer_type.as_str(),
            new.enabled,
            new.customer_id.clone(),
            new.internal_tag.clone(),
            new.language.code(),
            new.default_idp_id,
            new.update_lock_owner,
            new.ancestral_access,
            new.external_operation.as_str()
        ],
    )
    .await?;
    if old.parent != new.parent {
        closure::move_below(tx, old.no, new.parent).await?;
        lists::keep_levels(tx, old.no, old.parent, new.parent).await?;
    }
    if placed_anew {
        lists::put_in(tx, old.no).await?;
    }
    if old.parent != new.parent || new.ancestral_access && !old.ancestral_access {
        touch_below(tx, old.no).await?;
    }
    search::tenant_renamed(tx, old, new).await?;
    let (id, tenant) = (old.id.to_string(), old.no);
    let pairs = logged(old).into_iter().zip(logged(new));
    let changes = pairs.map(|((field, old), (_, new))| Change {
        object: Object::Tenant,
        id: &id,
        tenant,
        field,
        old,
        new,
    });
    tx.log_all(changes.collect()).await
}

/// Counts a tenant's version up after a change of something that counts as part of it.
pub async fn touch(tx: &mut Write, no: TenantNo) -> Result<()> {
    let now = tx.stamp().await?;
    tx.run("UPDATE tenants SET version = version + 1, updated_at = $2 WHERE no = $1", args![no, now])
        .await
        .map(|_| ())
}

/// Stamps everything from a tenant down, as it has come into lists that it was not in before: to whoever synchronises by
/// one of them all of it is new. Versions stay.
async fn touch_below(tx: &mut Write, no: TenantNo) -> Result<()> {
    let stamp = tx.stamp().await?;
    for sql in [
        "UPDATE tenants SET updated_at = $2 WHERE no IN (SELECT tenant_no FROM closure WHERE ancestor_no = $1)",
        "UPDATE users SET updated_at = $2
         WHERE tenant_no IN (SELECT tenant_no FROM closure WHERE ancestor_no = $1)",
        "UPDATE tenant_items SET updated_at = $2
         WHERE tenant_no IN (SELECT tenant_no FROM closure WHERE ancestor_no = $1)",
    ] {
        tx.run(sql, args![no, stamp]).await?;
    }
    Ok(())
}

/// All that a PUT may change, but for the contact, under the names of the wire. A lock is told by its owner.
fn logged(tenant: &Tenant) -> [(&'static str, Option<String>); 12] {
    [
        ("parent", Some(tenant.parent.to_string())),
        ("name", Some(tenant.name.clone())),
        ("kind", Some(tenant.kind.to_string())),
        ("enabled", Some(tenant.enabled.to_string())),
        ("customer_id", tenant.customer_id.clone()),
        ("language", Some(tenant.language.to_string())),
        ("ancestral_access", Some(tenant.ancestral_access.to_string())),
        ("customer_type", Some(tenant.customer_type.to_string())),
        ("internal_tag", tenant.internal_tag.clone()),
        ("default_idp_id", Some(tenant.default_idp_id.to_string())),
        ("update_lock", tenant.update_lock_owner.map(|owner| owner.to_string())),
        ("external_operation_status", Some(tenant.external_operation.to_string())),
    ]
}

/// Deletes a tenant softly with everything below it, their users and their clients. What was deleted before keeps its
/// time.
pub async fn delete_below(tx: &mut Write, root: TenantNo) -> Result<()> {
    let now = tx.stamp().await?;
    let live = tx
        .all(
            "SELECT t.id, t.no FROM closure k JOIN tenants t ON t.no = k.tenant_no
             WHERE k.ancestor_no = $1 AND t.deleted_at IS NULL",
            args![root],
        )
        .await?;
    log_deleted(tx, Object::Tenant, &live).await?;
    let live = tx
        .all(
            "SELECT u.id, u.tenant_no AS no FROM closure k JOIN users u ON u.tenant_no = k.tenant_no
             WHERE k.ancestor_no = $1 AND u.deleted_at IS NULL",
            args![root],
        )
        .await?;
    log_deleted(tx, Object::User, &live).await?;
    let live = tx
        .all(
            "SELECT c.id, c.tenant_no AS no FROM closure k JOIN clients c ON c.tenant_no = k.tenant_no
             WHERE k.ancestor_no = $1 AND c.deleted_at IS NULL",
            args![root],
        )
        .await?;
    log_deleted(tx, Object::Client, &live).await?;
    tx.run(
        "UPDATE tenants SET deleted_at = $2, updated_at = $2, version = version + 1 WHERE deleted_at IS NULL
         AND no IN (SELECT tenant_no FROM closure WHERE ancestor_no = $1)",
        args![root, now],
    )
    .await?;
    tx.run(
        "UPDATE users SET deleted_at = $2, updated_at = $2, version = version + 1 WHERE deleted_at IS NULL
         AND tenant_no IN (SELECT tenant_no FROM closure WHERE ancestor_no = $1)",
        args![root, now],
    )
    .await?;
    tx.run(
        "UPDATE clients SET deleted_at = $2 WHERE deleted_at IS NULL
         AND tenant_no IN (SELECT tenant_no FROM closure WHERE ancestor_no = $1)",
        args![root, now],
    )
    .await
    .map(|_| ())
}

/// Deletes the personal tenant of a user softly, where there is one.
pub async fn delete_personal(tx: &mut Write, owner: UserId) -> Result<()> {
    let row = tx
        .one(
            "SELECT t.no FROM users u JOIN tenants t ON t.no = u.personal_tenant_no
             WHERE u.id = $1 AND t.deleted_at IS NULL",
            args![owner],
        )
        .await?;
    match row {
        Some(row) => delete_below(tx, TenantNo(row.int("no")?)).await,
        None => Ok(()),
    }
}

async fn log_deleted(tx: &mut Write, object: Object, rows: &[Row]) -> Result<()> {
    let mut ids = Vec::with_capacity(rows.len());
    for row in rows {
        ids.push((row.text("id")?, TenantNo(row.int("no")?)));
    }
    tx.log_all(ids.iter().map(|(id, tenant)| deleted(object, id, *tenant, true)).collect()).await
}

/// That something was deleted, or came back.
pub(super) fn deleted(object: Object, id: &str, tenant: TenantNo, is_deleted: bool) -> Change<'_> {
    let (old, new) = (Some((!is_deleted).to_string()), Some(is_deleted.to_string()));
    Change { object, id, tenant, field: "deleted", old, new }
}
