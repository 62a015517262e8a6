//! Settings of the platform at partners, the price list among them. None is inherited.

use domain::access::Permission;
use domain::catalogue::Service;
use domain::ids::{ApplicationId, TenantId};
use domain::tenant::{Tenant, TenantKind};
use serde_json::Value;
use store::settings::SettingKey;

use crate::{App, Caller, Error, Result};

/// A setting as it is set at a tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// What it is.
    pub value: Value,
    /// Stored as sent.
    pub lock: bool,
    /// Stored as sent.
    pub exclusive: bool,
}

/// The settings that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    TierLevelValue,
    LicensingMode,
    ContractType,
    AcronisAccountNumber,
    PricingInfo,
}

impl Name {
    fn of(app: &App, application: ApplicationId, name: &str) -> Result<Self> {
        let known = match name {
            "tier_level_value" => Self::TierLevelValue,
            "licensing_mode" => Self::LicensingMode,
            "contract_type" => Self::ContractType,
            "acronis_account_number" => Self::AcronisAccountNumber,
            "pricing_info" => Self::PricingInfo,
            _ => return Err(Error::NotFound { what: "setting" }),
        };
        let is_platform = app.catalogue().application_id(Service::Platform) == application;
        if is_platform { Ok(known) } else { Err(Error::NotFound { what: "setting" }) }
    }

    /// What writing it needs; 403 for a caller who has it nowhere, before anything is said about the tenant.
    fn permission(self, caller: &Caller) -> Result<Permission> {
        let permission = match self {
            Self::TierLevelValue | Self::LicensingMode => Permission::TenantAdmin,
            Self::PricingInfo => Permission::RootAdmin,
            Self::ContractType | Self::AcronisAccountNumber => return Err(Error::Forbidden),
        };
        caller.require(permission)?;
        Ok(permission)
    }

    fn check(self, value: &Value) -> Result<()> {
        let fits = match self {
            Self::TierLevelValue => value.as_i64().is_some_and(|tier| (-1..=4).contains(&tier)),
            Self::LicensingMode => matches!(value.as_str(), Some("per_gb" | "per_device")),
            Self::PricingInfo => return check_price_list(value),
            Self::ContractType | Self::AcronisAccountNumber => true,
        };
        if fits { Ok(()) } else { Err(Error::invalid("value", "not a value of this setting")) }
    }
}

/// A partner's price list, as far as its form matters to reports: each position has a SKU, and may have the `name` of an
/// offering item, which ties it to report rows.
fn check_price_list(value: &Value) -> Result<()> {
    let positions = value.get("pricing").and_then(Value::as_array);
    let positions = positions.ok_or_else(|| Error::invalid("value.pricing", "must be an array"))?;
    for (at, position) in positions.iter().enumerate() {
        let name = position.get("name").filter(|name| !name.is_null());
        for (member, text) in [("sku", Some(position.get("sku").unwrap_or(&Value::Null))), ("name", name)] {
            let Some(text) = text else { continue };
            let field = || format!("value.pricing[{at}].{member}");
            let text = text.as_str().ok_or_else(|| Error::invalid(field(), "must be a string"))?;
            if text.chars().any(char::is_control) {
                return Err(Error::invalid(field(), "must not hold control characters"));
            }
        }
    }
    Ok(())
}

fn key<'a>(tenant: &Tenant, application_id: ApplicationId, name: &'a str) -> Result<SettingKey<'a>> {
    if tenant.kind != TenantKind::Partner {
        return Err(Error::NotFound { what: "setting" });
    }
    Ok(SettingKey { tenant: tenant.no, application_id, name })
}

/// A setting of a partner; `None` where it is not set.
pub async fn setting(
    app: &App,
    caller: &Caller,
    application: ApplicationId,
    tenant: TenantId,
    name: &str,
) -> Result<Option<Setting>> {
    Name::of(app, application, name)?;
    let mut conn = app.read().await?;
    let granted = app.allow(&mut conn, caller, Permission::TenantViewer, tenant).await?;
    let stored = store::settings::get(&mut conn, key(granted.tenant(), application, name)?).await?;
    stored
        .map(|stored| {
            let value = serde_json::from_str(&stored.value).map_err(Error::internal)?;
            Ok(Setting { value, lock: stored.lock, exclusive: stored.exclusive })
        })
        .transpose()
}

/// Sets a setting of a partner.
pub async fn set_setting(
    app: &App,
    caller: &Caller,
    application: ApplicationId,
    tenant: TenantId,
    name: &str,
    new: &Setting,
) -> Result<()> {
    let known = Name::of(app, application, name)?;
    let permission = known.permission(caller)?;
    known.check(&new.value)?;
    let mut tx = app.write(caller).await?;
    let granted = app.allow(&mut tx, caller, permission, tenant).await?;
    granted.check_lock()?;
    let value = new.value.to_string();
    let stored = store::settings::Setting { value, lock: new.lock, exclusive: new.exclusive };
    store::settings::set(&mut tx, key(granted.tenant(), application, name)?, &stored).await?;
    Ok(tx.commit().await?)
}

/// Unsets a setting of a partner; 404 where it is not set.
pub async fn unset_setting(
    app: &App,
    caller: &Caller,
    application: ApplicationId,
    tenant: TenantId,
    name: &str,
) -> Result<()> {
    let known = Name::of(app, application, name)?;
    let permission = known.permission(caller)?;
    let mut tx = app.write(caller).await?;
    let granted = app.allow(&mut tx, caller, permission, tenant).await?;
    granted.check_lock()?;
    if !store::settings::unset(&mut tx, key(granted.tenant(), application, name)?).await? {
        return Err(Error::NotFound { what: "setting" });
    }
    Ok(tx.commit().await?)
}
