//! Which meter a reading is for, and whether it may be taken: by the tables of accounts-api 1.12.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use domain::catalogue::{Catalogue, Item, ItemNumbers, Unit};
use domain::ids::{InfraId, InfraNo, TenantId, TenantNo};
use domain::infra::Capability;
use domain::time::Day;
use domain::usage::{KeyHash, MeterKey, Reading};
use store::Conn;
use uuid::Uuid;

use super::Fault;
use super::known::{Known, Target};
use crate::Result;

/// A reading that may be written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Accepted {
    /// For which meter.
    pub(super) key: MeterKey,
    /// The day it is for; `None`: the day on which it is written.
    pub(super) day: Option<Day>,
    /// Its value; `None`: the reading of the day is taken back.
    pub(super) value: Option<Reading>,
    /// The caller's own key, so that a repeated call counts once.
    pub(super) idempotency: Option<KeyHash>,
}

/// What a reading is for, in the caller's words.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Named<'a> {
    /// Whose.
    pub(super) tenant: Option<TenantId>,
    /// Of which resource; Tidemark keeps none.
    pub(super) resource: Option<Uuid>,
    /// The full name of the item.
    pub(super) offering_item: Option<&'a str>,
    /// The usage name, where no item is named.
    pub(super) usage_type: Option<&'a str>,
    /// On which storage.
    pub(super) infra: Option<InfraId>,
}

/// A meter that takes readings from the caller now.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    /// Which.
    pub(super) key: MeterKey,
    /// The tenants that stand above its own.
    pub(super) above: Arc<[TenantNo]>,
}

/// A tenant, with the meters that a reading may be for: one, or one per edition for a usage name.
struct Candidates<'a> {
    name: &'a str,
    keys: Vec<MeterKey>,
    above: Arc<[TenantNo]>,
}

type Checked<T> = std::result::Result<T, Fault>;

/// Finds the meters of some readings that are told at and below `roots`, all with a few statements.
pub(super) async fn check(
    known: &Known,
    conn: &mut Conn,
    roots: &[TenantNo],
    named: &[Checked<Named<'_>>],
) -> Result<Vec<Checked<Placed>>> {
    let now = known.catch_up(conn).await?;
    let tenants: HashSet<TenantId> = named.iter().flatten().filter_map(|named| named.tenant).collect();
    let storages: HashSet<InfraId> = named.iter().flatten().filter_map(|named| named.infra).collect();
    let around = Around {
        roots,
        numbers: store::catalogue::item_numbers(conn).await?,
        tenants: known.targets(conn, now, tenants).await?,
        storages: store::usage::storages(conn, &storages.into_iter().collect::<Vec<_>>()).await?,
    };
    let found: Vec<Checked<Candidates<'_>>> =
        named.iter().map(|named| around.candidates(named.as_ref().map_err(Clone::clone)?)).collect();
    let keys = found.iter().flatten().flat_map(|found| found.keys.iter().copied()).collect();
    let on = known.switched_on(conn, now, keys).await?;
    Ok(found.into_iter().map(|found| choose(found?, &on)).collect())
}

/// The one meter whose item is on.
fn choose(found: Candidates<'_>, on: &HashSet<MeterKey>) -> Checked<Placed> {
    let mut on = found.keys.iter().filter(|key| on.contains(key));
    match (on.next(), on.next()) {
        (Some(key), None) => Ok(Placed { key: *key, above: found.above }),
        (None, _) => Err(Fault::ItemUnavailable(found.name.to_owned())),
        (Some(_), Some(_)) => {
            Err(Fault::Business(format!("several items of usage_type {} are on: name one", found.name)))
        }
    }
}

/// What stands around the readings.
struct Around<'a> {
    roots: &'a [TenantNo],
    numbers: ItemNumbers,
    tenants: HashMap<TenantId, Target>,
    storages: HashMap<InfraId, (InfraNo, Vec<Capability>)>,
}

impl Around<'_> {
    fn candidates<'a>(&self, named: &Named<'a>) -> Checked<Candidates<'a>> {
        let name = named.offering_item.or(named.usage_type);
        let (tenant, name) = match (named.resource, named.tenant, name) {
            (Some(resource), _, _) => return Err(Fault::UnknownResource(resource)),
            (None, None, _) => return Err(Fault::invalid("tenant_id", "required")),
            (None, Some(_), None) => return Err(Fault::invalid("offering_item", "required")),
            (None, Some(tenant), Some(name)) => (tenant, name),
        };
        let target = self.tenants.get(&tenant).ok_or(Fault::UnknownTenant(tenant))?;
        if !self.roots.iter().any(|root| *root == target.no || target.above.contains(root)) {
            return Err(Fault::Forbidden(tenant));
        }
        let items = if named.offering_item.is_some() { by_name(name)? } else { by_usage_name(name)? };
        let keys = items
            .into_iter()
            .filter_map(|item| self.key(target.no, item, named.infra).transpose())
            .collect::<Checked<_>>()?;
        Ok(Candidates { name, keys, above: Arc::clone(&target.above) })
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
