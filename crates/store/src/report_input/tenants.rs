//! Tenants over time.

use std::collections::HashMap;
use std::str::FromStr;

use domain::billing::BillingDay;
use domain::catalogue::{Catalogue, Service};
use domain::history::Twig;
use domain::ids::TenantNo;
use domain::report::TenantTimeline;
use domain::timeline::Timeline;

use super::versions::{Log, Versions};
use super::{Wanted, below, members};
use crate::{Conn, Result, Row, args, conn::corrupt};

// The ancestors of the subject, present and former, hold the price lists with SKUs and pay for units.
const TENANTS: &str = concat!(
    members!(),
    "SELECT t.no, t.id, t.created_at, t.owner_id, t.parent_no, t.name, t.kind, t.customer_id, t.ancestral_access,
            t.deleted_at, t.pricing_mode, t.currency, t.billing_day
     FROM members b CROSS JOIN tenants t WHERE t.no = b.no"
);

/// The subject, those that were below it, and those above it; without those made after the acceptance number.
pub(super) async fn load(
    conn: &mut Conn,
    wanted: &Wanted,
    versions: &Versions,
) -> Result<Vec<TenantTimeline>> {
    let price_lists =
        if wanted.show_skus { price_lists(conn, wanted, versions).await? } else { HashMap::new() };
    let mut tenants = Vec::new();
    conn.each(TENANTS, wanted.scope(), |row| {
        let no = TenantNo(row.int("no")?);
        let log = versions.of_tenant(no);
        if !log.is_unborn("deleted") {
            tenants.push(tenant(no, row, log, price_lists.get(&no).cloned())?);
        }
        Ok(())
    })
    .await?;
    Ok(tenants)
}

fn tenant(no: TenantNo, row: &Row, log: &Log, skus: Option<Timeline<Skus>>) -> Result<TenantTimeline> {
    let day = row.int("billing_day")?;
    let billing_day =
        BillingDay::new(day).ok_or_else(|| corrupt("billing_day", day.to_string(), "1 to 28"))?;
    let Twig { no, created_at, is_personal, parent, kind, deleted, pricing_mode } = twig(no, row, log)?;
    Ok(TenantTimeline {
        no,
        id: row.parsed("id")?,
        created_at,
        is_personal,
        parent,
        name: log.timeline("name", row.text("name")?, parsed)?,
        kind,
        customer_id: log.timeline("customer_id", row.opt_text("customer_id")?, nullable)?,
        ancestral_access: log.timeline("ancestral_access", row.flag("ancestral_access")?, parsed)?,
        deleted,
        pricing_mode,
        currency: log.timeline("currency", row.opt_parsed("currency")?, nullable)?,
        billing_day: log.timeline("billing_day", billing_day, |text| match text {
            Some(text) => text.parse().ok().and_then(BillingDay::new),
            None => Some(BillingDay::CALENDAR),
        })?,
        skus: skus.unwrap_or_else(|| Timeline::always(Skus::new())),
    })
}

/// What binds a tenant into the tree, out of its row and its log.
pub(crate) fn twig(no: TenantNo, row: &Row, log: &Log) -> Result<Twig> {
    Ok(Twig {
        no,
        created_at: row.instant("created_at")?,
        is_personal: row.opt_text("owner_id")?.is_some(),
        parent: log.timeline("parent", TenantNo(row.int("parent_no")?), |text| parsed(text).map(TenantNo))?,
        kind: log.timeline("kind", row.parsed("kind")?, parsed)?,
        deleted: log.timeline("deleted", row.opt_instant("deleted_at")?.is_some(), parsed)?,
        pricing_mode: log.timeline("pricing_mode", row.parsed("pricing_mode")?, parsed)?,
    })
}

/// A text of the log that is never null.
pub(super) fn parsed<T: FromStr>(text: Option<&str>) -> Option<T> {
    text?.parse().ok()
}

/// A text of the log that may be null.
#[expect(clippy::option_option, reason = "the outer one is whether the text can be read, the inner one null")]
pub(super) fn nullable<T: FromStr>(text: Option<&str>) -> Option<Option<T>> {
    text.map_or(Some(None), |text| text.parse().ok().map(Some))
}

/// SKUs by offering item name.
type Skus = Vec<(String, String)>;

const PRICE_LIST: &str = "pricing_info";

/// The id of the price list in the change log: a setting of the platform application (accounts-api, 2.7).
pub(super) fn price_list_id() -> String {
    format!("{}/{PRICE_LIST}", Catalogue::embedded().application_id(Service::Platform))
}

const PRICE_LISTS: &str = concat!(
    members!(),
    "SELECT s.tenant_no, s.value FROM members b CROSS JOIN application_settings s
     WHERE s.tenant_no = b.no AND s.application_id = $3 AND s.name = $4"
);

/// The price lists of the partners among them: which of those a row needs depends on the tree of its day.
async fn price_lists(
    conn: &mut Conn,
    wanted: &Wanted,
    versions: &Versions,
) -> Result<HashMap<TenantNo, Timeline<Skus>>> {
    let platform = Catalogue::embedded().application_id(Service::Platform);
    let rows = conn.all(PRICE_LISTS, [wanted.scope(), args![platform, PRICE_LIST]].concat()).await?;
    let mut newest: HashMap<TenantNo, Skus> = versions.price_lists().map(|no| (no, Skus::new())).collect();
    for row in rows {
        newest.insert(TenantNo(row.int("tenant_no")?), skus(&row.text("value")?));
    }
    let over_time = |(no, newest)| {
        let read = |text: Option<&str>| Some(text.map_or_else(Skus::new, skus));
        Ok((no, versions.of_price_list(no).timeline("value", newest, read)?))
    };
    newest.into_iter().map(over_time).collect()
}

/// The entries of a price list that name an offering item; the setting is free JSON, so anything else is passed over.
fn skus(value: &str) -> Skus {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(value) else { return Skus::new() };
    let entries = value.get("pricing").and_then(|pricing| pricing.as_array());
    let text = |entry: &serde_json::Value, member| Some(entry.get(member)?.as_str()?.to_owned());
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| Some((text(entry, "name")?, text(entry, "sku")?)))
        .collect()
}
