//! Levels on some days, read straight from segments.
//!
//! What most reports ask for is the level at two days of a month, and those stand in a segment's first frame; the second
//! one is unpacked only where a day between is asked for, or whether a meter was used on some of the days between.

use std::collections::{HashMap, HashSet};

use super::archive::{Live, Stored};
use super::codec::{Cursor, Damaged, Read};
use super::segment::{Opened, Outline, Segment};
use super::{Cells, Series};
use crate::ids::{RANGE_TENANTS, RangeNo, TenantNo};
use crate::time::Day;
use crate::usage::MeterKey;

/// What a report asks of a range.
pub struct Ask<'a> {
    /// The days whose levels are wanted, ascending, within the archive's window.
    pub days: &'a [Day],
    /// From which day to which it is asked whether a level was above zero.
    pub used: (Day, Day),
    /// The tenants whose whole series are wanted instead.
    pub whole: &'a HashSet<TenantNo>,
}

/// The meters of a range, each with its levels on the days asked for.
#[derive(Debug, Default)]
pub struct RangeLevels {
    /// How many days were asked for.
    width: usize,
    meters: Vec<Meter>,
    levels: Vec<i64>,
    /// Where the meters of each tenant number of the range begin.
    runs: Vec<u32>,
    /// The meters of the tenants whose whole series were wanted, in order.
    pub series: Vec<(MeterKey, Series)>,
}

/// What is known of a meter beside its levels.
#[derive(Debug, Clone, Copy)]
struct Meter {
    key: MeterKey,
    used: bool,
    cells: Cells,
}

/// One meter of them.
#[derive(Debug, Clone, Copy)]
pub struct Levels<'a> {
    /// Which.
    pub key: MeterKey,
    /// Its levels, none below zero, one for each day asked for.
    pub levels: &'a [i64],
    /// Whether it was above zero on one of the days that were asked about.
    pub used: bool,
    /// Its cells on those days.
    pub cells: Cells,
}

impl RangeLevels {
    /// The meters in order.
    pub fn iter(&self) -> impl Iterator<Item = Levels<'_>> {
        self.between(0, self.meters.len())
    }

    /// The meters of one tenant.
    pub fn of(&self, tenant: TenantNo) -> impl Iterator<Item = Levels<'_>> {
        let start = |at: usize| self.runs.get(at).map_or(0, |from| *from as usize);
        let at = usize::try_from(tenant.0 - tenant.range().first().0).unwrap_or(usize::MAX - 1);
        self.between(start(at), start(at + 1)).filter(move |levels| levels.key.tenant == tenant)
    }

    fn between(&self, from: usize, behind: usize) -> impl Iterator<Item = Levels<'_>> {
        let meters = self.meters.get(from..behind).unwrap_or_default().iter();
        let levels = move |at: usize| self.levels.get(at * self.width..(at + 1) * self.width);
        meters.zip(from..).map(move |(meter, at)| {
            let Meter { key, used, cells } = *meter;
            Levels { key, levels: levels(at).unwrap_or_default(), used, cells }
        })
    }

    /// Notes where each tenant's meters begin, once they are in order.
    fn index(&mut self, range: RangeNo) {
        for (at, meter) in (0..).zip(&self.meters) {
            let tenant = usize::try_from(meter.key.tenant.0 - range.first().0).unwrap_or(0);
            self.runs.resize(self.runs.len().max(tenant + 1), at);
        }
        let behind = u32::try_from(self.meters.len()).unwrap_or(u32::MAX);
        self.runs.resize(usize::try_from(RANGE_TENANTS).unwrap_or(0) + 1, behind);
    }
}

/// Levels being read straight from segments, in the order of their days.
pub(super) struct FastLevels<'a> {
    ask: &'a Ask<'a>,
    /// The archive's last day: a meter first heard later is not there.
    last: Day,
    found: RangeLevels,
    /// How many of the meters found, from the first on, are in order.
    ordered: usize,
    /// Where those behind them stand: meters that came after others of a segment before.
    others: HashMap<MeterKey, usize>,
    /// Where the meter is expected that is looked for next.
    expected: usize,
}

impl<'a> FastLevels<'a> {
    pub(super) fn new(ask: &'a Ask<'a>, last: Day) -> Self {
        let found = RangeLevels { width: ask.days.len(), ..RangeLevels::default() };
        Self { ask, last, found, ordered: 0, others: HashMap::new(), expected: 0 }
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
        let damaged = |malformed| place.damaged(malformed);
        let window = Window::new(stored, next, self.ask, self.found.meters.is_empty());
        let opened = Opened::new(&stored.block, place)?;
        let done = if window.needs_inner {
            Some(0)
        } else {
            self.read(&opened, &window, 0, None, &skipped).map_err(damaged)?
        };
        let Some(done) = done else { return Ok(()) };
        let inner = opened.inner()?;
        self.read(&opened, &window, done, Some(Cursor(&inner)), &skipped).map_err(damaged)?;
        Ok(())
    }

    /// Reads a segment from its meter number `done` on, with its second frame or without. If that would be needed, says
    /// for which meter first.
    fn read(
        &mut self,
        opened: &Opened<'_>,
        window: &Window,
        done: usize,
        mut inner: Option<Cursor<'_>>,
        skipped: &impl Fn(&MeterKey) -> bool,
    ) -> Read<Option<usize>> {
        self.expected = 0;
        let mut outlines = opened.outlines()?;
        let mut by_day = [0; 32];
        for number in 0.. {
            let Some(outline) = outlines.next()? else { break };
            let is_unheard = outline.first_heard(window.first) > self.last;
            if number < done || is_unheard || skipped(&outline.key) {
                if let Some(inner) = &mut inner {
                    outline.skip(inner)?;
                }
                continue;
            }
            let used = match &mut inner {
                Some(inner) => window.read(&outline, inner, &mut by_day)?,
                None => match window.read_ends(&outline, &mut by_day) {
                    Some(used) => used,
                    None => return Ok(Some(number)),
                },
            };
            self.update(outline.key, |levels| {
                window.write(&outline, &by_day, levels);
                (used, window.cells(&outline))
            });
        }
        inner.map_or(Ok(()), |inner| inner.end()).map(|()| None)
    }

    /// Adds what is known of the days after all segments.
    pub(super) fn add_live(&mut self, live: &Live, skipped: impl Fn(&MeterKey) -> bool) {
        let ask = self.ask;
        // Where there is no segment, the live days also tell what was before them.
        let first = if self.found.meters.is_empty() { Day::FOREVER_AGO } else { live.first };
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
        let is_at = |at: &usize| self.found.meters.get(*at).is_some_and(|found| found.key == key);
        let in_order = || {
            let ordered = self.found.meters.get(..self.ordered)?;
            ordered.binary_search_by_key(&key, |found| found.key).ok()
        };
        let at = Some(self.expected).filter(is_at).or_else(in_order);
        let at = at.or_else(|| self.others.get(&key).copied()).unwrap_or_else(|| self.push(key));
        self.expected = at + 1;
        let width = self.found.width;
        let (used, cells) =
            update(self.found.levels.get_mut(at * width..(at + 1) * width).unwrap_or_default());
        if let Some(meter) = self.found.meters.get_mut(at) {
            meter.used |= used;
            meter.cells += cells;
        }
    }

    fn push(&mut self, key: MeterKey) -> usize {
        let at = self.found.meters.len();
        if self.ordered == at && self.found.meters.last().is_none_or(|last| last.key < key) {
            self.ordered += 1;
        } else {
            self.others.insert(key, at);
        }
        self.found.meters.push(Meter { key, used: false, cells: Cells::default() });
        self.found.levels.resize(self.found.levels.len() + self.found.width, 0);
        at
    }

    /// Puts in what was found series by series, and everything in order.
    pub(super) fn with(mut self, range: RangeNo, slow: Vec<(MeterKey, Series)>) -> RangeLevels {
        for (key, series) in slow {
            if self.ask.whole.contains(&key.tenant) {
                self.found.series.push((key, series));
                continue;
            }
            let (first, last) = self.ask.used;
            let (used, cells) = (series.any_above_zero(first, last), series.cells(first, last));
            self.found.meters.push(Meter { key, used, cells });
            self.found.levels.extend(self.ask.days.iter().map(|day| series.level(*day)));
        }
        if !self.found.meters.is_sorted_by_key(|meter| meter.key) {
            self.sort();
        }
        self.found.index(range);
        self.found
    }

    fn sort(&mut self) {
        let width = self.found.width;
        let mut order: Vec<usize> = (0..self.found.meters.len()).collect();
        order.sort_unstable_by_key(|at| self.found.meters.get(*at).map(|meter| meter.key));
        let meters = order.iter().filter_map(|at| self.found.meters.get(*at).copied()).collect();
        let levels = order.iter().filter_map(|at| self.found.levels.get(at * width..(at + 1) * width));
        self.found.levels = levels.flatten().copied().collect();
        self.found.meters = meters;
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
