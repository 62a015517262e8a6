//! The history of usage: which days are open and which are frozen, and the blocks that hold them.
//!
//! A meter's row has its last two readings. At midnight the day is closed by one number ([`open_up_to`]): from then on
//! readings count for the next day, and what is left of the day that is over stays in the rows while its segments are
//! built from a snapshot ([`freeze`]). Readings that come late, corrections and retractions are entries of the ledger and
//! nothing else, until a job writes the segments anew ([`rewrite`]). What was known when follows from both
//! ([`load`]), and the segments follow from the ledger alone ([`rebuild`]).

mod compare;
mod freeze;
mod ledger;
mod load;
mod meters;
mod rebuild;
mod repair;
mod rewrite;
mod trail;

use domain::ids::{RANGE_TENANTS, RangeNo, Seq};
use domain::time::Day;

use crate::{Conn, Result, Write, args};

pub use compare::{Comparison, Difference, compare};
pub use freeze::{Frozen, freeze, insert_frozen, ranges_to_freeze};
pub use ledger::{PackedUp, append, insert_packed, pack, unpacked_range};
pub use load::{Scope, levels_at, load};
pub use meters::{Meter, count_batch, meters, remove_meters, set_meters};
pub use rebuild::{Flaw, Rebuilt, all_ranges, rebuild};
pub use repair::{Repair, put, repair};
pub use rewrite::{Rewritten, next_rewrite, replace, rewrite};
pub use trail::{block, blocks, seen_actors};

/// The two borders of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// The first day that still takes current readings.
    pub open: Day,
    /// The first day that no segment holds yet.
    pub frozen: Day,
}

/// Where the history stands; `None` before the first setup.
pub async fn days(conn: &mut Conn) -> Result<Option<Days>> {
    let row = conn.one("SELECT open_day, frozen_day FROM day_close", Vec::new()).await?;
    row.map(|row| Ok(Days { open: row.day("open_day")?, frozen: row.day("frozen_day")? })).transpose()
}

/// Begins the history: days before `day` are over and empty.
pub async fn begin(tx: &mut Write, day: Day) -> Result<()> {
    tx.run("INSERT INTO day_close (one, open_day, frozen_day) VALUES (1, $1, $1)", args![day])
        .await
        .map(|_| ())
}

/// Moves the begin of a history that holds no reading back to `day`: a rehearsal may start before the first setup was
/// made. Once a reading is in, a day that is over stays so.
pub async fn begin_no_later_than(tx: &mut Write, day: Day) -> Result<()> {
    tx.run(
        "UPDATE day_close SET open_day = $1, frozen_day = $1 WHERE open_day > $1 AND NOT EXISTS (SELECT 1 FROM ledger)",
        args![day],
    )
    .await
    .map(|_| ())
}

/// Readings count for `day` or later from here on. Never goes back. Comes before the transaction takes its acceptance
/// number, which belongs to `day`.
pub async fn open_up_to(tx: &mut Write, day: Day) -> Result<()> {
    tx.run(
        "INSERT INTO day_numbers (day, seq) SELECT d.open_day, a.seq FROM day_close d CROSS JOIN acceptance a
         WHERE d.open_day < $1",
        args![day],
    )
    .await?;
    tx.run("UPDATE day_close SET open_day = $1 WHERE open_day < $1", args![day]).await.map(|_| ())
}

/// The newest acceptance number.
pub async fn newest(conn: &mut Conn) -> Result<Seq> {
    conn.count("SELECT seq AS n FROM acceptance", Vec::new()).await.map(Seq)
}

/// The day on which the next number after this one was taken: up to then nothing later was known. `None` where that is
/// the open day, or still to come.
pub async fn superseded_on(conn: &mut Conn, seq: Seq) -> Result<Option<Day>> {
    let row = conn.one("SELECT MIN(day) AS day FROM day_numbers WHERE seq > $1", args![seq]).await?;
    row.map_or(Ok(None), |row| row.opt_day("day"))
}

/// The first tenant number of the range and the one behind its last.
fn bounds(range: RangeNo) -> (i64, i64) {
    let first = range.first().0;
    (first, first.saturating_add(RANGE_TENANTS))
}
