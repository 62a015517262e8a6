//! Keeping the lists true: they say of every pair of the closure table what it says, in the order of the wire.

use domain::ids::{TenantNo, UserId};

use crate::{Result, Write, args};

/// The pairs of a strict ancestor of `$1` (`k.ancestor_no`) and a tenant from `$1` down (`t`), joined with what follows.
macro_rules! pairs_around {
    ($joined:literal) => {
        concat!(
            " FROM closure up CROSS JOIN closure down JOIN closure k ON k.ancestor_no = up.ancestor_no
                  AND k.tenant_no = down.tenant_no JOIN tenants t ON t.no = k.tenant_no ",
            $joined,
            " WHERE up.tenant_no = $1 AND up.depth > 0 AND down.ancestor_no = $1"
        )
    };
}

/// The walls before the users of `t`: a closed tenant hides its own from above.
macro_rules! walls_before_users {
    () => {
        "k.walls + CASE WHEN t.ancestral_access = 0 AND k.depth > 0 THEN 1 ELSE 0 END"
    };
}

/// Lists a new tenant under itself and all above it. Personal tenants are in no list.
pub(crate) async fn insert_tenant(tx: &mut Write, no: TenantNo) -> Result<()> {
    tx.run(
        "INSERT INTO tenant_lists (ancestor_no, walls, depth, tenant_id, tenant_no)
         SELECT k.ancestor_no, k.walls, k.depth, t.id, t.no FROM closure k JOIN tenants t ON t.no = k.tenant_no
         WHERE k.tenant_no = $1 AND t.owner_id IS NULL",
        args![no],
    )
    .await
    .map(|_| ())
}

/// Lists a new user under its tenant and all above it.
pub(crate) async fn insert_user(tx: &mut Write, user: UserId, tenant: TenantNo) -> Result<()> {
    tx.run(
        concat!(
            "INSERT INTO user_lists (ancestor_no, walls, depth, user_id) SELECT k.ancestor_no, ",
            walls_before_users!(),
            ", k.depth, $2 FROM closure k JOIN tenants t ON t.no = k.tenant_no WHERE k.tenant_no = $1"
        ),
        args![tenant, user],
    )
    .await
    .map(|_| ())
}

/// Takes everything from a tenant down out of the lists of those above it, before the tenant is moved, opened or closed.
pub(crate) async fn take_out(tx: &mut Write, no: TenantNo) -> Result<()> {
    tx.run(
        concat!(
            "DELETE FROM tenant_lists WHERE (ancestor_no, walls, depth, tenant_id) IN (
                 SELECT k.ancestor_no, k.walls, k.depth, t.id",
            pairs_around!(""),
            ")"
        ),
        args![no],
    )
    .await?;
    tx.run(
        concat!(
            "DELETE FROM user_lists WHERE (ancestor_no, walls, depth, user_id) IN (SELECT k.ancestor_no, ",
            walls_before_users!(),
            ", k.depth, u.id",
            pairs_around!("JOIN users u ON u.tenant_no = t.no"),
            ")"
        ),
        args![no],
    )
    .await
    .map(|_| ())
}

/// How long places are kept: pages of a list that began earlier are no longer steady against moves.
const KEPT_SECONDS: i64 = 7 * 86_400;

/// Keeps the level that everything from a moved tenant down had below those above both its old and its new parent, where
/// it has another one now: the pages of a list that began before still show it there.
pub(crate) async fn keep_levels(tx: &mut Write, no: TenantNo, old: TenantNo, new: TenantNo) -> Result<()> {
    let stamp = tx.stamp().await?;
    tx.run("DELETE FROM past_places WHERE left_at < $1", args![stamp.plus_seconds(-KEPT_SECONDS)]).await?;
    tx.run(
        "INSERT INTO past_places (ancestor_no, tenant_no, depth, left_at)
         SELECT was.ancestor_no, down.tenant_no, was.depth + 1 + down.depth, $4
         FROM closure was JOIN closure here ON here.ancestor_no = was.ancestor_no AND here.tenant_no = $3
         CROSS JOIN closure down JOIN tenants t ON t.no = down.tenant_no
         WHERE was.tenant_no = $2 AND was.depth <> here.depth AND down.ancestor_no = $1 AND t.owner_id IS NULL",
        args![no, old, new, stamp],
    )
    .await
    .map(|_| ())
}

/// Puts it in again where it stands afterwards.
pub(crate) async fn put_in(tx: &mut Write, no: TenantNo) -> Result<()> {
    tx.run(
        concat!(
            "INSERT INTO tenant_lists (ancestor_no, walls, depth, tenant_id, tenant_no)
             SELECT k.ancestor_no, k.walls, k.depth, t.id, t.no",
            pairs_around!(""),
            " AND t.owner_id IS NULL"
        ),
        args![no],
    )
    .await?;
    tx.run(
        concat!(
            "INSERT INTO user_lists (ancestor_no, walls, depth, user_id) SELECT k.ancestor_no, ",
            walls_before_users!(),
            ", k.depth, u.id",
            pairs_around!("JOIN users u ON u.tenant_no = t.no")
        ),
        args![no],
    )
    .await
    .map(|_| ())
}
