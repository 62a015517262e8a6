//! The stable numbers of item names, and what tenants have switched on.

use domain::catalogue::{Catalogue, ItemNumbers, Service};
use domain::ids::{ItemNo, TenantNo};

use crate::audit::{Change, Object};
use crate::{Conn, Result, Row, Write, args};

/// Gives every item of the catalogue that has none a number. Numbers never change: readings are kept under them.
pub async fn insert_missing_items(tx: &mut Write, catalogue: &Catalogue) -> Result<()> {
    let known = item_numbers(tx).await?;
    for item in catalogue.items().iter().filter(|item| known.no(&item.name).is_none()) {
        tx.run("INSERT INTO items (name) VALUES ($1)", args![item.name.as_str()]).await?;
    }
    Ok(())
}

/// The numbers of the catalogue's items in this database. Once all have one they are remembered: a number never
/// changes, and they are given at set-up alone, before anything else is done.
pub async fn item_numbers(conn: &mut Conn) -> Result<ItemNumbers> {
    if let Some(remembered) = conn.item_numbers().get() {
        return Ok(remembered.clone());
    }
    let rows = conn.all("SELECT no, name FROM items", Vec::new()).await?;
    let numbered = |row: &Row| {
        let no = ItemNo(row.int("no")?);
        Ok(Catalogue::embedded().item(&row.text("name")?).map(|item| (no, item)))
    };
    let numbers: ItemNumbers =
        rows.iter().filter_map(|row| numbered(row).transpose()).collect::<Result<_>>()?;
    if numbers.iter().count() == Catalogue::embedded().items().len() {
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
    let on = self::services(tx, tenant).await?;
    let fresh: Vec<Service> = services.iter().copied().filter(|service| !on.contains(service)).collect();
    let rows: Vec<_> = fresh.iter().map(|service| args![tenant, service.as_str()]).collect();
    tx.insert_many("INSERT INTO tenant_services (tenant_no, service)", "", rows).await?;
    for service in fresh {
        log(tx, tenant, service, true).await?;
    }
    Ok(())
}

/// Turns a service off for a tenant and all below it.
pub async fn turn_service_off_below(tx: &mut Write, tenant: TenantNo, service: Service) -> Result<()> {
    let rows = tx
        .all(
            "SELECT s.tenant_no FROM closure k CROSS JOIN tenant_services s
             WHERE k.ancestor_no = $1 AND s.tenant_no = k.tenant_no AND s.service = $2",
            args![tenant, service.as_str()],
        )
        .await?;
    tx.run(
        "DELETE FROM tenant_services WHERE service = $2
         AND tenant_no IN (SELECT tenant_no FROM closure WHERE ancestor_no = $1)",
        args![tenant, service.as_str()],
    )
    .await?;
    for row in rows {
        log(tx, TenantNo(row.int("tenant_no")?), service, false).await?;
    }
    Ok(())
}

/// A service in the change log is a field of its tenant, such as `service.backup`.
async fn log(tx: &mut Write, tenant: TenantNo, service: Service, on: bool) -> Result<()> {
    let row = tx.one("SELECT id FROM tenants WHERE no = $1", args![tenant]).await?;
    let id = row.map(|row| row.text("id")).transpose()?.unwrap_or_default();
    let field = format!("service.{service}");
    let (old, new) = (Some((!on).to_string()), Some(on.to_string()));
    tx.log(Change { object: Object::Tenant, id: &id, tenant, field: &field, old, new }).await
}
