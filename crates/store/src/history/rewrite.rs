//! Writing segments anew: the days of a month that is over become one block, and what the ledger has pending goes in.
//!
//! It is built from a snapshot and put in the place of exactly those segments that were read, or not at all. While a day
//! is over and not frozen nothing is rewritten: that day's segments, built from another snapshot, would miss what a
//! rewrite takes for done.

use std::collections::BTreeSet;

use domain::history::Segment;
use domain::ids::{RangeNo, Seq};
use domain::time::{Day, Period};

use super::freeze::insert_segment;
use super::load::{Scope, load};
use super::{Days, ledger};
use crate::{Conn, Result, Write, args};

/// The most months of days that are rewritten at once.
const MAX_MONTHS: usize = 4;

/// A segment as it lay there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Old {
    pub(super) no: i64,
    pub(super) first: Day,
    pub(super) last: Day,
    pub(super) seq: Seq,
}

/// New blocks for some of a range's days.
#[derive(Debug)]
pub struct Rewritten {
    range: RangeNo,
    days: Days,
    seq: Seq,
    /// Segments to go.
    old: Vec<Old>,
    /// Segments to come.
    new: Vec<(Segment, Vec<u8>)>,
    /// Segments that say the same and are only known to be newer.
    same: Vec<Old>,
    settles_pending: bool,
}

/// A range that has something to be rewritten, if any.
pub async fn next_rewrite(conn: &mut Conn) -> Result<Option<RangeNo>> {
    let Some(days) = super::days(conn).await?.filter(|days| days.open == days.frozen) else {
        return Ok(None);
    };
    let row = conn
        .one(
            "SELECT range_no FROM ledger WHERE pending = 1
             UNION ALL
             SELECT range_no FROM segments WHERE last_day = first_day AND first_day < $1 LIMIT 1",
            args![days.frozen.first_of_month()],
        )
        .await?;
    row.map(|row| row.int("range_no").map(RangeNo)).transpose()
}

/// Builds what a range needs, out of a snapshot; `None` where it needs nothing, or a day is being frozen.
pub async fn rewrite(conn: &mut Conn, range: RangeNo) -> Result<Option<Rewritten>> {
    let Some(days) = super::days(conn).await?.filter(|days| days.open == days.frozen) else {
        return Ok(None);
    };
    let seq = super::newest(conn).await?;
    let pending = pending_days(conn, range, days.frozen).await?;
    let old = segments(conn, range).await?;
    let month = days.frozen.first_of_month();
    let window = |day: Day| if day < month { month_of(day) } else { (day, day) };
    let mut windows: BTreeSet<(Day, Day)> = pending.iter().map(|day| window(*day)).collect();
    if let Some(first) = pending.first() {
        // What a meter said last is told by every later segment until it was heard again.
        windows.extend(old.iter().filter(|old| old.last >= *first).map(|old| window(old.first)));
    } else {
        let days = old.iter().filter(|old| old.first == old.last && old.first < month);
        let months: BTreeSet<_> = days.map(|old| month_of(old.first)).collect();
        windows.extend(months.into_iter().take(MAX_MONTHS));
    }
    if windows.is_empty() {
        return Ok(None);
    }
    let settles_pending = !pending.is_empty();
    let mut rewritten =
        Rewritten { range, days, seq, old: Vec::new(), new: Vec::new(), same: Vec::new(), settles_pending };
    for (first, last) in windows {
        let archive = load(conn, &Scope::whole(vec![range]), first, last, seq).await?;
        let segment = Segment { range, first, last, series: archive.series(range, |_| true)? };
        let bytes = segment.encode();
        let inside: Vec<Old> =
            old.iter().filter(|old| old.first >= first && old.last <= last).cloned().collect();
        let stored = archive.shelves.get(&range).map(|shelf| shelf.segments.as_slice()).unwrap_or_default();
        let is_same = |at: &Old| {
            (at.first, at.last) == (first, last)
                && stored.iter().any(|stored| stored.first == first && stored.block == bytes)
        };
        if inside.iter().any(is_same) {
            rewritten.same.extend(inside);
        } else {
            rewritten.old.extend(inside);
            rewritten.new.push((segment, bytes));
        }
    }
    Ok(Some(rewritten))
}

/// Puts the new blocks in the place of the old ones; `false` where these are not what was read any more.
pub async fn replace(tx: &mut Write, rewritten: Rewritten) -> Result<bool> {
    let Rewritten { range, days, seq, old, new, same, settles_pending } = rewritten;
    if super::days(tx).await? != Some(days) {
        return Ok(false);
    }
    for old in old {
        if tx.run("DELETE FROM segments WHERE no = $1 AND seq = $2", args![old.no, old.seq]).await? != 1 {
            return Ok(false);
        }
    }
    for same in same {
        let sql = "UPDATE segments SET seq = $3 WHERE no = $1 AND seq = $2";
        if tx.run(sql, args![same.no, same.seq, seq]).await? != 1 {
            return Ok(false);
        }
    }
    for (segment, bytes) in new {
        // Somebody else has written one where there was none to be replaced.
        let sql =
            "SELECT COUNT(*) AS n FROM segments WHERE range_no = $1 AND first_day <= $3 AND last_day >= $2";
        if tx.count(sql, args![range, segment.first, segment.last]).await? > 0 {
            return Ok(false);
        }
        insert_segment(tx, range, (segment.first, segment.last), bytes, seq).await?;
    }
    if settles_pending {
        tx.run(
            "UPDATE ledger SET pending = 0 WHERE range_no = $1 AND pending = 1 AND last_seq <= $2",
            args![range, seq],
        )
        .await?;
    }
    Ok(true)
}

/// The frozen days that pending entries are for, ascending.
async fn pending_days(conn: &mut Conn, range: RangeNo, frozen: Day) -> Result<Vec<Day>> {
    let mut days = BTreeSet::new();
    let sql = "SELECT range_no, first_day, last_day, bytes FROM ledger WHERE range_no = $1 AND pending = 1";
    conn.each(sql, args![range], |row| {
        let batch = ledger::batch(row)?;
        days.extend(batch.entries.iter().map(|recorded| recorded.entry.day).filter(|day| *day < frozen));
        Ok(())
    })
    .await?;
    Ok(days.into_iter().collect())
}

/// The segments of a range, by day, without their blocks.
pub(super) async fn segments(conn: &mut Conn, range: RangeNo) -> Result<Vec<Old>> {
    let sql = "SELECT no, first_day, last_day, seq FROM segments WHERE range_no = $1 ORDER BY first_day";
    let rows = conn.all(sql, args![range]).await?;
    let old = |row: &crate::Row| {
        Ok(Old {
            no: row.int("no")?,
            first: row.day("first_day")?,
            last: row.day("last_day")?,
            seq: Seq(row.int("seq")?),
        })
    };
    rows.iter().map(old).collect()
}

fn month_of(day: Day) -> (Day, Day) {
    let month: Period = day.month();
    (month.start, month.last())
}
