//! Keys of lists of users.

use domain::ids::{TenantNo, UserId};

use super::{FEW, Place, Wanted, from, level, moved, not_moved};
use crate::{Arg, Conn, Result, Row, args, dialect};

/// Users where they stand in the subtree's order, from behind `($4, $5)` on, of a list that began at `$8`.
macro_rules! standing {
    () => {
        concat!(
            "SELECT l.depth AS depth, l.user_id AS id FROM user_lists l CROSS JOIN users u CROSS JOIN tenants t
             WHERE l.ancestor_no = $1 AND l.walls = 0 AND (l.depth, l.user_id) > ($4, $5) AND u.id = l.user_id
             AND t.no = u.tenant_no AND (u.deleted_at IS NULL OR $2 = 1) AND u.updated_at > $3
             AND ($7 = '' OR u.origin_id = $7)",
            not_moved!("u.tenant_no", "$8")
        )
    };
}
/// And those whose tenants were moved since then.
macro_rules! and_moved {
    () => {
        concat!(
            " UNION ALL SELECT k.depth, u.id FROM ",
            moved!("$8"),
            " CROSS JOIN tenants t CROSS JOIN users u
             WHERE t.no = k.tenant_no AND t.ancestral_access = 1 AND u.tenant_no = k.tenant_no
             AND (k.depth, u.id) > ($4, $5) AND (u.deleted_at IS NULL OR $2 = 1) AND u.updated_at > $3
             AND ($7 = '' OR u.origin_id = $7)"
        )
    };
}
macro_rules! ordered {
    () => {
        " ORDER BY depth, id LIMIT $6"
    };
}
const WALK: &str = concat!(standing!(), and_moved!(), ordered!());
/// The same list, from few users on.
macro_rules! from_few {
    ($few:literal) => {
        concat!(
            "SELECT depth, id FROM (SELECT ",
            level!("$8"),
            " AS depth, u.id FROM users u CROSS JOIN closure k CROSS JOIN tenants t WHERE ",
            $few,
            " AND (u.deleted_at IS NULL OR $2 = 1) AND k.ancestor_no = $1 AND k.tenant_no = u.tenant_no
             AND k.walls = 0 AND t.no = u.tenant_no AND (k.depth = 0 OR t.ancestral_access = 1)) x
             WHERE (depth, id) > ($4, $5)",
            ordered!()
        )
    };
}
const CHANGED: &str = from_few!("u.updated_at > $3 AND ($7 = '' OR u.origin_id = $7)");
const OF_ORIGIN: &str = from_few!("u.origin_id = $7 AND u.updated_at > $3");
const OF_TENANT: &str = "SELECT l.depth, l.user_id AS id FROM user_lists l CROSS JOIN users u
     WHERE l.ancestor_no = $1 AND l.walls = 0 AND l.depth = 0 AND l.user_id > $4 AND u.id = l.user_id
     AND (u.deleted_at IS NULL OR $2 = 1) AND u.updated_at > $3 AND ($6 = '' OR u.origin_id = $6)
     ORDER BY l.user_id LIMIT $5";
const CHANGES: &str = "SELECT COUNT(*) AS n FROM (SELECT 1 FROM users WHERE updated_at > $1 LIMIT $2) few";
const ORIGINALS: &str = "SELECT COUNT(*) AS n FROM (SELECT 1 FROM users WHERE origin_id = $1 LIMIT $2) few";

pub(super) use {and_moved, ordered, standing};

/// At most `limit` users of the tenants from `root` down by level and id, behind a place. Those behind a wall are left out.
pub async fn users_below(
    conn: &mut Conn,
    root: TenantNo,
    wanted: Wanted,
    origin: Option<&str>,
    after: Option<Place<UserId>>,
    limit: i64,
) -> Result<Vec<Place<UserId>>> {
    let sql = if wanted.changed_few(conn, CHANGES).await? {
        CHANGED
    } else if let Some(origin) = origin
        && conn.count(ORIGINALS, args![origin, FEW + 1]).await? <= FEW
    {
        OF_ORIGIN
    } else {
        WALK
    };
    let args = in_order(root, wanted, origin, after, limit);
    conn.all(sql, args).await?.iter().map(place).collect()
}

/// The arguments of a walk, and of the lists from few users on.
pub(super) fn in_order(
    root: TenantNo,
    wanted: Wanted,
    origin: Option<&str>,
    after: Option<Place<UserId>>,
    limit: i64,
) -> Vec<Arg> {
    let (depth, id) = from(after);
    let (since, origin) = (wanted.since(), origin.unwrap_or_default());
    args![root, wanted.deleted_too, since, depth, id, limit, origin, wanted.began_at]
}

/// At most `limit` users of one tenant by id, behind an id.
pub async fn of_tenant(
    conn: &mut Conn,
    tenant: TenantNo,
    wanted: Wanted,
    origin: Option<&str>,
    after: Option<Place<UserId>>,
    limit: i64,
) -> Result<Vec<Place<UserId>>> {
    let (_, id) = from(after);
    let args = args![tenant, wanted.deleted_too, wanted.since(), id, limit, origin.unwrap_or_default()];
    conn.all(OF_TENANT, args).await?.iter().map(place).collect()
}

/// Those of these users that belong to tenants from `root` down and stand behind no wall. All with depth 0, in no order.
pub async fn visible_users(
    conn: &mut Conn,
    root: TenantNo,
    ids: &[UserId],
    wanted: Wanted,
    origin: Option<&str>,
) -> Result<Vec<Place<UserId>>> {
    let sql = format!(
        "SELECT 0 AS depth, u.id FROM users u CROSS JOIN tenants t CROSS JOIN closure k
         WHERE u.id IN ({}) AND t.no = u.tenant_no AND k.ancestor_no = $1 AND k.tenant_no = u.tenant_no AND k.walls = 0 AND (k.depth = 0 OR t.ancestral_access = 1)
         AND (u.deleted_at IS NULL OR $2 = 1) AND u.updated_at > $3 AND ($4 = '' OR u.origin_id = $4)",
        dialect::placeholders(5, ids.len())
    );
    let mut args = args![root, wanted.deleted_too, wanted.since(), origin.unwrap_or_default()];
    args.extend(ids.iter().map(|id| Arg::from(*id)));
    conn.all_of(sql, args).await?.iter().map(place).collect()
}

/// The users of a tenant with one of these external ids. All with depth 0, in no order.
pub async fn with_external_ids(
    conn: &mut Conn,
    tenant: TenantNo,
    external_ids: &[String],
    wanted: Wanted,
    origin: Option<&str>,
) -> Result<Vec<Place<UserId>>> {
    let sql = format!(
        "SELECT 0 AS depth, u.id FROM users u WHERE u.tenant_no = $1 AND u.external_id IN ({})
         AND (u.deleted_at IS NULL OR $2 = 1) AND u.updated_at > $3 AND ($4 = '' OR u.origin_id = $4)",
        dialect::placeholders(5, external_ids.len())
    );
    let mut args = args![tenant, wanted.deleted_too, wanted.since(), origin.unwrap_or_default()];
    args.extend(external_ids.iter().map(|id| Arg::from(id.as_str())));
    conn.all_of(sql, args).await?.iter().map(place).collect()
}

pub(super) fn place(row: &Row) -> Result<Place<UserId>> {
    Ok(Place { depth: row.int("depth")?, id: row.parsed("id")? })
}

#[cfg(test)]
pub(super) fn statements() -> Vec<(&'static str, &'static str, String)> {
    let of = |name, first, sql: &str| (name, first, sql.to_owned());
    vec![
        of(
            "users in order",
            "l USING PRIMARY KEY (ancestor_no=? AND walls=? AND (depth,user_id)>(?,?))",
            WALK,
        ),
        of("changed users", "u USING INDEX users_by_change (updated_at>?)", CHANGED),
        of("users of an origin", "u USING INDEX users_by_origin (origin_id=?)", OF_ORIGIN),
        of(
            "users of a tenant in order",
            "l USING PRIMARY KEY (ancestor_no=? AND walls=? AND depth=? AND user_id>?)",
            OF_TENANT,
        ),
        of("changes of users", "users USING COVERING INDEX users_by_change (updated_at>?)", CHANGES),
        of(
            "counted users of an origin",
            "users USING COVERING INDEX users_by_origin (origin_id=?)",
            ORIGINALS,
        ),
    ]
}
