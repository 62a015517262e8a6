//! Lists of users.

use domain::ids::{InfraId, TenantNo, UserId};
use domain::tenant::TenantKind;
use domain::user::User;

use super::{user, user_columns};
use crate::contacts::contact_columns;
use crate::{Conn, Result, args};

/// The tenants whose users count, as `own`: the tenant itself and, through tenants of one kind alone, those below it.
/// Closed tenants (`ancestral_access` false) end a branch.
macro_rules! own_tenants {
    ($kind:literal, $deleted_too:literal) => {
        concat!(
            "WITH RECURSIVE own (no) AS (
                 SELECT $1
                 UNION ALL
                 SELECT c.no FROM own JOIN tenants c ON c.parent_no = own.no AND c.kind = ",
            $kind,
            " WHERE c.owner_id IS NULL AND c.ancestral_access = 1 AND c.no <> c.parent_no
                   AND (c.deleted_at IS NULL OR ",
            $deleted_too,
            " = 1)
             ) "
        )
    };
}

pub(crate) use own_tenants;

const IN_TENANT: &str = concat!(
    own_tenants!("$2", "$3"),
    "SELECT ",
    user_columns!(),
    ", (SELECT MAX(depth) FROM closure k WHERE k.tenant_no = u.tenant_no) AS level
     FROM own JOIN users u ON u.tenant_no = own.no JOIN tenants t ON t.no = u.tenant_no
     JOIN contacts o ON o.id = u.contact_id LEFT JOIN tenants w ON w.no = u.personal_tenant_no
     WHERE u.deleted_at IS NULL OR $3 = 1 ORDER BY u.created_at, u.id"
);

/// A user in a list, with what lists are ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The user.
    pub user: User,
    /// The level of its tenant, 0 at the top.
    pub level: i64,
}

/// The users of a tenant, oldest first; with `through`, also those of the tenants that are reached from it through
/// children of that kind alone.
pub async fn in_tenant(
    conn: &mut Conn,
    tenant: TenantNo,
    through: Option<TenantKind>,
    deleted_too: bool,
) -> Result<Vec<Listed>> {
    let rows =
        conn.all(IN_TENANT, args![tenant, through.map_or("", TenantKind::as_str), deleted_too]).await?;
    rows.iter().map(|row| Ok(Listed { user: user(row)?, level: row.int("level")? })).collect()
}

/// The meters of the personal tenants of a tenant's users: user, item, storage, level.
pub async fn personal_usages(
    conn: &mut Conn,
    tenant: TenantNo,
    through: Option<TenantKind>,
) -> Result<Vec<(UserId, String, Option<InfraId>, i64)>> {
    let rows = conn
        .all(
            concat!(
                own_tenants!("$2", "$3"),
                "SELECT u.id, i.name, f.id AS infra_id, m.level FROM own JOIN users u ON u.tenant_no = own.no
                 JOIN meters m ON m.tenant_no = u.personal_tenant_no JOIN items i ON i.no = m.item_no
                 LEFT JOIN infras f ON f.no = m.infra_no"
            ),
            args![tenant, through.map_or("", TenantKind::as_str), true],
        )
        .await?;
    rows.iter()
        .map(|row| Ok((row.parsed("id")?, row.text("name")?, row.opt_parsed("infra_id")?, row.int("level")?)))
        .collect()
}
