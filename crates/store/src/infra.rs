//! Locations and storages. Storages keep their number for ever, as readings are kept under it.

use std::collections::HashMap;

use domain::ids::{InfraId, InfraNo, LocationId, TenantNo};
use domain::infra::{BackendType, Capability, Infra, Location, shown_url};

use crate::arg::list;
use crate::audit::{Change, Object};
use crate::{Conn, Result, Row, Write, args};

macro_rules! locations {
    ($rest:literal) => {
        concat!(
            "SELECT l.id, l.owner_no, o.id AS owner_id, o.parent_no = o.no AS platform_owned, l.name, l.version
             FROM locations l JOIN tenants o ON o.no = l.owner_no ",
            $rest
        )
    };
}

macro_rules! infras {
    ($rest:literal) => {
        concat!(
            "SELECT i.no, i.id, i.owner_no, o.id AS owner_id, o.parent_no = o.no AS platform_owned, i.location_id, i.name,
             i.url, i.capabilities, i.content_url, i.content_mobile_url, i.backend_type, i.version
             FROM infras i JOIN tenants o ON o.no = i.owner_no ",
            $rest
        )
    };
}

fn location(row: &Row) -> Result<Location> {
    Ok(Location {
        id: row.parsed("id")?,
        owner: TenantNo(row.int("owner_no")?),
        owner_id: row.parsed("owner_id")?,
        platform_owned: row.flag("platform_owned")?,
        name: row.text("name")?,
        version: row.int("version")?,
    })
}

fn infra(row: &Row) -> Result<Infra> {
    Ok(Infra {
        no: InfraNo(row.int("no")?),
        id: row.parsed("id")?,
        owner: TenantNo(row.int("owner_no")?),
        owner_id: row.parsed("owner_id")?,
        location_id: row.parsed("location_id")?,
        platform_owned: row.flag("platform_owned")?,
        name: row.text("name")?,
        url: row.text("url")?,
        capabilities: row.parsed_list("capabilities")?,
        content_url: row.opt_text("content_url")?,
        content_mobile_url: row.opt_text("content_mobile_url")?,
        backend_type: row.opt_parsed("backend_type")?,
        version: row.int("version")?,
    })
}

/// The live location with this id.
pub async fn location_by_id(conn: &mut Conn, id: LocationId) -> Result<Option<Location>> {
    let row = conn.one(locations!("WHERE l.id = $1 AND l.deleted_at IS NULL"), args![id]).await?;
    row.map(|row| location(&row)).transpose()
}

/// The live locations of a tenant and of those above it, the oldest first.
pub async fn locations_at_or_above(conn: &mut Conn, tenant: TenantNo) -> Result<Vec<Location>> {
    let rows = conn
        .all(
            locations!(
                "JOIN closure k ON k.ancestor_no = l.owner_no
                 WHERE k.tenant_no = $1 AND l.deleted_at IS NULL ORDER BY l.created_at, l.id"
            ),
            args![tenant],
        )
        .await?;
    rows.iter().map(location).collect()
}

/// The live storage with this id.
pub async fn by_id(conn: &mut Conn, id: InfraId) -> Result<Option<Infra>> {
    let row = conn.one(infras!("WHERE i.id = $1 AND i.deleted_at IS NULL"), args![id]).await?;
    row.map(|row| infra(&row)).transpose()
}

/// The storage with this number, deleted or not.
pub async fn by_no(conn: &mut Conn, no: InfraNo) -> Result<Option<Infra>> {
    let row = conn.one(infras!("WHERE i.no = $1"), args![no]).await?;
    row.map(|row| infra(&row)).transpose()
}

/// The live storages of a tenant and of those above it, the oldest first.
pub async fn at_or_above(conn: &mut Conn, tenant: TenantNo) -> Result<Vec<Infra>> {
    let rows = conn
        .all(
            infras!(
                "JOIN closure k ON k.ancestor_no = i.owner_no
                 WHERE k.tenant_no = $1 AND i.deleted_at IS NULL ORDER BY i.no"
            ),
            args![tenant],
        )
        .await?;
    rows.iter().map(infra).collect()
}

/// The live storages that stand in a location, the oldest first.
pub async fn in_location(conn: &mut Conn, id: LocationId) -> Result<Vec<Infra>> {
    let rows = conn
        .all(infras!("WHERE i.location_id = $1 AND i.deleted_at IS NULL ORDER BY i.no"), args![id])
        .await?;
    rows.iter().map(infra).collect()
}

/// Storages by id and by number.
#[derive(Debug, Clone, Default)]
pub struct InfraNumbers {
    by_id: HashMap<InfraId, InfraNo>,
    by_no: HashMap<InfraNo, Numbered>,
}

/// What item keys need to know of a storage.
#[derive(Debug, Clone)]
pub struct Numbered {
    /// Its id.
    pub id: InfraId,
    /// The tenant that owns it.
    pub owner: TenantNo,
    /// What it can be used for.
    pub capabilities: Vec<Capability>,
}

impl InfraNumbers {
    /// The number of the live storage with this id.
    pub fn no(&self, id: InfraId) -> Option<InfraNo> {
        self.by_id.get(&id).copied()
    }

    /// The storage with this number, deleted or not.
    pub fn get(&self, no: InfraNo) -> Option<&Numbered> {
        self.by_no.get(&no)
    }

    /// The id of the storage with this number, deleted or not; `None` for [`InfraNo::NONE`], too.
    pub fn id(&self, no: InfraNo) -> Option<InfraId> {
        self.get(no).map(|infra| infra.id)
    }

    /// The live storages that a tenant owns.
    pub fn owned_by(&self, owner: TenantNo) -> impl Iterator<Item = (InfraNo, &Numbered)> {
        let live = self.by_no.iter().filter(move |(_, infra)| infra.owner == owner);
        live.filter(|(no, infra)| self.no(infra.id) == Some(**no)).map(|(no, infra)| (*no, infra))
    }
}

/// Every storage's number.
pub async fn numbers(conn: &mut Conn) -> Result<InfraNumbers> {
    let mut numbers = InfraNumbers::default();
    for row in conn.all("SELECT no, id, owner_no, capabilities, deleted_at FROM infras", Vec::new()).await? {
        let (no, id) = (InfraNo(row.int("no")?), row.parsed("id")?);
        if row.opt_instant("deleted_at")?.is_none() {
            numbers.by_id.insert(id, no);
        }
        let owner = TenantNo(row.int("owner_no")?);
        numbers.by_no.insert(no, Numbered { id, owner, capabilities: row.parsed_list("capabilities")? });
    }
    Ok(numbers)
}

/// Whether somebody uses the storage now.
pub async fn is_used(conn: &mut Conn, no: InfraNo) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM meters WHERE infra_no = $1 AND level > 0) AS n";
    Ok(conn.count(sql, args![no]).await? != 0)
}

/// Whether a customer or unit has an item on that is bound to the storage.
pub async fn serves_customers(conn: &mut Conn, no: InfraNo) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM tenant_items i JOIN tenants t ON t.no = i.tenant_no
               WHERE i.infra_no = $1 AND i.enabled = 1 AND t.kind IN ('customer', 'unit')) AS n";
    Ok(conn.count(sql, args![no]).await? != 0)
}

/// Inserts a location.
pub async fn insert_location(tx: &mut Write, id: LocationId, owner: TenantNo, name: &str) -> Result<()> {
    let now = tx.now();
    tx.run(
        "INSERT INTO locations (id, owner_no, name, version, created_at) VALUES ($1, $2, $3, 1, $4)",
        args![id, owner, name, now],
    )
    .await?;
    let id = id.to_string();
    tx.log_first(of_location(&id, owner, "name", None, Some(name.to_owned()))).await
}

/// Renames a location; its version goes up by one.
pub async fn rename_location(tx: &mut Write, old: &Location, name: &str) -> Result<()> {
    tx.run("UPDATE locations SET name = $2, version = version + 1 WHERE id = $1", args![old.id, name])
        .await?;
    let id = old.id.to_string();
    tx.log(of_location(&id, old.owner, "name", Some(old.name.clone()), Some(name.to_owned()))).await
}

/// Deletes a location, softly.
pub async fn delete_location(tx: &mut Write, old: &Location) -> Result<()> {
    let now = tx.now();
    tx.run("UPDATE locations SET deleted_at = $2 WHERE id = $1", args![old.id, now]).await?;
    let id = old.id.to_string();
    tx.log(of_location(&id, old.owner, "deleted", Some("false".to_owned()), Some("true".to_owned()))).await
}

fn of_location<'a>(
    id: &'a str,
    tenant: TenantNo,
    field: &'a str,
    old: Option<String>,
    new: Option<String>,
) -> Change<'a> {
    Change { object: Object::Location, id, tenant, field, old, new }
}

/// What can be said of a storage when it is made, and changed later.
#[derive(Debug, Clone)]
pub struct InfraFields {
    /// Where it stands.
    pub location_id: LocationId,
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

/// Inserts a storage.
pub async fn insert(tx: &mut Write, id: InfraId, owner: TenantNo, new: &InfraFields) -> Result<InfraNo> {
    let now = tx.now();
    let insert =
        "INSERT INTO infras (id, owner_no, location_id, name, url, capabilities, content_url, content_mobile_url,
         backend_type, version, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10) RETURNING no AS n";
    let no = tx
        .count(
            insert,
            args![
                id,
                owner,
                new.location_id,
                new.name.as_str(),
                new.url.as_str(),
                list(&new.capabilities),
                new.content_url.clone(),
                new.content_mobile_url.clone(),
                new.backend_type.map(BackendType::as_str),
                now
            ],
        )
        .await?;
    let id = id.to_string();
    let first = logged(new).into_iter().chain([("owner", Some(owner.to_string()))]);
    let first = first.map(|(field, new)| of_infra(&id, owner, field, None, new));
    tx.log_all_first(first.filter(|change| change.new.is_some()).collect()).await?;
    Ok(InfraNo(no))
}

/// Changes a storage; its version goes up by one.
pub async fn update(tx: &mut Write, old: &Infra, new: &InfraFields) -> Result<()> {
    tx.run(
        "UPDATE infras SET location_id = $2, name = $3, url = $4, capabilities = $5, content_url = $6,
         content_mobile_url = $7, backend_type = $8, version = version + 1 WHERE no = $1",
        args![
            old.no,
            new.location_id,
            new.name.as_str(),
            new.url.as_str(),
            list(&new.capabilities),
            new.content_url.clone(),
            new.content_mobile_url.clone(),
            new.backend_type.map(BackendType::as_str)
        ],
    )
    .await?;
    let id = old.id.to_string();
    let pairs = logged(&fields_of(old)).into_iter().zip(logged(new));
    let changes = pairs.map(|((field, old_value), (_, new))| of_infra(&id, old.owner, field, old_value, new));
    tx.log_all(changes.collect()).await?;
    let addresses = [
        (Some(&old.url), Some(&new.url)),
        (old.content_url.as_ref(), new.content_url.as_ref()),
        (old.content_mobile_url.as_ref(), new.content_mobile_url.as_ref()),
    ];
    let shown = |url: Option<&String>| url.map(|url| shown_url(url));
    if addresses.iter().any(|(old, new)| old != new && shown(*old) == shown(*new)) {
        // What differs is the part that nobody is shown.
        tx.log(of_infra(&id, old.owner, "url_credentials", None, Some("changed".to_owned()))).await?;
    }
    Ok(())
}

fn fields_of(infra: &Infra) -> InfraFields {
    InfraFields {
        location_id: infra.location_id,
        name: infra.name.clone(),
        url: infra.url.clone(),
        capabilities: infra.capabilities.clone(),
        content_url: infra.content_url.clone(),
        content_mobile_url: infra.content_mobile_url.clone(),
        backend_type: infra.backend_type,
    }
}

/// Addresses without the credentials in them.
fn logged(fields: &InfraFields) -> [(&'static str, Option<String>); 7] {
    [
        ("name", Some(fields.name.clone())),
        ("location_id", Some(fields.location_id.to_string())),
        ("url", Some(shown_url(&fields.url))),
        ("capabilities", Some(list(&fields.capabilities))),
        ("content_url", fields.content_url.as_deref().map(shown_url)),
        ("content_mobile_url", fields.content_mobile_url.as_deref().map(shown_url)),
        ("backend_type", fields.backend_type.map(|backend| backend.to_string())),
    ]
}

/// Deletes a storage, softly.
pub async fn delete(tx: &mut Write, old: &Infra) -> Result<()> {
    let now = tx.now();
    tx.run("UPDATE infras SET deleted_at = $2 WHERE no = $1", args![old.no, now]).await?;
    let id = old.id.to_string();
    tx.log(of_infra(&id, old.owner, "deleted", Some("false".to_owned()), Some("true".to_owned()))).await
}

fn of_infra<'a>(
    id: &'a str,
    tenant: TenantNo,
    field: &'a str,
    old: Option<String>,
    new: Option<String>,
) -> Change<'a> {
    Change { object: Object::Infra, id, tenant, field, old, new }
}
