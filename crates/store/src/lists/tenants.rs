//! Keys of lists of tenants.

use domain::ids::{TenantId, TenantNo};

use super::{Place, Wanted, from, level, moved, not_moved};
use crate::{Arg, Conn, Result, Row, args, dialect};

/// A tenant in a list: where it stands, and its number.
pub type Listed = (Place<TenantId>, TenantNo);

/// The subtree in its order, from behind `($4, $5)` on, of a list that began at `$7`.
const WALK: &str = concat!(
    "SELECT l.depth AS depth, l.tenant_id AS id, l.tenant_no AS no FROM tenant_lists l CROSS JOIN tenants t
     WHERE l.ancestor_no = $1 AND l.walls = 0 AND (l.depth, l.tenant_id) > ($4, $5) AND t.no = l.tenant_no
     AND (t.deleted_at IS NULL OR $2 = 1) AND t.updated_at > $3",
    not_moved!("l.tenant_no", "$7"),
    " UNION ALL SELECT k.depth, t.id, t.no FROM ",
    moved!("$7"),
    " CROSS JOIN tenants t WHERE t.no = k.tenant_no AND (k.depth, t.id) > ($4, $5)
     AND (t.deleted_at IS NULL OR $2 = 1) AND t.updated_at > $3 ORDER BY depth, id LIMIT $6"
);
/// The same, from the changes on.
const CHANGED: &str = concat!(
    "SELECT depth, id, no FROM (SELECT ",
    level!("$7"),
    " AS depth, t.id, t.no FROM tenants t CROSS JOIN closure k
      WHERE t.updated_at > $3 AND t.owner_id IS NULL AND (t.deleted_at IS NULL OR $2 = 1) AND k.ancestor_no = $1
      AND k.tenant_no = t.no AND k.walls = 0) x WHERE (depth, id) > ($4, $5) ORDER BY depth, id LIMIT $6"
);
const CHILDREN: &str =
    "SELECT l.depth, l.tenant_id AS id, l.tenant_no AS no FROM tenant_lists l CROSS JOIN tenants t
     WHERE l.ancestor_no = $1 AND l.walls = 0 AND l.depth = 1 AND l.tenant_id > $4 AND t.no = l.tenant_no
     AND (t.deleted_at IS NULL OR $2 = 1) AND t.updated_at > $3 ORDER BY l.tenant_id LIMIT $5";
const CHANGES: &str = "SELECT COUNT(*) AS n FROM (SELECT 1 FROM tenants WHERE updated_at > $1 LIMIT $2) few";

/// At most `limit` tenants from `root` down by level and id, behind a place. Closed subtrees and personal tenants are left
/// out.
pub async fn tenants_below(
    conn: &mut Conn,
    root: TenantNo,
    wanted: Wanted,
    after: Option<Place<TenantId>>,
    limit: i64,
) -> Result<Vec<Listed>> {
    let sql = if wanted.changed_few(conn, CHANGES).await? { CHANGED } else { WALK };
    let (depth, id) = from(after);
    let args = args![root, wanted.deleted_too, wanted.since(), depth, id, limit, wanted.began_at];
    conn.all(sql, args).await?.iter().map(listed).collect()
}

/// At most `limit` children of a tenant by id, behind an id. Personal tenants are left out.
pub async fn children(
    conn: &mut Conn,
    parent: TenantNo,
    wanted: Wanted,
    after: Option<Place<TenantId>>,
    limit: i64,
) -> Result<Vec<Listed>> {
    let (_, id) = from(after);
    let args = args![parent, wanted.deleted_too, wanted.since(), id, limit];
    conn.all(CHILDREN, args).await?.iter().map(listed).collect()
}

/// Those of these tenants that lie from `root` down and behind no wall; with `path` also the tenants between. All
/// with depth 0, in no order.
pub async fn visible_tenants(
    conn: &mut Conn,
    root: TenantNo,
    ids: &[TenantId],
    path: bool,
    wanted: Wanted,
) -> Result<Vec<Listed>> {
    // Whatever stands between the root and a tenant that no wall hides is not hidden either.
    let between = if path { "" } else { "AND k.depth = 0" };
    let sql = format!(
        "SELECT DISTINCT 0 AS depth, t.id, t.no
         FROM tenants n CROSS JOIN closure m CROSS JOIN closure k CROSS JOIN tenants t CROSS JOIN closure r
         WHERE n.id IN ({}) AND (n.deleted_at IS NULL OR $2 = 1)
         AND m.ancestor_no = $1 AND m.tenant_no = n.no AND m.walls = 0
         AND k.tenant_no = n.no {between} AND t.no = k.ancestor_no AND t.updated_at > $3
         AND r.ancestor_no = $1 AND r.tenant_no = t.no",
        dialect::placeholders(4, ids.len())
    );
    let mut args = args![root, wanted.deleted_too, wanted.since()];
    args.extend(ids.iter().map(|id| Arg::from(*id)));
    conn.all_of(sql, args).await?.iter().map(listed).collect()
}

fn listed(row: &Row) -> Result<Listed> {
    let place = Place { depth: row.int("depth")?, id: row.parsed("id")? };
    Ok((place, TenantNo(row.int("no")?)))
}

#[cfg(test)]
pub(super) fn statements() -> Vec<(&'static str, &'static str, String)> {
    let of = |name, first, sql: &str| (name, first, sql.to_owned());
    vec![
        of(
            "tenants in order",
            "l USING PRIMARY KEY (ancestor_no=? AND walls=? AND (depth,tenant_id)>(?,?))",
            WALK,
        ),
        of("changed tenants", "t USING INDEX tenants_by_change (updated_at>?)", CHANGED),
        of(
            "children in order",
            "l USING PRIMARY KEY (ancestor_no=? AND walls=? AND depth=? AND tenant_id>?)",
            CHILDREN,
        ),
        of("changes of tenants", "tenants USING COVERING INDEX tenants_by_change (updated_at>?)", CHANGES),
    ]
}
