//! The tree of all tenants over time, as known now: what a new process loads before it folds a whole channel.
//!
//! Blocks hold it by range, as known at an acceptance number. They save time and decide nothing: a range with changes
//! after its block's number, or whose block is damaged or missing, is read from the tenants and the change log instead.

use std::collections::{BTreeSet, HashMap};

use domain::history::Twig;
use domain::ids::{RANGE_TENANTS, RangeNo, Seq, TenantNo};
use domain::time::Day;

use crate::report_input::{Log, UNCHANGED, twig};
use crate::{Conn, Result, Write, args};

/// Every tenant, by number. Three statements where the blocks are fresh, and two more for each range that is not.
pub async fn load(conn: &mut Conn) -> Result<Vec<Twig>> {
    let Tree { mut fresh, reread } = read(conn).await?;
    if !reread.is_empty() {
        fresh.extend(reread.into_iter().flat_map(|(_, twigs)| twigs));
        fresh.sort_by_key(|twig| twig.no);
    }
    Ok(fresh)
}

/// Brings the blocks up to date, and says how many were stale. In a transaction that changes no tenant itself.
pub async fn refresh(tx: &mut Write) -> Result<usize> {
    let seq = Seq(tx.count("SELECT seq AS n FROM acceptance", Vec::new()).await?);
    let stale = read(tx).await?.reread;
    for (range, twigs) in &stale {
        tx.run(
            "INSERT INTO tree_blocks (range_no, seq, bytes) VALUES ($1, $2, $3)
             ON CONFLICT (range_no) DO UPDATE SET seq = excluded.seq, bytes = excluded.bytes",
            args![*range, seq, Twig::pack(*range, twigs)],
        )
        .await?;
    }
    // The fresh ones are as known now, too: the next search for changes begins here.
    tx.run("UPDATE tree_blocks SET seq = $1 WHERE seq < $1", args![seq]).await?;
    Ok(stale.len())
}

/// The ranges whose block is up to date and yet says something else than their tenants and the change log, or is damaged.
pub async fn wrong_blocks(conn: &mut Conn) -> Result<Vec<RangeNo>> {
    let stale = stale(conn).await?;
    let rows = conn.all("SELECT range_no FROM tree_blocks ORDER BY range_no", Vec::new()).await?;
    let mut wrong = Vec::new();
    for row in rows {
        let range = RangeNo(row.int("range_no")?);
        let bytes = "SELECT bytes FROM tree_blocks WHERE range_no = $1";
        let block = conn.one(bytes, args![range]).await?.map(|row| row.blob("bytes")).transpose()?;
        let twigs = block.and_then(|block| Twig::unpack(&block, range).ok());
        if !stale.contains(&range) && twigs != Some(reread_range(conn, range).await?) {
            wrong.push(range);
        }
    }
    Ok(wrong)
}

/// Removes a range's block: until the next [`refresh`] its tenants are read instead.
pub async fn remove_block(tx: &mut Write, range: RangeNo) -> Result<()> {
    tx.run("DELETE FROM tree_blocks WHERE range_no = $1", args![range]).await.map(|_| ())
}

/// The tree as it was found.
struct Tree {
    /// What the blocks say, by number.
    fresh: Vec<Twig>,
    /// What the ranges without a fresh block hold.
    reread: Vec<(RangeNo, Vec<Twig>)>,
}

const HANDED_OUT: &str = "SELECT CAST(SUM(next_no - range_no * $1) AS BIGINT) AS n FROM number_ranges";

async fn read(conn: &mut Conn) -> Result<Tree> {
    let mut stale = stale(conn).await?;
    // Room for all at once: growing would copy and touch twice what is the most of the work.
    let numbers = conn.count(HANDED_OUT, args![RANGE_TENANTS]).await?;
    let mut fresh = Vec::with_capacity(usize::try_from(numbers).unwrap_or(0));
    conn.each("SELECT range_no, bytes FROM tree_blocks ORDER BY range_no", Vec::new(), |row| {
        let range = RangeNo(row.int("range_no")?);
        if !stale.contains(&range) {
            match Twig::unpack(&row.blob("bytes")?, range) {
                Ok(mut twigs) => fresh.append(&mut twigs),
                Err(_damaged) => {
                    stale.insert(range);
                }
            }
        }
        Ok(())
    })
    .await?;
    let mut reread = Vec::with_capacity(stale.len());
    for range in stale {
        reread.push((range, reread_range(conn, range).await?));
    }
    Ok(Tree { fresh, reread })
}

// The log is read from the oldest block's number on; `|| ''` keeps planners from the index by field, which would bring
// every tenant's first versions.
const STALE: &str = "SELECT n.range_no FROM number_ranges n
     WHERE NOT EXISTS (SELECT 1 FROM tree_blocks b WHERE b.range_no = n.range_no)
     UNION
     SELECT b.range_no FROM changes c CROSS JOIN tree_blocks b
     WHERE c.seq > (SELECT MIN(seq) FROM tree_blocks) AND c.object || '' = 'tenant'
       AND c.field IN ('parent', 'kind', 'deleted', 'pricing_mode')
       AND b.range_no = c.tenant_no / $1 AND b.seq < c.seq";

/// The ranges without a block, and those with tenants made or changed since theirs was written.
async fn stale(conn: &mut Conn) -> Result<BTreeSet<RangeNo>> {
    let rows = conn.all(STALE, args![RANGE_TENANTS]).await?;
    rows.iter().map(|row| Ok(RangeNo(row.int("range_no")?))).collect()
}

/// The tenants of a range by number, out of their rows and the log.
async fn reread_range(conn: &mut Conn, range: RangeNo) -> Result<Vec<Twig>> {
    let (first, behind) = (range.first(), TenantNo(range.first().0.saturating_add(RANGE_TENANTS)));
    let mut logs: HashMap<TenantNo, Log> = HashMap::new();
    conn.each(
        "SELECT c.tenant_no, c.field, c.old_value, c.new_value, c.valid_from, c.seq, c.ordinal
         FROM tenants t CROSS JOIN changes c
         WHERE t.no >= $1 AND t.no < $2 AND c.tenant_no = t.no AND c.valid_from > $3 AND c.object = 'tenant'
         ORDER BY c.seq, c.ordinal",
        args![first, behind, Day::FOREVER_AGO],
        |row| logs.entry(TenantNo(row.int("tenant_no")?)).or_default().add(row, Seq(i64::MAX)),
    )
    .await?;
    let mut twigs = Vec::new();
    conn.each(
        "SELECT no, created_at, owner_id, parent_no, kind, deleted_at, pricing_mode FROM tenants
         WHERE no >= $1 AND no < $2 ORDER BY no",
        args![first, behind],
        |row| {
            let no = TenantNo(row.int("no")?);
            twigs.push(twig(no, row, logs.get(&no).unwrap_or(&UNCHANGED))?);
            Ok(())
        },
    )
    .await?;
    Ok(twigs)
}
