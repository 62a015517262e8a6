//! Proving that what is stored follows from the ledger, range by range, beside a server or without one.

use domain::access::Actor;
use domain::ids::{InfraNo, RangeNo};
use domain::time::Instant;
use domain::usage::MeterKey;
use store::history::{Comparison, Difference};
use store::{Conn, Db};

use crate::Result;

/// How often a range is written anew before that is given up: each time a server beside was faster.
const TRIES: usize = 5;

/// Why a range is not written anew while a day is over and its segments are not there.
const FREEZING: &str = "a day is being frozen; run it again. Where no server runs, start one first, \
    which freezes the day";

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// What does not agree, each in words; of very many the first.
    pub differences: Vec<String>,
    /// What was written anew, in words.
    pub written: Vec<String>,
    /// Whether all agrees now.
    pub agrees: bool,
    /// How many ledger entries that took.
    pub entries: u64,
}

/// What is to be verified by [`range`], in order.
pub async fn ranges(db: &Db) -> Result<Vec<RangeNo>> {
    Ok(store::history::all_ranges(&mut db.read().await?).await?)
}

/// Replays the ledger of a range and compares it with its segments and meters, in one snapshot. With `rebuild`, the
/// instant it is, what differs is written anew and the range is verified again; a ledger with flaws proves nothing, and
/// nothing is changed.
pub async fn range(db: &Db, range: RangeNo, rebuild: Option<Instant>) -> Result<Verdict> {
    let mut verdict = Verdict::default();
    let mut tries = 0;
    loop {
        let mut snapshot = db.read().await?;
        let rebuilt = store::history::rebuild(&mut snapshot, range).await?;
        verdict.entries = rebuilt.entries;
        if !rebuilt.flaws.is_empty() {
            let flaws =
                rebuilt.flaws.iter().map(|flaw| format!("range {range}: the ledger proves nothing: {flaw}"));
            verdict.differences.extend(flaws);
            return Ok(verdict);
        }
        let comparison = store::history::compare(&mut snapshot, range, &rebuilt).await?;
        verdict.agrees = comparison.agrees();
        if tries == 0 {
            verdict.differences = told(&mut snapshot, range, &comparison).await?;
        }
        let Some(now) = rebuild.filter(|_| comparison.can_be_mended()) else { return Ok(verdict) };
        let repair = store::history::repair(&mut snapshot, range, &rebuilt, comparison).await?;
        drop(snapshot);
        if tries == TRIES {
            let why = if repair.is_none() {
                FREEZING
            } else {
                "a server at work was faster each time; run it again"
            };
            verdict.differences.push(format!("range {range}: nothing more is written: {why}"));
            return Ok(verdict);
        }
        tries += 1;
        let Some(repair) = repair else { continue };
        let written = format!("range {range}: {repair} written anew from the ledger");
        let mut tx = db.write(Actor::System, || now).await?;
        if store::history::put(&mut tx, repair).await? {
            tx.commit().await?;
            verdict.written.push(written);
        }
    }
}

/// Checks what is kept beside the history: the blocks of the tree against the tenants, and that the idempotency keys can
/// be read. With `rebuild` a wrong block goes, and the tenants are read in its stead; lost keys cannot be had again.
pub async fn beside(db: &Db, rebuild: Option<Instant>) -> Result<Verdict> {
    let mut verdict = Verdict::default();
    let mut snapshot = db.read().await?;
    let keys = store::reading_keys::unreadable_runs(&mut snapshot).await?;
    let trees = store::tree::wrong_blocks(&mut snapshot).await?;
    drop(snapshot);
    verdict.agrees = keys.is_empty() && (trees.is_empty() || rebuild.is_some());
    verdict.differences.extend(keys.into_iter().map(|wrong| format!("idempotency keys: {wrong}")));
    for range in trees {
        verdict.differences.push(format!("range {range}: the tree block is not what the tenants say"));
        if let Some(now) = rebuild {
            let mut tx = db.write(Actor::System, || now).await?;
            store::tree::remove_block(&mut tx, range).await?;
            tx.commit().await?;
            verdict.written.push(format!(
                "range {range}: removed the tree block, which is made again when it is needed"
            ));
        }
    }
    Ok(verdict)
}

async fn told(conn: &mut Conn, range: RangeNo, comparison: &Comparison) -> Result<Vec<String>> {
    let mut told = Vec::new();
    for difference in &comparison.differences {
        let meter = match difference {
            Difference::Meter { key, .. } => format!("{}: ", name(conn, *key).await?),
            _ => String::new(),
        };
        told.push(format!("range {range}: {meter}{difference}"));
    }
    if comparison.more > 0 {
        told.push(format!("range {range}: and {} more", comparison.more));
    }
    if comparison.against > 0 {
        told.push(format!(
            "range {range}: segments and rows of {} meters agree against the ledger, which must have lost entries; \
             nothing is written from it",
            comparison.against
        ));
    }
    if comparison.alone > 0 {
        told.push(format!(
            "range {range}: rows of {} meters have another level than the ledger for a day that is not frozen: either \
             these are wrong, or the ledger has lost its newest entries; these rows are left as they are",
            comparison.alone
        ));
    }
    Ok(told)
}

/// A meter in words.
async fn name(conn: &mut Conn, key: MeterKey) -> Result<String> {
    let tenant = store::tenants::by_no(conn, key.tenant).await?;
    let tenant =
        tenant.map_or_else(|| format!("tenant number {}", key.tenant), |it| format!("tenant {}", it.id));
    let items = store::catalogue::item_numbers(conn).await?;
    let item = items.item(key.item).map_or_else(|| format!("item number {}", key.item), |it| it.name.clone());
    if key.infra == InfraNo::NONE {
        return Ok(format!("{tenant}, {item}"));
    }
    let infra = store::infra::by_no(conn, key.infra).await?;
    let infra =
        infra.map_or_else(|| format!("storage number {}", key.infra), |it| format!("storage {}", it.id));
    Ok(format!("{tenant}, {item}, {infra}"))
}
