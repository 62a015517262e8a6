//! The history made from the ledger alone, to prove that the segments say the same, or to write them anew.

use std::collections::{BTreeMap, BTreeSet};

use domain::history::{Damaged, Entry, Heard, Series};
use domain::ids::{RangeNo, Seq};
use domain::time::Day;
use domain::usage::MeterKey;

use super::freeze::live_ranges;
use super::ledger;
use crate::{Conn, Error, Result, Row, args};

/// What the ledger says of one range.
#[derive(Debug, Default)]
pub struct Rebuilt {
    /// Every meter, all its days.
    pub series: BTreeMap<MeterKey, Series>,
    /// The days that entries are for.
    pub(super) days: BTreeSet<Day>,
    /// How many entries it took.
    pub entries: u64,
    /// What is wrong with the ledger itself. Where there is anything, the rest proves nothing.
    pub flaws: Vec<Flaw>,
}

/// The ledger is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A block of it.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// A row says of its block what the block does not.
    #[error("ledger block {no} of range {range}, for {first} to {last}, has other entries than its row says")]
    Row {
        /// The row.
        no: i64,
        /// Of which tenants.
        range: RangeNo,
        /// The first day of its entries.
        first: Day,
        /// The last day of its entries.
        last: Day,
    },
    /// An entry tells of a level before it that no entry led to.
    #[error(
        "the ledger of range {range} has a gap before number {seq}: for {day} it finds {told}, and the entries \
         before lead to {known} (tenant number {}, item number {}, storage number {})",
        key.tenant, key.item, key.infra
    )]
    Gap {
        /// Of which tenants.
        range: RangeNo,
        /// The number of the entry.
        seq: Seq,
        /// Its day.
        day: Day,
        /// Its meter.
        key: MeterKey,
        /// What it found.
        told: String,
        /// What it should have found.
        known: String,
    },
    /// A heard block has bits for other meters than the ledger had entries of.
    #[error("the heard block of range {range} for {day} has {marks} meters, the ledger {known}")]
    Heard {
        /// Of which tenants.
        range: RangeNo,
        /// Its day.
        day: Day,
        /// How many bits it has.
        marks: usize,
        /// How many meters had been heard.
        known: usize,
    },
}

/// Every range that has meters or blocks.
pub async fn all_ranges(conn: &mut Conn) -> Result<Vec<RangeNo>> {
    let mut ranges: BTreeSet<RangeNo> = live_ranges(conn).await?.into_iter().collect();
    for sql in ["SELECT DISTINCT range_no FROM segments", "SELECT DISTINCT range_no FROM ledger"] {
        for row in conn.all(sql, Vec::new()).await? {
            ranges.insert(RangeNo(row.int("range_no")?));
        }
    }
    Ok(ranges.into_iter().collect())
}

/// One step of the replay.
enum Step {
    Entry(MeterKey, Entry),
    Heard(Heard),
}

/// The steps that are read and not taken yet: by number, of two with one number the entries first, else as they came.
type Steps = BTreeMap<(Seq, bool, u64), Step>;

/// Replays the ledger of a range from its first entry. In memory are the readings, 16 bytes each, and those blocks whose
/// numbers overlap.
pub async fn rebuild(conn: &mut Conn, range: RangeNo) -> Result<Rebuilt> {
    let (mut steps, mut rebuilt) = (Steps::new(), Rebuilt::default());
    let heard = "SELECT day, seq, bytes FROM heard WHERE range_no = $1 ORDER BY day";
    let mut no = 0;
    conn.each(heard, args![range], |row| {
        match Heard::decode(&row.blob("bytes")?, range, row.day("day")?) {
            Ok(heard) => drop(steps.insert((Seq(row.int("seq")?), true, no), Step::Heard(heard))),
            Err(damaged) => rebuilt.flaws.push(damaged.into()),
        }
        no += 1;
        Ok(())
    })
    .await?;
    let blocks = "SELECT no, range_no, first_seq, last_seq, first_day, last_day, entries, bytes FROM ledger
         WHERE range_no = $1 ORDER BY first_seq, no";
    conn.each(blocks, args![range], |row| {
        // No block to come has a number before this one's first.
        let behind = steps.split_off(&(Seq(row.int("first_seq")?), false, 0));
        rebuilt.take(range, std::mem::replace(&mut steps, behind));
        for (seq, key, entry) in entries(row, &mut rebuilt.flaws)? {
            steps.insert((seq, false, rebuilt.entries), Step::Entry(key, entry));
            rebuilt.entries += 1;
        }
        Ok(())
    })
    .await?;
    rebuilt.take(range, steps);
    rebuilt.series.retain(|_, series| !series.is_empty());
    Ok(rebuilt)
}

/// The entries of a block, with their numbers; none where it cannot be read.
fn entries(row: &Row, flaws: &mut Vec<Flaw>) -> Result<Vec<(Seq, MeterKey, Entry)>> {
    let batch = match ledger::batch(row) {
        Ok(batch) => batch,
        Err(Error::Damaged(damaged)) => {
            flaws.push(damaged.into());
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let (first, last) = (row.day("first_day")?, row.day("last_day")?);
    let numbers = (Seq(row.int("first_seq")?), Seq(row.int("last_seq")?));
    let count = usize::try_from(row.int("entries")?).ok();
    let is_row = batch.numbers() == Some(numbers)
        && batch.days() == Some((first, last))
        && count == Some(batch.entries.len());
    if !is_row {
        flaws.push(Flaw::Row { no: row.int("no")?, range: batch.range, first, last });
    }
    Ok(batch.entries.iter().map(|it| (batch.seq(it), it.key, it.entry)).collect())
}

impl Rebuilt {
    fn take(&mut self, range: RangeNo, steps: Steps) {
        for ((seq, _, _), step) in steps {
            match step {
                Step::Entry(key, entry) => {
                    self.days.insert(entry.day);
                    let series = self.series.entry(key).or_default();
                    let found = found(series, &entry);
                    series.apply(Day(i32::MIN), Day(i32::MAX), &entry);
                    // What follows from a flaw is none of its own.
                    if let Some((told, known)) = found.filter(|_| self.flaws.is_empty()) {
                        self.flaws.push(Flaw::Gap { range, seq, day: entry.day, key, told, known });
                    }
                }
                Step::Heard(heard) => self.mark(&heard),
            }
        }
    }

    /// Marks a day as reported where a meter was heard on it without a change.
    fn mark(&mut self, heard: &Heard) {
        let known = self.series.values_mut().filter(|series| series.last_reported(heard.day).is_some());
        let mut count = 0;
        for series in known {
            if heard.marks.get(count) == Some(&true) {
                series.repeat(heard.day);
            }
            count += 1;
        }
        let marks = heard.marks.len();
        if marks != count && self.flaws.is_empty() {
            self.flaws.push(Flaw::Heard { range: heard.range, day: heard.day, marks, known: count });
        }
    }
}

/// Where an entry found another level than the entries before it lead to: what it says, and what they do.
fn found(series: &Series, entry: &Entry) -> Option<(String, String)> {
    let told = entry.old.or(entry.prior.map(|prior| prior.level));
    // On which day it was said is no matter: equal readings of days that were not frozen then have no entry.
    let known = series.last_reported(entry.day).map(|last| last.level);
    let words = |level: Option<i64>| level.map_or_else(|| "nothing".to_owned(), |level| level.to_string());
    (told != known).then(|| (words(told), words(known)))
}
