//! Billing periods of single items.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Permission;
use domain::billing::BillingDay;
use domain::catalogue::Item;
use domain::ids::{ApplicationId, InfraId, TenantId, TenantNo};
use domain::time::{Day, Period};
use store::Conn;

use super::stored;
use crate::offering_items::Keys;
use crate::{App, Caller, Error, Result, Rule};

/// The billing period of an item that today lies in.
#[derive(Debug, Clone, Copy)]
pub struct ItemPeriod {
    /// The item.
    pub item: &'static Item,
    /// The storage it is bound to.
    pub infra_id: Option<InfraId>,
    /// The period: the item's own, or else the tenant's.
    pub current: Period,
}

/// The current billing periods of the items that the tenant has on, or that have one of their own.
pub async fn periods(app: &App, caller: &Caller, tenant: TenantId) -> Result<Vec<ItemPeriod>> {
    let mut conn = app.read().await?;
    let granted = app.allow(&mut conn, caller, Permission::TenantViewer, tenant).await?;
    let keys = Keys::load(&mut conn).await?;
    listed(&mut conn, &keys, granted.tenant().no, app.clock.now().day()).await
}

async fn listed(conn: &mut Conn, keys: &Keys, tenant: TenantNo, today: Day) -> Result<Vec<ItemPeriod>> {
    let default = stored(conn, tenant).await?.day;
    let own: BTreeMap<_, _> = store::billing::item_days(conn, tenant).await?.into_iter().collect();
    let states = store::offering_items::of_tenant(conn, tenant).await?;
    let mut all: BTreeSet<_> =
        states.into_iter().filter(|(_, state)| state.enabled).map(|(key, _)| key).collect();
    all.extend(own.keys().copied());
    let listed = all.into_iter().filter_map(|key| {
        let current = own.get(&key).copied().unwrap_or(default).period_of(today);
        Some(ItemPeriod { item: keys.item(key)?, infra_id: keys.infra(key), current })
    });
    Ok(listed.collect())
}

/// A billing period to set.
#[derive(Debug, Clone)]
pub struct PeriodChange {
    /// The service of the item.
    pub application_id: ApplicationId,
    /// Its full name.
    pub name: String,
    /// The storage it is bound to.
    pub infra_id: Option<InfraId>,
    /// The first day of the current period; its day of the month begins every period from now on.
    pub start: Day,
    /// The last day of the current period.
    pub last: Day,
}

/// Gives the named items billing periods of their own: all or nothing.
pub async fn set_periods(
    app: &App,
    caller: &Caller,
    tenant: TenantId,
    changes: &[PeriodChange],
) -> Result<Vec<ItemPeriod>> {
    let mut tx = app.write(caller).await?;
    let granted = app.allow(&mut tx, caller, Permission::TenantAdmin, tenant).await?;
    granted.check_lock()?;
    let tenant = granted.tenant().no;
    let keys = Keys::load(&mut tx).await?;
    let mut own: BTreeMap<_, _> = store::billing::item_days(&mut tx, tenant).await?.into_iter().collect();
    let today = tx.today().await?;
    for (at, change) in changes.iter().enumerate() {
        let item = format!("items[{at}].offering_item");
        let key = keys.named(&item, change.application_id, &change.name, change.infra_id)?;
        let day = BillingDay::of_current_period(change.start, change.last, today)
            .map_err(|why| Error::rule(Rule::Business, format!("items[{at}].current_period: {why}")))?;
        let old = own.insert(key, day);
        store::billing::set_item_day(&mut tx, tenant, (key, &keys.log_id(key)), old, day).await?;
    }
    let answer = listed(&mut tx, &keys, tenant, today).await?;
    tx.commit().await?;
    Ok(answer)
}
