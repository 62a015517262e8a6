//! Locations.

use domain::access::Permission;
use domain::ids::{InfraId, LocationId, TenantId};
use domain::infra::Location;
use store::Conn;

use super::{Seen, checked_name, owner, seen_by};
use crate::pricing::check_version;
use crate::{App, Caller, Error, Result, Rule};

const MISSING: Error = Error::NotFound { what: "location" };

/// The locations among these that the caller may see; others are left out.
pub async fn locations(app: &App, caller: &Caller, ids: &[LocationId]) -> Result<Vec<Seen<Location>>> {
    let mut conn = app.read().await?;
    let mut seen = Vec::new();
    for id in ids {
        let Some(object) = store::infra::location_by_id(&mut conn, *id).await? else { continue };
        if let Some(readonly) = seen_by(&mut conn, caller, object.owner).await? {
            seen.push(Seen { object, readonly });
        }
    }
    Ok(seen)
}

/// A location.
pub async fn location(app: &App, caller: &Caller, id: LocationId) -> Result<Seen<Location>> {
    visible(&mut app.read().await?, caller, id).await
}

pub(super) async fn visible(conn: &mut Conn, caller: &Caller, id: LocationId) -> Result<Seen<Location>> {
    let object = store::infra::location_by_id(conn, id).await?.ok_or(MISSING)?;
    let readonly = seen_by(conn, caller, object.owner).await?.ok_or(Error::Forbidden)?;
    Ok(Seen { object, readonly })
}

/// The storages of a location that the caller may see.
pub async fn location_storages(app: &App, caller: &Caller, id: LocationId) -> Result<Vec<InfraId>> {
    let mut conn = app.read().await?;
    visible(&mut conn, caller, id).await?;
    let mut ids = Vec::new();
    for infra in store::infra::in_location(&mut conn, id).await? {
        if seen_by(&mut conn, caller, infra.owner).await?.is_some() {
            ids.push(infra.id);
        }
    }
    Ok(ids)
}

/// The locations that a tenant can use: its own and those of the tenants above it.
pub async fn tenant_locations(app: &App, caller: &Caller, tenant: TenantId) -> Result<Vec<LocationId>> {
    let mut conn = app.read().await?;
    let granted = app.allow(&mut conn, caller, Permission::TenantViewer, tenant).await?;
    let locations = store::infra::locations_at_or_above(&mut conn, granted.tenant().no).await?;
    Ok(locations.into_iter().map(|location| location.id).collect())
}

/// Makes a location.
pub async fn create_location(
    app: &App,
    caller: &Caller,
    owner_id: TenantId,
    name: &str,
) -> Result<Seen<Location>> {
    checked_name(name)?;
    let mut tx = app.write(caller).await?;
    let owner = owner(app, &mut tx, caller, owner_id).await?;
    let id = LocationId(app.ids.other()?);
    store::infra::insert_location(&mut tx, id, owner, name).await?;
    let seen = visible(&mut tx, caller, id).await?;
    tx.commit().await?;
    Ok(seen)
}

/// Renames a location.
pub async fn rename_location(
    app: &App,
    caller: &Caller,
    id: LocationId,
    version: i64,
    name: &str,
) -> Result<Seen<Location>> {
    checked_name(name)?;
    let mut tx = app.write(caller).await?;
    let old = store::infra::location_by_id(&mut tx, id).await?.ok_or(MISSING)?;
    owner(app, &mut tx, caller, old.owner_id).await?;
    check_version(Some(version), old.version)?;
    store::infra::rename_location(&mut tx, &old, name).await?;
    let seen = visible(&mut tx, caller, id).await?;
    tx.commit().await?;
    Ok(seen)
}

/// Deletes a location; 1009 while a storage stands in it.
pub async fn delete_location(app: &App, caller: &Caller, id: LocationId, version: i64) -> Result<()> {
    let mut tx = app.write(caller).await?;
    let old = store::infra::location_by_id(&mut tx, id).await?.ok_or(MISSING)?;
    owner(app, &mut tx, caller, old.owner_id).await?;
    check_version(Some(version), old.version)?;
    if !store::infra::in_location(&mut tx, id).await?.is_empty() {
        return Err(Error::rule(Rule::StorageInUse, "a storage stands in the location"));
    }
    store::infra::delete_location(&mut tx, &old).await?;
    Ok(tx.commit().await?)
}
