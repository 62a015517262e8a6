//! Pricing modes, currencies and prices of items (accounts-api, 1.13).

use std::collections::BTreeMap;

use domain::access::Permission;
use domain::catalogue::Item;
use domain::ids::{ApplicationId, InfraId, TenantId, TenantNo};
use domain::pricing::{Currency, PricingMode, mode_at, parse_price};
use domain::tenant::TenantKind;
use domain::time::Instant;
use store::Conn;
use store::offering_items::Key;
use store::pricing::Price;

use crate::offering_items::Keys;
use crate::{App, Caller, Error, Result, Rule};

/// How a tenant is billed, now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pricing {
    /// The mode, the end of the trial included.
    pub mode: PricingMode,
    /// In which money it pays.
    pub currency: Option<Currency>,
    /// Milliseconds since 1970.
    pub version: i64,
    /// In trial the moment when it ends by itself, else the moment when it ended.
    pub production_start: Instant,
}

impl Pricing {
    fn of(stored: &store::pricing::Pricing, now: Instant) -> Self {
        Self {
            mode: mode_at(stored.mode, stored.created_at, now),
            currency: stored.currency,
            version: stored.version,
            production_start: stored.switched_at.unwrap_or_else(|| stored.created_at.plus_one_month()),
        }
    }
}

/// The pricing of a tenant; a unit's is that of its customer.
pub async fn get(app: &App, caller: &Caller, tenant: TenantId) -> Result<Pricing> {
    let mut conn = app.read().await?;
    let granted = app.allow(&mut conn, caller, Permission::TenantViewer, tenant).await?;
    let stored = stored(&mut conn, granted.tenant().no).await?;
    Ok(Pricing::of(&stored, app.clock.now()))
}

/// The pricing that a tenant shows in other answers, such as its own object.
pub async fn of_tenant(conn: &mut Conn, tenant: TenantNo, now: Instant) -> Result<Pricing> {
    Ok(Pricing::of(&stored(conn, tenant).await?, now))
}

async fn stored(conn: &mut Conn, tenant: TenantNo) -> Result<store::pricing::Pricing> {
    let stored = store::pricing::of_tenant(conn, tenant).await?;
    stored.ok_or_else(|| Error::internal("a unit without a customer"))
}

/// What is to be changed.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    /// The version that is replaced.
    pub version: i64,
    /// The new mode.
    pub mode: Option<PricingMode>,
    /// The new currency; `Some(None)` clears it.
    pub currency: Option<Option<Currency>>,
}

/// Changes mode and currency.
pub async fn update(app: &App, caller: &Caller, tenant: TenantId, change: Change) -> Result<Pricing> {
    let mut tx = app.write(caller).await?;
    let granted = app.allow(&mut tx, caller, Permission::TenantAdmin, tenant).await?;
    granted.check_lock()?;
    let old = stored(&mut tx, granted.tenant().no).await?;
    check_version(Some(change.version), old.version)?;
    if granted.tenant().kind == TenantKind::Unit {
        return Err(Error::rule(Rule::Business, "a unit has the pricing of its customer"));
    }
    let now = tx.now();
    let mode = mode_at(old.mode, old.created_at, now);
    let wanted = change.mode.unwrap_or(mode);
    if !mode.may_become(wanted) {
        return Err(Error::rule(Rule::Business, format!("mode: {mode} cannot become {wanted}")));
    }
    let mut new = old;
    if wanted != mode {
        new.mode = wanted;
        // A trial that ended by itself ended when it did, not now.
        let by_itself = (mode != PricingMode::Trial).then(|| old.created_at.plus_one_month());
        new.switched_at = old.switched_at.or(by_itself).or(Some(now));
    }
    new.currency = change.currency.unwrap_or(old.currency);
    new.version = next_version(now, old.version);
    store::pricing::update(&mut tx, &granted.tenant().id.to_string(), &old, &new).await?;
    tx.commit().await?;
    Ok(Pricing::of(&new, now))
}

/// Fails with 409 where a version was sent that is not the current one.
pub(crate) fn check_version(sent: Option<i64>, current: i64) -> Result<()> {
    match sent {
        Some(sent) if sent != current => Err(Error::Stale { sent, current }),
        _ => Ok(()),
    }
}

/// The next version counted in milliseconds: larger than the last, also when the clock stood still.
pub(crate) fn next_version(now: Instant, last: i64) -> i64 {
    now.unix_millis().max(last + 1)
}

/// The price of an item at a tenant.
#[derive(Debug, Clone)]
pub struct ItemPrice {
    /// The item.
    pub item: &'static Item,
    /// The storage; none where the price serves every storage without one of its own.
    pub infra_id: Option<InfraId>,
    /// Decimal text.
    pub price: String,
    /// Milliseconds since 1970.
    pub version: i64,
}

/// The prices set at a tenant.
pub async fn prices(app: &App, caller: &Caller, tenant: TenantId) -> Result<Vec<ItemPrice>> {
    let mut conn = app.read().await?;
    let granted = app.allow(&mut conn, caller, Permission::TenantViewer, tenant).await?;
    let keys = Keys::load(&mut conn).await?;
    listed(&mut conn, &keys, granted.tenant().no).await
}

async fn listed(conn: &mut Conn, keys: &Keys, tenant: TenantNo) -> Result<Vec<ItemPrice>> {
    let prices = store::pricing::prices(conn, tenant).await?;
    let listed = prices.into_iter().filter_map(|Price { key, price, version }| {
        Some(ItemPrice { item: keys.item(key)?, infra_id: keys.infra(key), price, version })
    });
    Ok(listed.collect())
}

/// A price to set.
#[derive(Debug, Clone)]
pub struct PriceChange {
    /// The service of the item.
    pub application_id: ApplicationId,
    /// Its full name.
    pub name: String,
    /// The storage; none for every storage without a price of its own.
    pub infra_id: Option<InfraId>,
    /// Decimal text.
    pub price: String,
    /// The version that is replaced, where it is to be checked.
    pub version: Option<i64>,
}

/// Sets the named prices and leaves the rest: all or nothing.
pub async fn set_prices(
    app: &App,
    caller: &Caller,
    tenant: TenantId,
    changes: &[PriceChange],
) -> Result<Vec<ItemPrice>> {
    for (at, change) in changes.iter().enumerate() {
        parse_price(&change.price)
            .map_err(|error| Error::invalid(format!("items[{at}].price"), error.to_string()))?;
    }
    let mut tx = app.write(caller).await?;
    let granted = app.allow(&mut tx, caller, Permission::TenantAdmin, tenant).await?;
    granted.check_lock()?;
    let no = granted.tenant().no;
    let keys = Keys::load(&mut tx).await?;
    let old = store::pricing::prices(&mut tx, no).await?;
    let mut old: BTreeMap<Key, Price> = old.into_iter().map(|price| (price.key, price)).collect();
    let mut named = Vec::with_capacity(changes.len());
    for (at, change) in changes.iter().enumerate() {
        let at = format!("items[{at}]");
        let key = keys.priced(&at, change.application_id, &change.name, change.infra_id)?;
        if let Some(current) = old.get(&key) {
            check_version(change.version, current.version)?;
        }
        named.push(key);
    }
    if !changes.is_empty() && stored(&mut tx, no).await?.currency.is_none() {
        return Err(Error::rule(Rule::Business, "a price needs the tenant's currency to be set first"));
    }
    let last = named.iter().filter_map(|key| old.get(key)).map(|price| price.version).max();
    let version = next_version(tx.now(), last.unwrap_or(0));
    for (change, key) in changes.iter().zip(named) {
        let new = Price { key, price: change.price.clone(), version };
        store::pricing::set_price(&mut tx, no, &keys.log_id(key), old.get(&key), &new).await?;
        old.insert(key, new);
    }
    let answer = listed(&mut tx, &keys, no).await?;
    tx.commit().await?;
    Ok(answer)
}
