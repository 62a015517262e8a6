//! The figure columns of a table: one per item and storage, never merged.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::catalogue::{Service, Unit};
use domain::ids::InfraId;
use domain::report::{Label, Row, RowInfra};
use domain::tenant::Language;
use domain::time::Day;

use super::terms;
use crate::language::tr;

/// What makes a column, in the order of the columns (reports-api, section 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    service: Service,
    name: &'static str,
    infra: Option<InfraId>,
}

impl Key {
    fn of(row: &Row) -> Self {
        Self {
            service: row.label.service(),
            name: row.label.name(),
            infra: row.infra.as_ref().map(|infra| infra.id),
        }
    }
}

/// A column of figures.
#[derive(Debug)]
pub(crate) struct Column {
    /// Its heading, in print.
    pub(crate) text: String,
    /// The unit of its figures.
    pub(crate) unit: Unit,
    /// Whether its figures accumulate.
    pub(crate) is_range: bool,
}

/// The distinct columns met so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    columns: BTreeMap<Key, (Label, Option<Arc<RowInfra>>, Day)>,
}

impl Seen {
    /// Takes note of the row's column. A storage goes by the latest name it has in the rows.
    pub(crate) fn note(&mut self, row: &Row) {
        let now = || (row.label, row.infra.clone(), row.date);
        self.columns
            .entry(Key::of(row))
            .and_modify(|known| {
                if known.2 < row.date {
                    *known = now();
                }
            })
            .or_insert_with(now);
    }

    /// The columns with their headings in one language.
    pub(crate) fn label(self, language: Language) -> Columns {
        let mut columns: Vec<Column> = self
            .columns
            .values()
            .map(|(label, infra, _)| Column {
                text: text(label, infra.as_deref(), language),
                unit: label.unit(),
                is_range: label.is_range(),
            })
            .collect();
        tell_apart(&mut columns, self.columns.keys().map(|key| key.name));
        // Two storages may bear one name.
        tell_apart(
            &mut columns,
            self.columns.keys().map(|key| key.infra.map_or(String::new(), |id| id.to_string())),
        );
        let places = self.columns.into_keys().enumerate().map(|(place, key)| (key, place)).collect();
        Columns { columns, places }
    }
}

/// The columns of a table, in their order.
#[derive(Debug)]
pub(crate) struct Columns {
    columns: Vec<Column>,
    places: BTreeMap<Key, usize>,
}

impl Columns {
    /// From the first to the last.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Column> {
        self.columns.iter()
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.columns.len()
    }

    /// Where the row's figures go.
    pub(crate) fn place(&self, row: &Row) -> Option<usize> {
        self.places.get(&Key::of(row)).copied()
    }
}

/// `Service [Item]` or `Service [Item (location)]`.
fn text(label: &Label, infra: Option<&RowInfra>, language: Language) -> String {
    let service = tr(language, terms::service(label));
    let item = tr(language, label.for_people());
    match infra {
        Some(infra) => format!("{service} [{item} ({})]", infra.name),
        None => format!("{service} [{item}]"),
    }
}

/// Lets `marks` follow those headings that are not the only ones of their kind.
fn tell_apart(columns: &mut [Column], marks: impl Iterator<Item = impl AsRef<str>>) {
    let mut times: HashMap<String, usize> = HashMap::new();
    for column in columns.iter() {
        *times.entry(column.text.clone()).or_default() += 1;
    }
    for (column, mark) in columns.iter_mut().zip(marks) {
        if times.get(&column.text).is_some_and(|times| *times > 1) {
            column.text = format!("{} {}", column.text, mark.as_ref());
        }
    }
}
