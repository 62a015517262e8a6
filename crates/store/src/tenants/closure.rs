//! The closure table: every tenant with every tenant above it.
//!
//! A wall between an ancestor and a tenant is a tenant with `ancestral_access` false strictly between the two.

use domain::ids::TenantNo;

use crate::{Result, Write, args};

/// The rows of a new tenant: itself, and everything above its parent. A wall between an ancestor and it is one between
/// the ancestor and the parent, or the parent itself where that is closed.
pub(super) async fn place_below(tx: &mut Write, no: TenantNo, parent: Option<TenantNo>) -> Result<()> {
    tx.run("INSERT INTO closure (ancestor_no, tenant_no, depth, walls) VALUES ($1, $1, 0, 0)", args![no])
        .await?;
    match parent {
        Some(parent) => hang_below(tx, no, parent).await,
        None => Ok(()),
    }
}

/// Takes the subtree of a tenant away from what is above it and hangs it below `parent`. The tenants themselves must
/// carry their new `ancestral_access` already.
pub(super) async fn move_below(tx: &mut Write, no: TenantNo, parent: TenantNo) -> Result<()> {
    tx.run(
        "DELETE FROM closure
         WHERE ancestor_no IN (SELECT ancestor_no FROM closure WHERE tenant_no = $1 AND depth > 0)
           AND tenant_no IN (SELECT tenant_no FROM closure WHERE ancestor_no = $1)",
        args![no],
    )
    .await?;
    hang_below(tx, no, parent).await
}

/// Opens or closes a tenant: one wall fewer or more for every pair around it.
pub(super) async fn set_wall(tx: &mut Write, no: TenantNo, closed: bool) -> Result<()> {
    tx.run(
        "UPDATE closure SET walls = walls + $2
         WHERE ancestor_no IN (SELECT ancestor_no FROM closure WHERE tenant_no = $1 AND depth > 0)
           AND tenant_no IN (SELECT tenant_no FROM closure WHERE ancestor_no = $1 AND depth > 0)",
        args![no, if closed { 1_i64 } else { -1 }],
    )
    .await
    .map(|_| ())
}

/// Pairs everything from `parent` up with everything from `no` down; the pairs below `no` are there already. The walls of
/// a pair are those above the parent, the parent, the tenant, and those below it: each where it stands strictly between.
async fn hang_below(tx: &mut Write, no: TenantNo, parent: TenantNo) -> Result<()> {
    tx.run(
        "INSERT INTO closure (ancestor_no, tenant_no, depth, walls)
         SELECT up.ancestor_no, down.tenant_no, up.depth + 1 + down.depth,
                up.walls + CASE WHEN p.ancestral_access = 0 AND up.depth > 0 THEN 1 ELSE 0 END
                + down.walls + CASE WHEN t.ancestral_access = 0 AND down.depth > 0 THEN 1 ELSE 0 END
         FROM closure up JOIN tenants p ON p.no = up.tenant_no
         CROSS JOIN closure down JOIN tenants t ON t.no = down.ancestor_no
         WHERE up.tenant_no = $2 AND down.ancestor_no = $1",
        args![no, parent],
    )
    .await
    .map(|_| ())
}
