//! Billing settings of tenants, and the days that their billing months begin on.

use domain::billing::{BillingDay, BillingMode, UsageCalculationMode};
use domain::ids::TenantNo;

use crate::audit::{Change, Object};
use crate::offering_items::{Key, key};
use crate::{Conn, Result, Row, Write, args};

/// Billing settings: stored, without effect on figures (accounts-api, 2.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Billing {
    /// Who bills.
    pub mode: BillingMode,
    /// Which figure of a period is billed.
    pub usage_calculation_mode: UsageCalculationMode,
    /// Milliseconds since 1970.
    pub version: i64,
    /// The first day of the tenant's billing month.
    pub day: BillingDay,
}

/// A tenant's billing settings.
pub async fn of_tenant(conn: &mut Conn, tenant: TenantNo) -> Result<Option<Billing>> {
    let row = conn
        .one(
            "SELECT billing_mode, usage_calculation_mode, billing_version, billing_day FROM tenants WHERE no = $1",
            args![tenant],
        )
        .await?;
    row.map(|row| {
        Ok(Billing {
            mode: row.parsed("billing_mode")?,
            usage_calculation_mode: row.parsed("usage_calculation_mode")?,
            version: row.int("billing_version")?,
            day: billing_day(&row)?,
        })
    })
    .transpose()
}

fn billing_day(row: &Row) -> Result<BillingDay> {
    let day = row.int("billing_day")?;
    BillingDay::new(day)
        .ok_or_else(|| crate::conn::corrupt("billing_day", day.to_string(), "a day from 1 to 28"))
}

/// Saves mode, usage calculation mode and version.
pub async fn update(
    tx: &mut Write,
    tenant: TenantNo,
    tenant_id: &str,
    old: &Billing,
    new: &Billing,
) -> Result<()> {
    tx.run(
        "UPDATE tenants SET billing_mode = $2, usage_calculation_mode = $3, billing_version = $4 WHERE no = $1",
        args![tenant, new.mode.as_str(), new.usage_calculation_mode.as_str(), new.version],
    )
    .await?;
    let logged = |field, old: &str, new: &str| Change {
        object: Object::Tenant,
        id: tenant_id,
        tenant,
        field,
        old: Some(old.to_owned()),
        new: Some(new.to_owned()),
    };
    tx.log_all(vec![
        logged("billing_mode", old.mode.as_str(), new.mode.as_str()),
        logged(
            "usage_calculation_mode",
            old.usage_calculation_mode.as_str(),
            new.usage_calculation_mode.as_str(),
        ),
    ])
    .await
}

/// Sets the first day of a tenant's billing month, from today on.
pub async fn set_day(
    tx: &mut Write,
    tenant: TenantNo,
    tenant_id: &str,
    old: BillingDay,
    new: BillingDay,
) -> Result<()> {
    tx.run("UPDATE tenants SET billing_day = $2 WHERE no = $1", args![tenant, i64::from(new.get())]).await?;
    tx.log(Change {
        object: Object::Tenant,
        id: tenant_id,
        tenant,
        field: "billing_day",
        old: Some(old.get().to_string()),
        new: Some(new.get().to_string()),
    })
    .await
}

/// The items whose billing month begins on a day of their own.
pub async fn item_days(conn: &mut Conn, tenant: TenantNo) -> Result<Vec<(Key, BillingDay)>> {
    let rows = conn
        .all(
            "SELECT item_no, infra_no, billing_day FROM item_billing_days WHERE tenant_no = $1
             ORDER BY item_no, infra_no",
            args![tenant],
        )
        .await?;
    rows.iter().map(|row| Ok((key(row)?, billing_day(row)?))).collect()
}

/// Gives an item of a tenant a billing day of its own, from today on.
pub async fn set_item_day(
    tx: &mut Write,
    tenant: TenantNo,
    (key, log_id): (Key, &str),
    old: Option<BillingDay>,
    new: BillingDay,
) -> Result<()> {
    tx.run(
        "INSERT INTO item_billing_days (tenant_no, item_no, infra_no, billing_day) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_no, item_no, infra_no) DO UPDATE SET billing_day = excluded.billing_day",
        args![tenant, key.item, key.infra, i64::from(new.get())],
    )
    .await?;
    tx.log(Change {
        object: Object::Item,
        id: log_id,
        tenant,
        field: "billing_day",
        old: old.map(|old| old.get().to_string()),
        new: Some(new.get().to_string()),
    })
    .await
}
