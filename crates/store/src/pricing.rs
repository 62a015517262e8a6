//! Pricing modes, currencies and the prices of items.

use domain::ids::TenantNo;
use domain::pricing::{Currency, PricingMode};
use domain::time::Instant;

use crate::audit::{Change, Object};
use crate::offering_items::{Key, key};
use crate::{Conn, Result, Write, args};

/// How a tenant is billed, as stored: the mode at a moment is [`domain::pricing::mode_at`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pricing {
    /// The tenant whose pricing it is: a unit has that of its customer.
    pub tenant: TenantNo,
    /// When that tenant was made.
    pub created_at: Instant,
    /// The mode as stored.
    pub mode: PricingMode,
    /// When trial ended by hand, or when the tenant was made in production.
    pub switched_at: Option<Instant>,
    /// In which money it pays.
    pub currency: Option<Currency>,
    /// Milliseconds since 1970.
    pub version: i64,
}

/// The pricing that holds for a tenant: its own, or that of the customer that a unit belongs to.
pub async fn of_tenant(conn: &mut Conn, tenant: TenantNo) -> Result<Option<Pricing>> {
    let row = conn
        .one(
            "SELECT t.no, t.created_at, t.pricing_mode, t.pricing_switched_at, t.currency, t.pricing_version
             FROM closure k JOIN tenants t ON t.no = k.ancestor_no
             WHERE k.tenant_no = $1 AND t.kind <> 'unit' ORDER BY k.depth LIMIT 1",
            args![tenant],
        )
        .await?;
    row.map(|row| {
        Ok(Pricing {
            tenant: TenantNo(row.int("no")?),
            created_at: row.instant("created_at")?,
            mode: row.parsed("pricing_mode")?,
            switched_at: row.opt_instant("pricing_switched_at")?,
            currency: row.opt_parsed("currency")?,
            version: row.int("pricing_version")?,
        })
    })
    .transpose()
}

/// Saves a tenant's pricing. A switch by hand ends the wait for the end of the trial.
pub async fn update(tx: &mut Write, tenant_id: &str, old: &Pricing, new: &Pricing) -> Result<()> {
    tx.run(
        "UPDATE tenants SET pricing_mode = $2, pricing_switched_at = $3, currency = $4, pricing_version = $5,
         trial_ends_at = CASE WHEN $2 = 'trial' THEN trial_ends_at ELSE NULL END WHERE no = $1",
        args![
            old.tenant,
            new.mode.as_str(),
            new.switched_at,
            new.currency.map(Currency::as_str),
            new.version
        ],
    )
    .await?;
    if (old.mode, old.switched_at) != (new.mode, new.switched_at) {
        stamp_shown(tx, old.tenant).await?;
    }
    let logged = |field, old_value, new_value| Change {
        object: Object::Tenant,
        id: tenant_id,
        tenant: old.tenant,
        field,
        old: old_value,
        new: new_value,
    };
    let currency = |currency: Option<Currency>| currency.map(|currency| currency.to_string());
    tx.log_all(vec![
        logged("pricing_mode", Some(old.mode.to_string()), Some(new.mode.to_string())),
        logged("currency", currency(old.currency), currency(new.currency)),
    ])
    .await
}

/// Stamps the tenants whose objects show the mode of this one: itself and, below a customer, its units. Versions stay
/// (wire-conventions, 8).
pub(crate) async fn stamp_shown(tx: &mut Write, tenant: TenantNo) -> Result<()> {
    let stamp = tx.stamp().await?;
    tx.run(
        "UPDATE tenants SET updated_at = $2 WHERE no IN (
             SELECT k.tenant_no FROM closure k JOIN tenants a ON a.no = k.ancestor_no
             WHERE k.ancestor_no = $1 AND (k.depth = 0 OR a.kind = 'customer'))",
        args![tenant, stamp],
    )
    .await
    .map(|_| ())
}

/// What one piece of an item costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// The item; with [`domain::ids::InfraNo::NONE`], for every storage that has no price of its own.
    pub key: Key,
    /// Decimal text, as it was sent.
    pub price: String,
    /// Milliseconds since 1970.
    pub version: i64,
}

/// The prices that are set at a tenant.
pub async fn prices(conn: &mut Conn, tenant: TenantNo) -> Result<Vec<Price>> {
    let rows = conn
        .all(
            "SELECT item_no, infra_no, price, version FROM item_prices WHERE tenant_no = $1 ORDER BY item_no, infra_no",
            args![tenant],
        )
        .await?;
    rows.iter()
        .map(|row| Ok(Price { key: key(row)?, price: row.text("price")?, version: row.int("version")? }))
        .collect()
}

/// Sets a price. The first one of an item reaches back for ever.
pub async fn set_price(
    tx: &mut Write,
    tenant: TenantNo,
    log_id: &str,
    old: Option<&Price>,
    new: &Price,
) -> Result<()> {
    tx.run(
        "INSERT INTO item_prices (tenant_no, item_no, infra_no, price, version) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant_no, item_no, infra_no) DO UPDATE SET price = excluded.price, version = excluded.version",
        args![tenant, new.key.item, new.key.infra, new.price.as_str(), new.version],
    )
    .await?;
    let change = Change {
        object: Object::Item,
        id: log_id,
        tenant,
        field: "price",
        old: old.map(|old| old.price.clone()),
        new: Some(new.price.clone()),
    };
    if old.is_some() { tx.log(change).await } else { tx.log_first(change).await }
}
