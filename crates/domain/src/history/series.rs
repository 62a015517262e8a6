//! The history of one meter: levels over days.

use super::entry::{Entry, Reported};
use crate::time::Day;

/// What is known of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// A reading was taken on that day.
    Reported(i64),
    /// None was taken; the last earlier one counts.
    Carried(i64),
    /// Nothing has ever been heard of the meter up to that day.
    NeverHeard,
}

impl Cell {
    /// The figure that reports show: zero where nothing was ever heard. A level is kept below zero where a correction of
    /// an earlier day moved it there, so that the correction can be undone, and counts as zero.
    pub fn level(self) -> i64 {
        match self {
            Self::Reported(level) | Self::Carried(level) => level.max(0),
            Self::NeverHeard => 0,
        }
    }
}

/// How many cells there are: a cell is a meter on a day, from the first day on that anything was heard of the meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cells {
    /// All of them.
    pub all: u64,
    /// Those without a reading, for which the level of an earlier day stands.
    pub carried: u64,
}

impl std::ops::AddAssign for Cells {
    fn add_assign(&mut self, other: Self) {
        self.all += other.all;
        self.carried += other.carried;
    }
}

/// The readings of one meter, at most one per day, by day. Days without one carry the last earlier level forward.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Series {
    readings: Vec<(Day, i64)>,
}

impl Series {
    /// Empty, with room for so many readings.
    pub fn with_capacity(readings: usize) -> Self {
        Self { readings: Vec::with_capacity(readings) }
    }

    /// Adds the reading of a day; days must rise, and of two readings of one day the later counts.
    pub fn push(&mut self, day: Day, level: i64) {
        match self.readings.last_mut() {
            Some(last) if last.0 >= day => last.1 = level,
            _ => self.readings.push((day, level)),
        }
    }

    /// What is known of the day.
    pub fn cell(&self, day: Day) -> Cell {
        let after = self.readings.partition_point(|(reported_on, _)| *reported_on <= day);
        match after.checked_sub(1).and_then(|at| self.readings.get(at)) {
            Some((reported_on, level)) if *reported_on == day => Cell::Reported(*level),
            Some((_, level)) => Cell::Carried(*level),
            None => Cell::NeverHeard,
        }
    }

    /// The level at 23:59:59 UTC of the day.
    pub fn level(&self, day: Day) -> i64 {
        self.cell(day).level()
    }

    /// Whether the level is above zero on some day from `first` to `last`.
    pub fn any_above_zero(&self, first: Day, last: Day) -> bool {
        self.level(first) > 0
            || self.readings.iter().any(|(day, level)| *day > first && *day <= last && *level > 0)
    }

    /// The cells of the days from `first` to `last`.
    pub fn cells(&self, first: Day, last: Day) -> Cells {
        let Some((heard_from, _)) = self.readings.first() else { return Cells::default() };
        let first = first.max(*heard_from);
        if first > last {
            return Cells::default();
        }
        let reported = self.readings.iter().filter(|(day, _)| (first..=last).contains(day)).count();
        let all = u64::from(last.0.abs_diff(first.0)) + 1;
        Cells { all, carried: all.saturating_sub(reported as u64) }
    }

    /// The last reading up to and with the day.
    pub fn last_reported(&self, day: Day) -> Option<Reported> {
        let after = self.readings.partition_point(|(reported_on, _)| *reported_on <= day);
        let (day, level) = *self.readings.get(after.checked_sub(1)?)?;
        Some(Reported { day, level })
    }

    /// The level reported for the day itself.
    pub fn reported_on(&self, day: Day) -> Option<i64> {
        self.last_reported(day).filter(|last| last.day == day).map(|last| last.level)
    }

    /// Whether nothing was ever heard.
    pub const fn is_empty(&self) -> bool {
        self.readings.is_empty()
    }

    /// Takes the readings up to and with the day.
    #[must_use]
    pub fn up_to(mut self, day: Day) -> Self {
        self.readings.retain(|(reported_on, _)| *reported_on <= day);
        self
    }

    /// Drops the readings before the last one before `first`: what a window that begins there needs.
    #[must_use]
    pub fn from(mut self, first: Day) -> Self {
        let inside = self.readings.partition_point(|(reported_on, _)| *reported_on < first);
        self.readings.drain(..inside.saturating_sub(1));
        self
    }

    /// What a window of days needs: its readings, and the last one before.
    #[must_use]
    pub fn between(&self, first: Day, last: Day) -> Self {
        let inside = self.readings.partition_point(|(day, _)| *day < first);
        let behind = self.readings.partition_point(|(day, _)| *day <= last);
        let readings = self.readings.get(inside.saturating_sub(1)..behind).unwrap_or_default();
        Self { readings: readings.to_vec() }
    }

    /// A day on which it was heard again and said the same as before.
    pub fn repeat(&mut self, day: Day) {
        if let Some(last) = self.last_reported(day).filter(|last| last.day < day) {
            self.set(day, Some(last.level));
        }
    }

    /// Drops the readings before `first`.
    pub(super) fn since(mut self, first: Day) -> Self {
        self.readings.retain(|(day, _)| *day >= first);
        self
    }

    /// Adds what is known of later days.
    pub(super) fn extend(&mut self, later: &Self) {
        let last = self.readings.last().map_or(Day::FOREVER_AGO, |(day, _)| *day);
        self.readings.extend(later.readings.iter().filter(|(day, _)| *day > last));
    }

    /// Applies a change to what is known of the days from `first` to `last`, of which the series holds all readings, and
    /// the last one before them.
    pub fn apply(&mut self, first: Day, last: Day, entry: &Entry) {
        if entry.day > last {
            return;
        }
        let before = self.readings.first().copied().filter(|(day, _)| *day < first);
        if entry.day >= first {
            self.set(entry.day, entry.new);
        } else if before.is_none_or(|(day, _)| day <= entry.day) {
            // It is the last reading before the window, or was: what is known before the window is replaced.
            if before.is_some() {
                self.readings.remove(0);
            }
            let now = entry.new.map(|level| (entry.day, level));
            let now = now.or_else(|| entry.prior.map(|prior| (prior.day, prior.level)));
            if let Some(now) = now {
                self.readings.insert(0, now);
            }
        }
        if entry.last && entry.new.is_none() && entry.prior.is_none() {
            self.readings.retain(|(day, _)| *day < entry.day);
        } else if entry.shifts || entry.last {
            let difference = entry.difference();
            let later = self.readings.partition_point(|(day, _)| *day <= entry.day);
            let later = self.readings.iter_mut().skip(later);
            later.for_each(|(_, level)| *level = level.saturating_add(difference));
        }
    }

    fn set(&mut self, day: Day, level: Option<i64>) {
        let at = self.readings.partition_point(|(reported_on, _)| *reported_on < day);
        let found = self.readings.get_mut(at).filter(|(reported_on, _)| *reported_on == day);
        match (found, level) {
            (Some(found), Some(level)) => found.1 = level,
            (Some(_), None) => drop(self.readings.remove(at)),
            (None, Some(level)) => self.readings.insert(at, (day, level)),
            (None, None) => {}
        }
    }

    /// The readings themselves, oldest first.
    pub fn readings(&self) -> &[(Day, i64)] {
        &self.readings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_silence_and_never_heard_are_three_things() {
        let mut series = Series::default();
        series.push(Day(5), 7);
        series.push(Day(8), 0);
        assert_eq!(series.cell(Day(4)), Cell::NeverHeard);
        assert_eq!(series.cell(Day(5)), Cell::Reported(7));
        assert_eq!(series.cell(Day(7)), Cell::Carried(7));
        assert_eq!(series.cell(Day(8)), Cell::Reported(0));
        assert_eq!(series.level(Day(3)), 0);
        assert!(series.any_above_zero(Day(7), Day(9)));
        assert!(!series.any_above_zero(Day(8), Day(9)));
        let cells = [(0, 4), (0, 5), (0, 9), (6, 7), (8, 8), (9, 3)]
            .map(|(first, last)| series.cells(Day(first), Day(last)))
            .map(|cells| (cells.all, cells.carried));
        assert_eq!(cells, [(0, 0), (1, 0), (5, 3), (2, 2), (1, 0), (0, 0)]);
    }
}
