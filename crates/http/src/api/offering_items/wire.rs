//! The bodies of offering items.

use app::Error;
use app::offering_items::{Change, OfferingItem, QuotaChange};
use domain::ids::{ApplicationId, InfraId, TenantId};
use domain::pricing::Quota;
use domain::time::Instant;
use domain::usage::MAX_READING;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::Body;
use crate::schema;
use crate::wire::{Patch, Zulu, id_option, lax_bool_option, lax_int, lax_int_option};

/// A list of items.
#[derive(Debug, Serialize, ToSchema)]
pub struct ItemList {
    /// When it was read.
    pub timestamp: Zulu,
    /// The items.
    pub items: Vec<Item>,
}

/// An item as a tenant has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Item {
    /// The service it belongs to.
    #[schema(value_type = String, format = "uuid")]
    pub application_id: ApplicationId,
    /// Full name, with edition prefix.
    pub name: &'static str,
    /// Null: none.
    #[schema(value_type = Option<schema::Edition>)]
    pub edition: Option<&'static str>,
    /// Name without the prefix.
    pub usage_name: &'static str,
    /// Whose item it is.
    #[schema(value_type = String, format = "uuid")]
    pub tenant_id: TenantId,
    /// When it changed last.
    pub updated_at: Zulu,
    /// When its tenant was deleted: lists with `allow_deleted` alone hold such items.
    pub deleted_at: Option<Zulu>,
    /// 1: on.
    #[schema(minimum = 0, maximum = 1)]
    pub status: u8,
    /// Whether it cannot be switched alone; no item of the catalogue says so.
    pub locked: bool,
    /// How it is measured.
    #[serde(rename = "type")]
    #[schema(value_type = schema::ItemType)]
    pub item_type: &'static str,
    /// The unit of its usage.
    #[schema(value_type = schema::MeasurementUnit)]
    pub measurement_unit: &'static str,
    /// The storage it is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    pub infra_id: Option<InfraId>,
    /// Absent while the item is off, and on features.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<QuotaOut>,
}

/// A quota.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuotaOut {
    /// Soft limit; null: unlimited.
    pub value: Option<i64>,
    /// Further allowance that makes it hard.
    pub overage: Option<i64>,
    /// What a change of it must name.
    pub version: i64,
}

impl From<Quota> for QuotaOut {
    fn from(quota: Quota) -> Self {
        Self { value: quota.value, overage: quota.overage, version: quota.version }
    }
}

/// A list of items on the wire, with a moment from before it was read.
pub fn item_list(moment: Instant, items: &[OfferingItem]) -> ItemList {
    ItemList { timestamp: Zulu(moment), items: items.iter().map(item).collect() }
}

/// An item on the wire.
pub fn item(have: &OfferingItem) -> Item {
    let known = have.item;
    Item {
        application_id: domain::catalogue::Catalogue::embedded().application_id(known.service),
        name: &known.name,
        edition: known.edition.map(domain::catalogue::Edition::as_str),
        usage_name: &known.usage_name,
        tenant_id: have.tenant_id,
        updated_at: Zulu(have.updated_at),
        deleted_at: have.deleted_at.map(Zulu),
        status: u8::from(have.enabled),
        locked: false,
        item_type: known.item_type().as_str(),
        measurement_unit: known.unit.as_str(),
        infra_id: have.infra_id,
        quota: have.quota.map(QuotaOut::from),
    }
}

/// The body of PUT: closed, but a fetched list may be sent back, its items renamed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Put {
    /// What to change; items that are not named stay as they are.
    pub offering_items: Vec<PutItem>,
    /// Whether turning off an item that is used fails.
    #[serde(default, deserialize_with = "lax_bool_option")]
    #[schema(value_type = Option<bool>)]
    pub check_usage: Option<bool>,
}

impl Body for Put {
    const READ_ONLY: &'static [&'static str] = &["timestamp", "paging"];
}

/// An item to change: open.
#[derive(Debug, Deserialize, ToSchema)]
pub struct PutItem {
    /// The service it belongs to.
    #[schema(value_type = String, format = "uuid")]
    pub application_id: ApplicationId,
    /// Full name, with edition prefix.
    pub name: String,
    /// 1: on, 0: off, absent: as it is.
    #[serde(default, deserialize_with = "lax_int_option")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1)]
    pub status: Option<i64>,
    /// The storage it is bound to.
    #[serde(default, deserialize_with = "id_option")]
    #[schema(value_type = Option<String>, format = "uuid")]
    pub infra_id: Option<InfraId>,
    /// The new quota; absent: as it is.
    pub quota: Option<QuotaIn>,
}

/// A quota to set, with the version that it replaces.
#[derive(Debug, Deserialize, ToSchema)]
pub struct QuotaIn {
    /// Soft limit; null: unlimited; absent: as it is.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub value: Patch<i64>,
    /// Further allowance that makes it hard; null: none; absent: as it is.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    pub overage: Patch<i64>,
    /// The current version.
    #[serde(deserialize_with = "lax_int")]
    #[schema(value_type = i64)]
    pub version: i64,
}

impl Put {
    /// The changes it asks for, and whether usage stands in the way of turning off.
    pub fn into_changes(self) -> Result<(Vec<Change>, bool), Error> {
        let items = self.offering_items.into_iter().enumerate();
        let changes = items.map(|(at, item)| item.into_change(at)).collect::<Result<_, _>>()?;
        Ok((changes, self.check_usage.unwrap_or(false)))
    }
}

impl PutItem {
    fn into_change(self, at: usize) -> Result<Change, Error> {
        let field = |name: &str| format!("offering_items[{at}].{name}");
        let enabled = match self.status {
            None => None,
            Some(0) => Some(false),
            Some(1) => Some(true),
            Some(_) => return Err(Error::invalid(field("status"), "must be 0 or 1")),
        };
        let quota = self.quota.map(|quota| QuotaChange {
            value: quota.value.into_option(),
            overage: quota.overage.into_option(),
            version: quota.version,
        });
        for (name, number) in
            quota.iter().flat_map(|quota| [("value", quota.value), ("overage", quota.overage)])
        {
            if number.flatten().is_some_and(|number| !(0..=MAX_READING).contains(&number)) {
                let why = format!("must be an integer from 0 to {MAX_READING}, or null");
                return Err(Error::invalid(field(&format!("quota.{name}")), why));
            }
        }
        let Self { application_id, name, infra_id, .. } = self;
        Ok(Change { application_id, name, infra_id, enabled, quota })
    }
}
