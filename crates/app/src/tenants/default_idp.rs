//! The identity provider of a tenant, and of all below it (accounts-api, tier 3).

use domain::access::Permission;
use domain::ids::TenantId;

use super::{Details, check_version, load};
use crate::{App, Caller, Error, Result, Rule};

/// A change of the identity provider.
#[derive(Debug, Clone, Copy)]
pub struct DefaultIdpChange {
    /// The version that the caller has seen.
    pub version: i64,
    /// The identity provider.
    pub idp_id: uuid::Uuid,
    /// Whether all tenants below get it, too, as far as the caller may look inside.
    pub apply_to_children: bool,
}

/// Gives a tenant an identity provider: 1001 with another version than the current one, 1012 while another tenant holds
/// its lock or one below that would change, too.
pub async fn set_default_idp(
    app: &App,
    caller: &Caller,
    id: TenantId,
    change: DefaultIdpChange,
) -> Result<Details> {
    let mut tx = app.write(caller).await?;
    let permission = Permission::TenantAdmin;
    let granted = if change.apply_to_children {
        app.allow_inside(&mut tx, caller, permission, id).await?
    } else {
        app.allow(&mut tx, caller, permission, id).await?
    };
    granted.check_lock()?;
    let tenant = granted.tenant();
    if change.apply_to_children
        && let Some(owner) = store::tenants::lock_below(&mut tx, tenant.no, caller.tenant).await?
    {
        return Err(Error::rule(Rule::Locked, format!("a tenant below {id} is locked by {owner}")));
    }
    check_version(change.version, tenant.version)?;
    store::tenants::set_default_idp(&mut tx, tenant, change.idp_id).await?;
    if change.apply_to_children {
        store::tenants::set_default_idp_below(&mut tx, tenant, change.idp_id).await?;
    }
    let details = load(app, &mut tx, tenant.no).await?;
    tx.commit().await?;
    Ok(details)
}
