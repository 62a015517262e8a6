//! Billing settings, billing periods, and settings of services (accounts-api, 2.7).

mod periods;
mod settings;

use domain::access::Permission;
use domain::billing::{BillingDay, BillingMode, UsageCalculationMode};
use domain::ids::{TenantId, TenantNo};
use domain::time::Period;
use store::Conn;
pub use store::billing::Billing;

use crate::pricing::{check_version, next_version};
use crate::{App, Caller, Error, Result};

pub use periods::{ItemPeriod, PeriodChange, periods, set_periods};
pub use settings::{Setting, set_setting, setting, unset_setting};

/// A tenant's billing settings.
pub async fn get(app: &App, caller: &Caller, tenant: TenantId) -> Result<Billing> {
    let mut conn = app.read().await?;
    let granted = app.allow(&mut conn, caller, Permission::TenantViewer, tenant).await?;
    stored(&mut conn, granted.tenant().no).await
}

async fn stored(conn: &mut Conn, tenant: TenantNo) -> Result<Billing> {
    store::billing::of_tenant(conn, tenant).await?.ok_or(Error::NotFound { what: "tenant" })
}

/// What is to be changed.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    /// The version that is replaced.
    pub version: i64,
    /// Who bills.
    pub mode: Option<BillingMode>,
    /// Which figure of a period is billed.
    pub usage_calculation_mode: Option<UsageCalculationMode>,
}

/// Changes a tenant's billing settings.
pub async fn update(app: &App, caller: &Caller, tenant: TenantId, change: Change) -> Result<Billing> {
    let mut tx = app.write(caller).await?;
    let granted = app.allow(&mut tx, caller, Permission::TenantAdmin, tenant).await?;
    granted.check_lock()?;
    let tenant = granted.tenant();
    let old = stored(&mut tx, tenant.no).await?;
    check_version(Some(change.version), old.version)?;
    let new = Billing {
        mode: change.mode.unwrap_or(old.mode),
        usage_calculation_mode: change.usage_calculation_mode.unwrap_or(old.usage_calculation_mode),
        version: next_version(tx.now(), old.version),
        day: old.day,
    };
    store::billing::update(&mut tx, tenant.no, &tenant.id.to_string(), &old, &new).await?;
    tx.commit().await?;
    Ok(new)
}

/// Sets the first day of the tenant's billing month, 1 to 28; gives back the period that today then lies in.
pub async fn set_day(app: &App, caller: &Caller, tenant: TenantId, day: i64) -> Result<(BillingDay, Period)> {
    let day = BillingDay::new(day).ok_or_else(|| Error::invalid("day", "must be a day from 1 to 28"))?;
    let mut tx = app.write(caller).await?;
    let granted = app.allow(&mut tx, caller, Permission::TenantAdmin, tenant).await?;
    granted.check_lock()?;
    let tenant = granted.tenant();
    let old = stored(&mut tx, tenant.no).await?.day;
    store::billing::set_day(&mut tx, tenant.no, &tenant.id.to_string(), old, day).await?;
    let today = tx.today().await?;
    tx.commit().await?;
    Ok((day, day.period_of(today)))
}
