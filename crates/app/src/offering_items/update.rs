//! Switching items and setting quotas: all or nothing.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Permission;
use domain::catalogue::Service;
use domain::ids::{ApplicationId, InfraId, InfraNo, TenantId, TenantNo};
use domain::pricing::Quota;
use domain::tenant::{Tenant, TenantKind};
use store::Write;
use store::offering_items::{ItemChange, Key, State};

use super::{Keys, OfferingItem, available, unavailable};
use crate::{App, Caller, Error, Result, Rule};

/// What one entry of the call asks for.
#[derive(Debug, Clone)]
pub struct Change {
    /// The service of the item.
    pub application_id: ApplicationId,
    /// Its full name.
    pub name: String,
    /// The storage it is bound to.
    pub infra_id: Option<InfraId>,
    /// On or off; `None`: as it is.
    pub enabled: Option<bool>,
    /// The quota with the version that it replaces; `None`: as it is.
    pub quota: Option<Quota>,
}

/// Switches the named items and sets their quotas; items that are not named stay. Gives back the named ones.
pub async fn update(
    app: &App,
    caller: &Caller,
    tenant: TenantId,
    changes: &[Change],
    check_usage: bool,
) -> Result<Vec<OfferingItem>> {
    let mut tx = app.write(caller).await?;
    let granted = app.allow(&mut tx, caller, Permission::TenantAdmin, tenant).await?;
    granted.check_lock(caller)?;
    let mut plan = Plan::load(&mut tx, granted.tenant().clone()).await?;
    let mut named = Vec::with_capacity(changes.len());
    for change in changes {
        named.push(plan.key(change)?);
    }
    for (change, key) in changes.iter().zip(&named) {
        plan.check_quota_version(change, *key)?;
    }
    let version = plan.next_version(tx.now().unix_millis(), &named);
    for (change, key) in changes.iter().zip(&named) {
        plan.apply(change, *key, version)?;
    }
    plan.check_storages(&named)?;
    plan.save(&mut tx, check_usage).await?;
    let states: BTreeMap<_, _> =
        store::offering_items::of_tenant(&mut tx, plan.tenant.no).await?.into_iter().collect();
    let answer =
        named.iter().filter_map(|key| OfferingItem::new(&plan.tenant, &plan.keys, *key, states.get(key)));
    let answer = answer.collect();
    tx.commit().await?;
    Ok(answer)
}

/// The change that switches one item; what goes off loses its quota.
pub(super) fn switched(
    keys: &Keys,
    tenant: TenantNo,
    key: Key,
    old: Option<State>,
    enabled: bool,
) -> ItemChange {
    ItemChange { tenant, key, log_id: keys.log_id(key), old, enabled, quota: Quota::default() }
}

/// How a tenant's items are, and what is to become of them.
struct Plan {
    tenant: Tenant,
    keys: Keys,
    available: BTreeSet<Key>,
    before: BTreeMap<Key, State>,
    after: BTreeMap<Key, (bool, Quota)>,
}

impl Plan {
    async fn load(tx: &mut Write, tenant: Tenant) -> Result<Self> {
        let keys = Keys::load(tx).await?;
        let available = available(tx, &keys, &tenant).await?;
        let before: BTreeMap<_, _> =
            store::offering_items::of_tenant(tx, tenant.no).await?.into_iter().collect();
        let after = before.iter().map(|(key, state)| (*key, (state.enabled, state.quota))).collect();
        Ok(Self { tenant, keys, available, before, after })
    }

    fn key(&self, change: &Change) -> Result<Key> {
        self.keys.named(change.application_id, &change.name, change.infra_id)
    }

    fn was(&self, key: Key) -> (bool, Quota) {
        self.before.get(&key).map_or((false, Quota::default()), |state| (state.enabled, state.quota))
    }

    fn is_countable(&self, key: Key) -> bool {
        self.keys.item(key).is_some_and(domain::catalogue::Item::is_countable)
    }

    fn check_quota_version(&self, change: &Change, key: Key) -> Result<()> {
        let current = self.was(key).1.version;
        match change.quota {
            Some(sent) if self.is_countable(key) && sent.version != current => Err(Error::StaleQuota {
                info: format!(
                    "{}: quota version {} was sent, the current one is {current}",
                    change.name, sent.version
                ),
            }),
            _ => Ok(()),
        }
    }

    /// One number for the whole call, larger than any that it replaces.
    fn next_version(&self, now_millis: i64, named: &[Key]) -> i64 {
        named.iter().map(|key| self.was(*key).1.version + 1).fold(now_millis, i64::max)
    }

    fn apply(&mut self, change: &Change, key: Key, version: i64) -> Result<()> {
        let (was_on, old) = self.after.get(&key).copied().unwrap_or_default();
        let on = change.enabled.unwrap_or(was_on);
        if on != was_on && self.tenant.owner_id.is_some() {
            let info =
                format!("{}: a personal tenant has its parent's items; only quotas can be set", change.name);
            return Err(Error::rule(Rule::Business, info));
        }
        if on && !was_on && !self.available.contains(&key) {
            return Err(unavailable(&change.name, change.infra_id));
        }
        let quota = match change.quota {
            _ if !on => Quota::default(),
            Some(sent) if self.is_countable(key) => replace(old, sent, version),
            _ => old,
        };
        self.after.insert(key, (on, quota));
        Ok(())
    }

    /// A customer has one storage per usage name.
    fn check_storages(&self, named: &[Key]) -> Result<()> {
        if self.tenant.kind != TenantKind::Customer {
            return Ok(());
        }
        let mut chosen: BTreeMap<&str, InfraNo> = BTreeMap::new();
        let on = self.after.iter().filter(|(key, (on, _))| *on && key.infra != InfraNo::NONE);
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
            if *chosen.entry(&item.usage_name).or_insert(key.infra) != key.infra {
                let info = format!("{}: a customer has one storage per usage name", item.usage_name);
                return Err(Error::rule(Rule::Business, info));
            }
        }
        Ok(())
    }

    /// Saves what differs, here and below.
    async fn save(&self, tx: &mut Write, check_usage: bool) -> Result<()> {
        let mut changes: BTreeMap<(TenantNo, Key), ItemChange> = BTreeMap::new();
        let mut services: BTreeSet<Service> = BTreeSet::new();
        let personal = store::offering_items::personal_tenants(tx, self.tenant.no).await?;
        for (key, (on, quota)) in self.after.iter().filter(|(key, after)| **after != self.was(**key)) {
            let was_on = self.was(*key).0;
            let old = self.before.get(key).copied();
            let here = switched(&self.keys, self.tenant.no, *key, old, *on);
            let mut all = vec![ItemChange { quota: *quota, ..here }];
            if was_on && !on {
                all.extend(self.off_below(tx, *key, check_usage).await?);
            } else if *on && !was_on {
                services.extend(self.keys.item(*key).map(|item| item.service));
                for follower in &personal {
                    let old = store::offering_items::state(tx, *follower, *key).await?;
                    all.push(switched(&self.keys, *follower, *key, old, true));
                }
            }
            changes.extend(all.into_iter().map(|change| ((change.tenant, change.key), change)));
        }
        let changes: Vec<_> = changes.into_values().collect();
        store::offering_items::save(tx, &changes).await?;
        let services: Vec<_> = services.into_iter().collect();
        for tenant in std::iter::once(self.tenant.no).chain(personal) {
            store::catalogue::turn_services_on(tx, tenant, &services).await?;
        }
        Ok(())
    }

    /// What goes off below with an item that goes off here: the item with this storage, and once the tenant has it with
    /// no storage at all, also with the storages that tenants below own.
    async fn off_below(&self, tx: &mut Write, key: Key, check_usage: bool) -> Result<Vec<ItemChange>> {
        let is_gone = !self.after.iter().any(|(other, (on, _))| *on && other.item == key.item);
        let below = store::offering_items::enabled_below(tx, self.tenant.no, key, is_gone).await?;
        let touched: BTreeSet<Key> = below.iter().map(|(_, key, _)| *key).chain([key]).collect();
        for key in touched.into_iter().filter(|_| check_usage) {
            if store::offering_items::is_used(tx, self.tenant.no, key).await? {
                return Err(Error::rule(
                    Rule::Business,
                    format!("{}: there is usage", self.keys.log_id(key)),
                ));
            }
        }
        let off = below.into_iter();
        Ok(off.map(|(tenant, key, state)| switched(&self.keys, tenant, key, Some(state), false)).collect())
    }
}

/// The quota that a sent one makes of the old one: null clears, and version 0 says that nothing is limited.
fn replace(old: Quota, sent: Quota, version: i64) -> Quota {
    let overage = sent.value.and(sent.overage);
    if (old.value, old.overage) == (sent.value, overage) {
        return old;
    }
    let version = if sent.value.is_none() { 0 } else { version };
    Quota { value: sent.value, overage, version }
}
