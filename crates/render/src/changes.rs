//! The audit log as lines for programs.

use std::io::{self, Write};

use domain::ids::{Seq, TenantId};
use domain::time::Day;
use serde::Serialize;

use crate::{csv_fault, guarded};

/// The form of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One object a line, with the members of the API.
    Ndjson,
    /// RFC 4180 with a header; texts that a spreadsheet would take for a formula begin with an apostrophe.
    Csv,
}

/// A change of one field.
#[derive(Debug, Clone, Serialize)]
pub struct Line<'a> {
    /// Under which acceptance number.
    pub seq: Seq,
    /// When, with `Z`.
    pub recorded_at: String,
    /// By whom.
    pub actor: Actor<'a>,
    /// Why.
    pub reason: Option<&'a str>,
    /// The tenant that the object belongs to.
    pub tenant_id: TenantId,
    /// What was changed.
    pub object: &'a str,
    /// Which one.
    pub object_id: &'a str,
    /// Which of its fields.
    pub field: &'a str,
    /// What that was.
    pub old: Option<&'a str>,
    /// What it became.
    pub new: Option<&'a str>,
    /// From the end of which day on; `None` for a first version.
    pub valid_from: Option<Day>,
}

/// Who made a change.
#[derive(Debug, Clone, Serialize)]
pub struct Actor<'a> {
    /// `client`, `user`, `system` or `other`.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// Its id.
    pub id: Option<String>,
    /// Its login or name.
    pub name: Option<&'a str>,
}

const COLUMNS: [&str; 13] = [
    "seq",
    "recorded_at",
    "actor.type",
    "actor.id",
    "actor.name",
    "reason",
    "tenant_id",
    "object",
    "object_id",
    "field",
    "old",
    "new",
    "valid_from",
];

/// Lines being written.
#[derive(Debug)]
pub struct File<W: Write>(Inner<W>);

#[derive(Debug)]
enum Inner<W: Write> {
    Ndjson(W),
    Csv(Box<csv::Writer<W>>),
}

impl<W: Write> File<W> {
    /// Writes what stands above the lines.
    pub fn begin(form: Form, out: W) -> io::Result<Self> {
        match form {
            Form::Ndjson => Ok(Self(Inner::Ndjson(out))),
            Form::Csv => {
                let mut csv =
                    csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(out);
                csv.write_record(COLUMNS).map_err(csv_fault)?;
                Ok(Self(Inner::Csv(Box::new(csv))))
            }
        }
    }

    /// Writes a line.
    pub fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        match &mut self.0 {
            Inner::Ndjson(out) => {
                serde_json::to_writer(&mut *out, line)?;
                out.write_all(b"\n")
            }
            Inner::Csv(csv) => csv.write_record(record(line).iter()).map_err(csv_fault),
        }
    }

    /// Sends on what is held back.
    pub fn end(self) -> io::Result<()> {
        match self.0 {
            Inner::Ndjson(mut out) => out.flush(),
            Inner::Csv(mut csv) => csv.flush(),
        }
    }
}

fn record(line: &Line<'_>) -> [String; COLUMNS.len()] {
    let free = |text: Option<&str>| guarded(text.unwrap_or_default()).into_owned();
    [
        line.seq.to_string(),
        line.recorded_at.clone(),
        line.actor.kind.to_owned(),
        line.actor.id.clone().unwrap_or_default(),
        free(line.actor.name),
        free(line.reason),
        line.tenant_id.to_string(),
        line.object.to_owned(),
        free(Some(line.object_id)),
        line.field.to_owned(),
        free(line.old),
        free(line.new),
        line.valid_from.map_or_else(String::new, |day| day.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(form: Form, lines: &[Line<'_>]) -> String {
        let mut bytes = Vec::new();
        let mut file = File::begin(form, &mut bytes).unwrap();
        for line in lines {
            file.line(line).unwrap();
        }
        file.end().unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn both_forms_say_the_same_and_no_value_becomes_a_formula() {
        let line = Line {
            seq: Seq(9),
            recorded_at: Day(20_000).start().with_z(),
            actor: Actor {
                kind: "user",
                id: Some("00000000-0000-0000-0000-000000000007".to_owned()),
                name: Some("ann@north.example"),
            },
            reason: None,
            tenant_id: "00000000-0000-0000-0000-000000000008".parse().unwrap(),
            object: "tenant",
            object_id: "00000000-0000-0000-0000-000000000008",
            field: "name",
            old: None,
            new: Some("=1+1, \"x\""),
            valid_from: Some(Day(20_000)),
        };
        assert_eq!(
            written(Form::Ndjson, std::slice::from_ref(&line)),
            concat!(
                r#"{"seq":9,"recorded_at":"2024-10-04T00:00:00Z","actor":{"type":"user","#,
                r#""id":"00000000-0000-0000-0000-000000000007","name":"ann@north.example"},"reason":null,"#,
                r#""tenant_id":"00000000-0000-0000-0000-000000000008","object":"tenant","#,
                r#""object_id":"00000000-0000-0000-0000-000000000008","field":"name","old":null,"#,
                r#""new":"=1+1, \"x\"","valid_from":"2024-10-04"}"#,
                "\n"
            )
        );
        let csv = written(Form::Csv, &[line]);
        let row = "9,2024-10-04T00:00:00Z,user,00000000-0000-0000-0000-000000000007,ann@north.example,,\
            00000000-0000-0000-0000-000000000008,tenant,00000000-0000-0000-0000-000000000008,name,,\
            \"'=1+1, \"\"x\"\"\",2024-10-04";
        assert_eq!(csv, format!("{}\n{row}\n", COLUMNS.join(",")));
    }
}
