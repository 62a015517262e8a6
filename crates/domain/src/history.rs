//! The history of one meter: levels over days.

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
    /// The figure that reports show: zero where nothing was ever heard.
    pub const fn level(self) -> i64 {
        match self {
            Self::Reported(level) | Self::Carried(level) => level,
            Self::NeverHeard => 0,
        }
    }
}

/// The readings of one meter, at most one per day, by day. Days without one carry the last earlier level forward.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Series {
    readings: Vec<(Day, i64)>,
}

impl Series {
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

    /// The levels from `first` to `last` as runs of days: their first day, their last day, their level.
    pub(crate) fn runs(&self, first: Day, last: Day) -> impl Iterator<Item = (Day, Day, i64)> {
        let inside =
            self.readings.iter().map(|(day, _)| *day).filter(move |day| *day > first && *day <= last);
        let ends = inside.clone().map(Day::previous).chain(std::iter::once(last));
        std::iter::once(first).chain(inside).zip(ends).map(|(from, to)| (from, to, self.level(from)))
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
        let runs: Vec<_> = series.runs(Day(4), Day(9)).collect();
        assert_eq!(runs, [(Day(4), Day(4), 0), (Day(5), Day(7), 7), (Day(8), Day(9), 0)]);
    }
}
