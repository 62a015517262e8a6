//! What is to become of a tenant's items, and of those below that hang on them.

use std::collections::{BTreeMap, BTreeSet};

use domain::catalogue::{Item, Service};
use domain::ids::{InfraNo, ItemNo, TenantNo};
use domain::pricing::Quota;
use domain::tenant::{Tenant, TenantKind};
use store::offering_items::{ItemChange, Key, State};
use store::{Conn, Write};

use super::{Keys, OfferingItem, available};
use crate::{Error, Result, Rule};

/// A customer has one storage per usage name (accounts-api, 1.11): the first that it takes.
#[derive(Default)]
pub(super) struct OneStorage(BTreeMap<&'static str, InfraNo>);

impl OneStorage {
    /// Whether the item can be had beside those that were taken before.
    pub(super) fn takes(&mut self, item: &'static Item, key: Key) -> bool {
        key.infra == InfraNo::NONE || *self.0.entry(&item.usage_name).or_insert(key.infra) == key.infra
    }
}

/// How a tenant's items are, and what is to become of them.
pub(super) struct Plan {
    pub(super) tenant: Tenant,
    pub(super) keys: Keys,
    /// What could be had on.
    pub(super) available: BTreeSet<Key>,
    before: BTreeMap<Key, State>,
    /// Each item on or off, with its quota.
    pub(super) after: BTreeMap<Key, (bool, Quota)>,
    /// Which items one takes the place of, at the tenant's personal tenants too.
    pub(super) replaces: BTreeMap<Key, Vec<Key>>,
}

impl Plan {
    pub(super) async fn load(conn: &mut Conn, tenant: Tenant) -> Result<Self> {
        let keys = Keys::load(conn).await?;
        let available = available(conn, &keys, &tenant).await?;
        let before: BTreeMap<_, _> =
            store::offering_items::of_tenant(conn, tenant.no).await?.into_iter().collect();
        let after = before.iter().map(|(key, state)| (*key, (state.enabled, state.quota))).collect();
        Ok(Self { tenant, keys, available, before, after, replaces: BTreeMap::new() })
    }

    pub(super) fn was(&self, key: Key) -> (bool, Quota) {
        self.before.get(&key).map_or((false, Quota::default()), |state| (state.enabled, state.quota))
    }

    pub(super) fn is_countable(&self, key: Key) -> bool {
        self.keys.item(key).is_some_and(Item::is_countable)
    }

    /// One number for the whole call, larger than any that it can replace.
    pub(super) fn next_version(&self, now_millis: i64) -> i64 {
        self.before.values().map(|state| state.quota.version + 1).fold(now_millis, i64::max)
    }

    /// What goes on that was off.
    pub(super) fn newly_on(&self) -> impl Iterator<Item = Key> + '_ {
        let on = self.after.iter().filter(|(key, (on, _))| *on && !self.was(**key).0);
        on.map(|(key, _)| *key)
    }

    /// What goes off that was on.
    fn newly_off(&self) -> impl Iterator<Item = Key> + '_ {
        let off = self.after.iter().filter(|(key, (on, _))| !on && self.was(**key).0);
        off.map(|(key, _)| *key)
    }

    /// Fails where a customer would have more than [`OneStorage`].
    pub(super) fn check_storages(&self, named: &[Key]) -> Result<()> {
        if self.tenant.kind != TenantKind::Customer {
            return Ok(());
        }
        let mut chosen = OneStorage::default();
        let on = self.after.iter().filter(|(_, (on, _))| *on);
        let touched: BTreeSet<&str> = named
            .iter()
            .filter_map(|key| self.keys.item(*key))
            .map(|item| item.usage_name.as_str())
            .collect();
        for key in on.map(|(key, _)| key) {
            let Some(item) = self.keys.item(*key).filter(|item| touched.contains(item.usage_name.as_str()))
            else {
                continue;
            };
            if !chosen.takes(item, *key) {
                let info = format!("{}: a customer has one storage per usage name", item.usage_name);
                return Err(Error::rule(Rule::Business, info));
            }
        }
        Ok(())
    }

    /// Saves what differs, here and below.
    pub(super) async fn save(&self, tx: &mut Write, check_usage: bool) -> Result<()> {
        let differing = self.after.iter().filter(|(key, after)| **after != self.was(**key));
        let mut changes: Vec<ItemChange> = differing
            .map(|(key, (on, quota))| ItemChange {
                quota: *quota,
                ..switched(&self.keys, self.tenant.no, *key, self.before.get(key).copied(), *on)
            })
            .collect();
        changes.extend(self.off_below(tx, check_usage).await?);
        let personal = store::offering_items::personal_tenants(tx, self.tenant.no).await?;
        changes.extend(self.followed(tx, &personal).await?);
        store::offering_items::save(tx, &changes).await?;
        let services: BTreeSet<Service> =
            self.newly_on().filter_map(|key| self.keys.item(key)).map(|item| item.service).collect();
        let services: Vec<_> = services.into_iter().collect();
        for tenant in std::iter::once(self.tenant.no).chain(personal) {
            store::catalogue::turn_services_on(tx, tenant, &services).await?;
        }
        Ok(())
    }

    /// What goes off below with the items that go off here: each with its storage, and once the tenant has it with no
    /// storage at all, also with the storages that tenants below own.
    async fn off_below(&self, tx: &mut Write, check_usage: bool) -> Result<Vec<ItemChange>> {
        let off: BTreeSet<Key> = self.newly_off().collect();
        if off.is_empty() {
            return Ok(Vec::new());
        }
        let items: BTreeSet<ItemNo> = off.iter().map(|key| key.item).collect();
        let kept: BTreeSet<ItemNo> =
            self.after.iter().filter(|(_, (on, _))| *on).map(|(key, _)| key.item).collect();
        let goes = |key: &Key| off.contains(key) || items.contains(&key.item) && !kept.contains(&key.item);
        let items: Vec<ItemNo> = items.iter().copied().collect();
        if check_usage {
            let used = store::offering_items::used(tx, self.tenant.no, &items).await?;
            if let Some(key) = used.into_iter().find(goes) {
                let info = format!("{}: there is usage", self.keys.log_id(key));
                return Err(Error::rule(Rule::Business, info));
            }
        }
        let below = store::offering_items::enabled_below(tx, self.tenant.no, &items).await?;
        let going = below.into_iter().filter(|(_, key, _)| goes(key));
        let off = |(tenant, key, state): (TenantNo, Key, State)| ItemChange {
            quota: state.quota,
            ..switched(&self.keys, tenant, key, Some(state), false)
        };
        Ok(going.map(off).collect())
    }

    /// What goes on at the personal tenants: their items follow, and where an item takes the place of others their quotas
    /// do, too.
    async fn followed(&self, tx: &mut Write, personal: &[TenantNo]) -> Result<Vec<ItemChange>> {
        let on: BTreeSet<Key> = self.newly_on().chain(self.replaces.keys().copied()).collect();
        if on.is_empty() || personal.is_empty() {
            return Ok(Vec::new());
        }
        let version = self.next_version(tx.now().unix_millis());
        let states = store::offering_items::of_personal_tenants(tx, self.tenant.no).await?;
        let mut changes = Vec::with_capacity(on.len() * personal.len());
        for tenant in personal {
            for key in &on {
                let old = states.get(&(*tenant, *key)).copied();
                let replaced = self.replaces.get(key).into_iter().flatten();
                let replaced = replaced.filter_map(|replaced| states.get(&(*tenant, *replaced)));
                let mut replaced = replaced.filter(|state| state.enabled).peekable();
                let quota = match old {
                    _ if !self.is_countable(*key) => Quota::default(),
                    Some(old) if replaced.peek().is_none() => old.quota,
                    _ => {
                        let on = old.iter().filter(|state| state.enabled).chain(replaced);
                        merged(on.map(|state| state.quota), version)
                    }
                };
                changes.push(ItemChange { quota, ..switched(&self.keys, *tenant, *key, old, true) });
            }
        }
        Ok(changes)
    }

    /// Some of the items as they were saved.
    pub(super) async fn saved(&self, conn: &mut Conn, keys: &[Key]) -> Result<Vec<OfferingItem>> {
        let states: BTreeMap<_, _> =
            store::offering_items::of_tenant(conn, self.tenant.no).await?.into_iter().collect();
        let item = |key: &Key| OfferingItem::new(&self.tenant, &self.keys, *key, states.get(key));
        Ok(keys.iter().filter_map(item).collect())
    }
}

/// The change that switches one item, with no quota.
pub(super) fn switched(
    keys: &Keys,
    tenant: TenantNo,
    key: Key,
    old: Option<State>,
    enabled: bool,
) -> ItemChange {
    ItemChange { tenant, key, log_id: keys.log_id(key), old, enabled, quota: Quota::default() }
}

/// The quota of an item that takes the place of some: theirs together, under a new version. Where nothing is limited that
/// is 0 (accounts-api, 1.11).
pub(super) fn merged(quotas: impl Iterator<Item = Quota>, version: i64) -> Quota {
    let quota = quotas.reduce(Quota::with).unwrap_or_default();
    Quota { version: if quota.value.is_none() { 0 } else { version }, ..quota }
}
