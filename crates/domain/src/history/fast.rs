//! Levels read straight from segments.
//!
//! What most reports ask for is the level at two days of a month, and those stand in a segment's first frame; the second
//! one is unpacked only where a day between is asked for, or whether a meter was used on some of the days between.

use std::cell::OnceCell;
use std::collections::HashMap;

use super::archive::{Live, Stored};
use super::codec::{Cursor, Damaged, Read};
use super::levels::{Ask, Found, RangeLevels};
use super::segment::{Opened, Outline, Segment};
use super::{Cells, Series};
use crate::ids::RangeNo;
use crate::time::Day;
use crate::usage::MeterKey;

/// Levels being read straight from segments, in the order of their days.
pub(super) struct FastLevels<'a> {
    ask: &'a Ask<'a>,
    /// The archive's last day: a meter first heard later is not there.
    last: Day,
    /// The meters found, by segment, with the levels of one after the other.
    found: Vec<Found>,
    levels: Vec<i64>,
    /// How many of the meters found, from the first on, are in order.
    ordered: usize,
    /// Where those behind them stand: meters that came after others of a segment before.
    others: HashMap<MeterKey, usize>,
    /// Where the meter is expected that is looked for next.
    expected: usize,
}

impl<'a> FastLevels<'a> {
    pub(super) fn new(ask: &'a Ask<'a>, last: Day) -> Self {
        let (found, levels, others) = (Vec::new(), Vec::new(), HashMap::new());
        Self { ask, last, found, levels, ordered: 0, others, expected: 0 }
    }

    /// Adds what a segment says; `next` is the first day of what comes after it.
    pub(super) fn add(
        &mut self,
        range: RangeNo,
        stored: &Stored,
        next: Option<Day>,
        skipped: impl Fn(&MeterKey) -> bool,
    ) -> Result<(), Damaged> {
        let place = Segment::place(range, stored.first, stored.last);
        let window = Window::new(stored, next, self.ask, self.found.is_empty());
        let opened = Opened::new(&stored.block, place)?;
        let inner = Inner { opened: &opened, unpacked: OnceCell::new() };
        self.read(&opened, &window, &inner, skipped).map_err(|malformed| place.damaged(malformed))
    }

    /// Reads a segment, from the meter on that needs it with its second frame.
    fn read(
        &mut self,
        opened: &Opened<'_>,
        window: &Window,
        second: &Inner<'_>,
        skipped: impl Fn(&MeterKey) -> bool,
    ) -> Read<()> {
        self.expected = 0;
        let mut outlines = opened.outlines()?;
        if self.found.is_empty() {
            self.found.reserve(outlines.most());
            self.levels.reserve(outlines.most() * self.ask.days.len());
        }
        let mut by_day = [0; 32];
        let mut inner = if window.needs_inner { Some(second.behind(0)?) } else { None };
        // How many readings of the second frame are of meters that did not need it.
        let mut passed = 0;
        while let Some(outline) = outlines.next()? {
            let is_skipped = skipped(&outline.key) || outline.first_heard(window.first) > self.last;
            let at_ends = if is_skipped { Some(false) } else { window.read_ends(&outline, &mut by_day) };
            if inner.is_none() && at_ends.is_none() {
                inner = Some(second.behind(passed)?);
            }
            let used = match (&mut inner, at_ends) {
                (Some(inner), _) if is_skipped => {
                    outline.skip(inner)?;
                    false
                }
                (Some(inner), _) => window.read(&outline, inner, &mut by_day)?,
                (None, used) => {
                    passed += outline.inner();
                    used.unwrap_or_default()
                }
            };
            if !is_skipped {
                self.update(outline.key, |levels| {
                    window.write(&outline, &by_day, levels);
                    (used, window.cells(&outline))
                });
            }
        }
        if let Some(inner) = inner {
            inner.end()?;
        }
        Ok(())
    }

    /// Adds what is known of the days after all segments.
    pub(super) fn add_live(&mut self, live: &Live, skipped: impl Fn(&MeterKey) -> bool) {
        let ask = self.ask;
        // Where there is no segment, the live days also tell what was before them.
        let first = if self.found.is_empty() { Day::FOREVER_AGO } else { live.first };
        self.expected = 0;
        for (key, series) in &live.series {
            let is_heard = series.last_reported(self.last).is_some();
            if skipped(key) || !is_heard {
                continue;
            }
            self.update(*key, |levels| {
                for (day, level) in ask.days.iter().zip(levels).filter(|(day, _)| **day >= first) {
                    *level = series.level(*day);
                }
                let (first, last) = (ask.used.0.max(first), ask.used.1);
                (first <= last && series.any_above_zero(first, last), series.cells(first, last))
            });
        }
    }

    /// Takes what is known of a meter to what is found of it: its levels, whether it was above zero, and its cells.
    fn update(&mut self, key: MeterKey, update: impl FnOnce(&mut [i64]) -> (bool, Cells)) {
        let is_at = |at: &usize| self.found.get(*at).is_some_and(|found| found.key == key);
        let in_order = || {
            let ordered = self.found.get(..self.ordered)?;
            // A meter behind all others is a new one, as those of the first segment are.
            ordered.last().filter(|last| last.key >= key)?;
            ordered.binary_search_by_key(&key, |found| found.key).ok()
        };
        let at = Some(self.expected).filter(is_at).or_else(in_order);
        let at = at.or_else(|| self.others.get(&key).copied()).unwrap_or_else(|| self.push(key));
        self.expected = at + 1;
        let width = self.ask.days.len();
        let levels = self.levels.get_mut(at * width..(at + 1) * width);
        let (used, cells) = update(levels.unwrap_or_default());
        if let Some(meter) = self.found.get_mut(at) {
            meter.used |= used;
            meter.cells += cells;
        }
    }

    fn push(&mut self, key: MeterKey) -> usize {
        let at = self.found.len();
        if self.ordered == at && self.found.last().is_none_or(|last| last.key < key) {
            self.ordered += 1;
        } else {
            self.others.insert(key, at);
        }
        self.found.push(Found { key, used: false, cells: Cells::default() });
        self.levels.resize(self.levels.len() + self.ask.days.len(), 0);
        at
    }

    /// Puts in what was found series by series, and everything in order.
    pub(super) fn with(mut self, range: RangeNo, slow: Vec<(MeterKey, Series)>) -> RangeLevels {
        let (mut whole, (first, last)) = (Vec::new(), self.ask.used);
        for (key, series) in slow {
            if self.ask.whole.contains(&key.tenant) {
                whole.push((key, series));
                continue;
            }
            let (used, cells) = (series.any_above_zero(first, last), series.cells(first, last));
            self.found.push(Found { key, used, cells });
            self.levels.extend(self.ask.days.iter().map(|day| series.level(*day)));
        }
        if !self.found.is_sorted_by_key(|found| found.key) {
            self.sort();
        }
        let mut levels = RangeLevels::new(range, self.ask.days.len(), &self.found, self.levels);
        levels.series = whole;
        levels
    }

    fn sort(&mut self) {
        let width = self.ask.days.len();
        let mut order: Vec<usize> = (0..self.found.len()).collect();
        order.sort_unstable_by_key(|at| self.found.get(*at).map(|found| found.key));
        let levels = order.iter().filter_map(|at| self.levels.get(at * width..(at + 1) * width));
        self.levels = levels.flatten().copied().collect();
        self.found = order.iter().filter_map(|at| self.found.get(*at).copied()).collect();
    }
}

/// The second frame of a segment, unpacked when it is needed.
struct Inner<'a> {
    opened: &'a Opened<'a>,
    unpacked: OnceCell<Vec<u8>>,
}

impl Inner<'_> {
    /// Begins to read it behind so many readings.
    fn behind(&self, passed: u32) -> Read<Cursor<'_>> {
        let bytes = self.opened.inner()?;
        let mut inner = Cursor(self.unpacked.get_or_init(|| bytes));
        for _ in 0..passed {
            inner.number()?;
        }
        Ok(inner)
    }
}

/// Where in a segment the levels asked for are found.
struct Window {
    first: Day,
    /// Places of days asked for, each with the day of the segment that tells its level, numbered from the first.
    inside: Vec<(usize, usize)>,
    /// Places of days asked for before the segment: the level before it, if it was reported by that day.
    before: Vec<(usize, Day)>,
    needs_inner: bool,
    /// The days of the segment that it is asked about whether they were above zero.
    used: Option<(usize, usize)>,
    /// The days that it is asked about, also where they lie behind its end, or before the begin of the first segment.
    asked: (Day, Day),
    /// The number of the last day.
    length: usize,
}

impl Window {
    fn new(stored: &Stored, next: Option<Day>, ask: &Ask<'_>, is_first: bool) -> Self {
        let last_told = next.map_or(Day(i32::MAX), Day::previous);
        let number = |day: Day| day.min(stored.last).0.abs_diff(stored.first.0) as usize;
        let length = number(stored.last);
        let asked = || ask.days.iter().copied().enumerate().filter(|(_, day)| *day <= last_told);
        let inside = asked().filter(|(_, day)| *day >= stored.first).map(|(at, day)| (at, number(day)));
        let inside: Vec<_> = inside.collect();
        let before = asked().filter(|(_, day)| is_first && *day < stored.first).collect();
        let needs_inner = inside.iter().any(|(_, day)| (1..length).contains(day));
        let (from, to) = (ask.used.0.max(stored.first), ask.used.1.min(last_told));
        let used = (from <= to).then(|| (number(from), number(to)));
        // Nobody but the first segment speaks of the days before it.
        let asked = if is_first { (ask.used.0, to) } else { (from, to) };
        Self { first: stored.first, inside, before, needs_inner, used, asked, length }
    }

    /// The cells of the days asked about.
    fn cells(&self, outline: &Outline) -> Cells {
        let (from, to) = (self.asked.0.max(outline.first_heard(self.first)), self.asked.1);
        if from > to {
            return Cells::default();
        }
        let behind = to.0.saturating_sub(self.first.0).saturating_add(1).clamp(0, 32);
        let ahead = from.0.saturating_sub(self.first.0).clamp(0, 32);
        let days = ((1_u64 << behind) - 1) & !((1_u64 << ahead) - 1);
        let reported = (u64::from(outline.heard) & days).count_ones();
        let before = outline.before.is_some_and(|before| before.day >= from);
        let all = u64::from(to.0.abs_diff(from.0)) + 1;
        Cells { all, carried: all.saturating_sub(u64::from(reported) + u64::from(before)) }
    }

    /// Reads the levels at the ends alone, and whether the meter was above zero; `None` if they do not say that.
    fn read_ends(&self, outline: &Outline, by_day: &mut [i64; 32]) -> Option<bool> {
        if let Some(at_last) = by_day.get_mut(self.length) {
            *at_last = outline.at_last;
        }
        if self.length > 0 {
            by_day[0] = outline.at_first;
        }
        let Some((from, to)) = self.used.filter(|_| outline.used) else { return Some(false) };
        let is_quiet = outline.heard >> 1 == 0;
        let is_told = from == 0 && outline.at_first > 0 || to == self.length && outline.at_last > 0;
        let is_one_end = from == to && (to == 0 || to == self.length);
        if is_told || is_quiet || from == 0 && to == self.length {
            return Some(true);
        }
        is_one_end.then_some(false)
    }

    /// Reads the levels of all days, and whether the meter was above zero.
    fn read(&self, outline: &Outline, inner: &mut Cursor<'_>, by_day: &mut [i64; 32]) -> Read<bool> {
        let (mut from, mut level) = (0, outline.before.map_or(0, |before| before.level));
        outline.readings(inner, |day, next| {
            let day = day as usize;
            if from < day {
                by_day.get_mut(from..day).unwrap_or_default().fill(level);
            }
            if let Some(known) = by_day.get_mut(day) {
                *known = next;
            }
            (from, level) = (day + 1, next);
        })?;
        by_day.get_mut(from..=self.length).unwrap_or_default().fill(level);
        let asked = self.used.and_then(|(from, to)| by_day.get(from..=to)).unwrap_or_default();
        Ok(outline.used && asked.iter().any(|level| *level > 0))
    }

    /// Writes the levels of the days asked for that the segment tells.
    fn write(&self, outline: &Outline, by_day: &[i64; 32], levels: &mut [i64]) {
        for (at, day) in &self.inside {
            if let (Some(level), Some(told)) = (levels.get_mut(*at), by_day.get(*day)) {
                *level = (*told).max(0);
            }
        }
        for (at, day) in &self.before {
            let known = outline.before.filter(|before| before.day <= *day);
            if let Some(level) = levels.get_mut(*at) {
                *level = known.map_or(0, |before| before.level.max(0));
            }
        }
    }
}
