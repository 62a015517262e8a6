//! The history of usage as a file: one line per meter and day.

use std::io::{self, Write};

use csv::{Terminator, WriterBuilder};
use domain::ids::{InfraId, Seq, TenantId};
use domain::time::{Day, Period};
use serde::Serialize;

use crate::{csv_fault, guarded};

/// The form of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One object with the lines in `items`.
    Json,
    /// One object a line.
    Ndjson,
    /// RFC 4180 with a header; texts that a spreadsheet would take for a formula begin with an apostrophe.
    Csv,
}

impl Form {
    /// All of them, the one that is taken where nobody asks for another first.
    pub const ALL: [Self; 3] = [Self::Json, Self::Ndjson, Self::Csv];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }

    /// Its media type without parameters.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv",
        }
    }
}

impl std::str::FromStr for Form {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|form| form.as_str() == word).ok_or("must be one of json, ndjson, csv")
    }
}

/// What the file is about.
#[derive(Debug, Clone, Copy)]
pub struct Heading {
    /// The tenant looked at.
    pub tenant_id: TenantId,
    /// Its days.
    pub period: Period,
    /// What was accepted after this number is not known.
    pub as_of: Seq,
}

/// A meter on a day.
#[derive(Debug, Clone, Serialize)]
pub struct Line<'a> {
    /// Whose.
    pub tenant_id: TenantId,
    /// Its name on that day.
    pub tenant_name: &'a str,
    /// The name of the item.
    pub offering_item: &'a str,
    /// The storage, for items bound to one.
    pub infra_id: Option<InfraId>,
    /// The day.
    pub date: Day,
    /// As `usage_value`: for accumulating items the use since the billing period began, else the level.
    pub value: i64,
    /// What the meter stood at at the end of the day.
    pub level: i64,
    /// `reported` that day, or `carried` from an earlier one.
    pub state: &'static str,
}

const COLUMNS: [&str; 8] =
    ["tenant_id", "tenant_name", "offering_item", "infra_id", "date", "value", "level", "state"];

/// A file being written.
#[derive(Debug)]
pub struct File<W: Write>(Inner<W>);

#[derive(Debug)]
enum Inner<W: Write> {
    Json { out: W, is_empty: bool },
    Ndjson(W),
    Csv(Box<csv::Writer<W>>),
}

impl<W: Write> File<W> {
    /// Writes what stands above the lines.
    pub fn begin(form: Form, heading: &Heading, mut out: W) -> io::Result<Self> {
        match form {
            Form::Json => {
                let Heading { tenant_id, period, as_of } = heading;
                let (from, to) = (period.start, period.last());
                write!(
                    out,
                    r#"{{"tenant_id":"{tenant_id}","from":"{from}","to":"{to}","as_of":{as_of},"items":["#
                )?;
                Ok(Self(Inner::Json { out, is_empty: true }))
            }
            Form::Ndjson => Ok(Self(Inner::Ndjson(out))),
            Form::Csv => {
                let mut csv = WriterBuilder::new().terminator(Terminator::Any(b'\n')).from_writer(out);
                csv.write_record(COLUMNS).map_err(csv_fault)?;
                Ok(Self(Inner::Csv(Box::new(csv))))
            }
        }
    }

    /// Writes a line.
    pub fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        match &mut self.0 {
            Inner::Json { out, is_empty } => {
                out.write_all(if std::mem::take(is_empty) { b"\n" } else { b",\n" })?;
                Ok(serde_json::to_writer(out, line)?)
            }
            Inner::Ndjson(out) => {
                serde_json::to_writer(&mut *out, line)?;
                out.write_all(b"\n")
            }
            Inner::Csv(csv) => record(csv, line).map_err(csv_fault),
        }
    }

    /// Writes what stands below them.
    pub fn end(self) -> io::Result<()> {
        match self.0 {
            Inner::Json { mut out, .. } => {
                out.write_all(b"\n]}\n")?;
                out.flush()
            }
            Inner::Ndjson(mut out) => out.flush(),
            Inner::Csv(mut csv) => csv.flush(),
        }
    }
}

fn record<W: Write>(csv: &mut csv::Writer<W>, line: &Line<'_>) -> csv::Result<()> {
    csv.write_field(line.tenant_id.to_string())?;
    csv.write_field(&*guarded(line.tenant_name))?;
    csv.write_field(line.offering_item)?;
    csv.write_field(line.infra_id.map_or_else(String::new, |infra| infra.to_string()))?;
    csv.write_field(line.date.to_string())?;
    csv.write_field(line.value.to_string())?;
    csv.write_field(line.level.to_string())?;
    csv.write_field(line.state)?;
    csv.write_record(None::<&[u8]>)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant() -> TenantId {
        "00000000-0000-0000-0000-000000000007".parse().unwrap()
    }

    fn file(form: Form, names: &[&str]) -> String {
        let period = Period::inclusive(Day(20_000), Day(20_001));
        let heading = Heading { tenant_id: tenant(), period, as_of: Seq(9) };
        let mut bytes = Vec::new();
        let mut file = File::begin(form, &heading, &mut bytes).unwrap();
        for tenant_name in names {
            let (date, value, level) = (Day(20_000), 3, 5);
            let line = Line {
                tenant_id: tenant(),
                tenant_name,
                offering_item: "vms",
                infra_id: None,
                date,
                value,
                level,
                state: "reported",
            };
            file.line(&line).unwrap();
        }
        file.end().unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn every_form_says_the_same() {
        let line = r#"{"tenant_id":"00000000-0000-0000-0000-000000000007","tenant_name":"A","offering_item":"vms","infra_id":null,"date":"2024-10-04","value":3,"level":5,"state":"reported"}"#;
        let head = r#"{"tenant_id":"00000000-0000-0000-0000-000000000007","from":"2024-10-04","to":"2024-10-05","as_of":9,"items":["#;
        assert_eq!(file(Form::Json, &["A", "A"]), format!("{head}\n{line},\n{line}\n]}}\n"));
        assert_eq!(file(Form::Json, &[]), format!("{head}\n]}}\n"));
        assert_eq!(file(Form::Ndjson, &["A", "A"]), format!("{line}\n{line}\n"));
        let csv = "00000000-0000-0000-0000-000000000007,A,vms,,2024-10-04,3,5,reported\n";
        assert_eq!(file(Form::Csv, &["A"]), format!("{}\n{csv}", COLUMNS.join(",")));
    }

    #[test]
    fn no_name_becomes_a_formula_or_another_column() {
        let file = file(Form::Csv, &["=1+1", "a,\"b\"\nc", "@x"]);
        assert!(file.contains(",'=1+1,vms"), "{file}");
        assert!(file.contains(",\"a,\"\"b\"\"\nc\",vms"), "{file}");
        assert!(file.contains(",'@x,vms"), "{file}");
    }
}
