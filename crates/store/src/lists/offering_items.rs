//! Lists of the offering items of a subtree.

use domain::ids::{ItemNo, TenantId, TenantNo};
use domain::time::Instant;

use super::{FEW, Place, Wanted, from, level, moved, not_moved};
use crate::offering_items::{Key, State, key, state_of};
use crate::{Arg, Conn, Result, Row, args, dialect};

/// Where an item of a list stands: its tenant's place, then its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ItemPlace {
    /// The tenant's.
    pub tenant: Place<TenantId>,
    /// Which of its items.
    pub key: Key,
}

/// An item that a tenant has or once had on.
#[derive(Debug, Clone, Copy)]
pub struct Item {
    /// Where it stands.
    pub place: ItemPlace,
    /// How the tenant has it.
    pub state: State,
    /// When the tenant was deleted, if it was.
    pub deleted_at: Option<Instant>,
}

macro_rules! item_columns {
    () => {
        ", i.item_no, i.infra_no, i.enabled, i.quota_value, i.quota_overage, i.quota_version, i.updated_at, t.deleted_at "
    };
}

/// An item changes with its tenant's end, too.
macro_rules! item_wanted {
    () => {
        " AND (t.deleted_at IS NULL OR $2 = 1) AND (i.updated_at > $3 OR t.deleted_at > $3)"
    };
}

/// The subtree in its order, from behind the item `($6, $7)` of the tenant `($4, $5)` on, of a list that began at `$9`.
const WALK: &str = concat!(
    "SELECT l.depth AS depth, l.tenant_id AS id",
    item_columns!(),
    "FROM tenant_lists l CROSS JOIN tenants t CROSS JOIN tenant_items i
     WHERE l.ancestor_no = $1 AND l.walls = 0 AND (l.depth, l.tenant_id) >= ($4, $5) AND t.no = l.tenant_no
     AND i.tenant_no = l.tenant_no AND ((l.depth, l.tenant_id) > ($4, $5) OR (i.item_no, i.infra_no) > ($6, $7))",
    not_moved!("l.tenant_no", "$9"),
    item_wanted!()
);
/// And those of tenants that were moved since then.
const AND_MOVED: &str = concat!(
    " UNION ALL SELECT k.depth, t.id",
    item_columns!(),
    "FROM ",
    moved!("$9"),
    " CROSS JOIN tenants t CROSS JOIN tenant_items i WHERE t.no = k.tenant_no AND i.tenant_no = k.tenant_no
     AND ((k.depth, t.id) > ($4, $5) OR (k.depth, t.id) = ($4, $5) AND (i.item_no, i.infra_no) > ($6, $7))",
    item_wanted!()
);
/// The same list, from few items on.
macro_rules! from_few {
    ($few:literal, $of:literal) => {
        concat!(
            "SELECT * FROM (SELECT ",
            level!("$9"),
            " AS depth, t.id",
            item_columns!(),
            "FROM ",
            $few,
            " CROSS JOIN tenants t CROSS JOIN closure k",
            $of,
            " AND t.owner_id IS NULL AND k.ancestor_no = $1 AND k.tenant_no = t.no AND k.walls = 0
              AND i.tenant_no = t.no",
            item_wanted!()
        )
    };
}
const CHANGED: &str = from_few!(
    "(SELECT tenant_no FROM tenant_items WHERE updated_at > $3
      UNION SELECT no FROM tenants WHERE updated_at > $3 AND deleted_at > $3) c",
    " CROSS JOIN tenant_items i WHERE t.no = c.tenant_no"
);
const NAMED: &str = from_few!("tenant_items i", " WHERE t.no = i.tenant_no");
const BEHIND: &str =
    ") x WHERE (depth, id) > ($4, $5) OR (depth, id) = ($4, $5) AND (item_no, infra_no) > ($6, $7)";
const ORDER: &str = " ORDER BY depth, id, item_no, infra_no LIMIT $8";
const CHANGES: &str =
    "SELECT COUNT(*) AS n FROM (SELECT 1 FROM tenant_items WHERE updated_at > $1 LIMIT $2) few";
const ENDS: &str = "SELECT COUNT(*) AS n FROM (SELECT 1 FROM tenants WHERE updated_at > $1 LIMIT $2) few";

/// At most `limit` items of the tenants from `root` down, behind a place; of `among` alone, where it is given. Closed
/// subtrees and personal tenants are left out.
pub async fn items_below(
    conn: &mut Conn,
    root: TenantNo,
    wanted: Wanted,
    among: Option<&[ItemNo]>,
    after: Option<ItemPlace>,
    limit: i64,
) -> Result<Vec<Item>> {
    if among.is_some_and(<[ItemNo]>::is_empty) {
        return Ok(Vec::new());
    }
    let (depth, id) = from(after.map(|after| after.tenant));
    let (item, infra) = after.map_or((-1, -1), |after| (after.key.item.0, after.key.infra.0));
    let (deleted_too, since) = (wanted.deleted_too, wanted.since());
    let mut args = args![root, deleted_too, since, depth, id, item, infra, limit, wanted.began_at];
    let chosen = among.map_or(String::new(), |among| {
        let list = dialect::placeholders(args.len() + 1, among.len());
        args.extend(among.iter().map(|no| Arg::from(*no)));
        format!(" AND i.item_no IN ({list})")
    });
    let sql = if wanted.changed_few(conn, CHANGES).await? && wanted.changed_few(conn, ENDS).await? {
        format!("{CHANGED}{chosen}{BEHIND}{ORDER}")
    } else if named_few(conn, among).await? {
        format!("{NAMED}{chosen}{BEHIND}{ORDER}")
    } else {
        format!("{WALK}{chosen}{AND_MOVED}{chosen}{ORDER}")
    };
    conn.all_of(sql, args).await?.iter().map(listed).collect()
}

/// Whether so few tenants have or once had on one of these items that the list begins there.
async fn named_few(conn: &mut Conn, among: Option<&[ItemNo]>) -> Result<bool> {
    let Some(among) = among else { return Ok(false) };
    let list = dialect::placeholders(2, among.len());
    let sql = format!(
        "SELECT COUNT(*) AS n FROM (SELECT 1 FROM tenant_items WHERE item_no IN ({list}) LIMIT $1) few"
    );
    let mut args = args![FEW + 1];
    args.extend(among.iter().map(|no| Arg::from(*no)));
    let rows = conn.all_of(sql, args).await?;
    rows.first().map_or(Ok(true), |row| Ok(row.int("n")? <= FEW))
}

fn listed(row: &Row) -> Result<Item> {
    let tenant = Place { depth: row.int("depth")?, id: row.parsed("id")? };
    let place = ItemPlace { tenant, key: key(row)? };
    Ok(Item { place, state: state_of(row)?, deleted_at: row.opt_instant("deleted_at")? })
}

#[cfg(test)]
pub(super) fn statements() -> Vec<(&'static str, &'static str, String)> {
    let chosen = " AND i.item_no IN ($10, $11)";
    let walk = "l USING PRIMARY KEY (ancestor_no=? AND walls=? AND (depth,tenant_id)>(?,?))";
    vec![
        ("items in order", walk, format!("{WALK}{AND_MOVED}{ORDER}")),
        ("common items in order", walk, format!("{WALK}{chosen}{AND_MOVED}{chosen}{ORDER}")),
        (
            "changed items",
            "tenant_items USING COVERING INDEX tenant_items_by_change (updated_at>?)",
            format!("{CHANGED}{BEHIND}{ORDER}"),
        ),
        (
            "rare items",
            "i USING INDEX tenant_items_of_item (item_no=?)",
            format!("{NAMED}{chosen}{BEHIND}{ORDER}"),
        ),
    ]
}
