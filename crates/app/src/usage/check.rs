//! Which meter a reading is for, and whether it may be taken: by the tables of accounts-api 1.12.

use std::collections::{HashMap, HashSet};

use domain::catalogue::ItemNumbers;
use domain::catalogue::{Catalogue, Item, Unit};
use domain::ids::{InfraId, InfraNo, TenantId, TenantNo};
use domain::infra::Capability;
use domain::time::Day;
use domain::usage::{KeyHash, MeterKey, Reading};
use store::Conn;
use store::usage::Target;

use super::{Entry, Fault};
use crate::Result;

/// A reading that may be written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Accepted {
    /// For which meter.
    pub(super) key: MeterKey,
    /// For which day; `None`: the one on which it is written.
    pub(super) day: Option<Day>,
    /// Its value; `None`: the reading of the day is taken back.
    pub(super) value: Option<Reading>,
    /// Its idempotency key.
    pub(super) idempotency: Option<KeyHash>,
}

/// A reading whose tenant is known, with the meters it may be for: one, or one per edition for a usage name.
struct Candidates {
    name: String,
    keys: Vec<MeterKey>,
    value: Reading,
}

type Checked<T> = std::result::Result<T, Fault>;

/// Checks the readings of one call, all with a few statements.
pub(super) async fn check(
    conn: &mut Conn,
    roots: &[TenantNo],
    entries: Vec<Checked<Entry>>,
) -> Result<Vec<Checked<Accepted>>> {
    let known = Known::load(conn, roots, &entries).await?;
    let found: Vec<Checked<Candidates>> =
        entries.into_iter().map(|entry| known.candidates(&entry?)).collect();
    let keys: Vec<MeterKey> = found.iter().flatten().flat_map(|found| found.keys.iter().copied()).collect();
    let on = store::usage::switched_on(conn, &keys).await?;
    Ok(found.into_iter().map(|found| found.and_then(|found| choose(&found, &on))).collect())
}

/// The one meter whose item is on.
fn choose(found: &Candidates, on: &HashSet<MeterKey>) -> Checked<Accepted> {
    let mut on = found.keys.iter().filter(|key| on.contains(key));
    match (on.next(), on.next()) {
        (Some(key), None) => {
            Ok(Accepted { key: *key, day: None, value: Some(found.value), idempotency: None })
        }
        (None, _) => Err(Fault::ItemUnavailable(found.name.clone())),
        (Some(_), Some(_)) => {
            Err(Fault::Business(format!("several items of usage_type {} are on: name one", found.name)))
        }
    }
}

/// What the readings name.
struct Known {
    numbers: ItemNumbers,
    tenants: HashMap<TenantId, Target>,
    storages: HashMap<InfraId, (InfraNo, Vec<Capability>)>,
}

impl Known {
    async fn load(conn: &mut Conn, roots: &[TenantNo], entries: &[Checked<Entry>]) -> Result<Self> {
        let tenants: HashSet<TenantId> = entries.iter().flatten().filter_map(|entry| entry.tenant).collect();
        let storages: HashSet<InfraId> = entries.iter().flatten().filter_map(|entry| entry.infra).collect();
        Ok(Self {
            numbers: store::catalogue::item_numbers(conn).await?,
            tenants: store::usage::targets(conn, roots, &tenants.into_iter().collect::<Vec<_>>()).await?,
            storages: store::usage::storages(conn, &storages.into_iter().collect::<Vec<_>>()).await?,
        })
    }

    fn candidates(&self, entry: &Entry) -> Checked<Candidates> {
        let name = entry.offering_item.as_ref().or(entry.usage_type.as_ref());
        let (tenant, name) = match (entry.resource, entry.tenant, name) {
            (Some(resource), _, _) => return Err(Fault::UnknownResource(resource)),
            (None, None, _) => return Err(Fault::invalid("tenant_id", "required")),
            (None, Some(_), None) => return Err(Fault::invalid("offering_item", "required")),
            (None, Some(tenant), Some(name)) => (tenant, name.clone()),
        };
        let target = self.tenants.get(&tenant).ok_or(Fault::UnknownTenant(tenant))?;
        if !target.in_reach {
            return Err(Fault::Forbidden(tenant));
        }
        let items = if entry.offering_item.is_some() { by_name(&name)? } else { by_usage_name(&name)? };
        let keys = items
            .into_iter()
            .filter_map(|item| self.key(target.no, item, entry.infra).transpose())
            .collect::<Checked<_>>()?;
        Ok(Candidates { name, keys, value: entry.value })
    }

    /// The meter of an item; none where the storage named is not one for it.
    fn key(&self, tenant: TenantNo, item: &Item, infra: Option<InfraId>) -> Checked<Option<MeterKey>> {
        let infra = match (item.capability, infra) {
            (None, None) => Some(InfraNo::NONE),
            (None, Some(_)) => None,
            (Some(_), None) => return Err(Fault::invalid("infra_id", "required for this item")),
            (Some(needed), Some(id)) => {
                self.storages.get(&id).filter(|(_, has)| has.contains(&needed)).map(|(no, _)| *no)
            }
        };
        Ok(infra.zip(self.numbers.no(&item.name)).map(|(infra, item)| MeterKey { tenant, item, infra }))
    }
}

fn by_name(name: &str) -> Checked<Vec<&'static Item>> {
    let item = Catalogue::embedded().item(name).ok_or_else(|| Fault::ItemUnavailable(name.to_owned()))?;
    if item.is_countable() {
        Ok(vec![item])
    } else {
        Err(Fault::Business(format!("{name} is a feature: it is not counted")))
    }
}

/// The items of a usage name: of the shared kinds only, bytes and seconds.
fn by_usage_name(name: &str) -> Checked<Vec<&'static Item>> {
    let items: Vec<&Item> =
        Catalogue::embedded().items().iter().filter(|item| item.usage_name == name).collect();
    if items.is_empty() {
        return Err(Fault::ItemUnavailable(name.to_owned()));
    }
    if items.iter().all(|item| matches!(item.unit, Unit::Bytes | Unit::Seconds)) {
        Ok(items)
    } else {
        Err(Fault::Business(format!("usage_type {name} is not of a shared kind")))
    }
}
