//! Rows of a report turned into lines of a table: one per tenant and date.

use std::collections::BTreeMap;
use std::collections::btree_map::IntoIter;
use std::iter::Peekable;
use std::sync::Arc;

use domain::report::{Heading, Row, RowTenant, Rows};
use domain::time::Day;

use super::columns::{Columns, Seen};

/// The two figures that tables show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    /// `effective.total`.
    pub(crate) value: i128,
    /// `delta.total`.
    pub(crate) change: i128,
}

/// A line of a table.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) tenant: Arc<RowTenant>,
    pub(crate) date: Day,
    /// As many as there are columns; `None` where the tenant has no such row.
    pub(crate) cells: Vec<Option<Cell>>,
}

type Cells = Vec<Option<Cell>>;

/// The lines of a report, one after the other. In the rows the days of one item follow each other, in a table the items
/// of one day: so the rows of one tenant are held at a time.
pub(crate) struct Lines<'a> {
    rows: Peekable<Box<dyn Iterator<Item = Row> + 'a>>,
    columns: &'a Columns,
    tenant: Option<(Arc<RowTenant>, IntoIter<Day, Cells>)>,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(rows: &'a dyn Rows, columns: &'a Columns) -> Self {
        Self { rows: rows.rows().peekable(), columns, tenant: None }
    }

    /// Folds the rows of the next tenant.
    fn next_tenant(&mut self) -> Option<(Arc<RowTenant>, IntoIter<Day, Cells>)> {
        let tenant = self.rows.peek()?.tenant.clone();
        let mut days: BTreeMap<Day, Cells> = BTreeMap::new();
        while let Some(row) = self.rows.next_if(|row| row.tenant.id == tenant.id) {
            let cells = days.entry(row.date).or_insert_with(|| vec![None; self.columns.len()]);
            if let Some(cell) = self.columns.place(&row).and_then(|place| cells.get_mut(place)) {
                let figures = row.figures;
                *cell = Some(Cell { value: figures.effective.total(), change: figures.delta.total() });
            }
        }
        Some((tenant, days.into_iter()))
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        loop {
            if let Some((tenant, days)) = &mut self.tenant
                && let Some((date, cells)) = days.next()
            {
                return Some(Line { tenant: tenant.clone(), date, cells });
            }
            self.tenant = Some(self.next_tenant()?);
        }
    }
}

/// What a first pass over the rows learns.
pub(crate) struct Survey {
    /// The columns, labelled in the language of the file.
    pub(crate) columns: Columns,
    /// How many lines there are.
    pub(crate) lines: usize,
}

impl Survey {
    pub(crate) fn of(heading: &Heading, rows: &dyn Rows) -> Self {
        let mut seen = Seen::default();
        let mut lines = 0;
        let mut tenant = None;
        let mut days = std::collections::BTreeSet::new();
        for row in rows.rows() {
            if tenant != Some(row.tenant.id) {
                tenant = Some(row.tenant.id);
                lines += std::mem::take(&mut days).len();
            }
            days.insert(row.date);
            seen.note(&row);
        }
        Self { columns: seen.label(heading.language), lines: lines + days.len() }
    }
}
