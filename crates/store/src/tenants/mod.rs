//! Tenants and the closure table.

mod change;
mod closure;
mod default_idp;
mod details;
mod insert;
mod numbers;
pub mod restore;

use std::collections::HashMap;

use domain::brand::BrandRef;
use domain::ids::{TenantId, TenantNo};
use domain::tenant::Tenant;

use crate::{Conn, Result, Row, args};

pub use change::{delete_below, delete_personal, touch, update};
pub use default_idp::{set_default_idp, set_default_idp_below};
pub use details::{
    Child, ChildUsage, Details, child_details, child_usages, children, details, details_of, path,
};
pub use insert::{NewTenant, insert};

/// Where a tenant stands seen from another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Levels below; 0 is itself.
    pub depth: i64,
    /// How many tenants with `ancestral_access` false stand between the two.
    pub walls: i64,
}

/// The columns of a tenant under the alias `t`, its parent under `p`.
macro_rules! tenant_columns {
    () => {
        "t.no, t.id, t.version, t.created_at, t.updated_at, t.deleted_at, t.parent_no, p.id AS parent_id, t.name, t.kind,
         t.customer_type, t.enabled, t.customer_id, t.internal_tag, t.language, t.owner_id, t.default_idp_id,
         t.update_lock_owner_id, t.ancestral_access, t.enhanced_security, t.mfa_demanded, t.external_operation,
         (SELECT MAX(depth) FROM closure k WHERE k.tenant_no = t.no) AS level,
         EXISTS (SELECT 1 FROM tenants c WHERE c.parent_no = t.no AND c.no <> t.no AND c.deleted_at IS NULL
                 AND c.owner_id IS NULL) AS has_children,
         (SELECT CAST(b.id AS TEXT) || ',' || b.uuid || ',' || CAST(k.depth AS TEXT)
          FROM closure k CROSS JOIN brands b WHERE k.tenant_no = t.no AND b.tenant_no = k.ancestor_no
          AND b.deleted_at IS NULL ORDER BY k.depth LIMIT 1) AS brand"
    };
}
use tenant_columns;

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

/// The id of every tenant, deleted ones too.
pub async fn all_ids(conn: &mut Conn) -> Result<HashMap<TenantNo, TenantId>> {
    let mut ids = HashMap::new();
    let take = |row: &Row| {
        ids.insert(TenantNo(row.int("no")?), row.parsed("id")?);
        Ok(())
    };
    conn.each("SELECT no, id FROM tenants", Vec::new(), take).await?;
    Ok(ids)
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

/// Whether every item and service that the live tenants from `moved` down have on is on at `target`, so that they can
/// move below it (rule 1014).
pub async fn offers_all(conn: &mut Conn, moved: TenantNo, target: TenantNo) -> Result<bool> {
    let missing = conn
        .count(
            "SELECT EXISTS (
                 SELECT 1 FROM closure k JOIN tenants t ON t.no = k.tenant_no AND t.deleted_at IS NULL
                 JOIN tenant_items i ON i.tenant_no = k.tenant_no AND i.enabled = 1
                 WHERE k.ancestor_no = $1 AND NOT EXISTS (
                     SELECT 1 FROM tenant_items o WHERE o.tenant_no = $2 AND o.item_no = i.item_no AND o.enabled = 1
                     AND (o.infra_no = i.infra_no OR i.infra_no IN (
                         SELECT n.no FROM infras n JOIN closure m ON m.tenant_no = n.owner_no
                         WHERE m.ancestor_no = $1))))
             OR EXISTS (
                 SELECT 1 FROM closure k JOIN tenants t ON t.no = k.tenant_no AND t.deleted_at IS NULL
                 JOIN tenant_services s ON s.tenant_no = k.tenant_no
                 WHERE k.ancestor_no = $1 AND NOT EXISTS (
                     SELECT 1 FROM tenant_services o WHERE o.tenant_no = $2 AND o.service = s.service)) AS n",
            args![moved, target],
        )
        .await?;
    Ok(missing == 0)
}

/// Whether a tenant holds the locks of this owner: it is the owner, or stands above the place of one that is deleted.
macro_rules! holding {
    ($tenant:literal, $owner:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM tenants o JOIN closure h ON h.tenant_no = o.no WHERE o.id = ",
            $owner,
            " AND h.ancestor_no = ",
            $tenant,
            " AND (h.depth = 0 OR o.deleted_at IS NOT NULL))"
        )
    };
}
use holding;

/// Whether the people of a tenant may write what this owner has locked.
pub async fn holds_lock(conn: &mut Conn, tenant: TenantNo, owner: TenantId) -> Result<bool> {
    let sql = concat!("SELECT ", holding!("$1", "$2"), " AS n");
    Ok(conn.count(sql, args![tenant, owner]).await? != 0)
}

/// The owners whose locks on live tenants from `root` down the tenant `allowed` does not hold: one of them.
pub async fn lock_below(conn: &mut Conn, root: TenantNo, allowed: TenantNo) -> Result<Option<TenantId>> {
    let sql = concat!(
        "SELECT t.update_lock_owner_id AS owner FROM closure k JOIN tenants t ON t.no = k.tenant_no
         WHERE k.ancestor_no = $1 AND t.deleted_at IS NULL AND t.update_lock_owner_id IS NOT NULL AND NOT ",
        holding!("$2", "t.update_lock_owner_id"),
        " LIMIT 1"
    );
    let row = conn.one(sql, args![root, allowed]).await?;
    row.map(|row| row.parsed("owner")).transpose()
}

/// A tenant that holds an update lock on a live tenant from `moved` down and would stand neither above nor at `target`, nor
/// below `moved`: its hierarchy would lack it after the move (rule 1032).
pub async fn lock_left_behind(
    conn: &mut Conn,
    moved: TenantNo,
    target: TenantNo,
) -> Result<Option<TenantId>> {
    let row = conn
        .one(
            "SELECT o.id FROM closure k JOIN tenants t ON t.no = k.tenant_no AND t.deleted_at IS NULL
             JOIN tenants o ON o.id = t.update_lock_owner_id
             WHERE k.ancestor_no = $1
             AND NOT EXISTS (SELECT 1 FROM closure a WHERE a.ancestor_no = o.no AND a.tenant_no = $2)
             AND NOT EXISTS (SELECT 1 FROM closure i WHERE i.ancestor_no = $1 AND i.tenant_no = o.no) LIMIT 1",
            args![moved, target],
        )
        .await?;
    row.map(|row| row.parsed("id")).transpose()
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
        mfa_demanded: row.flag("mfa_demanded")?,
        external_operation: row.parsed("external_operation")?,
        level: row.int("level")?,
        has_children: row.flag("has_children")?,
        brand: row.opt_text("brand")?.map_or(Ok(BrandRef::PLATFORM), brand)?,
    })
}

/// Id, UUID and the levels up to its owner, in one text, so that the brand is looked for once.
fn brand(text: String) -> Result<BrandRef> {
    let mut words = text.split(',');
    let brand = match (words.next(), words.next(), words.next()) {
        (Some(id), Some(uuid), Some(depth)) => id.parse().ok().zip(uuid.parse().ok()).zip(Some(depth == "0")),
        _ => None,
    };
    brand
        .map(|((id, uuid), is_own)| BrandRef { id, uuid, is_own })
        .ok_or_else(|| crate::conn::corrupt("brand", text, "a brand"))
}
