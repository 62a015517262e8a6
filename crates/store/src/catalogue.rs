//! The stable numbers of item names, and what tenants have switched on.

use std::collections::HashMap;
use std::sync::Arc;

use domain::catalogue::{Catalogue, Item, Service};
use domain::ids::{ItemNo, TenantNo};

use crate::{Conn, Result, Write, args};

/// Gives every item of the catalogue that has none a number. Numbers never change: readings are kept under them.
pub async fn insert_missing_items(tx: &mut Write, catalogue: &Catalogue) -> Result<()> {
    let known = item_numbers(tx).await?;
    for item in catalogue.items().iter().filter(|item| known.no(&item.name).is_none()) {
        tx.run("INSERT INTO items (name) VALUES ($1)", args![item.name.as_str()]).await?;
    }
    Ok(())
}

/// Items by number and numbers by item name. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ItemNumbers(Arc<Both>);

#[derive(Debug, Default)]
struct Both {
    by_name: HashMap<&'static str, ItemNo>,
    by_no: HashMap<ItemNo, &'static Item>,
}

impl ItemNumbers {
    /// The number of the item with this full name.
    pub fn no(&self, name: &str) -> Option<ItemNo> {
        self.0.by_name.get(name).copied()
    }

    /// Every item of the catalogue with its number, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (ItemNo, &'static Item)> + '_ {
        self.0.by_no.iter().map(|(no, item)| (*no, *item))
    }

    /// The item with this number; `None` for one that this binary's catalogue does not know.
    pub fn item(&self, no: ItemNo) -> Option<&'static Item> {
        self.0.by_no.get(&no).copied()
    }
}

/// The numbers of the catalogue's items in this database. Once all have one they are remembered: a number never
/// changes, and they are given at set-up alone, before anything else is done.
pub async fn item_numbers(conn: &mut Conn) -> Result<ItemNumbers> {
    if let Some(remembered) = conn.item_numbers().get() {
        return Ok(remembered.clone());
    }
    let mut both = Both::default();
    for row in conn.all("SELECT no, name FROM items", Vec::new()).await? {
        let no = ItemNo(row.int("no")?);
        if let Some(item) = Catalogue::embedded().item(&row.text("name")?) {
            both.by_name.insert(&item.name, no);
            both.by_no.insert(no, item);
        }
    }
    let are_all = both.by_name.len() == Catalogue::embedded().items().len();
    let numbers = ItemNumbers(Arc::new(both));
    if are_all {
        // Somebody else may have been faster, with the same.
        let _ = conn.item_numbers().set(numbers.clone());
    }
    Ok(numbers)
}

/// The services that are on for a tenant, in the catalogue's order; the platform always is.
pub async fn services(conn: &mut Conn, tenant: TenantNo) -> Result<Vec<Service>> {
    let rows = conn.all("SELECT service FROM tenant_services WHERE tenant_no = $1", args![tenant]).await?;
    let mut services = rows.iter().map(|row| row.parsed("service")).collect::<Result<Vec<Service>>>()?;
    services.push(Service::Platform);
    services.sort_unstable();
    services.dedup();
    Ok(services)
}

/// Turns services on for a tenant; those that are on stay so. The platform, which always is, gets no row: what a move
/// asks of its target is read from them.
pub async fn turn_services_on(tx: &mut Write, tenant: TenantNo, services: &[Service]) -> Result<()> {
    let stored = services.iter().filter(|service| **service != Service::Platform);
    let rows = stored.map(|service| args![tenant, service.as_str()]).collect();
    tx.insert_many("INSERT INTO tenant_services (tenant_no, service)", "ON CONFLICT DO NOTHING", rows).await
}
