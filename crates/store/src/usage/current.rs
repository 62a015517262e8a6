//! Current usage: sums over a tenant and everything live below it.
//!
//! A sum may pass 2^63, so levels are summed in two halves of 32 bits and put together here.

use std::collections::HashMap;

use domain::billing::BillingDay;
use domain::ids::{InfraId, InfraNo, ItemNo, TenantNo};
use domain::pricing::Quota;
use domain::time::Day;

use super::{billing_day, meter_key};
use crate::{Arg, Conn, Result, Row, args, dialect};

/// An item of a tenant, as far as usages show it.
#[derive(Debug, Clone, Copy)]
pub struct TenantItem {
    /// Which.
    pub item: ItemNo,
    /// On which storage.
    pub infra: InfraNo,
    /// Whether it is on.
    pub enabled: bool,
    /// Its quota.
    pub quota: Quota,
}

/// What the meters of one item on one storage say together.
#[derive(Debug, Clone, Copy)]
pub struct MeterSum {
    /// Which item.
    pub item: ItemNo,
    /// On which storage.
    pub infra: InfraNo,
    /// The sum of the levels, exact.
    pub level: i128,
}

impl MeterSum {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            item: ItemNo(row.int("item_no")?),
            infra: InfraNo(row.int("infra_no")?),
            level: (i128::from(row.int("high")?) << 32) + i128::from(row.int("low")?),
        })
    }
}

macro_rules! halves {
    () => {
        "item_no, infra_no, CAST(SUM(level / 4294967296) AS BIGINT) AS high,
         CAST(SUM(level % 4294967296) AS BIGINT) AS low"
    };
}

// CROSS JOIN, here and elsewhere in this crate, also fixes SQLite's join order: from the subtree to its meters.
macro_rules! live_meters {
    () => {
        "closure k CROSS JOIN tenants t CROSS JOIN meters m
         WHERE k.ancestor_no = $1 AND t.no = k.tenant_no AND t.deleted_at IS NULL AND m.tenant_no = k.tenant_no"
    };
}

/// What the meters of the tenant and of all live ones below it say now.
pub async fn sums(conn: &mut Conn, tenant: TenantNo) -> Result<Vec<MeterSum>> {
    let sql = concat!("SELECT ", halves!(), " FROM ", live_meters!(), " GROUP BY item_no, infra_no");
    conn.all(sql, args![tenant]).await?.iter().map(MeterSum::from_row).collect()
}

/// What they said just before `start`, for these items.
pub async fn sums_before(
    conn: &mut Conn,
    tenant: TenantNo,
    items: &[ItemNo],
    start: Day,
) -> Result<Vec<MeterSum>> {
    let sql = format!(
        concat!(
            "SELECT m.tenant_no, m.item_no, m.infra_no FROM ",
            live_meters!(),
            " AND m.item_no IN ({items})"
        ),
        items = dialect::placeholders(2, items.len())
    );
    let mut values = args![tenant];
    values.extend(items.iter().map(|item| Arg::from(*item)));
    let before = start.previous();
    let mut wanted = Vec::new();
    conn.each_of(sql, false, values, |row| {
        wanted.push((meter_key(row)?, before));
        Ok(())
    })
    .await?;
    let mut sums: HashMap<(ItemNo, InfraNo), i128> = HashMap::new();
    for (key, level) in crate::history::levels_at(conn, &wanted).await? {
        *sums.entry((key.item, key.infra)).or_default() += i128::from(level.max(0));
    }
    Ok(sums.into_iter().map(|((item, infra), level)| MeterSum { item, infra, level }).collect())
}

/// The items that the tenant itself has or had on.
pub async fn items_of(conn: &mut Conn, tenant: TenantNo) -> Result<Vec<TenantItem>> {
    let rows = conn
        .all(
            "SELECT item_no, infra_no, enabled, quota_value, quota_overage, quota_version FROM tenant_items
             WHERE tenant_no = $1",
            args![tenant],
        )
        .await?;
    let item = |row: &Row| {
        Ok(TenantItem {
            item: ItemNo(row.int("item_no")?),
            infra: InfraNo(row.int("infra_no")?),
            enabled: row.flag("enabled")?,
            quota: Quota {
                value: row.opt_int("quota_value")?,
                overage: row.opt_int("quota_overage")?,
                version: row.int("quota_version")?,
            },
        })
    };
    rows.iter().map(item).collect()
}

/// The first day of the tenant's billing month, and of those of its items that have one of their own.
pub async fn billing_days_of(
    conn: &mut Conn,
    tenant: TenantNo,
) -> Result<(BillingDay, HashMap<(ItemNo, InfraNo), BillingDay>)> {
    let own = conn.one("SELECT billing_day FROM tenants WHERE no = $1", args![tenant]).await?;
    let own = own.as_ref().map_or(Ok(BillingDay::CALENDAR), billing_day)?;
    let rows = conn
        .all(
            "SELECT item_no, infra_no, billing_day FROM item_billing_days WHERE tenant_no = $1",
            args![tenant],
        )
        .await?;
    let item =
        |row: &Row| Ok(((ItemNo(row.int("item_no")?), InfraNo(row.int("infra_no")?)), billing_day(row)?));
    Ok((own, rows.iter().map(item).collect::<Result<_>>()?))
}

/// The ids of these storages, deleted ones too.
pub async fn infra_ids(conn: &mut Conn, numbers: &[InfraNo]) -> Result<HashMap<InfraNo, InfraId>> {
    let mut found = HashMap::new();
    for numbers in numbers.chunks(dialect::MAX_LIST) {
        let sql =
            format!("SELECT no, id FROM infras WHERE no IN ({})", dialect::placeholders(1, numbers.len()));
        for row in conn.all_of(sql, numbers.iter().map(|no| Arg::from(*no)).collect()).await? {
            found.insert(InfraNo(row.int("no")?), row.parsed("id")?);
        }
    }
    Ok(found)
}
