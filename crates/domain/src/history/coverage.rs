//! What is missing of a meter.

use super::{Cells, Series};
use crate::time::Period;
use crate::timeline::Timeline;

/// How a meter was heard on the days that count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Its cells on those days.
    pub cells: Cells,
    /// The days among them without a reading, from the day on that it was heard first.
    pub gaps: Vec<Period>,
}

impl Coverage {
    /// On these days, oldest first, as far as its item was on at their end. `None` where that leaves no day.
    pub fn of(series: &Series, days: &[Period], on: &Timeline<bool>) -> Option<Self> {
        let mut coverage = Self::default();
        let mut counts = false;
        for run in days.iter().flat_map(|days| on.runs(*days)) {
            counts = true;
            coverage.cells += series.cells(run.start, run.last());
            coverage.add_gaps(series, run);
        }
        counts.then_some(coverage)
    }

    /// Whether nothing was heard on any of the days.
    pub const fn is_silent(&self) -> bool {
        self.cells.carried == self.cells.all
    }

    fn add_gaps(&mut self, series: &Series, run: Period) {
        let Some((heard_from, _)) = series.readings().first() else { return };
        let mut expected = run.start.max(*heard_from);
        let reported = series.readings().iter().map(|(day, _)| *day).filter(|day| run.contains(*day));
        for day in reported.chain([run.end]) {
            if expected < day {
                self.gaps.push(Period { start: expected, end: day });
            }
            expected = day.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, btree_set};
    use proptest::prelude::*;

    use super::*;
    use crate::history::Cell;
    use crate::time::Day;

    fn timeline(first: bool, later: impl IntoIterator<Item = (i32, bool)>) -> Timeline<bool> {
        let mut on = Timeline::always(first);
        for (day, is_on) in later {
            on.push(Day(day), is_on);
        }
        on
    }

    proptest! {
        /// Against each day asked for itself.
        #[test]
        fn every_day_that_counts_is_reported_missing_or_before_the_first(
            readings in btree_map(0..40_i32, 0..5_i64, 0..20),
            present in btree_set(10..30_i32, 0..20),
            first in any::<bool>(),
            later in btree_map(0..40_i32, any::<bool>(), 0..6),
        ) {
            let mut series = Series::default();
            for (day, level) in &readings {
                series.push(Day(*day), *level);
            }
            let on = timeline(first, later);
            let days: Vec<Period> = present.iter().map(|day| Period::inclusive(Day(*day), Day(*day))).collect();
            let counted: Vec<Day> = present.iter().map(|day| Day(*day)).filter(|day| *on.at(*day)).collect();
            let Some(coverage) = Coverage::of(&series, &days, &on) else {
                prop_assert!(counted.is_empty());
                return Ok(());
            };
            let of = |is: fn(Cell) -> bool| -> Vec<Day> {
                counted.iter().copied().filter(|day| is(series.cell(*day))).collect()
            };
            let carried = of(|cell| matches!(cell, Cell::Carried(_)));
            let reported = of(|cell| matches!(cell, Cell::Reported(_)));
            prop_assert_eq!(coverage.cells.all, (carried.len() + reported.len()) as u64);
            prop_assert_eq!(coverage.cells.carried, carried.len() as u64);
            prop_assert_eq!(coverage.is_silent(), reported.is_empty());
            prop_assert_eq!(coverage.gaps.iter().flat_map(|gap| gap.days()).collect::<Vec<_>>(), carried);
        }
    }

    #[test]
    fn a_gap_is_as_long_as_it_can_be() {
        let mut series = Series::default();
        for day in [3, 4, 8] {
            series.push(Day(day), 1);
        }
        let gaps = |series: &Series, on: &Timeline<bool>| {
            let coverage = Coverage::of(series, &[Period::inclusive(Day(1), Day(12))], on).unwrap();
            coverage.gaps.iter().map(|gap| (gap.start.0, gap.last().0)).collect::<Vec<_>>()
        };
        assert_eq!(gaps(&series, &timeline(true, [])), [(5, 7), (9, 12)]);
        assert_eq!(gaps(&series, &timeline(false, [(6, true), (10, false)])), [(6, 7), (9, 9)]);
        assert_eq!(gaps(&Series::default(), &timeline(true, [])), []);
    }
}
