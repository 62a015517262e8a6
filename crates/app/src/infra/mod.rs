//! Locations and storages (accounts-api, 2.4).
//!
//! They belong to a tenant. Whoever administers that tenant may write them; everybody below may read them, as they may
//! be offered them.

mod locations;
mod storages;

use domain::access::Permission;
use domain::ids::{TenantId, TenantNo};
use domain::text::check_name;
use store::Conn;

use crate::{App, Caller, Error, Result};

pub use locations::{
    create_location, delete_location, location, location_storages, locations, rename_location,
    tenant_locations,
};
pub use storages::{InfraChange, NewInfra, create, delete, get, list, tenant_storages, update};

/// Something owned, with how the caller sees it.
#[derive(Debug, Clone)]
pub struct Seen<T> {
    /// What is seen.
    pub object: T,
    /// Whether an ancestor of the caller owns it, so that the caller can only read it.
    pub readonly: bool,
}

/// Whether the caller may read what this tenant owns, and if so, whether an ancestor of the caller owns it.
async fn seen_by(conn: &mut Conn, caller: &Caller, owner: TenantNo) -> Result<Option<bool>> {
    let mut readonly = None;
    for grant in caller.grants.iter().filter(|grant| grant.role.permits(Permission::InfraViewer)) {
        if store::tenants::reach(conn, grant.tenant, owner).await?.is_some_and(|reach| reach.walls == 0) {
            return Ok(Some(false));
        }
        if store::tenants::reach(conn, owner, grant.tenant).await?.is_some() {
            readonly = Some(true);
        }
    }
    Ok(readonly)
}

/// The tenant as an owner of new things: the caller must administer it.
async fn owner(app: &App, conn: &mut Conn, caller: &Caller, tenant: TenantId) -> Result<TenantNo> {
    Ok(app.allow(conn, caller, Permission::InfraAdmin, tenant).await?.tenant().no)
}

fn checked_name(name: &str) -> Result<()> {
    check_name(name).map_err(|error| Error::invalid("name", error.to_string()))
}
