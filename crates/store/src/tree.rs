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
    // Room for all at once: growing would copy and touch twice what is the most of the work.
    let mut twigs = Vec::with_capacity(size(conn).await?.tenants);
    let reread = read(conn, |mut fresh| twigs.append(&mut fresh)).await?;
    if !reread.is_empty() {
        twigs.extend(reread.into_iter().flat_map(|(_, twigs)| twigs));
        twigs.sort_by_key(|twig| twig.no);
    }
    Ok(twigs)
}

/// The blocks to be written so that all are fresh.
#[derive(Debug)]
#[must_use = "nothing is written yet"]
pub struct Regrown {
    seq: Seq,
    blocks: Vec<(RangeNo, Vec<u8>)>,
}

/// Packs the ranges whose block is stale, damaged or missing.
pub async fn regrow(conn: &mut Conn) -> Result<Regrown> {
    let seq = crate::history::newest(conn).await?;
    let reread = read(conn, drop).await?;
    let blocks = reread.into_iter().map(|(range, twigs)| (range, Twig::pack(range, &twigs))).collect();
    Ok(Regrown { seq, blocks })
}

/// Writes them, and says how many.
pub async fn replace(tx: &mut Write, Regrown { seq, blocks }: Regrown) -> Result<usize> {
    let count = blocks.len();
    for (range, block) in blocks {
        tx.run(
            "INSERT INTO tree_blocks (range_no, seq, bytes) VALUES ($1, $2, $3)
             ON CONFLICT (range_no) DO UPDATE SET seq = excluded.seq, bytes = excluded.bytes
             WHERE tree_blocks.seq <= excluded.seq",
            args![range, seq, block],
        )
        .await?;
    }
    // The others were as known then, too: the next search for changes begins there.
    tx.run("UPDATE tree_blocks SET seq = $1 WHERE seq < $1", args![seq]).await?;
    Ok(count)
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

/// Removes a range's block: until the next [`regrow`] its tenants are read instead.
pub async fn remove_block(tx: &mut Write, range: RangeNo) -> Result<()> {
    tx.run("DELETE FROM tree_blocks WHERE range_no = $1", args![range]).await.map(|_| ())
}

/// How much there is to read of everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Ranges of tenant numbers.
    pub ranges: usize,
    /// Tenants, deleted ones too; a few more where numbers were left out.
    pub tenants: usize,
}

/// Counts the ranges and the numbers that were handed out.
pub async fn size(conn: &mut Conn) -> Result<Size> {
    let sql =
        "SELECT COUNT(*) AS ranges, CAST(COALESCE(SUM(next_no - range_no * $1), 0) AS BIGINT) AS tenants
         FROM number_ranges";
    let Some(row) = conn.one(sql, args![RANGE_TENANTS]).await? else {
        return Ok(Size { ranges: 0, tenants: 0 });
    };
    let count = |column| row.int(column).map(|count| usize::try_from(count).unwrap_or(0));
    Ok(Size { ranges: count("ranges")?, tenants: count("tenants")? })
}

/// Gives what each fresh block holds to `take`, by number; gives back what the ranges without a fresh block hold.
async fn read(conn: &mut Conn, mut take: impl FnMut(Vec<Twig>)) -> Result<Vec<(RangeNo, Vec<Twig>)>> {
    let mut stale = stale(conn).await?;
    conn.each("SELECT range_no, bytes FROM tree_blocks ORDER BY range_no", Vec::new(), |row| {
        let range = RangeNo(row.int("range_no")?);
        if !stale.contains(&range) {
            match Twig::unpack(&row.blob("bytes")?, range) {
                Ok(twigs) => take(twigs),
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
    Ok(reread)
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
