//! The identity provider of a tenant, and of all below it.

use domain::ids::TenantNo;
use domain::tenant::Tenant;

use crate::audit::{Change, Object};
use crate::{Result, Row, Write, args};

/// Gives a tenant this provider, and with `to_all_below` also the live tenants below it as far as no closed one stands
/// between; versions count up, below it of those alone that had another one.
pub async fn set_default_idp(
    tx: &mut Write,
    tenant: &Tenant,
    idp: uuid::Uuid,
    to_all_below: bool,
) -> Result<()> {
    let now = tx.now();
    let others = tx
        .all(
            "SELECT t.no, t.id, t.default_idp_id FROM closure k JOIN tenants t ON t.no = k.tenant_no
             WHERE k.ancestor_no = $1 AND (k.depth = 0 OR $3 = 1 AND k.walls = 0 AND t.deleted_at IS NULL)
             AND t.default_idp_id <> $2",
            args![tenant.no, idp, to_all_below],
        )
        .await?;
    tx.run(
        "UPDATE tenants SET version = version + 1, updated_at = $3, default_idp_id = $2
         WHERE no = $1 OR $4 = 1 AND deleted_at IS NULL AND default_idp_id <> $2
         AND no IN (SELECT tenant_no FROM closure WHERE ancestor_no = $1 AND walls = 0)",
        args![tenant.no, idp, now, to_all_below],
    )
    .await?;
    let before = |row: &Row| Ok((row.text("id")?, TenantNo(row.int("no")?), row.text("default_idp_id")?));
    let before: Vec<(String, TenantNo, String)> = others.iter().map(before).collect::<Result<_>>()?;
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
