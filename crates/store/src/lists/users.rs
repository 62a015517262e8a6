//! Keys of lists of users.

use domain::access::Role;
use domain::ids::{TenantId, TenantNo, UserId};
use domain::tenant::TenantKind;

use super::{Place, Wanted, from};
use crate::users::own_tenants;
use crate::{Arg, Conn, Result, Row, args, dialect};

/// The subtree in its order, from behind `($4, $5)` on.
const WALK: &str = "SELECT l.depth, l.user_id AS id FROM user_lists l CROSS JOIN users u
     WHERE l.ancestor_no = $1 AND l.walls = 0 AND (l.depth, l.user_id) > ($4, $5) AND u.id = l.user_id
     AND (u.deleted_at IS NULL OR $2 = 1) AND u.updated_at > $3 AND ($7 = '' OR u.origin_id = $7)
     ORDER BY l.depth, l.user_id LIMIT $6";
/// The same, from the changes on.
const CHANGED: &str = "SELECT k.depth, u.id FROM users u CROSS JOIN closure k CROSS JOIN tenants t
     WHERE u.updated_at > $3 AND (u.deleted_at IS NULL OR $2 = 1) AND k.ancestor_no = $1 AND k.tenant_no = u.tenant_no
     AND k.walls = 0 AND t.no = u.tenant_no AND (k.depth = 0 OR t.ancestral_access = 1)
     AND (k.depth, u.id) > ($4, $5) AND ($7 = '' OR u.origin_id = $7) ORDER BY k.depth, u.id LIMIT $6";
const OF_TENANT: &str = "SELECT l.depth, l.user_id AS id FROM user_lists l CROSS JOIN users u
     WHERE l.ancestor_no = $1 AND l.walls = 0 AND l.depth = 0 AND l.user_id > $4 AND u.id = l.user_id
     AND (u.deleted_at IS NULL OR $2 = 1) AND u.updated_at > $3 AND ($6 = '' OR u.origin_id = $6)
     ORDER BY l.user_id LIMIT $5";
const CHANGES: &str = "SELECT COUNT(*) AS n FROM (SELECT 1 FROM users WHERE updated_at > $1 LIMIT $2) few";

/// At most `limit` users of the tenants from `root` down by level and id, behind a place. Those behind a wall are left out.
pub async fn users_below(
    conn: &mut Conn,
    root: TenantNo,
    wanted: Wanted,
    origin: Option<&str>,
    after: Option<Place<UserId>>,
    limit: i64,
) -> Result<Vec<Place<UserId>>> {
    let sql = if wanted.changed_few(conn, CHANGES).await? { CHANGED } else { WALK };
    let (depth, id) = from(after);
    let args = args![root, wanted.deleted_too, wanted.since(), depth, id, limit, origin.unwrap_or_default()];
    conn.all(sql, args).await?.iter().map(place).collect()
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

/// What the users of an organization are chosen by, beside what every list is.
#[derive(Debug, Clone, Default)]
pub struct Holding {
    /// Those with one of these roles; empty: all.
    pub roles: Vec<Role>,
    /// Those with a role on this tenant.
    pub on: Option<TenantId>,
    /// Those of tenants of these kinds; empty: all.
    pub kinds: Vec<TenantKind>,
}

impl Holding {
    /// The condition on the user `u` of the tenant `t`; what it compares with goes to the arguments.
    fn condition(&self, args: &mut Vec<Arg>) -> String {
        let mut among = |column: &str, words: Vec<Arg>| {
            if words.is_empty() {
                return String::new();
            }
            let list = dialect::placeholders(args.len() + 1, words.len());
            args.extend(words);
            format!(" AND {column} IN ({list})")
        };
        let kinds = among("t.kind", self.kinds.iter().map(|kind| kind.as_str().into()).collect());
        let roles = among("a.role_id", self.roles.iter().map(|role| role.as_str().into()).collect());
        let on = among("x.id", self.on.into_iter().map(Arg::from).collect());
        if roles.is_empty() && on.is_empty() {
            return kinds;
        }
        format!(
            "{kinds} AND EXISTS (SELECT 1 FROM access_policies a JOIN tenants x ON x.no = a.tenant_no
             WHERE a.user_id = u.id{roles}{on})"
        )
    }
}

/// The users of a tenant and of those reached from it through tenants of one kind alone, by level and id, behind a place.
pub async fn of_organization(
    conn: &mut Conn,
    root: (TenantNo, TenantKind),
    wanted: Wanted,
    origin: Option<&str>,
    holding: &Holding,
    after: Option<Place<UserId>>,
    limit: i64,
) -> Result<Vec<Place<UserId>>> {
    let (depth, id) = from(after);
    let (tenant, through) = root;
    let mut args = args![
        tenant,
        through.as_str(),
        wanted.deleted_too,
        wanted.since(),
        depth,
        id,
        limit,
        origin.unwrap_or_default()
    ];
    let chosen = holding.condition(&mut args);
    let sql = format!("{ORGANIZATION}{chosen} ORDER BY k.depth, u.id LIMIT $7");
    conn.all_of(sql, args).await?.iter().map(place).collect()
}

const ORGANIZATION: &str = concat!(
    own_tenants!(),
    "SELECT k.depth, u.id FROM own JOIN users u ON u.tenant_no = own.no JOIN tenants t ON t.no = own.no
     JOIN closure k ON k.ancestor_no = $1 AND k.tenant_no = own.no
     WHERE (u.deleted_at IS NULL OR $3 = 1) AND u.updated_at > $4 AND (k.depth, u.id) > ($5, $6)
     AND ($8 = '' OR u.origin_id = $8)"
);

fn place(row: &Row) -> Result<Place<UserId>> {
    Ok(Place { depth: row.int("depth")?, id: row.parsed("id")? })
}
