//! The bodies of billing settings.

use app::billing::{Change, PeriodChange, Setting};
use domain::billing::{BillingMode, UsageCalculationMode};
use domain::catalogue::Catalogue;
use domain::ids::{ApplicationId, InfraId};
use domain::time::{Day, Period};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::json::Body;
use crate::schema;
use crate::wire::{id_option, lax_bool_option, lax_int};

/// A tenant's billing settings.
#[derive(Debug, Serialize, ToSchema)]
pub struct Billing {
    /// Who bills.
    #[schema(value_type = schema::BillingMode)]
    pub mode: BillingMode,
    /// Which figure of a period counts.
    #[schema(value_type = schema::UsageCalculationMode)]
    pub usage_calculation_mode: UsageCalculationMode,
    /// What a change must name.
    pub version: i64,
}

impl From<app::billing::Billing> for Billing {
    fn from(billing: app::billing::Billing) -> Self {
        Self {
            mode: billing.mode,
            usage_calculation_mode: billing.usage_calculation_mode,
            version: billing.version,
        }
    }
}

/// A change of billing settings.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutBilling {
    /// The version that is replaced.
    #[serde(deserialize_with = "lax_int")]
    #[schema(value_type = i64)]
    pub version: i64,
    /// Who bills.
    #[schema(value_type = Option<schema::BillingMode>)]
    pub mode: Option<BillingMode>,
    /// Which figure of a period counts.
    #[schema(value_type = Option<schema::UsageCalculationMode>)]
    pub usage_calculation_mode: Option<UsageCalculationMode>,
}

impl Body for PutBilling {}

impl From<PutBilling> for Change {
    fn from(body: PutBilling) -> Self {
        Self { version: body.version, mode: body.mode, usage_calculation_mode: body.usage_calculation_mode }
    }
}

/// First and last day of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Days {
    /// The first day.
    #[schema(value_type = String, format = "date")]
    pub start: Day,
    /// The last day.
    #[schema(value_type = String, format = "date")]
    pub end: Day,
}

impl From<Period> for Days {
    fn from(period: Period) -> Self {
        Self { start: period.start, end: period.end.previous() }
    }
}

/// The item that a billing period is of.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PeriodItem {
    /// The service of the item.
    #[schema(value_type = String, format = "uuid")]
    pub application_id: ApplicationId,
    /// Full name, with edition prefix.
    pub name: String,
    /// The storage it is bound to.
    #[serde(default, deserialize_with = "id_option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    pub infra_component_id: Option<InfraId>,
    /// The capability that it needs of that storage; ignored in requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Capability>)]
    pub infra_component_type: Option<String>,
}

/// The current billing period of an item.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ItemPeriod {
    /// The item.
    pub offering_item: PeriodItem,
    /// The period that today lies in.
    pub current_period: Days,
}

/// The current billing period of an item on the wire.
pub fn period(period: &app::billing::ItemPeriod) -> ItemPeriod {
    ItemPeriod {
        offering_item: PeriodItem {
            application_id: Catalogue::embedded().application_id(period.item.service),
            name: period.item.name.clone(),
            infra_component_id: period.infra_id,
            infra_component_type: period.item.capability.map(|capability| capability.to_string()),
        },
        current_period: period.current.into(),
    }
}

/// Billing periods to set; others stay.
#[derive(Debug, Deserialize, ToSchema)]
pub struct PutPeriods {
    /// The periods.
    pub items: Vec<ItemPeriod>,
}

impl Body for PutPeriods {}

impl From<ItemPeriod> for PeriodChange {
    fn from(ItemPeriod { offering_item: item, current_period: days }: ItemPeriod) -> Self {
        Self {
            application_id: item.application_id,
            name: item.name,
            infra_id: item.infra_component_id,
            start: days.start,
            last: days.end,
        }
    }
}

/// The day to begin billing months on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutBillingPeriod {
    /// 1 to 28.
    #[schema(minimum = 1, maximum = 28)]
    pub day: i64,
}

impl Body for PutBillingPeriod {
    const READ_ONLY: &'static [&'static str] = &["current_period"];
}

/// A tenant's billing month.
#[derive(Debug, Serialize, ToSchema)]
pub struct BillingPeriod {
    /// The day it begins on.
    pub day: i8,
    /// The one that today lies in.
    pub current_period: Days,
}

/// A setting of a service at a tenant.
#[derive(Debug, Serialize, ToSchema)]
pub struct SettingOut {
    /// Its name.
    pub name: String,
    /// The service.
    #[schema(value_type = String, format = "uuid")]
    pub application_id: ApplicationId,
    /// As it is set at the tenant; null: it is not.
    pub own: Option<Own>,
    /// Always null: no setting is inherited.
    #[schema(value_type = Option<Object>)]
    pub effective: Option<Value>,
}

/// A setting as it is set at a tenant.
#[derive(Debug, Serialize, ToSchema)]
pub struct Own {
    /// What it is.
    #[schema(value_type = Value)]
    pub value: Value,
    /// Stored as sent.
    pub lock: bool,
    /// Stored as sent.
    pub exclusive: bool,
}

impl From<Setting> for Own {
    fn from(Setting { value, lock, exclusive }: Setting) -> Self {
        Self { value, lock, exclusive }
    }
}

/// A setting to set: closed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutSetting {
    /// What it is to be.
    #[schema(value_type = Value)]
    pub value: Value,
    /// Stored as sent.
    #[serde(default, deserialize_with = "lax_bool_option")]
    #[schema(value_type = Option<bool>)]
    pub lock: Option<bool>,
    /// Stored as sent.
    #[serde(default, deserialize_with = "lax_bool_option")]
    #[schema(value_type = Option<bool>)]
    pub exclusive: Option<bool>,
}

impl Body for PutSetting {
    const READ_ONLY: &'static [&'static str] = &["name", "application_id", "effective"];

    /// A setting that was read comes back with everything in `own`, which is left aside only where a value stands beside it.
    fn sort_out(members: &mut Map<String, Value>) {
        for member in Self::READ_ONLY {
            members.remove(*member);
        }
        if let Some(Value::Object(own)) = members.remove("own")
            && !members.contains_key("value")
        {
            for (name, value) in own {
                members.entry(name).or_insert(value);
            }
        }
    }
}

impl From<PutSetting> for Setting {
    fn from(body: PutSetting) -> Self {
        Self {
            value: body.value,
            lock: body.lock.unwrap_or(false),
            exclusive: body.exclusive.unwrap_or(false),
        }
    }
}
