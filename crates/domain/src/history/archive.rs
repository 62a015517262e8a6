//! Segments and ledger entries of a window of days, put together as they were known at an acceptance number.
//!
//! It holds blocks as they are stored, a byte or so per reading, and unpacks a range when it is asked for. Every segment
//! stands by itself, so entries are applied to each alone: those it does not hold yet forwards, those that came after the
//! acceptance number backwards. Days between segments had no reading, unless an entry brings one.

use std::collections::{BTreeMap, HashSet};

use super::codec::Damaged;
use super::fast::FastLevels;
use super::levels::{Ask, RangeLevels};
use super::segment::{Segment, decode_series};
use super::{Entry, Series};
use crate::ids::{RangeNo, Seq};
use crate::time::Day;
use crate::usage::MeterKey;

/// A segment as it is stored.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The first day of its window.
    pub first: Day,
    /// The last day of its window.
    pub last: Day,
    /// It holds what was accepted up to this number, and nothing that came later.
    pub seq: Seq,
    /// Its block.
    pub block: Vec<u8>,
}

/// What the archive has of one range.
#[derive(Debug, Default)]
pub struct Shelf {
    /// Its segments, by day: the last one that begins no later than the archive, and those after it.
    pub segments: Vec<Stored>,
    /// Entries with their meter and acceptance number, by meter, those of a meter in the order of acceptance. At least, as
    /// far as they are for days up to the archive's last: all that a segment or the live days do not hold yet; all that
    /// came after the archive's acceptance number; and where a day between two segments, or between a segment and the
    /// live days, has an entry, all from the first of those on.
    pub entries: Vec<(MeterKey, Seq, Entry)>,
    /// What the meters say of the days that no segment holds yet.
    pub live: Option<Live>,
}

/// The days that are not frozen yet, of one range.
#[derive(Debug)]
pub struct Live {
    /// The first of them.
    pub first: Day,
    /// As of this acceptance number.
    pub seq: Seq,
    /// The meters in order, as in a segment.
    pub series: Vec<(MeterKey, Series)>,
}

/// The history of some ranges over a window of days.
#[derive(Debug)]
pub struct Archive {
    /// The first day whose level is asked for.
    pub first: Day,
    /// The last one.
    pub last: Day,
    /// What was accepted after this number is not known.
    pub as_of: Seq,
    /// By range.
    pub shelves: BTreeMap<RangeNo, Shelf>,
}

impl Archive {
    /// An archive of these series alone, packed by month.
    pub fn of_series(first: Day, last: Day, mut series: Vec<(MeterKey, Series)>) -> Self {
        series.sort_by_key(|(key, _)| *key);
        let mut shelves = BTreeMap::new();
        for of_range in series.chunk_by(|a, b| a.0.tenant.range() == b.0.tenant.range()) {
            let Some(range) = of_range.first().map(|(key, _)| key.tenant.range()) else { continue };
            let mut shelf = Shelf::default();
            let mut month = first.first_of_month();
            while month <= last {
                let (first, last) = (month, month.first_of_next_month().previous());
                let heard = of_range.iter().filter(|(_, series)| series.last_reported(last).is_some());
                let block = Segment { range, first, last, series: heard.cloned().collect() }.encode();
                shelf.segments.push(Stored { first, last, seq: Seq(0), block });
                month = last.next();
            }
            shelves.insert(range, shelf);
        }
        Self { first, last, as_of: Seq(0), shelves }
    }

    /// The series of the wanted meters of a range, in order: the readings within the window, and the last before it.
    pub fn series(
        &self,
        range: RangeNo,
        wanted: impl Fn(&MeterKey) -> bool,
    ) -> Result<Vec<(MeterKey, Series)>, Damaged> {
        let Some(shelf) = self.shelves.get(&range) else { return Ok(Vec::new()) };
        let mut folding = Folding { archive: self, shelf, range, wanted: &wanted, found: Vec::new() };
        folding.all()?;
        let cut = |(key, series): (MeterKey, Series)| (key, series.up_to(self.last).from(self.first));
        Ok(folding.found.into_iter().map(cut).filter(|(_, series)| !series.is_empty()).collect())
    }

    /// The levels of the meters of a range on some days.
    pub fn levels(&self, range: RangeNo, ask: &Ask<'_>) -> Result<RangeLevels, Damaged> {
        let Some(shelf) = self.shelves.get(&range) else { return Ok(RangeLevels::default()) };
        let changed: HashSet<MeterKey> = shelf.entries.iter().map(|(key, _, _)| *key).collect();
        // What the ledger has a word in is put together series by series.
        let by_series = |key: &MeterKey| {
            ask.wants(key.tenant) && (changed.contains(key) || ask.whole.contains(&key.tenant))
        };
        let none = changed.is_empty() && ask.whole.is_empty();
        let slow = if none { Vec::new() } else { self.series(range, by_series)? };
        let skipped = |key: &MeterKey| !none && by_series(key);
        let live = shelf.live.as_ref();
        let mut fast = FastLevels::new(range, ask, self.last);
        for (at, stored) in shelf.segments.iter().enumerate() {
            let next = shelf.segments.get(at + 1).map(|next| next.first);
            fast.add(stored, next.or(live.map(|live| live.first)), skipped)?;
        }
        if let Some(live) = live {
            fast.add_live(live, |key| !ask.wants(key.tenant) || skipped(key));
        }
        Ok(fast.with(slow))
    }
}

/// Series being put together.
struct Folding<'a, F> {
    archive: &'a Archive,
    shelf: &'a Shelf,
    range: RangeNo,
    wanted: &'a F,
    /// In order of the meters.
    found: Vec<(MeterKey, Series)>,
}

impl<F: Fn(&MeterKey) -> bool> Folding<'_, F> {
    fn all(&mut self) -> Result<(), Damaged> {
        // What came before its first day a segment tells itself: only days that are asked for make a gap.
        let starts = self.shelf.segments.first().map(|stored| stored.first);
        let starts = starts.or(self.shelf.live.as_ref().map(|live| live.first));
        let starts = starts.filter(|first| *first <= self.archive.first);
        let mut behind = starts.unwrap_or(Day::FOREVER_AGO);
        for stored in &self.shelf.segments {
            self.gap(behind, stored.first.previous());
            let place = Segment::place(self.range, stored.first, stored.last);
            let mut series = decode_series(&stored.block, place, self.wanted)?;
            self.apply(stored.first, stored.last, stored.seq, &mut series);
            self.add(series);
            behind = stored.last.next();
        }
        if let Some(live) = &self.shelf.live {
            self.gap(behind, live.first.previous());
            let wanted = live.series.iter().filter(|(key, _)| (self.wanted)(key));
            let mut series = wanted.cloned().collect();
            self.apply(live.first, Day(i32::MAX), live.seq, &mut series);
            self.add(series);
        } else {
            self.gap(behind, self.archive.last);
        }
        Ok(())
    }

    /// Days no segment holds: nothing was heard on them but what entries bring.
    fn gap(&mut self, first: Day, last: Day) {
        if first > last || self.shelf.entries.is_empty() {
            return;
        }
        let mut series = Vec::new();
        self.apply(first, last, Seq(i64::MIN), &mut series);
        // What the entries say of earlier days may be less than the segments know.
        self.add(series.into_iter().map(|(key, series)| (key, series.since(first))).collect());
    }

    /// Takes days of which the series say what was known at `seq` to what was known at the archive's number.
    fn apply(&self, first: Day, last: Day, seq: Seq, series: &mut Vec<(MeterKey, Series)>) {
        let as_of = self.archive.as_of;
        let mut fresh = Vec::new();
        for of_meter in self.shelf.entries.chunk_by(|a, b| a.0 == b.0) {
            let Some((key, _, _)) = of_meter.first().filter(|(key, _, _)| (self.wanted)(key)) else {
                continue;
            };
            let mut missing = of_meter.iter().filter(|it| seq < it.1 && it.1 <= as_of).peekable();
            let mut surplus = of_meter.iter().rev().filter(|it| as_of < it.1 && it.1 <= seq).peekable();
            if missing.peek().is_none() && surplus.peek().is_none() {
                continue;
            }
            let mut never_heard = Series::default();
            let at = series.binary_search_by_key(key, |(key, _)| *key).ok().and_then(|at| series.get_mut(at));
            let part = at.map_or(&mut never_heard, |(_, part)| part);
            missing.for_each(|(_, _, entry)| part.apply(first, last, entry));
            surplus.for_each(|(_, _, entry)| part.apply(first, last, &entry.inverse()));
            if !never_heard.is_empty() {
                fresh.push((*key, never_heard));
            }
        }
        series.append(&mut fresh);
        series.sort_by_key(|(key, _)| *key);
    }

    /// Adds what is known of later days.
    fn add(&mut self, series: Vec<(MeterKey, Series)>) {
        if self.found.is_empty() {
            self.found = series;
            return;
        }
        self.found.extend(series);
        self.found.sort_by_key(|(key, _)| *key);
        self.found.dedup_by(|(key, later), (found_key, found)| {
            let is_same = key == found_key;
            if is_same {
                found.extend(later);
            }
            is_same
        });
    }
}
