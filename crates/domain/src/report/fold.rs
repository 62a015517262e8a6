//! The sums behind the rows of one tenant.

use super::tree::Stay;
use super::{Figure, Figures};
use crate::history::Series;
use crate::time::{Day, Period};

/// The sums of one row. The day of `begin` itself lies before the span: deltas are what happened behind it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    begin: Day,
    /// The day of the row.
    pub(super) end: Day,
    at_begin: Figure,
    at_end: Figure,
    /// The daily increments within the span.
    growth: Figure,
}

impl Line {
    /// Nothing yet.
    pub(super) fn new(begin: Day, end: Day) -> Self {
        let nothing = Figure::default();
        Self { begin, end, at_begin: nothing, at_end: nothing, growth: nothing }
    }

    fn add(&mut self, series: &Series, stay: &Stay, is_range: bool) {
        let level = |day| i128::from(series.level(day));
        if stay.contains(self.end) {
            *column(&mut self.at_end, stay) += level(self.end);
        }
        if is_range {
            // The increments of days in a row add up to the difference of their ends.
            let first = stay.first.max(self.begin.next());
            let last = stay.last.min(self.end);
            if first <= last {
                *column(&mut self.growth, stay) += level(last) - level(first.previous());
            }
        } else if stay.contains(self.begin) {
            *column(&mut self.at_begin, stay) += level(self.begin);
        }
    }

    /// The figures of the row (reports-api, section 10).
    fn figures(&self, is_range: bool) -> Figures {
        let absolute = self.at_end;
        let delta = if is_range { self.growth } else { self.at_end - self.at_begin };
        Figures { absolute, delta, effective: if is_range { delta } else { absolute } }
    }
}

fn column<'a>(figure: &'a mut Figure, stay: &Stay) -> &'a mut i128 {
    if stay.trial { &mut figure.trial } else { &mut figure.production }
}

/// The sums of one tenant for one item and storage: a line for each of its rows.
#[derive(Debug)]
pub(super) struct Account {
    lines: Vec<Line>,
    is_range: bool,
    /// Whether there are rows: the item was on or something was used within the period.
    pub(super) has_rows: bool,
}

impl Account {
    /// Nothing yet.
    pub(super) fn new(lines: Vec<Line>, is_range: bool) -> Self {
        Self { lines, is_range, has_rows: false }
    }

    /// Adds what a meter said while its tenant was there.
    pub(super) fn add(&mut self, series: &Series, stay: &Stay, period: Period) {
        for line in &mut self.lines {
            line.add(series, stay, self.is_range);
        }
        let first = stay.first.max(period.start);
        let last = stay.last.min(period.last());
        self.has_rows = self.has_rows || first <= last && series.any_above_zero(first, last);
    }

    /// Each row's day and figures.
    pub(super) fn into_figures(self) -> impl Iterator<Item = (Day, Figures)> {
        self.lines.into_iter().map(move |line| (line.end, line.figures(self.is_range)))
    }
}
