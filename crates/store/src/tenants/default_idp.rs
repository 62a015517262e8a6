//! The identity provider of a tenant, and of all below it.

use domain::ids::TenantNo;
use domain::tenant::Tenant;

use crate::audit::{Change, Object};
use crate::{Result, Row, Write, args};

/// Gives a tenant this provider, and counts its version up.
pub async fn set_default_idp(tx: &mut Write, tenant: &Tenant, idp: uuid::Uuid) -> Result<()> {
    let now = tx.stamp().await?;
    tx.run(
        "UPDATE tenants SET version = version + 1, updated_at = $3, default_idp_id = $2 WHERE no = $1",
        args![tenant.no, idp, now],
    )
    .await?;
    log(tx, vec![(tenant.id.to_string(), tenant.no, tenant.default_idp_id.to_string())], idp).await
}

/// Gives it to the live tenants below, too, as far as no closed one stands between; those that had another one count up.
pub async fn set_default_idp_below(tx: &mut Write, tenant: &Tenant, idp: uuid::Uuid) -> Result<()> {
    let now = tx.stamp().await?;
    let others = tx
        .all(
            "SELECT t.no, t.id, t.default_idp_id FROM closure k JOIN tenants t ON t.no = k.tenant_no
             WHERE k.ancestor_no = $1 AND k.depth > 0 AND k.walls = 0 AND t.deleted_at IS NULL
             AND t.default_idp_id <> $2",
            args![tenant.no, idp],
        )
        .await?;
    tx.run(
        "UPDATE tenants SET version = version + 1, updated_at = $3, default_idp_id = $2
         WHERE deleted_at IS NULL AND default_idp_id <> $2
         AND no IN (SELECT tenant_no FROM closure WHERE ancestor_no = $1 AND depth > 0 AND walls = 0)",
        args![tenant.no, idp, now],
    )
    .await?;
    let before = |row: &Row| Ok((row.text("id")?, TenantNo(row.int("no")?), row.text("default_idp_id")?));
    let before = others.iter().map(before).collect::<Result<_>>()?;
    log(tx, before, idp).await
}

/// Logs the change of tenants, each with its id, its number and the provider it had.
async fn log(tx: &mut Write, before: Vec<(String, TenantNo, String)>, idp: uuid::Uuid) -> Result<()> {
    let changes = before.iter().map(|(id, tenant, old)| Change {
        object: Object::Tenant,
        id,
        tenant: *tenant,
        field: "default_idp_id",
        old: Some(old.clone()),
        new: Some(idp.to_string()),
    });
    tx.log_all(changes.collect()).await
}
