//! What stands around a reading: whose it is, what it counts, and what the meters add up to.

mod current;
mod places;

use std::collections::{HashMap, HashSet};

use domain::billing::BillingDay;
use domain::ids::{InfraId, InfraNo, ItemNo, TenantNo};
use domain::infra::Capability;
use domain::time::Instant;
use domain::usage::MeterKey;

use crate::{Arg, Conn, Result, Row, args, dialect};

pub use current::{MeterSum, TenantItem, billing_days_of, infra_ids, items_of, sums, sums_before};
pub use places::{Place, Turn, above, last_change, places, turns_since};

/// The meter that a row names in its columns tenant_no, item_no and infra_no.
pub(crate) fn meter_key(row: &Row) -> Result<MeterKey> {
    Ok(MeterKey {
        tenant: TenantNo(row.int("tenant_no")?),
        item: ItemNo(row.int("item_no")?),
        infra: InfraNo(row.int("infra_no")?),
    })
}

pub(crate) fn key_args(key: &MeterKey) -> Vec<Arg> {
    args![key.tenant, key.item, key.infra]
}

/// The number and the capabilities of those of these storages that live.
pub async fn storages(
    conn: &mut Conn,
    ids: &[InfraId],
) -> Result<HashMap<InfraId, (InfraNo, Vec<Capability>)>> {
    let mut found = HashMap::new();
    for ids in ids.chunks(dialect::MAX_LIST) {
        let sql = format!(
            "SELECT id, no, capabilities FROM infras WHERE deleted_at IS NULL AND id IN ({})",
            dialect::placeholders(1, ids.len())
        );
        for row in conn.all_of(sql, ids.iter().map(|id| Arg::from(*id)).collect()).await? {
            found.insert(row.parsed("id")?, (InfraNo(row.int("no")?), row.parsed_list("capabilities")?));
        }
    }
    Ok(found)
}

/// Those of these meters whose item is on for the tenant, on that storage.
pub async fn switched_on(conn: &mut Conn, keys: &[MeterKey]) -> Result<HashSet<MeterKey>> {
    let select = "SELECT w.tenant_no, w.item_no, w.infra_no FROM wanted w JOIN tenant_items t
        ON t.tenant_no = w.tenant_no AND t.item_no = w.item_no AND t.infra_no = w.infra_no WHERE t.enabled = 1";
    let mut found = HashSet::new();
    wanted(conn, "", select, keys.iter().map(key_args).collect(), |row| {
        found.insert(meter_key(row)?);
        Ok(())
    })
    .await?;
    Ok(found)
}

/// The first day of the billing month of these meters: the item's own, else the tenant's.
pub async fn billing_days(conn: &mut Conn, keys: &[MeterKey]) -> Result<HashMap<MeterKey, BillingDay>> {
    let select =
        "SELECT w.tenant_no, w.item_no, w.infra_no, COALESCE(b.billing_day, t.billing_day) AS billing_day
        FROM wanted w JOIN tenants t ON t.no = w.tenant_no LEFT JOIN item_billing_days b
        ON b.tenant_no = w.tenant_no AND b.item_no = w.item_no AND b.infra_no = w.infra_no";
    let mut found = HashMap::new();
    wanted(conn, "", select, keys.iter().map(key_args).collect(), |row| {
        found.insert(meter_key(row)?, billing_day(row)?);
        Ok(())
    })
    .await?;
    Ok(found)
}

/// Runs `select`, which reads from `wanted (tenant_no, item_no, infra_no` and `further` columns`)` and names the key.
pub(crate) async fn wanted(
    conn: &mut Conn,
    further: &'static str,
    select: &'static str,
    rows: Vec<Vec<Arg>>,
    mut take: impl FnMut(&Row) -> Result<()>,
) -> Result<()> {
    for batch in dialect::batches(rows) {
        let values = conn.value_rows(&batch);
        let sql =
            format!("WITH wanted (tenant_no, item_no, infra_no{further}) AS (VALUES {values}) {select}");
        conn.each_of(sql, true, batch.concat(), &mut take).await?;
    }
    Ok(())
}

/// When a meter was heard last, a reading equal to the one before included.
pub async fn last_heard(conn: &mut Conn, key: MeterKey) -> Result<Option<Instant>> {
    let sql = "SELECT heard_at FROM meters WHERE tenant_no = $1 AND item_no = $2 AND infra_no = $3";
    conn.one(sql, key_args(&key)).await?.map(|row| row.instant("heard_at")).transpose()
}

fn billing_day(row: &Row) -> Result<BillingDay> {
    let day = row.int("billing_day")?;
    BillingDay::new(day).ok_or_else(|| crate::conn::corrupt("billing_day", day.to_string(), "1 to 28"))
}
