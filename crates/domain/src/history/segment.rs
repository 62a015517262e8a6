//! A window of days of a range of tenants.
//!
//! The first frame says, meter by meter in columns: which it is, how long before the window it was heard last and what it
//! said then, on which days of the window it was heard, its level at the end of the first day and at the end of the
//! last, and where neither is above zero, whether it was between. A report that reads no other days needs no more. The
//! second frame has the readings between, each as the difference from the one before, the days of a meter together.

use super::codec::{BlockKind, Cursor, Damaged, Frames, Malformed, Place, Read, Writer, seal};
use super::keys::{Keys, write_keys};
use super::{Reported, Series};
use crate::ids::{InfraNo, ItemNo, RangeNo};
use crate::time::Day;
use crate::usage::MeterKey;

/// The most days of a window: the days heard are bits of a word.
const MAX_DAYS: i32 = 31;

/// What is known of a window of days, a day or a month, of the meters of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Whose.
    pub range: RangeNo,
    /// The first day of the window.
    pub first: Day,
    /// The last day of the window, at most the 31st.
    pub last: Day,
    /// The meters in order: their readings within the window, and the last one before. A meter of which nothing was heard
    /// up to the last day has no place in the block.
    pub series: Vec<(MeterKey, Series)>,
}

/// What the first frame says of a meter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outline {
    pub(super) key: MeterKey,
    /// The place of what it counts among the labels of the segment.
    pub(super) label: usize,
    /// The last reading before the window.
    pub(super) before: Option<Reported>,
    /// A bit for each day of the window on which it was heard, the first day lowest.
    pub(super) heard: u32,
    /// The level at the end of the first day; 0 where nothing had been heard.
    pub(super) at_first: i64,
    /// The level at the end of the last day.
    pub(super) at_last: i64,
    /// Whether it was above zero on some day of the window.
    pub(super) used: bool,
}

impl Outline {
    /// How many readings the second frame has of it: all but those on the first day and the last one of all.
    #[inline]
    const fn inner(&self) -> u32 {
        (self.heard >> 1).count_ones().saturating_sub(1)
    }

    /// Whether the levels at the ends leave open if the meter was above zero between.
    const fn has_doubt(&self) -> bool {
        self.at_first <= 0 && self.at_last <= 0 && self.inner() > 0
    }

    /// The readings of the window, each as the number of its day and its level. `inner` has what the second frame holds
    /// of the meter, and is moved behind it.
    pub(super) fn readings(&self, inner: &mut Cursor<'_>, mut take: impl FnMut(u32, i64)) -> Read<()> {
        let mut level = self.at_first;
        let mut left = self.inner();
        let mut days = self.heard;
        let mut used = self.at_first > 0;
        while days != 0 {
            let day = days.trailing_zeros();
            days &= days - 1;
            if day > 0 {
                level = if left > 0 { inner.difference(level)? } else { self.at_last };
                left = left.saturating_sub(1);
            }
            used |= level > 0;
            take(day, level);
        }
        if used == self.used { Ok(()) } else { Err(Malformed("its frames contradict each other")) }
    }

    /// Moves behind what the second frame holds of the meter.
    pub(super) fn skip(&self, inner: &mut Cursor<'_>) -> Read<()> {
        for _ in 0..self.inner() {
            inner.number()?;
        }
        Ok(())
    }
}

/// The first day with a reading, of a window or before; `first` is the first day of the window.
#[inline]
pub(super) fn first_heard(heard: u32, first: Day, before: Option<Reported>) -> Day {
    before.map_or_else(|| first.plus(heard.trailing_zeros().cast_signed()), |before| before.day)
}

/// A segment whose first frame is unpacked and whose second one is not yet.
pub(super) struct Opened<'a> {
    first_frame: Vec<u8>,
    frames: Frames<'a>,
    place: Place,
}

impl<'a> Opened<'a> {
    /// Checks the block and unpacks its first frame.
    pub(super) fn new(block: &'a [u8], place: Place) -> Result<Self, Damaged> {
        let opened = Frames::open(block, place).and_then(|mut frames| Ok((frames.next()?, frames)));
        let (first_frame, frames) = opened.map_err(|malformed| place.damaged(malformed))?;
        Ok(Self { first_frame, frames, place })
    }

    /// Begins to read the first frame.
    pub(super) fn outlines(&self) -> Read<Outlines<'_>> {
        Outlines::new(&self.first_frame, self.place)
    }

    /// Unpacks the second frame.
    pub(super) fn inner(&self) -> Read<Vec<u8>> {
        let mut frames = self.frames;
        let frame = frames.next()?;
        frames.end()?;
        Ok(frame)
    }
}

/// What the first frame says, meter by meter.
pub(super) struct Outlines<'a> {
    first: Day,
    /// A bit for each day of the window.
    all_days: u64,
    keys: Keys<'a>,
    gaps: Cursor<'a>,
    before_levels: Cursor<'a>,
    heard: Cursor<'a>,
    firsts: Cursor<'a>,
    lasts: Cursor<'a>,
    used: Cursor<'a>,
}

impl<'a> Outlines<'a> {
    fn new(frame: &'a [u8], place: Place) -> Read<Self> {
        let mut frame = Cursor(frame);
        let keys = Keys::new(&mut frame, place.range)?;
        let mut column = || frame.column();
        let (gaps, before_levels, heard) = (column()?, column()?, column()?);
        let (firsts, lasts, used) = (column()?, column()?, column()?);
        frame.end()?;
        let all_days = all_days(place.first, place.last);
        Ok(Self { first: place.first, all_days, keys, gaps, before_levels, heard, firsts, lasts, used })
    }

    /// What the meters count, ascending.
    pub(super) fn labels(&self) -> &[(ItemNo, InfraNo)] {
        self.keys.labels()
    }

    /// No fewer than there are.
    pub(super) fn most(&self) -> usize {
        self.keys.most()
    }

    /// The next one; `None` after the last, where nothing may be left.
    #[inline]
    pub(super) fn next(&mut self) -> Read<Option<Outline>> {
        let Some(key) = self.keys.next()? else {
            for column in [self.gaps, self.before_levels, self.heard, self.firsts, self.lasts, self.used] {
                column.end()?;
            }
            return Ok(None);
        };
        let before = match self.gaps.number()? {
            0 => None,
            gap => Some(Reported { day: day_before(self.first, gap)?, level: self.before_levels.signed()? }),
        };
        let days = match self.heard.number()? {
            0 => self.all_days,
            days => days - 1,
        };
        if days & !self.all_days != 0 || days == 0 && before.is_none() {
            return Err(Malformed("a meter was heard on no day, or on one out of bounds"));
        }
        let heard = u32::try_from(days).map_err(|_| Malformed("a day is out of bounds"))?;
        let mut at_first = before.map_or(0, |before| before.level);
        if heard & 1 != 0 {
            at_first = self.firsts.difference(at_first)?;
        }
        let at_last = if heard >> 1 == 0 { at_first } else { self.lasts.difference(at_first)? };
        let (label, used) = (self.keys.label(), at_first > 0 || at_last > 0);
        let mut outline = Outline { key, label, before, heard, at_first, at_last, used };
        if outline.has_doubt() {
            outline.used = self.used.number()? == 1;
        }
        Ok(Some(outline))
    }
}

impl Segment {
    /// Which block holds it.
    pub const fn place(range: RangeNo, first: Day, last: Day) -> Place {
        Place { kind: BlockKind::Segment, range, first, last }
    }

    /// Its block.
    pub fn encode(&self) -> Vec<u8> {
        debug_assert!(self.first <= self.last && self.last < self.first.plus(MAX_DAYS), "no day or month");
        let heard = self.series.iter().filter(|(_, series)| series.last_reported(self.last).is_some());
        let mut outlines = Writer::default();
        write_keys(&mut outlines, self.range, heard.clone().map(|(key, _)| *key));
        let mut columns: [Writer; 6] = Default::default();
        let mut inner = Writer::default();
        for (_, series) in heard {
            self.write(series, &mut columns, &mut inner);
        }
        for column in &columns {
            outlines.column(column);
        }
        seal(Self::place(self.range, self.first, self.last), &[outlines, inner])
    }

    fn write(&self, series: &Series, columns: &mut [Writer; 6], inner: &mut Writer) {
        let [gaps, before_levels, heard, firsts, lasts, used] = columns;
        let before = series.last_reported(self.first.previous()).filter(|before| before.day < self.first);
        gaps.size(before.map_or(0, |before| self.first.0.abs_diff(before.day.0) as usize));
        let mut level = 0;
        if let Some(before) = before {
            before_levels.signed(before.level);
            level = before.level;
        }
        let inside = series.readings().iter().filter(|(day, _)| (self.first..=self.last).contains(day));
        let days = inside.clone().fold(0_u64, |days, (day, _)| days | 1 << (day.0 - self.first.0));
        heard.number(if days == all_days(self.first, self.last) { 0 } else { days + 1 });
        let mut later = inside.copied().peekable();
        if let Some((_, at_first)) = later.next_if(|(day, _)| *day == self.first) {
            firsts.difference(at_first, level);
            level = at_first;
        }
        let at_first = level;
        let (mut inner_levels, mut is_used) = (0, false);
        while let Some((_, next)) = later.next() {
            if later.peek().is_some() {
                inner.difference(next, level);
                inner_levels += 1;
                is_used |= next > 0;
            } else {
                lasts.difference(next, at_first);
            }
            level = next;
        }
        if at_first <= 0 && level <= 0 && inner_levels > 0 {
            used.number(is_used.into());
        }
    }

    /// Reads the block that a row gives for the place.
    pub fn decode(block: &[u8], range: RangeNo, first: Day, last: Day) -> Result<Self, Damaged> {
        let mut segment = Self { range, first, last, series: Vec::new() };
        segment.series = decode_series(block, Self::place(range, first, last), |_| true)?;
        Ok(segment)
    }
}

/// Reads the series of the meters that are wanted.
pub(super) fn decode_series(
    block: &[u8],
    place: Place,
    mut wanted: impl FnMut(&MeterKey) -> bool,
) -> Result<Vec<(MeterKey, Series)>, Damaged> {
    let opened = Opened::new(block, place)?;
    let inner = opened.inner().map_err(|malformed| place.damaged(malformed))?;
    let mut inner = Cursor(&inner);
    let mut found = Vec::new();
    let mut read = || -> Read<()> {
        let mut outlines = opened.outlines()?;
        while let Some(outline) = outlines.next()? {
            if !wanted(&outline.key) {
                outline.skip(&mut inner)?;
                continue;
            }
            let mut series = Series::with_capacity(1 + outline.heard.count_ones() as usize);
            if let Some(before) = outline.before {
                series.push(before.day, before.level);
            }
            outline
                .readings(&mut inner, |day, level| series.push(place.first.plus(day.cast_signed()), level))?;
            found.push((outline.key, series));
        }
        inner.end()
    };
    read().map_err(|malformed| place.damaged(malformed))?;
    Ok(found)
}

fn day_before(first: Day, gap: u64) -> Read<Day> {
    let day = u32::try_from(gap).ok().and_then(|gap| first.0.checked_sub_unsigned(gap));
    day.map(Day).ok_or(Malformed("a day is out of bounds"))
}

/// A bit for each day of the window.
fn all_days(first: Day, last: Day) -> u64 {
    let days = last.0.saturating_sub(first.0).saturating_add(1).clamp(0, MAX_DAYS);
    (1 << days) - 1
}
