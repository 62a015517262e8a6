//! Sums of levels: vectors over the days that are read, one for each counter and column.

use std::ops::Range;

use super::members::Place;
use super::{Figure, Figures};
use crate::history::Cells;

/// What is counted, as numbered by [`super::counters::Counters`].
pub(super) type Counter = usize;

/// The vectors of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    /// The levels of tenants in production, and of suspended ones.
    Production,
    /// The levels of tenants on trial.
    Trial,
    /// Of accumulating items: how much of the level came or went with tenants instead of growing, since the first day.
    ProductionCame,
    /// The same of tenants on trial.
    TrialCame,
}

const COLUMNS: usize = 4;

impl Column {
    /// The levels by mode.
    pub(super) const fn levels(trial: bool) -> Self {
        if trial { Self::Trial } else { Self::Production }
    }

    /// What came or went by mode.
    pub(super) const fn came(trial: bool) -> Self {
        if trial { Self::TrialCame } else { Self::ProductionCame }
    }
}

/// One vector among others.
#[derive(Debug, Clone, Copy)]
struct Line {
    counter: u32,
    column: Column,
    /// Whether something in it was above zero on a day of the period.
    used: bool,
}

/// The sums of some tenants, being added up.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    /// How many days are read.
    width: usize,
    lines: Vec<Line>,
    /// The vectors, in the order of the lines.
    values: Vec<i128>,
    /// By counter and column: which line, counted from 1; 0 for none.
    index: Vec<u32>,
    /// The cells of the period.
    pub(super) cells: Cells,
}

impl Sums {
    /// Nothing yet.
    pub(super) fn new(width: usize) -> Self {
        Self { width, lines: Vec::new(), values: Vec::new(), index: Vec::new(), cells: Cells::default() }
    }

    /// Adds a vector, one value for each day.
    pub(super) fn add<T: Copy + Into<i128>>(
        &mut self,
        counter: Counter,
        column: Column,
        values: &[T],
        used: bool,
    ) {
        let at = self.line(counter, column);
        if let Some(line) = self.lines.get_mut(at) {
            line.used |= used;
        }
        let sums = self.values.get_mut(at * self.width..(at + 1) * self.width).unwrap_or_default();
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += (*value).into());
    }

    /// Adds one on each day from the number `from` on that `days` says it of.
    pub(super) fn count(
        &mut self,
        counter: Counter,
        column: Column,
        from: usize,
        days: impl Iterator<Item = bool>,
    ) {
        let at = self.line(counter, column) * self.width;
        let sums = self.values.get_mut(at..at + self.width).unwrap_or_default();
        sums.iter_mut().zip(days).skip(from).for_each(|(sum, counts)| *sum += i128::from(counts));
    }

    /// Where the line is, made if it is not there.
    fn line(&mut self, counter: Counter, column: Column) -> usize {
        let key = counter * COLUMNS + column as usize;
        if key >= self.index.len() {
            self.index.resize(key + COLUMNS, 0);
        }
        let Some(place) = self.index.get_mut(key) else { return 0 };
        if *place == 0 {
            // Counters are numbered as meters of new kinds come, of which there are no billions.
            let counter = u32::try_from(counter).unwrap_or(u32::MAX);
            self.lines.push(Line { counter, column, used: false });
            self.values.resize(self.values.len() + self.width, 0);
            *place = u32::try_from(self.lines.len()).unwrap_or(0);
        }
        *place as usize - 1
    }

    /// Adds all of the other.
    pub(super) fn absorb(&mut self, other: &Self) {
        for (line, values) in other.lines.iter().zip(other.values.chunks_exact(self.width)) {
            self.add(line.counter as usize, line.column, values, line.used);
        }
        self.cells += other.cells;
    }

    /// Back to nothing; room is kept.
    pub(super) fn clear(&mut self) {
        for line in self.lines.drain(..) {
            if let Some(place) = self.index.get_mut(line.counter as usize * COLUMNS + line.column as usize) {
                *place = 0;
            }
        }
        self.values.clear();
        self.cells = Cells::default();
    }
}

/// The sums of tenants, each with all that counts for it.
#[derive(Debug, Default)]
pub(super) struct Accounts(Vec<Kept>);

/// Those of the tenants at some consecutive places.
#[derive(Debug)]
pub(super) struct Kept {
    width: usize,
    /// The place that `of_place` begins with.
    first: Place,
    of_place: Vec<Range<u32>>,
    /// Of each tenant by counter.
    lines: Vec<Line>,
    values: Values,
    cells: Vec<Cells>,
    /// Room to sort the lines of one tenant.
    order: Vec<usize>,
}

/// Sums in 64 bits as long as they all fit, which halves the memory of a pass.
#[derive(Debug)]
enum Values {
    Narrow(Vec<i64>),
    Wide(Vec<i128>),
}

/// Some of them.
#[derive(Debug, Clone, Copy)]
enum Vector<'a> {
    Narrow(&'a [i64]),
    Wide(&'a [i128]),
}

/// The sums of one tenant for one counter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account<'a> {
    /// What is counted.
    pub(super) counter: Counter,
    /// Whether something was above zero on a day of the period.
    pub(super) used: bool,
    /// The vectors, one after the other.
    values: Vector<'a>,
    /// Where each column begins; behind all values for one that is not there.
    columns: [usize; COLUMNS],
}

/// What is kept of one tenant, counter by counter.
#[derive(Debug)]
pub(super) struct OfTenant<'a> {
    width: usize,
    lines: &'a [Line],
    values: Vector<'a>,
}

impl Values {
    fn extend(&mut self, sums: &[i128]) {
        let narrow = match self {
            Self::Wide(values) => return values.extend_from_slice(sums),
            Self::Narrow(values) => values,
        };
        let before = narrow.len();
        narrow.extend(sums.iter().map_while(|sum| i64::try_from(*sum).ok()));
        if narrow.len() < before + sums.len() {
            let fitting = narrow.iter().take(before).map(|sum| i128::from(*sum));
            *self = Self::Wide(fitting.chain(sums.iter().copied()).collect());
        }
    }

    fn at(&self, range: Range<usize>) -> Vector<'_> {
        match self {
            Self::Narrow(values) => Vector::Narrow(values.get(range).unwrap_or_default()),
            Self::Wide(values) => Vector::Wide(values.get(range).unwrap_or_default()),
        }
    }

    fn shrink_to_fit(&mut self) {
        match self {
            Self::Narrow(values) => values.shrink_to_fit(),
            Self::Wide(values) => values.shrink_to_fit(),
        }
    }
}

impl Vector<'_> {
    const EMPTY: Self = Self::Narrow(&[]);

    fn at(self, place: usize) -> i128 {
        match self {
            Self::Narrow(values) => values.get(place).map_or(0, |sum| i128::from(*sum)),
            Self::Wide(values) => values.get(place).copied().unwrap_or(0),
        }
    }

    fn split_at(self, place: usize) -> (Self, Self) {
        match self {
            Self::Narrow(values) => {
                let (head, rest) = values.split_at_checked(place).unwrap_or_default();
                (Self::Narrow(head), Self::Narrow(rest))
            }
            Self::Wide(values) => {
                let (head, rest) = values.split_at_checked(place).unwrap_or_default();
                (Self::Wide(head), Self::Wide(rest))
            }
        }
    }
}

impl Default for OfTenant<'_> {
    fn default() -> Self {
        Self { width: 0, lines: &[], values: Vector::EMPTY }
    }
}

impl<'a> Iterator for OfTenant<'a> {
    type Item = Account<'a>;

    fn next(&mut self) -> Option<Account<'a>> {
        let counter = self.lines.first()?.counter;
        let count = self.lines.iter().take_while(|line| line.counter == counter).count();
        let (lines, values);
        (lines, self.lines) = self.lines.split_at_checked(count)?;
        (values, self.values) = self.values.split_at(count * self.width);
        let mut account = Account { counter: counter as usize, values, ..Account::EMPTY };
        for (line, begin) in lines.iter().zip((0..).step_by(self.width.max(1))) {
            account.used |= line.used;
            if let Some(column) = account.columns.get_mut(line.column as usize) {
                *column = begin;
            }
        }
        Some(account)
    }
}

impl Accounts {
    /// Adds those of other places.
    pub(super) fn push(&mut self, mut kept: Kept) {
        kept.lines.shrink_to_fit();
        kept.values.shrink_to_fit();
        self.0.push(kept);
    }

    /// Must be called when all are there.
    pub(super) fn in_order(&mut self) {
        self.0.sort_by_key(|kept| kept.first);
    }

    fn at(&self, place: Place) -> Option<&Kept> {
        self.0.get(self.0.partition_point(|kept| kept.first <= place).checked_sub(1)?)
    }

    /// What is kept of the tenant at this place, in no order.
    pub(super) fn of(&self, place: Place) -> OfTenant<'_> {
        self.at(place).map_or_else(OfTenant::default, |kept| kept.of(place))
    }

    /// The cells of the tenant's subtree.
    pub(super) fn cells(&self, place: Place) -> Cells {
        self.at(place).and_then(|kept| kept.cells.get(place - kept.first)).copied().unwrap_or_default()
    }
}

impl Kept {
    /// Room for the tenants at these places.
    pub(super) fn new(width: usize, places: Range<Place>) -> Self {
        let (of_place, cells) = (vec![0..0; places.len()], vec![Cells::default(); places.len()]);
        Self {
            width,
            first: places.start,
            of_place,
            lines: Vec::new(),
            values: Values::Narrow(Vec::new()),
            cells,
            order: Vec::new(),
        }
    }

    /// Keeps the sums of the tenant at this place.
    pub(super) fn keep(&mut self, place: Place, sums: &Sums) {
        let from = u32::try_from(self.lines.len()).unwrap_or(u32::MAX);
        let key = |line: &Line| (line.counter, line.column);
        if sums.lines.is_sorted_by_key(key) {
            self.lines.extend_from_slice(&sums.lines);
            self.values.extend(&sums.values);
        } else {
            self.order.clear();
            self.order.extend(0..sums.lines.len());
            self.order.sort_unstable_by_key(|at| sums.lines.get(*at).map(key));
            for at in &self.order {
                self.lines.extend(sums.lines.get(*at));
                let values = sums.values.get(at * self.width..(at + 1) * self.width);
                self.values.extend(values.unwrap_or_default());
            }
        }
        let behind = u32::try_from(self.lines.len()).unwrap_or(u32::MAX);
        let at = place.wrapping_sub(self.first);
        if let Some((range, cells)) = self.of_place.get_mut(at).zip(self.cells.get_mut(at)) {
            (*range, *cells) = (from..behind, sums.cells);
        }
    }

    fn of(&self, place: Place) -> OfTenant<'_> {
        let range = self.of_place.get(place.wrapping_sub(self.first)).cloned().unwrap_or(0..0);
        let (from, behind) = (range.start as usize, range.end as usize);
        let lines = self.lines.get(from..behind).unwrap_or_default();
        OfTenant { width: self.width, lines, values: self.values.at(from * self.width..behind * self.width) }
    }
}

impl Account<'_> {
    /// Nothing was ever counted.
    pub(super) const EMPTY: Self =
        Self { counter: 0, used: false, values: Vector::EMPTY, columns: [usize::MAX; COLUMNS] };

    /// The figures of a row (reports-api, section 10), by the numbers of the days it begins and ends with.
    pub(super) fn figures(&self, is_range: bool, begin: usize, end: usize) -> Figures {
        let (absolute, before) = (self.levels(end), self.levels(begin));
        let mut delta = absolute - before;
        if is_range {
            delta = delta - (self.came(end) - self.came(begin));
        }
        Figures { absolute, delta, effective: if is_range { delta } else { absolute } }
    }

    fn levels(&self, day: usize) -> Figure {
        Figure { production: self.value(Column::Production, day), trial: self.value(Column::Trial, day) }
    }

    fn came(&self, day: usize) -> Figure {
        let (production, trial) = (Column::ProductionCame, Column::TrialCame);
        Figure { production: self.value(production, day), trial: self.value(trial, day) }
    }

    fn value(&self, column: Column, day: usize) -> i128 {
        self.columns.get(column as usize).map_or(0, |begin| self.values.at(begin.saturating_add(day)))
    }
}
