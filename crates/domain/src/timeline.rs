//! The versions of one property over days.

use crate::time::{Day, Period};

/// What a property was on which day. The first version reaches back for ever.
///
/// Most properties never change, and a channel has hundreds of thousands of them: the common case costs one word beside
/// its value, and no allocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline<T> {
    first: T,
    #[expect(clippy::box_collection, reason = "one word instead of three where nothing ever changed")]
    later: Option<Box<Vec<(Day, T)>>>,
}

impl<T> Timeline<T> {
    /// A property that has always had this value.
    pub const fn always(value: T) -> Self {
        Self { first: value, later: None }
    }

    /// Adds the version valid from the end of `day` on. Days must not fall; of two versions on one day the later wins.
    pub fn push(&mut self, day: Day, value: T) {
        let later = self.later.get_or_insert_default();
        match later.last_mut() {
            Some(last) if last.0 >= day => last.1 = value,
            _ => later.push((day, value)),
        }
    }

    /// The versions after the first, oldest first.
    fn later(&self) -> &[(Day, T)] {
        self.later.as_deref().map_or(&[], Vec::as_slice)
    }

    /// The timeline of what `value_at` says of each day, where that changes only on `days`: in any order,
    /// repeats allowed.
    pub(crate) fn composed(days: impl Iterator<Item = Day>, value_at: impl Fn(Day) -> T) -> Self {
        let mut days: Vec<Day> = days.filter(|day| *day > Day::FOREVER_AGO).collect();
        days.sort_unstable();
        days.dedup();
        let mut timeline = Self::always(value_at(Day::FOREVER_AGO));
        for day in days {
            timeline.push(day, value_at(day));
        }
        timeline
    }

    /// The days on which a version begins.
    pub(crate) fn changes(&self) -> impl Iterator<Item = Day> {
        self.later().iter().map(|(day, _)| *day)
    }

    /// The first day after `day` on which a version begins.
    pub(crate) fn next_change(&self, day: Day) -> Option<Day> {
        let after = self.later().partition_point(|(from, _)| *from <= day);
        self.later().get(after).map(|(from, _)| *from)
    }

    /// The value at 23:59:59 UTC of `day`.
    pub fn at(&self, day: Day) -> &T {
        let after = self.later().partition_point(|(from, _)| *from <= day);
        after.checked_sub(1).and_then(|at| self.later().get(at)).map_or(&self.first, |(_, value)| value)
    }

    /// The first version, which reaches back for ever.
    pub const fn first(&self) -> &T {
        &self.first
    }

    /// The latest version.
    pub fn latest(&self) -> &T {
        self.later().last().map_or(&self.first, |(_, value)| value)
    }

    /// The versions with the day each is valid from, oldest first; the first from [`Day::FOREVER_AGO`].
    pub fn versions(&self) -> impl DoubleEndedIterator<Item = (Day, &T)> {
        std::iter::once((Day::FOREVER_AGO, &self.first))
            .chain(self.later().iter().map(|(day, value)| (*day, value)))
    }

    /// Whether any version valid on some day from `first` to `last` satisfies the test.
    pub fn any(&self, first: Day, last: Day, mut test: impl FnMut(&T) -> bool) -> bool {
        test(self.at(first))
            || self.later().iter().any(|(day, value)| *day > first && *day <= last && test(value))
    }
}

impl Timeline<bool> {
    /// The days among these at whose end it holds: oldest first, in runs as long as can be.
    pub fn runs(&self, days: Period) -> Vec<Period> {
        let mut runs: Vec<Period> = Vec::new();
        let mut versions = self.versions().peekable();
        while let Some((from, holds)) = versions.next() {
            let until = versions.peek().map_or(Day(i32::MAX), |(next, _)| *next);
            let (start, end) = (from.max(days.start), until.min(days.end));
            if !*holds || start >= end {
                continue;
            }
            match runs.last_mut().filter(|run| run.end == start) {
                Some(run) => run.end = end,
                None => runs.push(Period { start, end }),
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_holds_from_the_end_of_its_day() {
        let mut name = Timeline::always("old");
        name.push(Day(10), "morning");
        name.push(Day(10), "evening");
        name.push(Day(20), "new");
        assert_eq!([9, 10, 19, 20].map(|day| *name.at(Day(day))), ["old", "evening", "evening", "new"]);
        assert_eq!([9, 10, 20].map(|day| name.next_change(Day(day))), [Some(Day(10)), Some(Day(20)), None]);
        assert!(name.any(Day(0), Day(9), |value| *value == "old"));
        assert!(!name.any(Day(10), Day(30), |value| *value == "old"));
        assert!(!name.any(Day(0), Day(30), |value| *value == "morning"));
    }

    #[test]
    fn days_in_a_row_are_one_run_whatever_versions_they_come_from() {
        let mut holds = Timeline::always(false);
        for (day, value) in [(3, true), (5, true), (7, false), (9, true)] {
            holds.push(Day(day), value);
        }
        let runs = |start, end| -> Vec<(i32, i32)> {
            let runs = holds.runs(Period { start: Day(start), end: Day(end) });
            runs.iter().map(|run| (run.start.0, run.end.0)).collect()
        };
        assert_eq!(runs(0, 20), [(3, 7), (9, 20)]);
        assert_eq!(runs(4, 9), [(4, 7)]);
        assert_eq!(runs(7, 9), []);
    }

    #[test]
    fn a_timeline_that_never_changes_costs_one_word_beside_its_value() {
        assert_eq!(size_of::<Timeline<u64>>(), 16);
    }
}
