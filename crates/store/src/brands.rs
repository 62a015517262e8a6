//! Brands of tenants, and their logos. Every version stays, so that what is made again looks as it did.

use domain::brand::Members;
use domain::ids::{Seq, TenantNo};
use serde_json::Value;
use uuid::Uuid;

use crate::audit::{Change, Object};
use crate::conn::corrupt;
use crate::{Conn, Result, Row, Write, args};

/// A brand in one of its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its number.
    pub id: i64,
    /// Its UUID.
    pub uuid: Uuid,
    /// Whose it is.
    pub tenant: TenantNo,
    /// What it says.
    pub version: Version,
}

/// What a brand says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Version {
    /// The published members.
    pub members: Members,
    /// The password of its mail server, sealed.
    pub sealed_smtp_password: Option<Vec<u8>>,
    /// Its logo: [`logo`] has it.
    pub logo_sha256: Option<String>,
}

macro_rules! columns {
    () => {
        "b.id, b.uuid, b.tenant_no, v.members, v.sealed_smtp_password, v.logo_sha256"
    };
}

/// The newest version of live brands `b`.
macro_rules! newest {
    () => {
        " JOIN brand_versions v ON v.brand_id = b.id
          AND v.seq = (SELECT MAX(seq) FROM brand_versions WHERE brand_id = b.id) WHERE b.deleted_at IS NULL"
    };
}

const OF_TENANT: &str = concat!("SELECT ", columns!(), " FROM brands b", newest!(), " AND b.tenant_no = $1");
const NEAREST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM closure k CROSS JOIN brands b",
    newest!(),
    " AND k.tenant_no = $1 AND b.tenant_no = k.ancestor_no ORDER BY k.depth LIMIT 1"
);
const AS_KNOWN: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM brands b JOIN brand_versions v ON v.brand_id = b.id
      AND v.seq = (SELECT MAX(seq) FROM brand_versions WHERE brand_id = b.id AND seq <= $2) WHERE b.id = $1"
);

/// The tenant's own brand.
pub async fn of_tenant(conn: &mut Conn, tenant: TenantNo) -> Result<Option<Stored>> {
    conn.one(OF_TENANT, args![tenant]).await?.map(|row| stored(&row)).transpose()
}

/// The tenant's own brand, or that of the nearest tenant above which has one.
pub async fn nearest(conn: &mut Conn, tenant: TenantNo) -> Result<Option<Stored>> {
    conn.one(NEAREST, args![tenant]).await?.map(|row| stored(&row)).transpose()
}

/// A brand as known at an acceptance number, deleted since or not; `None` where it was not there yet.
pub async fn as_known(conn: &mut Conn, id: i64, as_of: Seq) -> Result<Option<Stored>> {
    conn.one(AS_KNOWN, args![id, as_of]).await?.map(|row| stored(&row)).transpose()
}

fn stored(row: &Row) -> Result<Stored> {
    let members = row.text("members")?;
    Ok(Stored {
        id: row.int("id")?,
        uuid: row.parsed("uuid")?,
        tenant: TenantNo(row.int("tenant_no")?),
        version: Version {
            members: serde_json::from_str(&members).map_err(|_| corrupt("members", members, "a brand"))?,
            sealed_smtp_password: Some(row.blob("sealed_smtp_password")?).filter(|sealed| !sealed.is_empty()),
            logo_sha256: row.opt_text("logo_sha256")?,
        },
    })
}

/// Gives a tenant, which has none, a brand.
pub async fn insert(tx: &mut Write, uuid: Uuid, tenant: TenantNo, version: &Version) -> Result<()> {
    let now = tx.now();
    let id = tx
        .count(
            "INSERT INTO brands (id, uuid, tenant_no, created_at)
             SELECT COALESCE(MAX(id), 1) + 1, $1, $2, $3 FROM brands RETURNING id AS n",
            args![uuid, tenant, now],
        )
        .await?;
    let brand = Stored { id, uuid, tenant, version: Version::default() };
    stamp_below(tx, tenant).await?;
    log(tx, &brand, "deleted", Some(true.to_string()), Some(false.to_string())).await?;
    update(tx, &brand, version).await
}

/// Stamps the tenants from one down that no brand between lets have another one: their objects name the nearest.
async fn stamp_below(tx: &mut Write, tenant: TenantNo) -> Result<()> {
    let stamp = tx.stamp().await?;
    tx.run(
        "UPDATE tenants SET updated_at = $2 WHERE no IN (
             SELECT d.tenant_no FROM closure d WHERE d.ancestor_no = $1 AND NOT EXISTS (
                 SELECT 1 FROM closure k JOIN brands b ON b.tenant_no = k.ancestor_no
                 WHERE k.tenant_no = d.tenant_no AND k.depth < d.depth AND b.deleted_at IS NULL))",
        args![tenant, stamp],
    )
    .await
    .map(|_| ())
}

/// Adds a version, and logs what has changed.
pub async fn update(tx: &mut Write, brand: &Stored, new: &Version) -> Result<()> {
    let seq = tx.seq().await?;
    let (was, is) = (members_of(&brand.version), members_of(new));
    tx.run(
        "INSERT INTO brand_versions (brand_id, seq, members, sealed_smtp_password, logo_sha256)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (brand_id, seq) DO UPDATE SET members = excluded.members,
         sealed_smtp_password = excluded.sealed_smtp_password, logo_sha256 = excluded.logo_sha256",
        args![
            brand.id,
            seq,
            Value::Object(is.clone()).to_string(),
            new.sealed_smtp_password.clone().unwrap_or_default(),
            new.logo_sha256.clone()
        ],
    )
    .await?;
    let names: Vec<&String> = was.keys().chain(is.keys().filter(|name| !was.contains_key(*name))).collect();
    let text = |members: &serde_json::Map<String, Value>, name: &str| members.get(name).map(Value::to_string);
    for name in names {
        log(tx, brand, name, text(&was, name), text(&is, name)).await?;
    }
    log(tx, brand, "logo_sha256", brand.version.logo_sha256.clone(), new.logo_sha256.clone()).await?;
    if brand.version.sealed_smtp_password != new.sealed_smtp_password {
        let word = new.sealed_smtp_password.as_ref().map_or("cleared", |_| "changed");
        log(tx, brand, "smtp_password", None, Some(word.to_owned())).await?;
    }
    Ok(())
}

/// Takes a brand away; its versions stay.
pub async fn delete(tx: &mut Write, brand: &Stored) -> Result<()> {
    let now = tx.now();
    tx.run("UPDATE brands SET deleted_at = $2 WHERE id = $1", args![brand.id, now]).await?;
    stamp_below(tx, brand.tenant).await?;
    log(tx, brand, "deleted", Some(false.to_string()), Some(true.to_string())).await
}

/// Keeps a logo, once however many brands show it.
pub async fn insert_logo(tx: &mut Write, sha256: &str, png: Vec<u8>) -> Result<()> {
    tx.run("INSERT INTO brand_logos (sha256, png) VALUES ($1, $2) ON CONFLICT DO NOTHING", args![sha256, png])
        .await
        .map(|_| ())
}

/// The logo with this sum.
pub async fn logo(conn: &mut Conn, sha256: &str) -> Result<Option<Vec<u8>>> {
    let row = conn.one("SELECT png FROM brand_logos WHERE sha256 = $1", args![sha256]).await?;
    row.map(|row| row.blob("png")).transpose()
}

fn members_of(version: &Version) -> serde_json::Map<String, Value> {
    match serde_json::to_value(&version.members) {
        Ok(Value::Object(members)) => members,
        _ => serde_json::Map::new(),
    }
}

async fn log(
    tx: &mut Write,
    brand: &Stored,
    field: &str,
    old: Option<String>,
    new: Option<String>,
) -> Result<()> {
    let (object, id) = (Object::Brand, brand.uuid.to_string());
    tx.log(Change { object, id: &id, tenant: brand.tenant, field, old, new }).await
}
