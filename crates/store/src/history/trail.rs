//! Reading the ledger for its own sake: what was changed, by whom and why.

use std::collections::HashSet;

use domain::access::Actor;
use domain::history::Batch;
use domain::ids::{RangeNo, Seq, TenantNo};
use domain::time::Period;
use uuid::Uuid;

use super::ledger;
use crate::{Arg, Conn, Result, args, dialect};

/// The blocks of a range that may have entries for these days under the numbers `from` to `up_to`: each with the lowest of
/// its numbers, in the order of those.
pub async fn blocks(
    conn: &mut Conn,
    range: RangeNo,
    days: Period,
    from: Seq,
    up_to: Seq,
) -> Result<Vec<(i64, Seq)>> {
    let rows = conn
        .all(
            "SELECT no, first_seq FROM ledger WHERE range_no = $1 AND last_seq >= $2 AND first_seq <= $3
             AND last_day >= $4 AND first_day <= $5 ORDER BY first_seq, no",
            args![range, from, up_to, days.start, days.last()],
        )
        .await?;
    rows.iter().map(|row| Ok((row.int("no")?, Seq(row.int("first_seq")?)))).collect()
}

/// One of them; `None` where it was packed into another since.
pub async fn block(conn: &mut Conn, no: i64) -> Result<Option<Batch>> {
    let row =
        conn.one("SELECT range_no, first_day, last_day, bytes FROM ledger WHERE no = $1", args![no]).await?;
    row.as_ref().map(ledger::batch).transpose()
}

/// The ids of those of these actors whose tenant can be seen into from `root`, as in lists of clients and users, though
/// deleted ones count too: what they did stays theirs.
pub async fn seen_actors(conn: &mut Conn, root: TenantNo, actors: &[Actor]) -> Result<HashSet<Uuid>> {
    let mut seen = HashSet::new();
    for actors in actors.chunks(dialect::MAX_LIST / 2) {
        let list = dialect::placeholders(2, actors.len());
        let sql = format!(
            "SELECT p.id FROM (SELECT id, tenant_no FROM clients WHERE id IN ({list})
                               UNION ALL SELECT id, tenant_no FROM users WHERE id IN ({list})) p
             CROSS JOIN closure k CROSS JOIN tenants t
             WHERE k.ancestor_no = $1 AND k.tenant_no = p.tenant_no AND k.walls = 0
               AND t.no = p.tenant_no AND (t.ancestral_access = 1 OR k.depth = 0)"
        );
        let ids = actors.iter().map(|actor| Arg::from(actor.id().to_string()));
        for row in conn.all_of(sql, args![root].into_iter().chain(ids).collect()).await? {
            seen.insert(row.parsed("id")?);
        }
    }
    Ok(seen)
}
