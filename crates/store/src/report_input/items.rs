//! Offering items over time, with their prices and billing days.

use std::collections::HashMap;

use domain::billing::BillingDay;
use domain::pricing::parse_price;
use domain::report::ItemTimeline;

use super::tenants::{nullable, parsed};
use super::versions::Versions;
use super::{Wanted, below};
use crate::{Conn, Result, conn::corrupt};
use domain::catalogue::ItemNumbers;
use domain::usage::MeterKey;

/// The newest values of an item.
#[derive(Default)]
struct Newest {
    enabled: bool,
    quota: Option<i64>,
    price: Option<String>,
    billing_day: Option<BillingDay>,
}

macro_rules! of_below {
    ($columns:literal, $table:literal) => {
        concat!(
            below!(),
            "SELECT x.tenant_no, x.item_no, x.infra_no, ",
            $columns,
            " FROM below b CROSS JOIN ",
            $table,
            " x WHERE x.tenant_no = b.no"
        )
    };
}

/// The items of the subject and of those that were below it.
pub(super) async fn load(
    conn: &mut Conn,
    wanted: &Wanted,
    numbers: &ItemNumbers,
    versions: &Versions,
) -> Result<Vec<ItemTimeline>> {
    let mut items: HashMap<MeterKey, Newest> = HashMap::new();
    let on = of_below!("x.enabled, x.quota_value", "tenant_items");
    conn.each(on, wanted.scope(), |row| {
        let item = items.entry(crate::usage::meter_key(row)?).or_default();
        (item.enabled, item.quota) = (row.flag("enabled")?, row.opt_int("quota_value")?);
        Ok(())
    })
    .await?;
    conn.each(of_below!("x.price", "item_prices"), wanted.scope(), |row| {
        items.entry(crate::usage::meter_key(row)?).or_default().price = Some(row.text("price")?);
        Ok(())
    })
    .await?;
    conn.each(of_below!("x.billing_day", "item_billing_days"), wanted.scope(), |row| {
        let day = row.int("billing_day")?;
        let day = BillingDay::new(day).ok_or_else(|| corrupt("billing_day", day.to_string(), "1 to 28"))?;
        items.entry(crate::usage::meter_key(row)?).or_default().billing_day = Some(day);
        Ok(())
    })
    .await?;
    let over_time = |(key, newest)| item(key, &newest, numbers, versions).transpose();
    items.into_iter().filter_map(over_time).collect()
}

fn item(
    key: MeterKey,
    newest: &Newest,
    numbers: &ItemNumbers,
    versions: &Versions,
) -> Result<Option<ItemTimeline>> {
    let Some(item) = numbers.item(key.item) else { return Ok(None) };
    let log = versions.of_item(key);
    let read_price = |text: Option<&str>| text.map_or(Some(None), |text| parse_price(text).ok().map(Some));
    let price = newest.price.as_deref();
    let price = read_price(price)
        .ok_or_else(|| corrupt("price", price.unwrap_or_default().to_owned(), "a decimal number"))?;
    Ok(Some(ItemTimeline {
        tenant: key.tenant,
        item,
        infra: key.infra,
        // An item that has not been switched on yet has no version.
        enabled: log.timeline("enabled", newest.enabled, |text| parsed(Some(text.unwrap_or("false"))))?,
        quota: log.timeline("quota_value", newest.quota, nullable)?,
        price: log.timeline("price", price, read_price)?,
        billing_day: log.timeline("billing_day", newest.billing_day, |text| match text {
            Some(text) => text.parse().ok().and_then(BillingDay::new).map(Some),
            None => Some(None),
        })?,
    }))
}
