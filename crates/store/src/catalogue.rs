//! The stable numbers of item names, and what tenants have switched on.

use std::collections::HashMap;

use domain::catalogue::{Catalogue, Item, Service};
use domain::ids::{ItemNo, TenantNo};

use crate::{Conn, Result, Write, args};

/// Gives every item of the catalogue that has none a number. Numbers never change: readings are kept under them.
pub async fn insert_missing_items(tx: &mut Write, catalogue: &Catalogue) -> Result<()> {
    let known = item_numbers(tx).await?;
    for item in catalogue.items().iter().filter(|item| !known.by_name.contains_key(item.name.as_str())) {
        tx.run("INSERT INTO items (name) VALUES ($1)", args![item.name.as_str()]).await?;
    }
    Ok(())
}

/// Items by number and numbers by item name.
#[derive(Debug, Clone, Default)]
pub struct ItemNumbers {
    by_name: HashMap<&'static str, ItemNo>,
    by_no: HashMap<ItemNo, &'static Item>,
}

impl ItemNumbers {
    /// The number of the item with this full name.
    pub fn no(&self, name: &str) -> Option<ItemNo> {
        self.by_name.get(name).copied()
    }

    /// Every item of the catalogue with its number, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (ItemNo, &'static Item)> + '_ {
        self.by_no.iter().map(|(no, item)| (*no, *item))
    }

    /// The item with this number; `None` for one that this binary's catalogue does not know.
    pub fn item(&self, no: ItemNo) -> Option<&'static Item> {
        self.by_no.get(&no).copied()
    }
}

/// The numbers of the catalogue's items in this database.
pub async fn item_numbers(conn: &mut Conn) -> Result<ItemNumbers> {
    let mut numbers = ItemNumbers::default();
    for row in conn.all("SELECT no, name FROM items", Vec::new()).await? {
        let no = ItemNo(row.int("no")?);
        if let Some(item) = Catalogue::embedded().item(&row.text("name")?) {
            numbers.by_name.insert(&item.name, no);
            numbers.by_no.insert(no, item);
        }
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
