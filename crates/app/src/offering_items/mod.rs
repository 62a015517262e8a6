//! Offering items: what a tenant may use, and how much of it (accounts-api, 1.11 and 2.3).
//!
//! A tenant can have on what its parent has on. A storage of its own widens that: an item that the parent has on with
//! any storage can be had with one's own. A top tenant can have the whole catalogue with its own storages.

mod bindings;
mod edition;
mod first_setup;
mod keys;
mod limits;
mod plan;
mod update;

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Permission;
use domain::catalogue::{Catalogue, Item, ItemType, Service};
use domain::ids::{ApplicationId, InfraId, TenantId, TenantNo};
use domain::pricing::Quota;
use domain::tenant::{Tenant, TenantKind};
use domain::time::Instant;
use store::offering_items::{ItemChange, Key, State};
use store::{Conn, Write};

use crate::{App, Caller, Error, Result, Rule};
use plan::OneStorage;

pub use bindings::{bind, unbind};
pub use edition::{preview_edition, switch_edition};
pub use first_setup::first_setup;
pub use keys::{Keys, unavailable};
pub use update::{Change, QuotaChange, update};

/// An offering item as a tenant has it, or could have it.
#[derive(Debug, Clone)]
pub struct OfferingItem {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The item.
    pub item: &'static Item,
    /// The storage it is bound to.
    pub infra_id: Option<InfraId>,
    /// Whether it is on.
    pub enabled: bool,
    /// Its quota; none while it is off, and none for features.
    pub quota: Option<Quota>,
    /// When it changed last; while it never did, when the tenant was made.
    pub updated_at: Instant,
    /// When its tenant was deleted, if it was.
    pub deleted_at: Option<Instant>,
}

impl OfferingItem {
    fn new(tenant: &Tenant, keys: &Keys, key: Key, state: Option<&State>) -> Option<Self> {
        let item = keys.item(key)?;
        let enabled = state.is_some_and(|state| state.enabled);
        let quota = state.filter(|_| enabled && item.is_countable()).map(|state| state.quota);
        Some(Self {
            tenant_id: tenant.id,
            item,
            infra_id: keys.infra(key),
            enabled,
            quota,
            updated_at: state.map_or(tenant.created_at, |state| state.updated_at),
            deleted_at: None,
        })
    }

    /// An item that a tenant has or once had on; `None` where this binary's catalogue no longer knows it.
    pub(crate) fn stored(
        tenant_id: TenantId,
        deleted_at: Option<Instant>,
        keys: &Keys,
        key: Key,
        state: State,
    ) -> Option<Self> {
        let item = keys.item(key)?;
        let quota = (state.enabled && item.is_countable()).then_some(state.quota);
        let (enabled, updated_at) = (state.enabled, state.updated_at);
        Some(Self { tenant_id, item, infra_id: keys.infra(key), enabled, quota, updated_at, deleted_at })
    }
}

/// An item that an edition switch would need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingItem {
    /// The service of the item.
    pub application_id: ApplicationId,
    /// Its full name.
    pub name: String,
    /// The storage it would be bound to.
    pub infra_id: Option<InfraId>,
}

impl MissingItem {
    fn new(item: &Item, infra_id: Option<InfraId>) -> Self {
        let application_id = Catalogue::embedded().application_id(item.service);
        Self { application_id, name: item.name.clone(), infra_id }
    }
}

/// Which items a list holds.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Items of this edition, and those without one; `None`: of all.
    pub edition: Option<String>,
    /// Items bound to this storage.
    pub infra_id: Option<InfraId>,
    /// Items with one of these usage names.
    pub usage_names: Option<Vec<String>>,
    /// Items that are on, or off.
    pub enabled: Option<bool>,
    /// Items of this type.
    pub item_type: Option<ItemType>,
}

impl Filter {
    fn passes(&self, listed: &OfferingItem) -> bool {
        let item = listed.item;
        let edition = self.edition.as_deref();
        edition.is_none_or(|wanted| item.edition.is_none_or(|edition| edition.as_str() == wanted))
            && self.infra_id.is_none_or(|wanted| listed.infra_id == Some(wanted))
            && self.usage_names.as_ref().is_none_or(|wanted| wanted.contains(&item.usage_name))
            && self.enabled.is_none_or(|wanted| listed.enabled == wanted)
            && self.item_type.is_none_or(|wanted| item.item_type() == wanted)
    }
}

/// Every item that the tenant could have on, with what it is now.
pub async fn list(
    app: &App,
    caller: &Caller,
    tenant: TenantId,
    filter: &Filter,
) -> Result<Vec<OfferingItem>> {
    let mut conn = app.read().await?;
    let granted = app.allow(&mut conn, caller, Permission::TenantViewer, tenant).await?;
    let tenant = granted.tenant();
    let keys = Keys::load(&mut conn).await?;
    let states: BTreeMap<_, _> =
        store::offering_items::of_tenant(&mut conn, tenant.no).await?.into_iter().collect();
    let mut listed = available(&mut conn, &keys, tenant).await?;
    listed.extend(states.iter().filter(|(_, state)| state.enabled).map(|(key, _)| *key));
    let items = listed.into_iter().filter_map(|key| OfferingItem::new(tenant, &keys, key, states.get(&key)));
    Ok(items.filter(|item| filter.passes(item)).collect())
}

/// What the tenant has on, in the form in which a child of this kind could get it: all of it at once, so that a customer is
/// offered one storage per usage name.
pub async fn available_for_child(
    app: &App,
    caller: &Caller,
    tenant: TenantId,
    kind: Option<TenantKind>,
    filter: &Filter,
) -> Result<Vec<OfferingItem>> {
    let mut conn = app.read().await?;
    let granted = app.allow(&mut conn, caller, Permission::TenantViewer, tenant).await?;
    let tenant = granted.tenant();
    if let Some(kind) = kind.filter(|kind| !kind.may_stand_below(tenant.kind)) {
        return Err(Error::rule(
            Rule::Business,
            format!("kind: a {kind} cannot stand below a {}", tenant.kind),
        ));
    }
    let keys = Keys::load(&mut conn).await?;
    let states = store::offering_items::of_tenant(&mut conn, tenant.no).await?;
    let fresh = |state: State| State { quota: Quota::default(), ..state };
    let on = states.into_iter().filter(|(_, state)| state.enabled);
    let mut chosen = OneStorage::default();
    let items = on.filter_map(|(key, state)| {
        let item = OfferingItem::new(tenant, &keys, key, Some(&fresh(state)))?;
        let offered =
            filter.passes(&item) && (kind != Some(TenantKind::Customer) || chosen.takes(item.item, key));
        offered.then_some(item)
    });
    Ok(items.collect())
}

/// What a tenant could have on.
async fn available(conn: &mut Conn, keys: &Keys, tenant: &Tenant) -> Result<BTreeSet<Key>> {
    if tenant.is_top() {
        return Ok(keys.whole_catalogue(tenant.no).into_iter().collect());
    }
    let above = store::offering_items::of_tenant(conn, tenant.parent).await?;
    let mut keys_on: BTreeSet<Key> =
        above.iter().filter(|(_, state)| state.enabled).map(|(key, _)| *key).collect();
    let names: BTreeSet<_> = keys_on.iter().map(|key| key.item).collect();
    keys_on.extend(keys.on_own_storages(tenant.no, |item| names.contains(&item)));
    Ok(keys_on)
}

/// The change that turns off what a tenant has on.
pub(crate) fn turned_off(keys: &Keys, tenant: TenantNo, key: Key, state: State) -> ItemChange {
    plan::switched(keys, tenant, key, Some(state), false)
}

/// Gives a new personal tenant what its parent has on: its items follow the parent's, as only its quotas can be set.
pub async fn follow_parent(tx: &mut Write, personal: TenantNo, parent: TenantNo) -> Result<()> {
    let keys = Keys::load(tx).await?;
    let states = store::offering_items::of_tenant(tx, parent).await?;
    let on = states.into_iter().filter(|(_, state)| state.enabled);
    let changes: Vec<_> = on.map(|(key, _)| plan::switched(&keys, personal, key, None, true)).collect();
    store::offering_items::save(tx, &changes).await?;
    let services = store::catalogue::services(tx, parent).await?;
    Ok(store::catalogue::turn_services_on(tx, personal, &services).await?)
}

/// A personal tenant's items follow its parent's.
fn refuse_personal(tenant: &Tenant) -> Result<()> {
    if tenant.owner_id.is_none() {
        return Ok(());
    }
    Err(Error::rule(Rule::Business, "a personal tenant has its parent's items; only quotas can be set"))
}

fn service(app: &App, application: ApplicationId) -> Result<Service> {
    let known = app.catalogue().application(application);
    known.map(|known| known.service).ok_or(Error::NotFound { what: "application" })
}
