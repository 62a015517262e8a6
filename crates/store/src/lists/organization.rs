//! Keys of the users of an organization: of a customer with its units, or of anything else with its folders.

use domain::access::Role;
use domain::ids::{TenantId, TenantNo, UserId};
use domain::tenant::TenantKind;

use super::users::{and_moved, in_order, ordered, place, standing};
use super::{Place, Wanted, level, moved, not_moved};
use crate::users::own_tenants;
use crate::{Arg, Conn, Result, dialect};

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
    let (tenant, through) = root;
    let mut args = in_order(tenant, wanted, origin, after, limit);
    // Below a customer there are its units and nothing else.
    let sql = if through == TenantKind::Unit {
        let chosen = holding.condition(&mut args);
        format!(concat!(standing!(), "{chosen}", and_moved!(), "{chosen}", ordered!()), chosen = chosen)
    } else {
        args.push(through.as_str().into());
        let chosen = holding.condition(&mut args);
        format!("{AMONG_OTHERS}{chosen}) x WHERE (depth, id) > ($4, $5) ORDER BY depth, id LIMIT $6")
    };
    conn.all_of(sql, args).await?.iter().map(place).collect()
}

/// The folders of a partner are few among all that is below it, and found level by level.
const AMONG_OTHERS: &str = concat!(
    own_tenants!("$9", "$2"),
    "SELECT depth, id FROM (SELECT ",
    level!("$8"),
    " AS depth, u.id FROM own CROSS JOIN users u JOIN tenants t ON t.no = own.no
     JOIN closure k ON k.ancestor_no = $1 AND k.tenant_no = own.no
     WHERE u.tenant_no = own.no AND (u.deleted_at IS NULL OR $2 = 1) AND u.updated_at > $3
     AND ($7 = '' OR u.origin_id = $7)"
);

#[cfg(test)]
pub(super) fn statements() -> Vec<(&'static str, &'static str, String)> {
    let end = ") x WHERE (depth, id) > ($4, $5) ORDER BY depth, id LIMIT $6";
    vec![
        (
            "an organization in order",
            "l USING PRIMARY KEY (ancestor_no=? AND walls=? AND (depth,user_id)>(?,?))",
            concat!(standing!(), " AND t.kind IN ($9)", and_moved!(), " AND t.kind IN ($9)", ordered!())
                .to_owned(),
        ),
        (
            "an organization among others",
            "c USING INDEX tenants_of_parent (parent_no=? AND kind=?)",
            format!("{AMONG_OTHERS}{end}"),
        ),
    ]
}
