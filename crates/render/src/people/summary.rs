//! The figures that matter: the subject's own rows, never a sum over levels (reports-api, section 13).

use std::collections::BTreeMap;

use domain::report::{Heading, Row, Rows};
use domain::tenant::Language;

use super::amount::{amount, change, unit_name};
use super::columns::{Column, Columns, Seen};
use super::money::Money;
use crate::language::tr;

/// The subject's figures over the whole period.
#[derive(Debug)]
pub(crate) struct Summary {
    /// One per column in which there is anything but zeros, in the order of the columns.
    pub(crate) figures: Vec<Figure>,
    /// The sum of the rounded rows; `None` where no row has a price.
    pub(crate) total_cost: Option<String>,
}

/// One figure, in print.
#[derive(Debug)]
pub(crate) struct Figure {
    /// What it counts.
    pub(crate) label: String,
    /// How much, without its unit.
    pub(crate) amount: String,
    /// The unit, in print; empty for counts.
    pub(crate) unit: &'static str,
    /// How much that changed, with its sign; `None` for items that accumulate, whose amount is the change.
    pub(crate) change: Option<String>,
    /// The soft quota; `None` when unlimited.
    pub(crate) quota: Option<String>,
    /// The cost; `None` where no price is set.
    pub(crate) cost: Option<String>,
}

/// The rows of one column, taken together.
#[derive(Debug, Default)]
struct Sum {
    value: i128,
    change: i128,
    quota: Option<i64>,
    cost: Money,
}

impl Sum {
    /// Rows come in the order of their dates. A level is the one of the last day; what accumulates, and every change,
    /// adds up over the days.
    fn add(&mut self, row: &Row) {
        let value = row.figures.effective.total();
        self.value = if row.label.is_range() { self.value + value } else { value };
        self.change += row.figures.delta.total();
        self.quota = row.quota;
        if let Some(pricing) = &row.pricing {
            self.cost.add(pricing);
        }
    }

    fn is_silent(&self) -> bool {
        self.value == 0 && self.change == 0 && self.cost.is_zero()
    }

    fn print(self, column: &Column, language: Language) -> Figure {
        let unit = column.unit;
        Figure {
            label: column.text.clone(),
            amount: amount(unit, self.value),
            unit: tr(language, unit_name(unit)),
            change: (!column.is_range).then(|| change(unit, self.change)),
            quota: self.quota.map(|quota| amount(unit, quota.into())),
            cost: (!self.cost.is_empty()).then(|| self.cost.to_string()),
        }
    }
}

impl Summary {
    /// Under the headings of a table.
    pub(crate) fn of(heading: &Heading, rows: &dyn Rows, columns: &Columns, language: Language) -> Self {
        let mut sums: BTreeMap<usize, Sum> = BTreeMap::new();
        let mut total = Money::default();
        for row in subject_rows(heading, rows) {
            if let Some(place) = columns.place(&row) {
                sums.entry(place).or_default().add(&row);
            }
            if let Some(pricing) = &row.pricing {
                total.add(pricing);
            }
        }
        let figures = columns
            .iter()
            .enumerate()
            .filter_map(|(place, column)| Some((sums.remove(&place)?, column)))
            .filter(|(sum, _)| !sum.is_silent())
            .map(|(sum, column)| sum.print(column, language))
            .collect();
        Self { figures, total_cost: (!total.is_empty()).then(|| total.to_string()) }
    }

    /// Without a table beside it.
    pub(crate) fn alone(heading: &Heading, rows: &dyn Rows, language: Language) -> Self {
        let mut seen = Seen::default();
        subject_rows(heading, rows).for_each(|row| seen.note(&row));
        Self::of(heading, rows, &seen.label(language), language)
    }
}

/// The subject's rows stand first.
fn subject_rows<'a>(heading: &'a Heading, rows: &'a dyn Rows) -> impl Iterator<Item = Row> + 'a {
    rows.rows().take_while(|row| row.tenant.id == heading.subject.id)
}
