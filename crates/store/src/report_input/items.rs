//! Offering items over time, with their prices and billing days.

use std::collections::HashMap;

use domain::billing::BillingDay;
use domain::pricing::parse_price;
use domain::report::{ItemTimeline, Level};

use super::tenants::{nullable, parsed};
use super::versions::Versions;
use super::{Wanted, below};
use crate::{Conn, Result, args, conn::corrupt};
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

/// Of those that may have rows: where `$3` is 1, the subject and what stood directly below it.
macro_rules! of_shown {
    ($columns:literal, $table:literal) => {
        concat!(
            below!(),
            ", shown (no) AS (
               SELECT b.no FROM below b WHERE $3 = 0 OR b.no = $1
               OR EXISTS (SELECT 1 FROM tenants t WHERE t.no = b.no AND t.parent_no = $1)
               OR EXISTS (SELECT 1 FROM moves m WHERE m.no = b.no AND m.was_below = $1)) ",
            "SELECT x.tenant_no, x.item_no, x.infra_no, ",
            $columns,
            " FROM shown b CROSS JOIN ",
            $table,
            " x WHERE x.tenant_no = b.no"
        )
    };
}

/// The items of those that have rows. Those of others are most of a report that shows direct partners alone.
pub(super) async fn load(
    conn: &mut Conn,
    wanted: &Wanted,
    numbers: &ItemNumbers,
    versions: &Versions,
) -> Result<Vec<ItemTimeline>> {
    let mut items: HashMap<MeterKey, Newest> = HashMap::new();
    let near = matches!(wanted.level, Level::Itself | Level::DirectPartners);
    let scope = [wanted.scope(), args![near]].concat();
    let on = of_shown!("x.enabled, x.quota_value", "tenant_items");
    conn.each(on, scope.clone(), |row| {
        let item = items.entry(crate::usage::meter_key(row)?).or_default();
        (item.enabled, item.quota) = (row.flag("enabled")?, row.opt_int("quota_value")?);
        Ok(())
    })
    .await?;
    conn.each(of_shown!("x.price", "item_prices"), scope.clone(), |row| {
        items.entry(crate::usage::meter_key(row)?).or_default().price = Some(row.text("price")?);
        Ok(())
    })
    .await?;
    conn.each(of_shown!("x.billing_day", "item_billing_days"), scope, |row| {
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
