//! Levels on some days, read straight from segments.
//!
//! What most reports ask for is the level at two days of a month, and those stand in a segment's first frame; the second
//! one is unpacked only where a day between is asked for, or where the two leave in doubt whether a meter was used.

use std::collections::{HashMap, HashSet};

use super::Series;
use super::archive::Stored;
use super::codec::{Cursor, Damaged, Malformed};
use super::segment::{Opened, Outline, Segment};
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
    carried: u32,
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
    /// How many of those days carry the level of an earlier one.
    pub carried: u32,
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
        let levels = self.levels.get(from * self.width..).unwrap_or_default().chunks_exact(self.width.max(1));
        meters.zip(levels).map(|(meter, levels)| {
            let Meter { key, used, carried } = *meter;
            Levels { key, levels, used, carried }
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

/// Levels being read straight from segments.
pub(super) struct FastLevels<'a> {
    ask: &'a Ask<'a>,
    found: RangeLevels,
    places: HashMap<MeterKey, usize>,
}

impl<'a> FastLevels<'a> {
    pub(super) fn new(ask: &'a Ask<'a>) -> Self {
        let found = RangeLevels { width: ask.days.len(), ..RangeLevels::default() };
        Self { ask, found, places: HashMap::new() }
    }

    /// Adds what a segment says; `next` is the first day of the segment after it.
    pub(super) fn add(
        &mut self,
        range: RangeNo,
        stored: &Stored,
        next: Option<Day>,
        skipped: impl Fn(&MeterKey) -> bool,
    ) -> Result<(), Damaged> {
        let place = Segment::place(range, stored.first, stored.last);
        let window = Window::new(stored, next, self.ask, self.found.meters.is_empty());
        let mut opened = Opened::new(&stored.block, place)?;
        let needs_inner =
            window.needs_inner || opened.outlines.iter().any(|outline| window.is_in_doubt(outline));
        let unpacked = if needs_inner { opened.inner()? } else { Vec::new() };
        let mut inner = Cursor(&unpacked);
        let is_first = self.found.meters.is_empty();
        if is_first {
            self.found.meters.reserve(opened.outlines.len());
            self.found.levels.reserve(opened.outlines.len() * self.found.width);
        }
        for outline in &opened.outlines {
            if skipped(&outline.key) {
                if needs_inner {
                    outline.skip(&mut inner).map_err(|malformed| place.damaged(malformed))?;
                }
                continue;
            }
            let at = if is_first { self.push(outline.key) } else { self.place(outline.key) };
            let width = self.found.width;
            let levels = self.found.levels.get_mut(at * width..(at + 1) * width).unwrap_or_default();
            let inner = needs_inner.then_some(&mut inner);
            let used = window.read(outline, inner, levels).map_err(|malformed| place.damaged(malformed))?;
            if let Some(meter) = self.found.meters.get_mut(at) {
                meter.used |= used;
                meter.carried += window.carried(outline);
            }
        }
        Ok(())
    }

    fn push(&mut self, key: MeterKey) -> usize {
        self.found.meters.push(Meter { key, used: false, carried: 0 });
        self.found.levels.resize(self.found.levels.len() + self.found.width, 0);
        self.found.meters.len() - 1
    }

    /// Where the meter stands: from the second segment on, meters may come that were not in the first.
    fn place(&mut self, key: MeterKey) -> usize {
        if self.places.is_empty() {
            let places = self.found.meters.iter().enumerate().map(|(at, meter)| (meter.key, at));
            self.places = places.collect();
        }
        if let Some(at) = self.places.get(&key) {
            return *at;
        }
        let at = self.push(key);
        self.places.insert(key, at);
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
            let (used, carried) = (series.any_above_zero(first, last), series.carried(first, last));
            self.found.meters.push(Meter { key, used, carried });
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
    /// For each day asked for.
    days: Vec<Source>,
    needs_inner: bool,
    /// The days of the segment, numbered from its first, that it is asked about whether they were above zero.
    used: Option<(u32, u32)>,
    /// The days that it is asked about, without regard to where the segment ends.
    asked: (Day, Day),
    first: Day,
    length: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// Another segment says.
    Elsewhere,
    /// The level before the window, if it was reported by that day.
    Before(Day),
    First,
    Last,
    /// The n-th day.
    Inner(u32),
}

impl Window {
    fn new(stored: &Stored, next: Option<Day>, ask: &Ask<'_>, is_first: bool) -> Self {
        let behind = next.unwrap_or(Day(i32::MAX));
        let number = |day: Day| day.0.abs_diff(stored.first.0);
        let source = |day: &Day| match *day {
            day if day >= behind => Source::Elsewhere,
            day if day >= stored.last => Source::Last,
            day if day == stored.first => Source::First,
            day if day > stored.first => Source::Inner(number(day)),
            day if is_first => Source::Before(day),
            _ => Source::Elsewhere,
        };
        let days: Vec<Source> = ask.days.iter().map(source).collect();
        let needs_inner = days.iter().any(|day| matches!(day, Source::Inner(_)));
        let (from, to) = (ask.used.0.max(stored.first), ask.used.1.min(behind.previous()));
        let used = (from <= to).then(|| (number(from.min(stored.last)), number(to.min(stored.last))));
        // Nobody but the first segment speaks of the days before it.
        let asked = if is_first { (ask.used.0, to) } else { (from, to) };
        Self { days, needs_inner, used, asked, first: stored.first, length: number(stored.last) }
    }

    /// How many of the days asked about carry an earlier level.
    fn carried(&self, outline: &Outline) -> u32 {
        let heard_from = match outline.before {
            Some(before) => before.day,
            None => self.first.plus(outline.heard.trailing_zeros().cast_signed()),
        };
        let (from, to) = (self.asked.0.max(heard_from), self.asked.1);
        if from > to {
            return 0;
        }
        let behind = to.0.saturating_sub(self.first.0).saturating_add(1).clamp(0, 32);
        let ahead = from.0.saturating_sub(self.first.0).clamp(0, 32);
        let days = ((1_u64 << behind) - 1) & !((1_u64 << ahead) - 1);
        let reported = (u64::from(outline.heard) & days).count_ones();
        let before = outline.before.is_some_and(|before| before.day >= from);
        (to.0.abs_diff(from.0) + 1).saturating_sub(reported + u32::from(before))
    }

    /// Whether the days between must be looked at to know if the meter was above zero.
    fn is_in_doubt(&self, outline: &Outline) -> bool {
        let only_an_end = self.used.is_none_or(|(from, to)| from == to && (to == 0 || to == self.length));
        !only_an_end && outline.heard >> 1 != 0 && !self.is_used_at_ends(outline)
    }

    /// Whether the first frame alone says that the meter was above zero.
    fn is_used_at_ends(&self, outline: &Outline) -> bool {
        self.used.is_some_and(|(from, to)| {
            let at_first = from == 0 || outline.heard >> 1 == 0;
            at_first && outline.at_first > 0 || to == self.length && outline.at_last > 0
        })
    }

    /// Writes the levels that the segment knows; says whether the meter was above zero.
    fn read(
        &self,
        outline: &Outline,
        inner: Option<&mut Cursor<'_>>,
        levels: &mut [i64],
    ) -> Result<bool, Malformed> {
        let used = self.is_used_at_ends(outline);
        let Some(inner) = inner else {
            self.write(outline, &[], levels);
            return Ok(used);
        };
        let mut by_day = [0; 32];
        let (mut filled, mut level) = (0, outline.before.map_or(0, |before| before.level));
        let mut fill = |up_to: u32, level: i64| {
            by_day.iter_mut().take(up_to as usize).skip(filled).for_each(|day| *day = level.max(0));
            filled = up_to as usize;
        };
        outline.readings(inner, |day, next| {
            fill(day, level);
            level = next;
        })?;
        fill(self.length + 1, level);
        self.write(outline, &by_day, levels);
        let asked = self.used.and_then(|(from, to)| by_day.get(from as usize..=to as usize));
        Ok(used || asked.is_some_and(|asked| asked.iter().any(|level| *level > 0)))
    }

    /// Writes the levels; `by_day` has those of the days between.
    fn write(&self, outline: &Outline, by_day: &[i64], levels: &mut [i64]) {
        for (source, level) in self.days.iter().zip(levels) {
            match source {
                Source::Elsewhere => {}
                Source::Before(day) => {
                    let known = outline.before.filter(|before| before.day <= *day);
                    *level = known.map_or(0, |before| before.level.max(0));
                }
                Source::First => *level = outline.at_first.max(0),
                Source::Last => *level = outline.at_last.max(0),
                Source::Inner(day) => *level = by_day.get(*day as usize).copied().unwrap_or_default(),
            }
        }
    }
}
