//! Where the tenants of readings stand, and what has changed about that since somebody looked.

use std::collections::HashMap;

use domain::ids::{Seq, TenantId, TenantNo};

use crate::{Conn, Result, args, dialect};

/// A live tenant that somebody wants to report usage of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its number.
    pub no: TenantNo,
    /// The tenant it hangs below; the top tenant names itself.
    pub parent: TenantNo,
}

/// Those of these tenants that live.
pub async fn places(conn: &mut Conn, ids: &[TenantId]) -> Result<HashMap<TenantId, Place>> {
    let mut found = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(dialect::MAX_LIST) {
        let sql = format!(
            "SELECT id, no, parent_no FROM tenants WHERE deleted_at IS NULL AND id IN ({})",
            dialect::placeholders(1, ids.len())
        );
        for row in conn.all_of(sql, ids.iter().map(|id| (*id).into()).collect()).await? {
            let place = Place { no: TenantNo(row.int("no")?), parent: TenantNo(row.int("parent_no")?) };
            found.insert(row.parsed("id")?, place);
        }
    }
    Ok(found)
}

/// Each of these tenants with all that stand above it, itself first.
pub async fn above(conn: &mut Conn, tenants: &[TenantNo]) -> Result<HashMap<TenantNo, Vec<TenantNo>>> {
    let mut found: HashMap<TenantNo, Vec<TenantNo>> = HashMap::with_capacity(tenants.len());
    for tenants in tenants.chunks(dialect::MAX_LIST) {
        let sql = format!(
            "SELECT tenant_no, ancestor_no FROM closure WHERE tenant_no IN ({}) ORDER BY tenant_no, depth",
            dialect::placeholders(1, tenants.len())
        );
        for row in conn.all_of(sql, tenants.iter().map(|no| (*no).into()).collect()).await? {
            let chain = found.entry(TenantNo(row.int("tenant_no")?)).or_default();
            chain.push(TenantNo(row.int("ancestor_no")?));
        }
    }
    Ok(found)
}

/// The acceptance number of the last row of the change log.
pub async fn last_change(conn: &mut Conn) -> Result<Seq> {
    conn.count("SELECT COALESCE(MAX(seq), 0) AS n FROM changes", Vec::new()).await.map(Seq)
}

/// A change after which what was known of a tenant may be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It hangs elsewhere, and all below it too.
    Moved,
    /// It is gone.
    Deleted(TenantNo),
    /// One of its items was switched.
    Switched(TenantNo),
}

/// What has turned after `seen`. First versions are left out: nobody can have known what they replace.
pub async fn turns_since(conn: &mut Conn, seen: Seq) -> Result<Vec<Turn>> {
    let rows = conn
        .all(
            "SELECT DISTINCT object, field, tenant_no FROM changes WHERE seq > $1 AND old_value IS NOT NULL
             AND (object = 'tenant' AND field IN ('parent', 'deleted') OR object = 'item' AND field = 'enabled')",
            args![seen],
        )
        .await?;
    let turn = |row: &crate::Row| {
        let tenant = TenantNo(row.int("tenant_no")?);
        Ok(match row.text("field")?.as_str() {
            "parent" => Turn::Moved,
            "deleted" => Turn::Deleted(tenant),
            _ => Turn::Switched(tenant),
        })
    };
    rows.iter().map(turn).collect()
}
