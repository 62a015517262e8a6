//! Between the wire's names of items and storages and the numbers that rows are kept under.

use domain::catalogue::ItemNumbers;
use domain::catalogue::{Catalogue, Edition, Item};
use domain::ids::{ApplicationId, InfraId, InfraNo, TenantNo};
use store::Conn;
use store::infra::InfraNumbers;
use store::offering_items::Key;

use crate::{Error, Result, Rule};

/// Item names and storages with their numbers.
#[derive(Debug)]
pub struct Keys {
    items: ItemNumbers,
    infras: InfraNumbers,
}

impl Keys {
    /// As they are now.
    pub async fn load(conn: &mut Conn) -> Result<Self> {
        Ok(Self {
            items: store::catalogue::item_numbers(conn).await?,
            infras: store::infra::numbers(conn).await?,
        })
    }

    /// The key of an item as the wire names it in the member `at`; 1021 where there is none, or where storage and item do
    /// not match.
    pub fn named(
        &self,
        at: &str,
        application: ApplicationId,
        name: &str,
        infra: Option<InfraId>,
    ) -> Result<Key> {
        let missing = || unavailable(at, name, infra);
        let key = self.priced(at, application, name, infra)?;
        let item = self.items.item(key.item).ok_or_else(missing)?;
        if item.per_infra() == infra.is_some() { Ok(key) } else { Err(missing()) }
    }

    /// As [`Keys::named`], but an item with storages may come without one, as prices do.
    pub fn priced(
        &self,
        at: &str,
        application: ApplicationId,
        name: &str,
        infra: Option<InfraId>,
    ) -> Result<Key> {
        self.find(application, name, infra).ok_or_else(|| unavailable(at, name, infra))
    }

    fn find(&self, application: ApplicationId, name: &str, infra: Option<InfraId>) -> Option<Key> {
        let item = self.items.no(name)?;
        let known = self.items.item(item)?;
        if Catalogue::embedded().application_id(known.service) != application {
            return None;
        }
        let Some(infra) = infra else { return Some(Key { item, infra: InfraNo::NONE }) };
        let infra = self.infras.no(infra)?;
        let fits = self.infras.get(infra)?.capabilities.contains(&known.capability?);
        fits.then_some(Key { item, infra })
    }

    /// The item of a key; `None` for one that this binary's catalogue no longer knows.
    pub fn item(&self, key: Key) -> Option<&'static Item> {
        self.items.item(key.item)
    }

    /// The item of another edition that takes this one's place, at the same storage.
    pub fn counterpart(&self, key: Key, target: Edition) -> Option<Key> {
        let other = Catalogue::embedded().counterpart(self.item(key)?, target)?;
        Some(Key { item: self.items.no(&other.name)?, infra: key.infra })
    }

    /// The storage of a key.
    pub fn infra(&self, key: Key) -> Option<InfraId> {
        self.infras.id(key.infra)
    }

    /// The key in the change log.
    pub fn log_id(&self, key: Key) -> String {
        self.item(key).map_or_else(String::new, |item| store::audit::item_key(&item.name, self.infra(key)))
    }

    /// Every item of the catalogue, bound to the storages that the owner has.
    pub fn whole_catalogue(&self, owner: TenantNo) -> Vec<Key> {
        let counted = self.items.iter().filter(|(_, item)| !item.per_infra());
        let counted = counted.map(|(item, _)| Key { item, infra: InfraNo::NONE });
        counted.chain(self.on_own_storages(owner, |_| true)).collect()
    }

    /// The items that pass, bound to the storages that the owner has.
    pub fn on_own_storages<'a>(
        &'a self,
        owner: TenantNo,
        passes: impl Fn(domain::ids::ItemNo) -> bool + 'a,
    ) -> impl Iterator<Item = Key> + 'a {
        let items = self.items.iter().filter(move |(no, _)| passes(*no));
        items.filter_map(|(no, item)| Some((no, item.capability?))).flat_map(move |(item, capability)| {
            let fitting = self
                .infras
                .owned_by(owner)
                .filter(move |(_, infra)| infra.capabilities.contains(&capability));
            fitting.map(move |(infra, _)| Key { item, infra })
        })
    }
}

/// The most characters of a name that is quoted: more than any item has.
const QUOTED_CHARS: usize = 64;

/// 1021, naming the item and the member that named it.
pub fn unavailable(at: &str, name: &str, infra: Option<InfraId>) -> Error {
    let quoted: String = name.chars().take(QUOTED_CHARS).collect();
    let cut = if quoted.len() < name.len() { "..." } else { "" };
    let storage = infra.map_or_else(String::new, |infra| format!(" with storage {infra}"));
    Error::rule(Rule::ItemUnavailable, format!("{at}.name: {quoted:?}{cut} cannot be had here{storage}"))
}
