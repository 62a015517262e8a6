//! Merging runs, so that they stay few, and removing what was merged or forgotten.
//!
//! A merge writes a new run in short transactions while the old ones go on counting, and swaps them in one. Whatever was
//! begun and not swapped does not count, and the next call removes it: a merge may end between any two statements.

use std::collections::BTreeMap;

use domain::access::Actor;
use domain::ids::Seq;
use domain::time::{Day, Instant};

use super::rows::{self, Run};
use super::{KeyHash, sort};
use crate::{Db, Result, args};

/// How many runs of a level are merged: each then has about this many times the keys of one of the level below.
const FANOUT: u64 = 8;
/// A run of fewer keys is of level 0.
const LEVEL_0: u64 = 8 * 1024;
/// A run of this many keys is not merged any more: a year later it would be the same.
const FINISHED: u64 = 4 * 1024 * 1024;
/// The most keys and runs that go into one merge.
const MOST_KEYS: u64 = 16 * 1024 * 1024;
const MOST_RUNS: usize = 64;
/// About how many keys a transaction writes, and how many pieces it deletes: 1.5 MiB.
const KEYS_AT_ONCE: u64 = 64 * 1024;
const PIECES_AT_ONCE: u32 = 64;

/// Merges runs until they are few, and removes those that were merged or forgotten. Readings are written meanwhile.
/// Two calls at once do no harm, but one of them gives up its merge.
pub async fn compact(db: &Db, now: Instant) -> Result<()> {
    loop {
        sweep(db, now).await?;
        let live = rows::live(&mut db.read().await?).await?;
        let Some(runs) = plan(&live) else { return Ok(()) };
        if !merge(db, now, &runs).await? {
            return Ok(());
        }
    }
}

/// Some runs to merge, of `live` by rising id. Those of a past week become one, as nothing will follow.
fn plan(live: &[Run]) -> Option<Vec<Run>> {
    // The youngest is left alone: the next transaction may still join its keys to it.
    let (_, settled) = live.split_last()?;
    let this_week = live.iter().map(|run| week(run.last_day)).max()?;
    let mut groups: BTreeMap<(i32, u32), Vec<Run>> = BTreeMap::new();
    for run in settled.iter().filter(|run| run.keys < FINISHED) {
        let week = week(run.last_day);
        let level = if week < this_week { 0 } else { level(run.keys) };
        groups.entry((week, level)).or_default().push(*run);
    }
    groups.into_iter().find_map(|((week, _), runs)| {
        let enough = if week < this_week { 2 } else { FANOUT };
        (runs.len() as u64 >= enough).then(|| bounded(runs))
    })
}

fn level(keys: u64) -> u32 {
    (keys / LEVEL_0).checked_ilog(FANOUT).map_or(0, |log| log + 1)
}

/// The first of these runs, as many as one merge takes: two always fit.
fn bounded(runs: Vec<Run>) -> Vec<Run> {
    let mut keys = 0;
    let fits = |run: &Run| {
        keys += run.keys;
        keys <= MOST_KEYS
    };
    runs.into_iter().take(MOST_RUNS).take_while(fits).collect()
}

/// Weeks are what is merged at most, so that keys are not kept much longer than they must be.
fn week(day: Day) -> i32 {
    day.0.div_euclid(7)
}

/// Merges these runs into a new one; says whether it came to count.
async fn merge(db: &Db, now: Instant, runs: &[Run]) -> Result<bool> {
    let Some(last_day) = runs.iter().map(|run| run.last_day).max() else { return Ok(false) };
    let mut tx = db.write(Actor::System, || now).await?;
    let id = tx.seq().await?;
    rows::insert(&mut tx, Run { id, last_day, keys: 0 }, "merging").await?;
    tx.commit().await?;

    let mut written = 0_i64;
    for range in ranges(runs.iter().map(|run| run.keys).sum()) {
        let mut keys: Vec<KeyHash> = Vec::new();
        let mut conn = db.read().await?;
        for run in runs {
            rows::each_key_between(&mut conn, run.id, range, |hash| keys.push(hash)).await?;
        }
        drop(conn);
        sort(&mut keys);
        let mut tx = db.write(Actor::System, || now).await?;
        let mine = "SELECT COUNT(*) AS n FROM key_runs WHERE id = $1 AND status = 'merging'";
        if tx.count(mine, args![id]).await? == 0 {
            return Ok(false);
        }
        rows::insert_pieces(&mut tx, id, &keys).await?;
        tx.commit().await?;
        written = written.saturating_add_unsigned(keys.len() as u64);
    }

    let mut tx = db.write(Actor::System, || now).await?;
    let sql = "UPDATE key_runs SET status = 'live', key_count = $2 WHERE id = $1 AND status = 'merging'";
    let mut swapped = tx.run(sql, args![id, written]).await?;
    for run in runs {
        let sql = "UPDATE key_runs SET status = 'gone' WHERE id = $1 AND status = 'live'";
        swapped += tx.run(sql, args![run.id]).await?;
    }
    // Otherwise one of them was forgotten meanwhile, or somebody else has merged it.
    let all = swapped == runs.len() as u64 + 1;
    if all {
        tx.commit().await?;
    }
    Ok(all)
}

/// The range of all keys, cut evenly so that one part of this many keys is for one transaction; ends included.
fn ranges(keys: u64) -> impl Iterator<Item = ([u8; 16], [u8; 16])> {
    let parts = u128::from(keys.div_ceil(KEYS_AT_ONCE).max(1));
    let step = u128::MAX / parts;
    (0..parts).map(move |part| {
        let last = if part + 1 == parts { u128::MAX } else { step * (part + 1) - 1 };
        ((step * part).to_be_bytes(), last.to_be_bytes())
    })
}

/// Removes the runs that do not count.
async fn sweep(db: &Db, now: Instant) -> Result<()> {
    let sql = "SELECT id FROM key_runs WHERE status <> 'live'";
    let rows = db.read().await?.all(sql, Vec::new()).await?;
    for row in rows {
        let id = Seq(row.int("id")?);
        let mut removed = false;
        while !removed {
            let mut tx = db.write(Actor::System, || now).await?;
            // Whoever still merges into it must not make it count; it may have come to count, or be gone, by now.
            let sql = "UPDATE key_runs SET status = 'gone' WHERE id = $1 AND status <> 'live'";
            let dead = tx.run(sql, args![id]).await? == 1;
            removed = !dead || rows::delete(&mut tx, id, PIECES_AT_ONCE).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}
