//! Meters, the ledger of what changed them, and what stands around a reading.

mod current;

use std::collections::{HashMap, HashSet};

use domain::access::Actor;
use domain::billing::BillingDay;
use domain::ids::{InfraId, InfraNo, ItemNo, TenantId, TenantNo};
use domain::infra::Capability;
use domain::time::{Day, Instant};
use domain::usage::MeterKey;

use crate::{Arg, Conn, Result, Row, Write, args, dialect};

pub use current::{MeterSum, TenantItem, billing_days_of, infra_ids, items_of, sums, sums_before};

/// The meter that a row names in its columns tenant_no, item_no and infra_no.
pub(crate) fn meter_key(row: &Row) -> Result<MeterKey> {
    Ok(MeterKey {
        tenant: TenantNo(row.int("tenant_no")?),
        item: ItemNo(row.int("item_no")?),
        infra: InfraNo(row.int("infra_no")?),
    })
}

fn key_args(key: &MeterKey) -> Vec<Arg> {
    args![key.tenant, key.item, key.infra]
}

/// What a meter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meter {
    /// Its level, accumulated since the item was switched on.
    pub level: i64,
    /// The day it was heard last.
    pub heard_on: Day,
}

/// A reading that changed a meter.
#[derive(Debug, Clone, Copy)]
pub struct LedgerEntry {
    /// Which meter.
    pub key: MeterKey,
    /// What it said before; `None` at the first reading.
    pub old: Option<Meter>,
    /// What it says now.
    pub new: Meter,
    /// Who said so.
    pub actor: Actor,
}

/// A live tenant that somebody wants to report usage of.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its number.
    pub no: TenantNo,
    /// Whether it is one of the roots or stands below one.
    pub in_reach: bool,
}

/// Those of these tenants that live, and whether they stand below one of `roots`.
pub async fn targets(
    conn: &mut Conn,
    roots: &[TenantNo],
    ids: &[TenantId],
) -> Result<HashMap<TenantId, Target>> {
    let mut found = HashMap::new();
    for ids in ids.chunks(dialect::MAX_ARGS / 2) {
        let sql = format!(
            "SELECT t.id, t.no, EXISTS (SELECT 1 FROM closure k WHERE k.tenant_no = t.no AND k.ancestor_no IN ({})) \
             AS in_reach FROM tenants t WHERE t.deleted_at IS NULL AND t.id IN ({})",
            dialect::placeholders(1, roots.len()),
            dialect::placeholders(1 + roots.len(), ids.len())
        );
        let values = roots.iter().map(|root| Arg::from(*root)).chain(ids.iter().map(|id| Arg::from(*id)));
        for row in conn.all_of(sql, values.collect()).await? {
            let target = Target { no: TenantNo(row.int("no")?), in_reach: row.flag("in_reach")? };
            found.insert(row.parsed("id")?, target);
        }
    }
    Ok(found)
}

/// The number and the capabilities of those of these storages that live.
pub async fn storages(
    conn: &mut Conn,
    ids: &[InfraId],
) -> Result<HashMap<InfraId, (InfraNo, Vec<Capability>)>> {
    let mut found = HashMap::new();
    for ids in ids.chunks(dialect::MAX_ARGS) {
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
    wanted(conn, "", select, keys.iter().map(key_args).collect(), |key, _| {
        found.insert(key);
        Ok(())
    })
    .await?;
    Ok(found)
}

/// What these meters say; those never heard are left out.
pub async fn meters(conn: &mut Conn, keys: &[MeterKey]) -> Result<HashMap<MeterKey, Meter>> {
    let select = "SELECT m.tenant_no, m.item_no, m.infra_no, m.level, m.heard_on FROM wanted w JOIN meters m
        ON m.tenant_no = w.tenant_no AND m.item_no = w.item_no AND m.infra_no = w.infra_no";
    let mut found = HashMap::new();
    wanted(conn, "", select, keys.iter().map(key_args).collect(), |key, row| {
        found.insert(key, Meter { level: row.int("level")?, heard_on: row.day("heard_on")? });
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
    wanted(conn, "", select, keys.iter().map(key_args).collect(), |key, row| {
        found.insert(key, billing_day(row)?);
        Ok(())
    })
    .await?;
    Ok(found)
}

/// The level of each meter just before its day began, from closed days alone; those not heard before are left out.
pub async fn levels_before(conn: &mut Conn, starts: &[(MeterKey, Day)]) -> Result<HashMap<MeterKey, i64>> {
    let select = "SELECT w.tenant_no, w.item_no, w.infra_no, (SELECT h.level FROM history h
        WHERE h.tenant_no = w.tenant_no AND h.item_no = w.item_no AND h.infra_no = w.infra_no AND h.day < w.begin_on
        ORDER BY h.day DESC LIMIT 1) AS level FROM wanted w";
    let rows = starts.iter().map(|(key, start)| {
        let mut row = key_args(key);
        row.push((*start).into());
        row
    });
    let mut found = HashMap::new();
    wanted(conn, ", begin_on", select, rows.collect(), |key, row| {
        found.extend(row.opt_int("level")?.map(|level| (key, level)));
        Ok(())
    })
    .await?;
    Ok(found)
}

/// Runs `select`, which reads from `wanted (tenant_no, item_no, infra_no` and `further` columns`)` and names the key.
async fn wanted(
    conn: &mut Conn,
    further: &'static str,
    select: &'static str,
    rows: Vec<Vec<Arg>>,
    mut take: impl FnMut(MeterKey, &Row) -> Result<()>,
) -> Result<()> {
    let width = rows.first().map_or(1, Vec::len).max(1);
    for rows in rows.chunks(dialect::MAX_ARGS / width) {
        let values = dialect::value_rows(rows.len(), width);
        let sql =
            format!("WITH wanted (tenant_no, item_no, infra_no{further}) AS (VALUES {values}) {select}");
        for row in conn.all_of(sql, rows.concat()).await? {
            take(meter_key(&row)?, &row)?;
        }
    }
    Ok(())
}

/// Sets meters to what they say now, heard at this moment.
pub async fn set_meters(tx: &mut Write, meters: &[(MeterKey, Meter)]) -> Result<()> {
    let now = tx.now();
    let row = |(key, meter): &(MeterKey, Meter)| {
        let mut row = key_args(key);
        row.extend(args![meter.level, meter.heard_on, now]);
        row
    };
    tx.insert_many(
        "INSERT INTO meters (tenant_no, item_no, infra_no, level, heard_on, heard_at)",
        "ON CONFLICT (tenant_no, item_no, infra_no) DO UPDATE SET level = excluded.level,
         heard_on = excluded.heard_on, heard_at = excluded.heard_at",
        meters.iter().map(row).collect(),
    )
    .await
}

/// Writes the ledger, in this order, under the transaction's acceptance number.
pub async fn append_to_ledger(tx: &mut Write, entries: &[LedgerEntry]) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let (seq, now) = (tx.seq().await?, tx.now());
    let mut rows = Vec::with_capacity(entries.len());
    for LedgerEntry { key, old, new, actor } in entries {
        let mut row = args![seq, tx.next_ordinal()];
        row.extend(key_args(key));
        row.extend(args![new.heard_on, old.map(|old| old.level), old.map(|old| old.heard_on), new.level]);
        row.extend(args![now, actor.kind(), actor.id()]);
        rows.push(row);
    }
    tx.insert_many(
        "INSERT INTO ledger (seq, ordinal, tenant_no, item_no, infra_no, day, old_level, old_heard_on, new_level,
         recorded_at, actor_kind, actor_id)",
        "",
        rows,
    )
    .await
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
