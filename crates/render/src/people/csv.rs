//! `csv`: the table for spreadsheets (reports-api, section 13).

use std::io::{self, Write};

use csv::{Terminator, Writer, WriterBuilder};
use domain::report::{Heading, Kind, Rows};
use domain::tenant::Language;

use super::amount::amount;
use super::columns::Columns;
use super::lines::{Line, Lines, Survey};
use crate::language::tr;
use crate::{csv_fault, guarded};

/// Without it, spreadsheets take UTF-8 for the code page of the machine.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The columns in front of the figures.
pub(crate) const FRONT: [&str; 4] = ["Date", "Tenant", "Kind", "Customer ID"];

/// Writes the file.
pub(crate) fn write(heading: &Heading, rows: &dyn Rows, out: &mut dyn Write) -> io::Result<()> {
    let columns = Survey::of(heading, rows).columns;
    let with_changes = heading.kind == Kind::UsageBreakdown;
    out.write_all(BYTE_ORDER_MARK)?;
    let mut csv = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
    for text in heads(&columns, with_changes, heading.language) {
        csv.write_field(&*guarded(&text)).map_err(csv_fault)?;
    }
    csv.write_record(None::<&[u8]>).map_err(csv_fault)?;
    for line in Lines::of(rows, &columns) {
        write_line(&mut csv, &line, &columns, with_changes, heading.language).map_err(csv_fault)?;
    }
    csv.flush()
}

fn heads(columns: &Columns, with_changes: bool, language: Language) -> Vec<String> {
    let mut heads: Vec<String> = FRONT.iter().map(|word| tr(language, word).to_owned()).collect();
    for column in columns.iter() {
        heads.push(column.text.clone());
        if with_changes {
            heads.push(change_of(&column.text, language));
        }
    }
    heads
}

/// The heading of the column of changes beside another.
pub(crate) fn change_of(text: &str, language: Language) -> String {
    format!("{text} {}", tr(language, "change"))
}

fn write_line(
    csv: &mut Writer<&mut dyn Write>,
    line: &Line,
    columns: &Columns,
    with_changes: bool,
    language: Language,
) -> csv::Result<()> {
    csv.write_field(line.date.to_string())?;
    csv.write_field(&*guarded(&line.tenant.name))?;
    csv.write_field(tr(language, line.tenant.kind.as_str()))?;
    csv.write_field(&*guarded(line.tenant.customer_id.as_deref().unwrap_or_default()))?;
    for (cell, column) in line.cells.iter().zip(columns.iter()) {
        csv.write_field(cell.map_or(String::new(), |cell| amount(column.unit, cell.value)))?;
        if with_changes {
            csv.write_field(cell.map_or(String::new(), |cell| amount(column.unit, cell.change)))?;
        }
    }
    csv.write_record(None::<&[u8]>)
}
