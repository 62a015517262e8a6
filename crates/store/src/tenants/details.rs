//! Tenants with what an answer shows beside their own row, and lists of them.

use domain::ids::{InfraId, TenantId, TenantNo};
use domain::pricing::PricingMode;
use domain::tenant::Tenant;
use domain::time::Instant;
use domain::user::Contact;

use super::{tenant, tenant_columns};
use crate::contacts::contact_columns;
use crate::{Arg, Conn, Result, Row, args, contacts, dialect};

/// A tenant with its legal contact and its pricing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// The tenant.
    pub tenant: Tenant,
    /// Its legal contact.
    pub contact: Contact,
    /// The stored pricing mode; that of its customer for a unit.
    pub pricing_mode: PricingMode,
    /// When that mode was switched to by hand or given at the start.
    pub pricing_switched_at: Option<Instant>,
    /// When the tenant was made whose mode this is: a trial ends by itself a month later.
    pub pricing_created_at: Instant,
}

/// A unit follows its customer, which is the only one above it (accounts-api, 1.13); `b` is whose pricing counts.
macro_rules! select_details {
    () => {
        concat!(
            "SELECT ",
            tenant_columns!(),
            ", ",
            contact_columns!(),
            ", b.pricing_mode, b.pricing_switched_at, b.created_at AS pricing_created_at
             FROM tenants t JOIN tenants p ON p.no = t.parent_no JOIN contacts o ON o.id = t.contact_id
             JOIN tenants b ON b.no = CASE t.kind WHEN 'unit' THEN COALESCE(
                 (SELECT a.no FROM closure k JOIN tenants a ON a.no = k.ancestor_no
                  WHERE k.tenant_no = t.no AND a.kind = 'customer'), t.no) ELSE t.no END "
        )
    };
}

const DETAILS: &str = concat!(select_details!(), "WHERE t.no = $1");
const DETAILS_OF: &str = concat!(select_details!(), "WHERE t.no IN (");
const CHILD_DETAILS: &str = concat!(
    select_details!(),
    "WHERE t.parent_no = $1 AND t.no <> $1 AND t.owner_id IS NULL AND (t.deleted_at IS NULL OR $2 = 1)
     ORDER BY t.created_at, t.no"
);

/// A tenant with what an answer shows, deleted or not.
pub async fn details(conn: &mut Conn, no: TenantNo) -> Result<Option<Details>> {
    conn.one(DETAILS, args![no]).await?.map(|row| from_row(&row)).transpose()
}

/// Tenants with what an answer shows, deleted or not, in no order.
pub async fn details_of(conn: &mut Conn, tenants: &[TenantNo]) -> Result<Vec<Details>> {
    let mut found = Vec::with_capacity(tenants.len());
    for batch in tenants.chunks(dialect::MAX_LIST) {
        let sql = format!("{DETAILS_OF}{})", dialect::placeholders(1, batch.len()));
        for row in conn.all_of(sql, batch.iter().map(|no| Arg::from(*no)).collect()).await? {
            found.push(from_row(&row)?);
        }
    }
    Ok(found)
}

/// The children of a tenant in full, oldest first; personal tenants are left out.
pub async fn child_details(conn: &mut Conn, parent: TenantNo, deleted_too: bool) -> Result<Vec<Details>> {
    conn.all(CHILD_DETAILS, args![parent, deleted_too]).await?.iter().map(from_row).collect()
}

fn from_row(row: &Row) -> Result<Details> {
    Ok(Details {
        tenant: tenant(row)?,
        contact: contacts::from_row(row)?,
        pricing_mode: row.parsed("pricing_mode")?,
        pricing_switched_at: row.opt_instant("pricing_switched_at")?,
        pricing_created_at: row.instant("pricing_created_at")?,
    })
}

/// What a list of children is ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// Its number.
    pub no: TenantNo,
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// Its status.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Instant,
}

/// The children of a tenant, oldest first; personal tenants are left out.
pub async fn children(conn: &mut Conn, parent: TenantNo, deleted_too: bool) -> Result<Vec<Child>> {
    let rows = conn
        .all(
            "SELECT no, id, name, enabled, created_at FROM tenants
             WHERE parent_no = $1 AND no <> $1 AND owner_id IS NULL AND (deleted_at IS NULL OR $2 = 1)
             ORDER BY created_at, no",
            args![parent, deleted_too],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Child {
                no: TenantNo(row.int("no")?),
                id: row.parsed("id")?,
                name: row.text("name")?,
                enabled: row.flag("enabled")?,
                created_at: row.instant("created_at")?,
            })
        })
        .collect()
}

/// What one meter of a child says now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildUsage {
    /// Whose it is.
    pub no: TenantNo,
    /// The full name of the item.
    pub item: String,
    /// The storage, where the item has one.
    pub infra: Option<InfraId>,
    /// Its level.
    pub level: i64,
}

/// The meters of a tenant's children, their personal tenants included.
pub async fn child_usages(conn: &mut Conn, parent: TenantNo) -> Result<Vec<ChildUsage>> {
    let rows = conn
        .all(
            "SELECT m.tenant_no, i.name, f.id AS infra_id, m.level FROM tenants t JOIN meters m ON m.tenant_no = t.no
             JOIN items i ON i.no = m.item_no LEFT JOIN infras f ON f.no = m.infra_no WHERE t.parent_no = $1",
            args![parent],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(ChildUsage {
                no: TenantNo(row.int("tenant_no")?),
                item: row.text("name")?,
                infra: row.opt_parsed("infra_id")?,
                level: row.int("level")?,
            })
        })
        .collect()
}

/// The tenants above a tenant, the nearest first.
pub async fn path(conn: &mut Conn, no: TenantNo) -> Result<Vec<TenantId>> {
    let rows = conn
        .all(
            "SELECT a.id FROM closure k JOIN tenants a ON a.no = k.ancestor_no
             WHERE k.tenant_no = $1 AND k.depth > 0 ORDER BY k.depth",
            args![no],
        )
        .await?;
    rows.iter().map(|row| row.parsed("id")).collect()
}
