//! Writing anew, from what the ledger says, what differs from it.
//!
//! As a rewrite does it, all is built from a snapshot and put in the place of exactly what was read there, or not at all:
//! a server may be at work beside it.

use std::collections::BTreeSet;
use std::fmt;

use domain::history::Segment;
use domain::ids::{RangeNo, Seq};
use domain::time::Day;

use super::Days;
use super::compare::{Comparison, WrongRow};
use super::freeze::insert_segment;
use super::meters::{Meter, count_batch};
use super::rebuild::Rebuilt;
use super::rewrite::{Old, segments};
use crate::usage::key_args;
use crate::{Conn, Result, Write, args};

/// What is to be written of a range.
#[derive(Debug)]
pub struct Repair {
    range: RangeNo,
    days: Days,
    seq: Seq,
    /// All segments of the range, and all that come for them; `None` where these are right.
    segments: Option<(Vec<Old>, Vec<Block>)>,
    rows: Vec<WrongRow>,
}

/// A segment's days and its bytes.
type Block = ((Day, Day), Vec<u8>);

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segments = self.segments.as_ref().map_or(0, |(_, new)| new.len());
        let (s, rows) = (if segments == 1 { "" } else { "s" }, self.rows.len());
        write!(f, "{segments} segment{s} and {rows} meter{}", if rows == 1 { "" } else { "s" })
    }
}

/// Builds what a range needs, out of the snapshot in which it was compared with a ledger without flaws; `None` while a day
/// is over and not frozen: its segments, built from another snapshot, would have the rows as they were.
pub async fn repair(
    conn: &mut Conn,
    range: RangeNo,
    rebuilt: &Rebuilt,
    comparison: Comparison,
) -> Result<Option<Repair>> {
    let Some(days) = super::days(conn).await?.filter(|days| days.open == days.frozen) else {
        return Ok(None);
    };
    let seq = super::newest(conn).await?;
    let segments = if comparison.segments_differ {
        Some((segments(conn, range).await?, blocks(range, rebuilt, days.frozen)))
    } else {
        None
    };
    Ok(Some(Repair { range, days, seq, segments, rows: comparison.rows }))
}

/// All segments of a range: a month each, and the days of the month that is not over.
fn blocks(range: RangeNo, rebuilt: &Rebuilt, frozen: Day) -> Vec<Block> {
    let month = frozen.first_of_month();
    let reported = rebuilt.series.values().flat_map(|series| series.readings().iter().map(|(day, _)| *day));
    // Days whose every reading was taken back, too: what is known of them changed.
    let windows: BTreeSet<(Day, Day)> = reported
        .chain(rebuilt.days.iter().copied())
        .filter(|day| *day < frozen)
        .map(|day| if day < month { (day.month().start, day.month().last()) } else { (day, day) })
        .collect();
    let block = |(first, last): (Day, Day)| {
        let series = rebuilt.series.iter().map(|(key, series)| (*key, series.between(first, last)));
        let series = series.filter(|(_, series)| !series.is_empty()).collect();
        ((first, last), Segment { range, first, last, series }.encode())
    };
    windows.into_iter().map(block).collect()
}

/// Writes it; `false` where something is not what was read any more: then the transaction must not be committed.
pub async fn put(tx: &mut Write, repair: Repair) -> Result<bool> {
    let Repair { range, days, seq, segments: blocks, rows } = repair;
    if super::days(tx).await? != Some(days) {
        return Ok(false);
    }
    if let Some((old, new)) = blocks {
        if segments(tx, range).await? != old {
            return Ok(false);
        }
        tx.run("DELETE FROM segments WHERE range_no = $1", args![range]).await?;
        for (window, bytes) in new {
            insert_segment(tx, range, window, bytes, seq).await?;
        }
        let settled = "UPDATE ledger SET pending = 0 WHERE range_no = $1 AND pending = 1 AND last_seq <= $2";
        tx.run(settled, args![range, seq]).await?;
    }
    // A server beside forgets what it remembers of meters: their rows, and levels that it read from segments.
    count_batch(tx).await?;
    for row in rows {
        if put_row(tx, &row).await? != 1 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Puts a row in the place of what was read; gives how many rows that were.
async fn put_row(tx: &mut Write, row: &WrongRow) -> Result<u64> {
    let says = |meter: &Meter| {
        let before = meter.before;
        args![meter.level, meter.heard_on, before.map(|it| it.day), before.map(|it| it.level)]
    };
    let key = key_args(&row.key);
    match (&row.stored, &row.by_ledger) {
        (None, None) => Ok(1),
        (None, Some(new)) => {
            tx.run(
                "INSERT INTO meters (tenant_no, item_no, infra_no, level, heard_on, before_on, before_level, heard_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant_no, item_no, infra_no) DO NOTHING",
                [key, says(new), args![tx.now()]].concat(),
            )
            .await
        }
        (Some(old), Some(new)) => {
            tx.run(
                "UPDATE meters SET level = $8, heard_on = $9, before_on = $10, before_level = $11
                 WHERE tenant_no = $1 AND item_no = $2 AND infra_no = $3 AND level = $4 AND heard_on = $5
                   AND before_on IS NOT DISTINCT FROM $6 AND before_level IS NOT DISTINCT FROM $7",
                [key, says(old), says(new)].concat(),
            )
            .await
        }
        (Some(old), None) => {
            tx.run(
                "DELETE FROM meters
                 WHERE tenant_no = $1 AND item_no = $2 AND infra_no = $3 AND level = $4 AND heard_on = $5
                   AND before_on IS NOT DISTINCT FROM $6 AND before_level IS NOT DISTINCT FROM $7",
                [key, says(old)].concat(),
            )
            .await
        }
    }
}
