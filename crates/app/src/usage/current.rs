//! Current usage: the billing period that runs now (accounts-api, 1.12).

use std::collections::{HashMap, HashSet};

use domain::access::Permission;
use domain::billing::BillingDay;
use domain::catalogue::ItemNumbers;
use domain::catalogue::{Catalogue, Item};
use domain::ids::{InfraId, InfraNo, ItemNo, TenantId, TenantNo};
use domain::pricing::Quota;
use domain::time::Day;
use store::Conn;
use store::usage::{MeterSum, TenantItem};

use crate::access::Granted;
use crate::{App, Caller, Error, Result};

/// Which usages are wanted; a name that does not exist matches nothing.
#[derive(Debug, Clone, Default)]
pub struct UsageFilter {
    /// By usage name, that is the item's without edition prefix.
    pub usage_names: Option<HashSet<String>>,
    /// By edition; usages without edition always match.
    pub editions: Option<HashSet<String>>,
}

impl UsageFilter {
    fn matches(&self, item: &Item) -> bool {
        let named = |names: &HashSet<String>| names.contains(&item.usage_name);
        let of_edition =
            |names: &HashSet<String>| item.edition.is_none_or(|edition| names.contains(edition.as_str()));
        self.usage_names.as_ref().is_none_or(named) && self.editions.as_ref().is_none_or(of_edition)
    }
}

/// Whether the tenant itself has the item on.
#[derive(Debug, Clone, Copy)]
pub struct ItemState {
    /// Whether it is on.
    pub enabled: bool,
    /// Its quota; items that are off and features have none.
    pub quota: Option<Quota>,
}

/// What a tenant and all below it use of one item, on one storage.
#[derive(Debug, Clone)]
pub struct Usage {
    /// The item.
    pub item: &'static Item,
    /// The storage, for items bound to one.
    pub infra: Option<InfraId>,
    /// The first day of the billing period.
    pub range_start: Day,
    /// The use since then for accumulating items, else the level. Exact.
    pub value: i128,
    /// The level. Exact.
    pub absolute_value: i128,
    /// The item at the tenant itself, if it ever had it.
    pub state: Option<ItemState>,
}

/// The usages of one tenant; 404 or 403 as [`App::allow`] says.
pub async fn of_tenant(
    app: &App,
    caller: &Caller,
    tenant: TenantId,
    filter: &UsageFilter,
) -> Result<(Granted, Vec<Usage>)> {
    let mut conn = app.read().await?;
    let granted = app.allow(&mut conn, caller, Permission::TenantViewer, tenant).await?;
    let usages = Wanted::load(app, &mut conn, filter).await?.of(&mut conn, granted.tenant().no).await?;
    Ok((granted, usages))
}

/// The usages of several tenants: 403 if any lies outside the caller's subtree, unknown ones are left out.
pub async fn of_tenants(
    app: &App,
    caller: &Caller,
    tenants: &[TenantId],
    filter: &UsageFilter,
) -> Result<Vec<(Granted, Vec<Usage>)>> {
    let mut conn = app.read().await?;
    let mut seen = HashSet::new();
    let mut granted = Vec::new();
    for tenant in tenants.iter().filter(|tenant| seen.insert(**tenant)) {
        match app.allow(&mut conn, caller, Permission::TenantViewer, *tenant).await {
            Err(Error::NotFound { .. }) => {}
            allowed => granted.push(allowed?),
        }
    }
    let wanted = Wanted::load(app, &mut conn, filter).await?;
    let mut found = Vec::with_capacity(granted.len());
    for granted in granted {
        let usages = wanted.of(&mut conn, granted.tenant().no).await?;
        found.push((granted, usages));
    }
    Ok(found)
}

/// The usages of a tenant that somebody asks for who needs no right to see them.
pub(crate) async fn below(
    app: &App,
    conn: &mut Conn,
    tenant: TenantNo,
    filter: &UsageFilter,
) -> Result<Vec<Usage>> {
    Wanted::load(app, conn, filter).await?.of(conn, tenant).await
}

/// What one row counts.
type Key = (ItemNo, InfraNo);

/// A row before its value since the begin of the period is known.
struct Row {
    key: Key,
    item: &'static Item,
    start: Day,
    absolute: i128,
    state: Option<TenantItem>,
}

/// What is the same for all tenants of a call.
struct Wanted<'a> {
    filter: &'a UsageFilter,
    numbers: ItemNumbers,
    today: Day,
}

impl<'a> Wanted<'a> {
    async fn load(app: &App, conn: &mut Conn, filter: &'a UsageFilter) -> Result<Self> {
        let now = app.clock.now().day();
        let today = store::history::days(conn).await?.map_or(now, |days| days.open.max(now));
        Ok(Self { filter, numbers: store::catalogue::item_numbers(conn).await?, today })
    }

    /// The usages of one tenant.
    async fn of(&self, conn: &mut Conn, tenant: TenantNo) -> Result<Vec<Usage>> {
        let mut rows = self.rows(conn, tenant).await?;
        let at_begin = at_begin(conn, tenant, &rows).await?;
        let storages: HashSet<InfraNo> =
            rows.iter().map(|row| row.key.1).filter(|infra| *infra != InfraNo::NONE).collect();
        let storages = store::usage::infra_ids(conn, &storages.into_iter().collect::<Vec<_>>()).await?;
        rows.sort_by_key(|row| (row.item.service, &row.item.name, storages.get(&row.key.1)));
        Ok(rows.into_iter().map(|row| usage(&row, &at_begin, &storages)).collect())
    }

    /// One row per item that is on at the tenant or has a figure.
    async fn rows(&self, conn: &mut Conn, tenant: TenantNo) -> Result<Vec<Row>> {
        let (own_day, item_days) = store::usage::billing_days_of(conn, tenant).await?;
        let states: HashMap<Key, TenantItem> = store::usage::items_of(conn, tenant)
            .await?
            .into_iter()
            .map(|state| ((state.item, state.infra), state))
            .collect();
        let sums = by_key(store::usage::sums(conn, tenant).await?);
        let on = states.iter().filter(|(_, state)| state.enabled).map(|(key, _)| *key);
        let with_figure = sums.iter().filter(|(_, level)| **level != 0).map(|(key, _)| *key);
        let keys: HashSet<Key> = on.chain(with_figure).collect();
        let row = |key: Key| {
            let item = self.numbers.item(key.0).filter(|item| self.filter.matches(item))?;
            let billing_day: BillingDay = item_days.get(&key).copied().unwrap_or(own_day);
            Some(Row {
                key,
                item,
                start: billing_day.period_of(self.today).start,
                absolute: sums.get(&key).copied().unwrap_or(0),
                state: states.get(&key).copied(),
            })
        };
        Ok(keys.into_iter().filter_map(row).collect())
    }
}

fn usage(row: &Row, at_begin: &HashMap<Key, i128>, storages: &HashMap<InfraNo, InfraId>) -> Usage {
    // Below 0 only where a period was set to begin at a day with a higher level.
    let since_begin = || (row.absolute - at_begin.get(&row.key).copied().unwrap_or(0)).max(0);
    Usage {
        item: row.item,
        infra: storages.get(&row.key.1).copied(),
        range_start: row.start,
        value: if row.item.is_range() { since_begin() } else { row.absolute },
        absolute_value: row.absolute,
        state: row.state.map(|state| ItemState {
            enabled: state.enabled,
            quota: (state.enabled && row.item.is_countable()).then_some(state.quota),
        }),
    }
}

/// What the accumulating rows said just before their period began: one statement per begin, of which most tenants have
/// one.
async fn at_begin(conn: &mut Conn, tenant: TenantNo, rows: &[Row]) -> Result<HashMap<Key, i128>> {
    let mut by_start: HashMap<Day, HashSet<Key>> = HashMap::new();
    for row in rows.iter().filter(|row| row.item.is_range() && row.absolute != 0) {
        by_start.entry(row.start).or_default().insert(row.key);
    }
    let mut found = HashMap::new();
    for (start, keys) in by_start {
        let items: HashSet<ItemNo> = keys.iter().map(|(item, _)| *item).collect();
        let items: Vec<ItemNo> = items.into_iter().collect();
        let sums = by_key(store::usage::sums_before(conn, tenant, &items, start).await?);
        found.extend(sums.into_iter().filter(|(key, _)| keys.contains(key)));
    }
    Ok(found)
}

fn by_key(sums: Vec<MeterSum>) -> HashMap<Key, i128> {
    sums.into_iter().map(|sum| ((sum.item, sum.infra), sum.level)).collect()
}

impl Usage {
    /// The service that the item belongs to.
    pub fn application_id(&self) -> domain::ids::ApplicationId {
        Catalogue::embedded().application_id(self.item.service)
    }
}
