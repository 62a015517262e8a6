//! Offering items as tenants have them. An item that a tenant has never had on has no row.

use std::collections::BTreeMap;

use domain::ids::{InfraNo, ItemNo, TenantNo};
use domain::pricing::Quota;
use domain::time::Instant;

use crate::audit::{Change, Object};
use crate::{Arg, Conn, Result, Row, Write, args, dialect};

/// Which item at which storage: what rows of items, prices, billing days and readings are kept under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The item.
    pub item: ItemNo,
    /// The storage; [`InfraNo::NONE`] for an item without one.
    pub infra: InfraNo,
}

/// How a tenant has an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Whether it is on.
    pub enabled: bool,
    /// Its quota; the empty one while it is off.
    pub quota: Quota,
    /// When that changed last.
    pub updated_at: Instant,
}

/// A change of one item of one tenant.
#[derive(Debug, Clone)]
pub struct ItemChange {
    /// The tenant.
    pub tenant: TenantNo,
    /// The item.
    pub key: Key,
    /// The item in the change log: [`crate::audit::item_key`].
    pub log_id: String,
    /// How it was; `None` where the tenant has never had it.
    pub old: Option<State>,
    /// Whether it is on from now on.
    pub enabled: bool,
    /// Its quota from now on.
    pub quota: Quota,
}

/// The state in the columns of `tenant_items`.
pub(crate) fn state_of(row: &Row) -> Result<State> {
    Ok(State {
        enabled: row.flag("enabled")?,
        quota: Quota {
            value: row.opt_int("quota_value")?,
            overage: row.opt_int("quota_overage")?,
            version: row.int("quota_version")?,
        },
        updated_at: row.instant("updated_at")?,
    })
}

/// The key in the columns `item_no` and `infra_no`.
pub(crate) fn key(row: &Row) -> Result<Key> {
    Ok(Key { item: ItemNo(row.int("item_no")?), infra: InfraNo(row.int("infra_no")?) })
}

/// Every item that the tenant has or once had on.
pub async fn of_tenant(conn: &mut Conn, tenant: TenantNo) -> Result<Vec<(Key, State)>> {
    let rows = conn
        .all(
            "SELECT item_no, infra_no, enabled, quota_value, quota_overage, quota_version, updated_at
             FROM tenant_items WHERE tenant_no = $1 ORDER BY item_no, infra_no",
            args![tenant],
        )
        .await?;
    rows.iter().map(|row| Ok((key(row)?, state_of(row)?))).collect()
}

/// Every item that each of these tenants has or once had on, in the order of the items.
pub async fn of_tenants(conn: &mut Conn, tenants: &[TenantNo]) -> Result<Vec<(TenantNo, Key, State)>> {
    let mut found = Vec::new();
    for batch in tenants.chunks(dialect::MAX_LIST) {
        let sql = format!(
            "SELECT tenant_no, item_no, infra_no, enabled, quota_value, quota_overage, quota_version, updated_at
             FROM tenant_items WHERE tenant_no IN ({}) ORDER BY tenant_no, item_no, infra_no",
            dialect::placeholders(1, batch.len())
        );
        for row in conn.all_of(sql, batch.iter().map(|no| Arg::from(*no)).collect()).await? {
            found.push((TenantNo(row.int("tenant_no")?), key(&row)?, state_of(&row)?));
        }
    }
    Ok(found)
}

/// Whether the tenant has the item on.
pub async fn is_enabled(conn: &mut Conn, tenant: TenantNo, item: ItemNo, infra: InfraNo) -> Result<bool> {
    let row = conn
        .one(
            "SELECT enabled FROM tenant_items WHERE tenant_no = $1 AND item_no = $2 AND infra_no = $3",
            args![tenant, item, infra],
        )
        .await?;
    row.map_or(Ok(false), |row| row.flag("enabled"))
}

/// Who strictly below `tenant` has one of these items on, with whichever storage.
pub async fn enabled_below(
    conn: &mut Conn,
    tenant: TenantNo,
    items: &[ItemNo],
) -> Result<Vec<(TenantNo, Key, State)>> {
    let sql = format!(
        "SELECT i.tenant_no, i.item_no, i.infra_no, i.enabled, i.quota_value, i.quota_overage, i.quota_version,
         i.updated_at
         FROM closure k CROSS JOIN tenant_items i
         WHERE k.ancestor_no = $1 AND k.depth > 0 AND i.tenant_no = k.tenant_no AND i.enabled = 1
         AND i.item_no IN ({})",
        dialect::placeholders(2, items.len())
    );
    let rows = conn.all_of(sql, with_items(args![tenant], items)).await?;
    rows.iter().map(|row| Ok((TenantNo(row.int("tenant_no")?), key(row)?, state_of(row)?))).collect()
}

/// A list cannot hold more than the catalogue, which is far less than a statement takes.
fn with_items(mut args: Vec<Arg>, items: &[ItemNo]) -> Vec<Arg> {
    args.extend(items.iter().map(|item| Arg::from(*item)));
    args
}

/// Which of these items the tenant and the live ones below it use now.
pub async fn used(conn: &mut Conn, tenant: TenantNo, items: &[ItemNo]) -> Result<Vec<Key>> {
    let sql = format!(
        "SELECT DISTINCT m.item_no, m.infra_no FROM closure k CROSS JOIN tenants t CROSS JOIN meters m
         WHERE k.ancestor_no = $1 AND t.no = k.tenant_no AND t.deleted_at IS NULL AND m.tenant_no = k.tenant_no
         AND m.level > 0 AND m.item_no IN ({}) ORDER BY m.item_no, m.infra_no",
        dialect::placeholders(2, items.len())
    );
    conn.all_of(sql, with_items(args![tenant], items)).await?.iter().map(key).collect()
}

/// The quotas that tenants strictly above have with an overage, for any item.
pub async fn hard_quotas_above(conn: &mut Conn, tenant: TenantNo) -> Result<Vec<(TenantNo, Key, State)>> {
    let rows = conn
        .all(
            "SELECT i.tenant_no, i.item_no, i.infra_no, i.enabled, i.quota_value, i.quota_overage, i.quota_version,
             i.updated_at
             FROM closure k JOIN tenant_items i ON i.tenant_no = k.ancestor_no
             WHERE k.tenant_no = $1 AND k.depth > 0 AND i.enabled = 1 AND i.quota_overage IS NOT NULL
             ORDER BY k.depth, i.item_no, i.infra_no",
            args![tenant],
        )
        .await?;
    rows.iter().map(|row| Ok((TenantNo(row.int("tenant_no")?), key(row)?, state_of(row)?))).collect()
}

/// Everybody who has an item on that is bound to the storage.
pub async fn enabled_on_infra(conn: &mut Conn, infra: InfraNo) -> Result<Vec<(TenantNo, Key, State)>> {
    let rows = conn
        .all(
            "SELECT tenant_no, item_no, infra_no, enabled, quota_value, quota_overage, quota_version, updated_at
             FROM tenant_items WHERE infra_no = $1 AND enabled = 1 ORDER BY tenant_no, item_no",
            args![infra],
        )
        .await?;
    rows.iter().map(|row| Ok((TenantNo(row.int("tenant_no")?), key(row)?, state_of(row)?))).collect()
}

/// The live personal tenants right below a tenant.
pub async fn personal_tenants(conn: &mut Conn, parent: TenantNo) -> Result<Vec<TenantNo>> {
    let rows = conn
        .all(
            "SELECT no FROM tenants WHERE parent_no = $1 AND owner_id IS NOT NULL AND deleted_at IS NULL",
            args![parent],
        )
        .await?;
    rows.iter().map(|row| row.int("no").map(TenantNo)).collect()
}

/// Every item that the live personal tenants right below a tenant have or once had on.
pub async fn of_personal_tenants(
    conn: &mut Conn,
    parent: TenantNo,
) -> Result<BTreeMap<(TenantNo, Key), State>> {
    let rows = conn
        .all(
            "SELECT i.tenant_no, i.item_no, i.infra_no, i.enabled, i.quota_value, i.quota_overage, i.quota_version,
             i.updated_at
             FROM tenants t CROSS JOIN tenant_items i
             WHERE t.parent_no = $1 AND t.owner_id IS NOT NULL AND t.deleted_at IS NULL AND i.tenant_no = t.no",
            args![parent],
        )
        .await?;
    rows.iter().map(|row| Ok(((TenantNo(row.int("tenant_no")?), key(row)?), state_of(row)?))).collect()
}

/// Saves changes and logs them: what a tenant has for the first time reaches back for ever.
pub async fn save(tx: &mut Write, changes: &[ItemChange]) -> Result<()> {
    let now = tx.stamp().await?;
    let rows = changes.iter().map(|change| {
        args![
            change.tenant,
            change.key.item,
            change.key.infra,
            change.enabled,
            change.quota.value,
            change.quota.overage,
            change.quota.version,
            now
        ]
    });
    tx.insert_many(
        "INSERT INTO tenant_items (tenant_no, item_no, infra_no, enabled, quota_value, quota_overage, quota_version,
         updated_at)",
        "ON CONFLICT (tenant_no, item_no, infra_no) DO UPDATE SET enabled = excluded.enabled,
         quota_value = excluded.quota_value, quota_overage = excluded.quota_overage,
         quota_version = excluded.quota_version, updated_at = excluded.updated_at",
        rows.collect(),
    )
    .await?;
    let (later, first): (Vec<_>, Vec<_>) = changes.iter().partition(|change| change.old.is_some());
    tx.log_all_first(first.into_iter().flat_map(fields).filter(|change| change.new.is_some()).collect())
        .await?;
    tx.log_all(later.into_iter().flat_map(fields).collect()).await
}

fn fields(change: &ItemChange) -> [Change<'_>; 3] {
    let logged = |field, old, new| Change {
        object: Object::Item,
        id: &change.log_id,
        tenant: change.tenant,
        field,
        old,
        new,
    };
    let was = change.old.as_ref();
    [
        logged("enabled", was.map(|was| was.enabled.to_string()), Some(change.enabled.to_string())),
        logged(
            "quota_value",
            was.and_then(|was| was.quota.value).map(|value| value.to_string()),
            change.quota.value.map(|value| value.to_string()),
        ),
        logged(
            "quota_overage",
            was.and_then(|was| was.quota.overage).map(|overage| overage.to_string()),
            change.quota.overage.map(|overage| overage.to_string()),
        ),
    ]
}
