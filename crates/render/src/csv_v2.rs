//! `csv_v2_0`: the data file of 29 or 30 columns (reports-api, section 11).

use std::fmt::{Display, Write as _};
use std::io::{self, Write};

use csv::{Terminator, WriterBuilder};
use domain::catalogue::Catalogue;
use domain::report::{Figure, Heading, Row, RowInfra, Rows};

use crate::csv_fault;
use crate::json::backend_type;

/// The columns that are always there, in their published order.
const COLUMNS: [&str; 29] = [
    "application.id",
    "application.name",
    "date",
    "infra.backend_type",
    "infra.id",
    "infra.name",
    "infra.owner_id",
    "is_range",
    "measurement_unit",
    "name",
    "pricing.currency",
    "pricing.mode",
    "pricing.price",
    "pricing.total_cost",
    "quota.value",
    "tenant.customer_id",
    "tenant.id",
    "tenant.kind",
    "tenant.name",
    "usage.absolute.production",
    "usage.absolute.total",
    "usage.absolute.trial",
    "usage.delta.production",
    "usage.delta.total",
    "usage.delta.trial",
    "usage.effective.production",
    "usage.effective.total",
    "usage.effective.trial",
    "edition",
];

/// Writes the file.
pub(crate) fn write(heading: &Heading, rows: &dyn Rows, out: &mut dyn Write) -> io::Result<()> {
    let csv = WriterBuilder::new().terminator(Terminator::Any(b'\n')).from_writer(out);
    let mut file = File { csv, scratch: String::new() };
    file.header(heading.show_skus).map_err(csv_fault)?;
    for row in rows.rows() {
        file.row(&row, heading.show_skus).map_err(csv_fault)?;
    }
    file.csv.flush()
}

struct File<'a> {
    csv: csv::Writer<&'a mut dyn Write>,
    /// Reused for every field that is no text yet.
    scratch: String,
}

impl File<'_> {
    fn header(&mut self, show_skus: bool) -> csv::Result<()> {
        self.csv.write_record(COLUMNS.into_iter().chain(show_skus.then_some("sku")))
    }

    fn row(&mut self, row: &Row, show_skus: bool) -> csv::Result<()> {
        let service = row.label.service();
        self.show(Catalogue::embedded().application_id(service))?;
        self.text(service.as_str())?;
        self.show(row.date)?;
        self.infra(row.infra.as_deref())?;
        self.text(if row.label.is_range() { "True" } else { "False" })?;
        self.text(row.label.unit().in_reports())?;
        self.text(row.label.name())?;
        self.pricing(row)?;
        self.optional(row.quota)?;
        self.text(row.tenant.customer_id.as_deref().unwrap_or_default())?;
        self.show(row.tenant.id)?;
        self.text(row.tenant.kind.as_str())?;
        self.text(&row.tenant.name)?;
        self.figure(row.figures.absolute)?;
        self.figure(row.figures.delta)?;
        self.figure(row.figures.effective)?;
        self.optional(row.label.edition())?;
        if show_skus {
            self.text(row.sku.as_deref().unwrap_or_default())?;
        }
        self.csv.write_record(None::<&[u8]>)
    }

    fn infra(&mut self, infra: Option<&RowInfra>) -> csv::Result<()> {
        self.text(infra.and_then(backend_type).unwrap_or_default())?;
        self.optional(infra.map(|infra| infra.id))?;
        self.text(infra.map_or("", |infra| &infra.name))?;
        self.optional(infra.map(|infra| infra.owner_id))
    }

    fn pricing(&mut self, row: &Row) -> csv::Result<()> {
        let pricing = row.pricing.as_ref();
        self.optional(pricing.map(|pricing| pricing.currency))?;
        self.optional(pricing.map(|pricing| pricing.mode))?;
        self.optional(pricing.map(|pricing| pricing.price))?;
        self.optional(pricing.and_then(|pricing| pricing.total_cost))
    }

    fn figure(&mut self, figure: Figure) -> csv::Result<()> {
        self.show(figure.production)?;
        self.show(figure.total())?;
        self.show(figure.trial)
    }

    fn optional(&mut self, value: Option<impl Display>) -> csv::Result<()> {
        match value {
            Some(value) => self.show(value),
            None => self.text(""),
        }
    }

    fn show(&mut self, value: impl Display) -> csv::Result<()> {
        self.scratch.clear();
        write!(self.scratch, "{value}").map_err(io::Error::other)?;
        self.csv.write_field(&self.scratch)
    }

    fn text(&mut self, text: &str) -> csv::Result<()> {
        self.csv.write_field(text)
    }
}
