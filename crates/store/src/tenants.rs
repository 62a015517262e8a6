//! Tenants and the closure table.

use domain::ids::{TenantId, TenantNo, UserId};
use domain::pricing::PricingMode;
use domain::tenant::{Language, Tenant, TenantKind};

use crate::audit::{Change, Object};
use crate::{Conn, Result, Row, Write, args};

/// Where a tenant stands seen from another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Levels below; 0 is itself.
    pub depth: i64,
    /// How many tenants with `ancestral_access` false stand between the two.
    pub walls: i64,
}

macro_rules! tenant_columns {
    () => {
        "t.no, t.id, t.version, t.created_at, t.updated_at, t.deleted_at, t.parent_no, p.id AS parent_id, t.name, t.kind,
         t.customer_type, t.enabled, t.customer_id, t.internal_tag, t.language, t.owner_id, t.default_idp_id,
         t.update_lock_owner_id, t.ancestral_access, t.enhanced_security, t.external_operation,
         (SELECT MAX(depth) FROM closure k WHERE k.tenant_no = t.no) AS level,
         EXISTS (SELECT 1 FROM tenants c WHERE c.parent_no = t.no AND c.no <> t.no AND c.deleted_at IS NULL
                 AND c.owner_id IS NULL) AS has_children"
    };
}

const BY_ID: &str = concat!(
    "SELECT ",
    tenant_columns!(),
    " FROM tenants t JOIN tenants p ON p.no = t.parent_no WHERE t.id = $1"
);
const BY_NO: &str = concat!(
    "SELECT ",
    tenant_columns!(),
    " FROM tenants t JOIN tenants p ON p.no = t.parent_no WHERE t.no = $1"
);

/// The tenant with this id, deleted or not.
pub async fn by_id(conn: &mut Conn, id: TenantId) -> Result<Option<Tenant>> {
    conn.one(BY_ID, args![id]).await?.map(|row| tenant(&row)).transpose()
}

/// The tenant with this number, deleted or not.
pub async fn by_no(conn: &mut Conn, no: TenantNo) -> Result<Option<Tenant>> {
    conn.one(BY_NO, args![no]).await?.map(|row| tenant(&row)).transpose()
}

/// Where `tenant` stands seen from `ancestor`; `None` when it is not below it.
pub async fn reach(conn: &mut Conn, ancestor: TenantNo, tenant: TenantNo) -> Result<Option<Reach>> {
    let row = conn
        .one(
            "SELECT depth, walls FROM closure WHERE ancestor_no = $1 AND tenant_no = $2",
            args![ancestor, tenant],
        )
        .await?;
    row.map(|row| Ok(Reach { depth: row.int("depth")?, walls: row.int("walls")? })).transpose()
}

fn tenant(row: &Row) -> Result<Tenant> {
    let language = row.text("language")?;
    let language = domain::tenant::Language::from_code(&language)
        .ok_or_else(|| crate::conn::corrupt("language", language, "a language code"))?;
    Ok(Tenant {
        no: TenantNo(row.int("no")?),
        id: row.parsed("id")?,
        version: row.int("version")?,
        created_at: row.instant("created_at")?,
        updated_at: row.instant("updated_at")?,
        deleted_at: row.opt_instant("deleted_at")?,
        parent: TenantNo(row.int("parent_no")?),
        parent_id: row.parsed("parent_id")?,
        name: row.text("name")?,
        kind: row.parsed("kind")?,
        customer_type: row.parsed("customer_type")?,
        enabled: row.flag("enabled")?,
        customer_id: row.opt_text("customer_id")?,
        internal_tag: row.opt_text("internal_tag")?,
        language,
        owner_id: row.opt_parsed("owner_id")?,
        default_idp_id: row.parsed("default_idp_id")?,
        update_lock_owner: row.opt_parsed("update_lock_owner_id")?,
        ancestral_access: row.flag("ancestral_access")?,
        enhanced_security: row.flag("enhanced_security")?,
        external_operation: row.parsed("external_operation")?,
        level: row.int("level")?,
        has_children: row.flag("has_children")?,
    })
}

/// What a new tenant starts with.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Its id.
    pub id: TenantId,
    /// Its parent; `None` for a top tenant, which is its own.
    pub parent: Option<TenantNo>,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: TenantKind,
    /// Whether its people may sign in.
    pub enabled: bool,
    /// External id.
    pub customer_id: Option<String>,
    /// Opaque.
    pub internal_tag: Option<String>,
    /// Language of its files.
    pub language: Language,
    /// The user whose personal tenant it is.
    pub owner_id: Option<UserId>,
    /// The identity provider.
    pub default_idp_id: uuid::Uuid,
    /// Who alone may write it.
    pub update_lock_owner: Option<TenantId>,
    /// Whether administrators above may look inside.
    pub ancestral_access: bool,
    /// Stored as sent.
    pub enhanced_security: bool,
    /// How it is billed.
    pub pricing_mode: PricingMode,
}

/// Inserts a tenant with its place in the closure table and the first version of its fields in the change log.
pub async fn insert(tx: &mut Write, new: &NewTenant) -> Result<TenantNo> {
    let now = tx.now();
    let no = TenantNo(tx.count("SELECT COALESCE(MAX(no), 0) + 1 AS n FROM tenants", Vec::new()).await?);
    let parent = new.parent.unwrap_or(no);
    tx.run(
        "INSERT INTO tenants (no, id, version, created_at, updated_at, parent_no, name, kind, customer_type, enabled,
         customer_id, internal_tag, language, owner_id, default_idp_id, update_lock_owner_id, ancestral_access,
         enhanced_security, external_operation, pricing_mode, pricing_switched_at, pricing_version, currency, billing_day,
         billing_mode, usage_calculation_mode, billing_version)
         VALUES ($1, $2, 1, $3, $3, $4, $5, $6, 'default', $7, $8, $9, $10, $11, $12, $13, $14, $15, 'no_operation', $16,
         $17, $18, NULL, 1, 'internal', 'last_day', $18)",
        args![
            no,
            new.id,
            now,
            parent,
            new.name.as_str(),
            new.kind.as_str(),
            new.enabled,
            new.customer_id.clone(),
            new.internal_tag.clone(),
            new.language.code(),
            new.owner_id,
            new.default_idp_id,
            new.update_lock_owner,
            new.ancestral_access,
            new.enhanced_security,
            new.pricing_mode.as_str(),
            (new.pricing_mode != PricingMode::Trial).then_some(now),
            now.unix_millis()
        ],
    )
    .await?;
    place_below(tx, no, new.parent).await?;
    log_first_version(tx, no, parent, new).await?;
    Ok(no)
}

/// The closure rows of a new tenant: itself, and everything above its parent. A wall between an ancestor and it is one
/// between the ancestor and the parent, or the parent itself where that is closed.
async fn place_below(tx: &mut Write, no: TenantNo, parent: Option<TenantNo>) -> Result<()> {
    tx.run("INSERT INTO closure (ancestor_no, tenant_no, depth, walls) VALUES ($1, $1, 0, 0)", args![no])
        .await?;
    let Some(parent) = parent else { return Ok(()) };
    tx.run(
        "INSERT INTO closure (ancestor_no, tenant_no, depth, walls)
         SELECT k.ancestor_no, $1, k.depth + 1,
                k.walls + CASE WHEN p.ancestral_access = 0 AND k.ancestor_no <> p.no THEN 1 ELSE 0 END
         FROM closure k JOIN tenants p ON p.no = k.tenant_no WHERE k.tenant_no = $2",
        args![no, parent],
    )
    .await
    .map(|_| ())
}

async fn log_first_version(tx: &mut Write, no: TenantNo, parent: TenantNo, new: &NewTenant) -> Result<()> {
    let id = new.id.to_string();
    for (field, value) in [
        ("parent", Some(parent.to_string())),
        ("name", Some(new.name.clone())),
        ("kind", Some(new.kind.to_string())),
        ("enabled", Some(new.enabled.to_string())),
        ("customer_id", new.customer_id.clone()),
        ("language", Some(new.language.to_string())),
        ("ancestral_access", Some(new.ancestral_access.to_string())),
        ("pricing_mode", Some(new.pricing_mode.to_string())),
        ("deleted", Some(false.to_string())),
    ] {
        let change = Change { object: Object::Tenant, id: &id, tenant: no, field, old: None, new: value };
        tx.log_first(change).await?;
    }
    Ok(())
}
