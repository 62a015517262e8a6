//! What is stored of a range, beside what its ledger says.

use std::collections::{BTreeMap, BTreeSet};

use domain::history::{Damaged, Series};
use domain::ids::{RangeNo, Seq};
use domain::time::Day;
use domain::usage::MeterKey;

use super::load::{Scope, load};
use super::meters::Meter;
use super::rebuild::Rebuilt;
use super::rewrite::segments;
use super::{Days, bounds};
use crate::usage::meter_key;
use crate::{Conn, Result, args};

/// The most differences that are told one by one.
const MOST: usize = 100;

/// How far what is stored of a range agrees with its ledger.
#[derive(Debug, Default)]
pub struct Comparison {
    /// The differences, the first hundred.
    pub differences: Vec<Difference>,
    /// How many more there are.
    pub more: usize,
    /// Whether any is one of the segments.
    pub(super) segments_differ: bool,
    /// The meters whose row differs and is to be written anew.
    pub(super) rows: Vec<WrongRow>,
    /// How many rows have, for a day that is not frozen, another level than the ledger. Such a reading stands in the row
    /// and in one ledger block alone: where the ledger has lost that block, the row is the last that knows it.
    pub alone: usize,
    /// Of meters whose segments differ, the last reading that these have.
    last: BTreeMap<MeterKey, (Day, i64)>,
    /// How many meters say in their segments and in their row one and the same, and it is not what the ledger says. Rather
    /// than that both are wrong, the ledger has lost something.
    pub against: usize,
}

/// The row of a meter as it is, and as it should be; `None` for no row.
#[derive(Debug)]
pub(super) struct WrongRow {
    pub(super) key: MeterKey,
    pub(super) stored: Option<Meter>,
    pub(super) by_ledger: Option<Meter>,
}

/// What is stored is not what the ledger says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// A block cannot be read.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// A segment holds days that the one before it holds too.
    #[error("the segment from {first} to {last} begins before the one before it ends")]
    Overlap {
        /// Its first day.
        first: Day,
        /// Its last day.
        last: Day,
    },
    /// A meter.
    #[error("{place}: the ledger says {by_ledger}, stored is {stored}")]
    Meter {
        /// Which one.
        key: MeterKey,
        /// In which part of the store.
        place: String,
        /// What follows from the ledger.
        by_ledger: String,
        /// What is stored.
        stored: String,
    },
}

impl Comparison {
    /// Whether all that is stored is what the ledger says.
    pub fn agrees(&self) -> bool {
        self.differences.is_empty()
    }

    /// Whether there is anything to be written anew, and the ledger to be trusted with it.
    pub fn can_be_mended(&self) -> bool {
        self.against == 0 && (self.segments_differ || !self.rows.is_empty())
    }

    fn add(&mut self, difference: Difference) {
        if self.differences.len() < MOST {
            self.differences.push(difference);
        } else {
            self.more += 1;
        }
    }

    fn add_to_segments(&mut self, difference: Difference) {
        self.segments_differ = true;
        self.add(difference);
    }
}

/// Compares what a ledger without flaws says of a range with all that is stored of it. Each segment is read by itself, as
/// reports that begin with it do, and so is each gap between two.
pub async fn compare(conn: &mut Conn, range: RangeNo, rebuilt: &Rebuilt) -> Result<Comparison> {
    let mut comparison = Comparison::default();
    let Some(days) = super::days(conn).await? else { return Ok(comparison) };
    let as_of = super::newest(conn).await?;
    for window in windows(conn, range, rebuilt, days, &mut comparison).await? {
        compare_window(conn, range, rebuilt, window, as_of, &mut comparison).await?;
    }
    compare_rows(conn, range, rebuilt, days.frozen, &mut comparison).await?;
    Ok(comparison)
}

/// Some days, and what is to hold them.
struct Window {
    first: Day,
    last: Day,
    is_gap: bool,
}

/// The windows that are stored and those between, up to the last frozen day.
async fn windows(
    conn: &mut Conn,
    range: RangeNo,
    rebuilt: &Rebuilt,
    days: Days,
    comparison: &mut Comparison,
) -> Result<Vec<Window>> {
    let mut windows = Vec::new();
    let mut next = rebuilt.series.values().filter_map(|series| Some(series.readings().first()?.0)).min();
    for segment in segments(conn, range).await? {
        let (first, last) = (segment.first, segment.last);
        match next {
            Some(next) if next < first => {
                windows.push(Window { first: next, last: first.previous(), is_gap: true });
            }
            Some(next) if first < next && !windows.is_empty() => {
                comparison.add_to_segments(Difference::Overlap { first, last });
            }
            _ => {}
        }
        windows.push(Window { first, last, is_gap: false });
        next = Some(last.next());
    }
    if let Some(first) = next.filter(|next| *next < days.frozen) {
        windows.push(Window { first, last: days.frozen.previous(), is_gap: true });
    }
    Ok(windows)
}

async fn compare_window(
    conn: &mut Conn,
    range: RangeNo,
    rebuilt: &Rebuilt,
    window: Window,
    as_of: Seq,
    comparison: &mut Comparison,
) -> Result<()> {
    let Window { first, last, is_gap } = window;
    let archive = load(conn, &Scope::whole(vec![range]), first, last, as_of).await?;
    let stored: BTreeMap<MeterKey, Series> = match archive.series(range, |_| true) {
        Ok(series) => series.into_iter().collect(),
        // What lies behind it in a gap was told when it was its turn.
        Err(_) if is_gap => return Ok(()),
        Err(damaged) => {
            comparison.add_to_segments(damaged.into());
            return Ok(());
        }
    };
    let expected = rebuilt.series.iter().map(|(key, series)| (*key, series.between(first, last)));
    let expected: BTreeMap<_, _> = expected.filter(|(_, series)| !series.is_empty()).collect();
    let keys: BTreeSet<&MeterKey> = expected.keys().chain(stored.keys()).collect();
    for key in keys {
        let (by_ledger, found) = (expected.get(key), stored.get(key));
        if by_ledger != found {
            let kind = if is_gap { "between segments" } else { "segment" };
            let place = format!("{kind}, {first} to {last}");
            comparison.last.extend(found.and_then(|found| Some((*key, *found.readings().last()?))));
            let by_ledger_alone = told(by_ledger, found);
            let stored = told(found, by_ledger);
            comparison.add_to_segments(Difference::Meter {
                key: *key,
                place,
                by_ledger: by_ledger_alone,
                stored,
            });
        }
    }
    Ok(())
}

/// The readings of one that the other does not have.
fn told(one: Option<&Series>, other: Option<&Series>) -> String {
    let readings =
        |series: Option<&Series>| series.map(|series| series.readings().to_vec()).unwrap_or_default();
    let other = readings(other);
    let mut told: Vec<String> = Vec::new();
    for (day, level) in readings(one).into_iter().filter(|reading| !other.contains(reading)) {
        told.push(format!("{level} on {day}"));
    }
    if told.is_empty() { "nothing".to_owned() } else { told.join(", ") }
}

/// The rows of the meters: the level, since when it holds, and the reading before.
async fn compare_rows(
    conn: &mut Conn,
    range: RangeNo,
    rebuilt: &Rebuilt,
    frozen: Day,
    comparison: &mut Comparison,
) -> Result<()> {
    let (first, behind) = bounds(range);
    let mut rows = BTreeMap::new();
    conn.each(
        "SELECT tenant_no, item_no, infra_no, level, heard_on, before_on, before_level FROM meters
         WHERE tenant_no >= $1 AND tenant_no < $2",
        args![first, behind],
        |row| {
            rows.insert(meter_key(row)?, Meter::from_row(row)?);
            Ok(())
        },
    )
    .await?;
    let keys: BTreeSet<MeterKey> = rebuilt.series.keys().chain(rows.keys()).copied().collect();
    for key in keys {
        let stored = rows.get(&key).copied();
        let by_ledger = rebuilt.series.get(&key).and_then(|series| row(series, stored, frozen));
        if !is_same(stored, by_ledger, frozen) {
            let said = stored.map(|stored| (stored.heard_on, stored.level));
            comparison.against += usize::from(said.is_some() && said == comparison.last.get(&key).copied());
            let place = "the meter's row".to_owned();
            let (by_ledger_told, stored_told) = (told_row(by_ledger), told_row(stored));
            comparison.add(Difference::Meter { key, place, by_ledger: by_ledger_told, stored: stored_told });
            if is_alone(stored, by_ledger, frozen) {
                comparison.alone += 1;
            } else {
                comparison.rows.push(WrongRow { key, stored, by_ledger });
            }
        }
    }
    Ok(())
}

/// What a row is to say. That equal readings came on days that are not frozen stands in the row alone.
fn row(series: &Series, stored: Option<Meter>, frozen: Day) -> Option<Meter> {
    let mut series = series.clone();
    let said = stored.into_iter().flat_map(|stored| [stored.before.map(|it| it.day), Some(stored.heard_on)]);
    said.flatten().filter(|day| *day >= frozen).for_each(|day| series.repeat(day));
    Meter::of_series(&series)
}

/// Whether two rows say the same. A row need not know the reading before one of a frozen day.
fn is_same(stored: Option<Meter>, by_ledger: Option<Meter>, frozen: Day) -> bool {
    let forgets = |stored: &Meter| stored.before.is_none() && stored.heard_on < frozen;
    match (stored, by_ledger) {
        (Some(stored), Some(by_ledger)) if forgets(&stored) => stored == Meter { before: None, ..by_ledger },
        _ => stored == by_ledger,
    }
}

/// Whether a row may be all that is left of a reading: it is of a day that is not frozen, and the ledger has another level.
fn is_alone(stored: Option<Meter>, by_ledger: Option<Meter>, frozen: Day) -> bool {
    let level = by_ledger.map(|by_ledger| by_ledger.level);
    stored.is_some_and(|stored| stored.heard_on >= frozen && Some(stored.level) != level)
}

fn told_row(meter: Option<Meter>) -> String {
    let Some(meter) = meter else { return "nothing".to_owned() };
    let before = meter.before.map(|before| format!(" after {} on {}", before.level, before.day));
    format!("{} on {}{}", meter.level, meter.heard_on, before.unwrap_or_default())
}
