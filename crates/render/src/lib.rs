//! A report document in, bytes out: data files for programs, a table and a page for people, and the mail.
//!
//! Everything streams: [`write`] takes the rows one by one, as often as it needs them (the files for people read them
//! once more, first, to learn their columns), and holds at most the rows of one tenant. What is printed depends on the
//! heading and the rows alone, so that an edition can be made again byte for byte; [`RENDERER_VERSION`] counts the
//! changes to that.

pub mod cells;
pub mod changes;
mod csv_v2;
mod json;
mod language;
mod look;
pub mod mail;
pub mod pages;
mod people;

use std::borrow::Cow;
use std::io::{self, BufWriter, Write};

use domain::ids::TenantId;
use domain::report::{Format, Heading, Rows};
use domain::text::slug;
use domain::time::Period;

/// Raised by one with every change that alters the bytes of a file or mail, by other figures too; kept with each edition.
pub const RENDERER_VERSION: u32 = 4;

const BUFFER_BYTES: usize = 64 * 1024;

/// Writes one file of a report (reports-api, sections 11 to 13). Fails only where `out` does.
pub fn write(format: Format, heading: &Heading, rows: &dyn Rows, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, out);
    match format {
        Format::Csv => people::csv::write(heading, rows, &mut out),
        Format::Html => people::html::write(heading, rows, &mut out),
        Format::JsonV1 => json::write(json::Ids::Numbers, heading, rows, &mut out),
        Format::CsvV2 => csv_v2::write(heading, rows, &mut out),
        Format::JsonV2 => json::write(json::Ids::Uuids, heading, rows, &mut out),
    }?;
    out.flush()
}

/// The name of the file as an attachment: `usage-report-<tenant slug>-<start>-<end>` and the format's suffix
/// (reports-api, section 13).
pub fn file_name(format: Format, heading: &Heading) -> String {
    file_name_of(format, &heading.subject.name, heading.subject.id, heading.period)
}

/// As [`file_name`], where the subject and the days are known and no more.
pub fn file_name_of(format: Format, subject: &str, id: TenantId, period: Period) -> String {
    let slug = slug(subject, &id.to_string());
    let (start, end) = (period.start, period.last());
    format!("usage-report-{slug}-{start}-{end}{}", format.file_suffix())
}

/// A [`csv::Error`] as the fault of the writer that it is.
fn csv_fault(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(fault) => fault,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// A text that no spreadsheet takes for a formula.
fn guarded(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '@', '-', '\t', '\r']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}
