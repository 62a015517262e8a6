//! Storages.

use domain::access::Permission;
use domain::ids::{InfraId, InfraNo, LocationId, TenantId, TenantNo};
use domain::infra::{BackendType, Capability, Infra, check_url, shown_url};
use domain::text::check_text;
use store::infra::InfraFields;
use store::{Conn, Write};

use super::{Seen, checked_name, locations, owner, seen_by};
use crate::offering_items::{Keys, turned_off};
use crate::pricing::check_version;
use crate::{App, Caller, Error, Result, Rule};

const MISSING: Error = Error::NotFound { what: "storage" };

/// The storages among these that the caller may see; others are left out.
pub async fn list(app: &App, caller: &Caller, ids: &[InfraId]) -> Result<Vec<Seen<Infra>>> {
    let mut conn = app.read().await?;
    let mut seen = Vec::new();
    for id in ids {
        let Some(object) = store::infra::by_id(&mut conn, *id).await? else { continue };
        if let Some(readonly) = seen_by(&mut conn, caller, object.owner).await? {
            seen.push(Seen { object, readonly });
        }
    }
    Ok(seen)
}

/// A storage.
pub async fn get(app: &App, caller: &Caller, id: InfraId) -> Result<Seen<Infra>> {
    visible(&mut app.read().await?, caller, id).await
}

async fn visible(conn: &mut Conn, caller: &Caller, id: InfraId) -> Result<Seen<Infra>> {
    let object = store::infra::by_id(conn, id).await?.ok_or(MISSING)?;
    let readonly = seen_by(conn, caller, object.owner).await?.ok_or(Error::Forbidden)?;
    Ok(Seen { object, readonly })
}

/// The storages that a tenant can use: its own and those of the tenants above it.
pub async fn tenant_storages(app: &App, caller: &Caller, tenant: TenantId) -> Result<Vec<InfraId>> {
    let mut conn = app.read().await?;
    let granted = app.allow(&mut conn, caller, Permission::TenantViewer, tenant).await?;
    let storages = store::infra::at_or_above(&mut conn, granted.tenant().no).await?;
    Ok(storages.into_iter().map(|infra| infra.id).collect())
}

/// A storage to make.
#[derive(Debug, Clone)]
pub struct NewInfra {
    /// Who owns it.
    pub owner_id: TenantId,
    /// Where it stands; `None`: in the owner's first location, which is made where there is none.
    pub location_id: Option<LocationId>,
    /// Its name.
    pub name: String,
    /// How to reach it.
    pub url: String,
    /// What it can be used for.
    pub capabilities: Vec<Capability>,
    /// Address of its content for browsers.
    pub content_url: Option<String>,
    /// Address of its content for mobiles.
    pub content_mobile_url: Option<String>,
    /// Whose technology it stands on.
    pub backend_type: Option<BackendType>,
}

/// Makes a storage. Items of its capabilities can then be had by its owner; none is on yet.
pub async fn create(app: &App, caller: &Caller, new: NewInfra) -> Result<Seen<Infra>> {
    let mut fields = InfraFields {
        location_id: LocationId(uuid::Uuid::nil()),
        name: new.name,
        url: new.url,
        capabilities: without_repeats(new.capabilities),
        content_url: new.content_url,
        content_mobile_url: new.content_mobile_url,
        backend_type: new.backend_type,
    };
    check(&fields)?;
    let mut tx = app.write(caller).await?;
    let owner = owner(app, &mut tx, caller, new.owner_id).await?;
    fields.location_id = match new.location_id {
        Some(id) => usable_location(&mut tx, caller, owner, id).await?,
        None => first_location(app, &mut tx, owner).await?,
    };
    let id = InfraId(app.ids.other()?);
    store::infra::insert(&mut tx, id, owner, &fields).await?;
    let seen = visible(&mut tx, caller, id).await?;
    tx.commit().await?;
    Ok(seen)
}

fn check(fields: &InfraFields) -> Result<()> {
    checked_name(&fields.name)?;
    check_url(&fields.url).map_err(|error| Error::invalid("url", error.to_string()))?;
    for (field, text) in
        [("content_url", &fields.content_url), ("content_mobile_url", &fields.content_mobile_url)]
    {
        let text = text.as_deref().unwrap_or_default();
        check_text(text).map_err(|error| Error::invalid(field, error.to_string()))?;
    }
    if fields.capabilities.is_empty() {
        Err(Error::invalid("capabilities", "must not be empty"))
    } else {
        Ok(())
    }
}

fn without_repeats(mut capabilities: Vec<Capability>) -> Vec<Capability> {
    let mut seen = Vec::new();
    capabilities.retain(|capability| {
        let is_new = !seen.contains(capability);
        seen.push(*capability);
        is_new
    });
    capabilities
}

/// The location, if it belongs to the storage's owner or to a tenant above it.
async fn usable_location(
    conn: &mut Conn,
    caller: &Caller,
    owner: TenantNo,
    id: LocationId,
) -> Result<LocationId> {
    let location = locations::visible(conn, caller, id).await?.object;
    let is_above = store::tenants::reach(conn, location.owner, owner).await?.is_some();
    if is_above { Ok(id) } else { Err(Error::Forbidden) }
}

async fn first_location(app: &App, tx: &mut Write, owner: TenantNo) -> Result<LocationId> {
    let locations = store::infra::locations_at_or_above(tx, owner).await?;
    if let Some(own) = locations.iter().find(|location| location.owner == owner) {
        return Ok(own.id);
    }
    let id = LocationId(app.ids.other()?);
    store::infra::insert_location(tx, id, owner, "Default").await?;
    Ok(id)
}

/// What is to be changed; `None` stays.
#[derive(Debug, Clone, Default)]
pub struct InfraChange {
    /// The version that is replaced.
    pub version: i64,
    /// Its name.
    pub name: Option<String>,
    /// Where it stands.
    pub location_id: Option<LocationId>,
    /// How to reach it.
    pub url: Option<String>,
    /// What it can be used for.
    pub capabilities: Option<Vec<Capability>>,
    /// Address of its content for browsers; `Some(None)` clears it, as in the next two.
    pub content_url: Option<Option<String>>,
    /// Address of its content for mobiles.
    pub content_mobile_url: Option<Option<String>>,
    /// Whose technology it stands on.
    pub backend_type: Option<Option<BackendType>>,
}

/// Changes a storage; 1009 where it would lose a capability that items need.
pub async fn update(app: &App, caller: &Caller, id: InfraId, change: InfraChange) -> Result<Seen<Infra>> {
    let mut tx = app.write(caller).await?;
    let old = store::infra::by_id(&mut tx, id).await?.ok_or(MISSING)?;
    let (version, location_id) = (change.version, change.location_id);
    let mut fields = changed(&old, change);
    check(&fields)?;
    owner(app, &mut tx, caller, old.owner_id).await?;
    check_version(Some(version), old.version)?;
    if let Some(location) = location_id.filter(|location| *location != old.location_id) {
        fields.location_id = usable_location(&mut tx, caller, old.owner, location).await?;
    }
    check_capabilities(&mut tx, old.no, &fields.capabilities).await?;
    store::infra::update(&mut tx, &old, &fields).await?;
    let seen = visible(&mut tx, caller, id).await?;
    tx.commit().await?;
    Ok(seen)
}

fn changed(old: &Infra, change: InfraChange) -> InfraFields {
    // Who sends back what answers show does not mean to drop the credentials.
    let url = change.url.filter(|url| *url != shown_url(&old.url)).unwrap_or_else(|| old.url.clone());
    InfraFields {
        location_id: old.location_id,
        name: change.name.unwrap_or_else(|| old.name.clone()),
        url,
        capabilities: change.capabilities.map_or_else(|| old.capabilities.clone(), without_repeats),
        content_url: change.content_url.unwrap_or_else(|| old.content_url.clone()),
        content_mobile_url: change.content_mobile_url.unwrap_or_else(|| old.content_mobile_url.clone()),
        backend_type: change.backend_type.unwrap_or(old.backend_type),
    }
}

async fn check_capabilities(conn: &mut Conn, infra: InfraNo, kept: &[Capability]) -> Result<()> {
    let keys = Keys::load(conn).await?;
    let on = store::offering_items::enabled_on_infra(conn, infra).await?;
    let needed = on.iter().filter_map(|(_, key, _)| keys.item(*key)?.capability);
    match needed.into_iter().find(|capability| !kept.contains(capability)) {
        Some(capability) => {
            Err(Error::rule(Rule::StorageInUse, format!("capabilities: items need {capability}")))
        }
        None => Ok(()),
    }
}

/// Deletes a storage; 1009 while it is used or anybody has an item on it. With `force`, usage and the items of
/// partners do not count.
pub async fn delete(app: &App, caller: &Caller, id: InfraId, version: i64, force: bool) -> Result<()> {
    let mut tx = app.write(caller).await?;
    let old = store::infra::by_id(&mut tx, id).await?.ok_or(MISSING)?;
    app.allow(&mut tx, caller, Permission::InfraAdmin, old.owner_id).await?;
    check_version(Some(version), old.version)?;
    let on = store::offering_items::enabled_on_infra(&mut tx, old.no).await?;
    let in_use = if force {
        store::infra::serves_customers(&mut tx, old.no).await?
    } else {
        !on.is_empty() || store::infra::is_used(&mut tx, old.no).await?
    };
    if in_use {
        return Err(Error::rule(Rule::StorageInUse, format!("storage {id} is in use")));
    }
    let keys = Keys::load(&mut tx).await?;
    let off: Vec<_> =
        on.into_iter().map(|(tenant, key, state)| turned_off(&keys, tenant, key, state)).collect();
    store::offering_items::save(&mut tx, &off).await?;
    store::infra::delete(&mut tx, &old).await?;
    Ok(tx.commit().await?)
}
