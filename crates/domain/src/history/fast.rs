//! Levels read straight from segments.
//!
//! What most reports ask for is the level at two days of a month, and those stand in a segment's first frame; the second
//! one is unpacked only where a day between is asked for, or whether a meter was used on some of the days between.

use std::cell::OnceCell;
use std::cmp::Ordering;
use std::collections::HashMap;

use super::archive::{Live, Stored};
use super::codec::{Cursor, Damaged, Read};
use super::levels::{Ask, Meter, Meters, RangeLevels};
use super::segment::{Opened, Outline, Segment, first_heard};
use super::{Cells, Reported, Series};
use crate::ids::{InfraNo, ItemNo, RangeNo, TenantNo};
use crate::time::Day;
use crate::usage::MeterKey;

/// Levels being read straight from segments, in the order of their days.
pub(super) struct FastLevels<'a> {
    range: RangeNo,
    ask: &'a Ask<'a>,
    /// The archive's last day: a meter first heard later is not there.
    last: Day,
    /// What the meters found count, in the order in which it was found.
    labels: Vec<(ItemNo, InfraNo)>,
    places: HashMap<(ItemNo, InfraNo), u32>,
    /// The meters found, by segment.
    found: Meters,
    /// How many of the meters found, from the first on, are in order.
    ordered: usize,
    /// Where those behind them stand: meters that came after others of a segment before.
    others: HashMap<MeterKey, usize>,
    /// Where the meter is expected that is looked for next.
    expected: usize,
}

impl<'a> FastLevels<'a> {
    pub(super) fn new(range: RangeNo, ask: &'a Ask<'a>, last: Day) -> Self {
        Self {
            range,
            ask,
            last,
            labels: Vec::new(),
            places: HashMap::new(),
            found: Meters::new(ask.days.len()),
            ordered: 0,
            others: HashMap::new(),
            expected: 0,
        }
    }

    /// Adds what a segment says; `next` is the first day of what comes after it.
    pub(super) fn add(
        &mut self,
        stored: &Stored,
        next: Option<Day>,
        skipped: impl Fn(&MeterKey) -> bool,
    ) -> Result<(), Damaged> {
        let place = Segment::place(self.range, stored.first, stored.last);
        let window = Window::new(stored, next, self.ask, self.found.len() == 0);
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
        if self.found.len() == 0 {
            self.found.reserve(outlines.most());
        }
        let labels: Vec<u32> = outlines.labels().iter().map(|label| self.label(*label)).collect();
        let mut by_day = [0; 32];
        let mut inner = if window.needs_inner { Some(second.behind(0)?) } else { None };
        // How many meters did not need the second frame.
        let mut passed = 0;
        let mut few = self.ask.few;
        while let Some(outline) = outlines.next()? {
            let is_wanted = is_next(&mut few, outline.key.tenant);
            if !is_wanted && inner.is_none() && few.is_some_and(<[_]>::is_empty) {
                return Ok(());
            }
            let is_skipped = !is_wanted
                || skipped(&outline.key)
                || first_heard(outline.heard, window.first, outline.before) > self.last;
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
                    passed += 1;
                    used.unwrap_or_default()
                }
            };
            if !is_skipped {
                let label = labels.get(outline.label).copied().unwrap_or(u32::MAX);
                self.update(outline.key, label, |levels| {
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
        let first = if self.found.len() == 0 { Day::FOREVER_AGO } else { live.first };
        self.expected = 0;
        for (key, series) in &live.series {
            let is_heard = series.last_reported(self.last).is_some();
            if skipped(key) || !is_heard {
                continue;
            }
            let label = self.label((key.item, key.infra));
            self.update(*key, label, |levels| {
                for (day, level) in ask.days.iter().zip(levels).filter(|(day, _)| **day >= first) {
                    *level = series.level(*day);
                }
                let (first, last) = (ask.used.0.max(first), ask.used.1);
                (first <= last && series.any_above_zero(first, last), series.cells(first, last))
            });
        }
    }

    /// The place of what a meter counts among the labels.
    fn label(&mut self, label: (ItemNo, InfraNo)) -> u32 {
        *self.places.entry(label).or_insert_with(|| {
            self.labels.push(label);
            u32::try_from(self.labels.len() - 1).unwrap_or(u32::MAX)
        })
    }

    fn tenant(&self, key: MeterKey) -> u16 {
        u16::try_from(key.tenant.0 - self.range.first().0).unwrap_or(u16::MAX)
    }

    /// What the meters found are ordered by.
    fn order(&self, meter: &Meter) -> (u16, Option<(ItemNo, InfraNo)>) {
        (meter.tenant, self.labels.get(meter.label as usize).copied())
    }

    /// Takes what is known of a meter to what is found of it: its levels, whether it was above zero, and its cells.
    #[inline]
    fn update(&mut self, key: MeterKey, label: u32, update: impl FnOnce(&mut [i64]) -> (bool, Cells)) {
        let at = self.place(key, label);
        self.expected = at + 1;
        self.found.update(at, |meter, levels| {
            let (used, cells) = update(levels);
            meter.used |= used;
            meter.cells += cells;
        });
    }

    /// Where the meter stands, from now on if it was not found before.
    #[inline]
    fn place(&mut self, key: MeterKey, label: u32) -> usize {
        let tenant = self.tenant(key);
        let next = self.found.get(self.expected);
        if next.is_some_and(|found| found.tenant == tenant && found.label == label) {
            return self.expected;
        }
        let wanted = (tenant, Some((key.item, key.infra)));
        let is_behind = |ordered: usize| {
            ordered
                .checked_sub(1)
                .and_then(|last| self.found.get(last))
                .is_none_or(|last| self.order(&last) < wanted)
        };
        let at = self.found.len();
        // A meter behind all others is a new one, as those of the first segment are.
        let is_new = is_behind(self.ordered);
        let known = if is_new { None } else { self.search(&wanted) };
        if let Some(known) = known.or_else(|| self.others.get(&key).copied()) {
            return known;
        }
        if is_new && self.ordered == at {
            self.ordered += 1;
        } else {
            self.others.insert(key, at);
        }
        self.found.push(Meter { tenant, label, used: false, cells: Cells::default() });
        at
    }

    /// Searches those in order.
    fn search(&self, wanted: &(u16, Option<(ItemNo, InfraNo)>)) -> Option<usize> {
        let (mut from, mut behind) = (0, self.ordered);
        while from < behind {
            let middle = from.midpoint(behind);
            match self.order(&self.found.get(middle)?).cmp(wanted) {
                Ordering::Less => from = middle + 1,
                Ordering::Equal => return Some(middle),
                Ordering::Greater => behind = middle,
            }
        }
        None
    }

    /// Puts in what was found series by series, and everything in order.
    pub(super) fn with(mut self, slow: Vec<(MeterKey, Series)>) -> RangeLevels {
        let (mut whole, (first, last)) = (Vec::new(), self.ask.used);
        for (key, series) in slow {
            if self.ask.whole.contains(&key.tenant) {
                whole.push((key, series));
                continue;
            }
            let (tenant, label) = (self.tenant(key), self.label((key.item, key.infra)));
            let (used, cells) = (series.any_above_zero(first, last), series.cells(first, last));
            let at = self.found.len();
            self.found.push(Meter { tenant, label, used, cells });
            self.found.update(at, |_, levels| {
                levels.iter_mut().zip(self.ask.days).for_each(|(level, day)| *level = series.level(*day));
            });
        }
        if self.ordered < self.found.len() {
            let mut found = std::mem::take(&mut self.found);
            found.sort_by_key(|meter| self.order(meter));
            self.found = found;
        }
        RangeLevels::new(self.range, self.labels, self.found, whole)
    }
}

/// Whether a tenant is the next of few, which stand in order as those asked about do; takes those before it away.
#[inline]
fn is_next(few: &mut Option<&[TenantNo]>, tenant: TenantNo) -> bool {
    let Some(few) = few else { return true };
    while let Some((first, rest)) = few.split_first()
        && *first < tenant
    {
        *few = rest;
    }
    few.first() == Some(&tenant)
}

/// The second frame of a segment, unpacked when it is needed.
struct Inner<'a> {
    opened: &'a Opened<'a>,
    unpacked: OnceCell<Vec<u8>>,
}

impl Inner<'_> {
    /// Begins to read it behind so many meters.
    fn behind(&self, passed: usize) -> Read<Cursor<'_>> {
        let bytes = self.opened.inner()?;
        let mut inner = Cursor(self.unpacked.get_or_init(|| bytes));
        let mut outlines = self.opened.outlines()?;
        for _ in 0..passed {
            if let Some(outline) = outlines.next()? {
                outline.skip(&mut inner)?;
            }
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
    /// Bits of all days of the segment, and the cells of a meter that was heard on each of them, but not before.
    complete: (u32, Cells),
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
        let every_day = u32::MAX >> 31_usize.saturating_sub(length);
        let complete = (every_day, cells_heard(every_day, stored.first, asked, None));
        Self { first: stored.first, inside, before, needs_inner, used, asked, length, complete }
    }

    /// The cells of the days asked about.
    fn cells(&self, outline: &Outline) -> Cells {
        match (outline.before, self.complete) {
            (None, (every_day, cells)) if outline.heard == every_day => cells,
            (before, _) => cells_heard(outline.heard, self.first, self.asked, before),
        }
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

/// The cells of a meter that was heard on these days of a segment, counted from `first`, and once before.
fn cells_heard(heard: u32, first: Day, asked: (Day, Day), before: Option<Reported>) -> Cells {
    let (from, to) = (asked.0.max(first_heard(heard, first, before)), asked.1);
    if from > to {
        return Cells::default();
    }
    let behind = to.0.saturating_sub(first.0).saturating_add(1).clamp(0, 32);
    let ahead = from.0.saturating_sub(first.0).clamp(0, 32);
    let days = ((1_u64 << behind) - 1) & !((1_u64 << ahead) - 1);
    let reported = (u64::from(heard) & days).count_ones();
    let before = before.is_some_and(|before| before.day >= from);
    let all = u64::from(to.0.abs_diff(from.0)) + 1;
    Cells { all, carried: all.saturating_sub(u64::from(reported) + u64::from(before)) }
}
