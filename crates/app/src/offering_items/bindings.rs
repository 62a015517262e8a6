//! Services bound to tenants: what their items need first (accounts-api, 2.3).

use domain::access::Permission;
use domain::catalogue::Service;
use domain::ids::{ApplicationId, TenantId};
use domain::pricing::Quota;

use super::plan::Plan;
use super::{refuse_personal, service};
use crate::{App, Caller, Error, Result, Rule};

/// Turns a service on for a tenant; its items stay off. 1026 where the parent does not have it.
pub async fn bind(app: &App, caller: &Caller, application: ApplicationId, tenant: TenantId) -> Result<()> {
    let service = service(app, application)?;
    let mut tx = app.write(caller).await?;
    let granted = app.allow(&mut tx, caller, Permission::TenantAdmin, tenant).await?;
    granted.check_lock()?;
    let tenant = granted.tenant();
    if !tenant.is_top() && !store::catalogue::services(&mut tx, tenant.parent).await?.contains(&service) {
        return Err(Error::rule(
            Rule::ServiceUnavailable,
            format!("the tenant above does not have {service}"),
        ));
    }
    store::catalogue::turn_services_on(&mut tx, tenant.no, &[service]).await?;
    for personal in store::offering_items::personal_tenants(&mut tx, tenant.no).await? {
        store::catalogue::turn_services_on(&mut tx, personal, &[service]).await?;
    }
    Ok(tx.commit().await?)
}

/// Turns a service off with all its items, here and below. One that is off stays so; the platform cannot be: 1027.
pub async fn unbind(app: &App, caller: &Caller, application: ApplicationId, tenant: TenantId) -> Result<()> {
    let service = service(app, application)?;
    let mut tx = app.write(caller).await?;
    let granted = app.allow(&mut tx, caller, Permission::TenantAdmin, tenant).await?;
    granted.check_lock()?;
    if service == Service::Platform {
        return Err(Error::rule(Rule::Business, "the platform is always on"));
    }
    let tenant = granted.tenant();
    refuse_personal(tenant)?;
    let mut plan = Plan::load(&mut tx, tenant.clone()).await?;
    let keys = &plan.keys;
    for (key, after) in &mut plan.after {
        if keys.item(*key).is_some_and(|item| item.service == service) {
            *after = (false, Quota::default());
        }
    }
    plan.save(&mut tx, false).await?;
    store::catalogue::turn_service_off_below(&mut tx, tenant.no, service).await?;
    Ok(tx.commit().await?)
}
