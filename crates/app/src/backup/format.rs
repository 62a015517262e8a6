//! The file: a line that names it, and then parts, each with the checksum of everything up to its end.
//!
//! ```text
//! tidemark backup 1\n
//! part*    kind (1 byte), length of the body (4 bytes), body, SHA-256 of the whole file so far (32 bytes)
//! ```
//!
//! The first part is the [`Header`], the last one the [`End`], both JSON; between them are rows in zstd frames. Numbers are
//! big-endian. A file with the last part's checksum right is the file that was written, from its first byte to its last.

use std::collections::BTreeMap;
use std::io::{self, Write};

use aws_lc_rs::digest::{Context, SHA256, SHA256_OUTPUT_LEN};
use serde::{Deserialize, Serialize};
use store::Arg;
use store::tables::{Kind, Table};

use super::Fault;
use crate::ids::hex;
use crate::tables::Sum;

/// How every backup begins, whatever the version of its format.
pub(super) const NAME: &[u8] = b"tidemark backup ";
/// The version of the format, in the line's last place.
pub(super) const VERSION: &[u8] = b"1";
/// Ends the first line.
pub(super) const LINE_END: u8 = b'\n';
/// The longest version of a format that is looked for.
pub(super) const LONGEST_VERSION: usize = 8;
/// Bytes of a checksum.
pub(super) const CHECKSUM: usize = SHA256_OUTPUT_LEN;
/// Rows make a part once they have as many bytes.
pub(super) const PART_BYTES: usize = 4 << 20;
/// zstd's own default: stored reports and the history are compressed already.
const LEVEL: i32 = 3;

/// The kinds of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Header,
    Rows,
    End,
}

impl Part {
    const fn byte(self) -> u8 {
        match self {
            Self::Header => b'h',
            Self::Rows => b'r',
            Self::End => b'e',
        }
    }

    pub(super) fn of_byte(byte: u8) -> Option<Self> {
        [Self::Header, Self::Rows, Self::End].into_iter().find(|part| part.byte() == byte)
    }
}

/// What a backup is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of Tidemark that made it.
    pub tidemark: String,
    /// The version of the schema.
    pub schema: i64,
    /// `sqlite` or `postgres`.
    pub database: String,
    /// The moment whose state it holds, RFC 3339 in UTC.
    pub made_at: String,
    /// All tables, in the order in which their rows follow.
    pub tables: Vec<TableHead>,
}

/// A table of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableHead {
    /// Its name.
    pub name: String,
    /// Its columns, in the order of a row's values.
    pub columns: Vec<ColumnHead>,
    /// Its rows.
    pub rows: u64,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnHead {
    /// Its name.
    pub name: String,
    /// What it holds: `int`, `text` or `blob`.
    pub kind: String,
}

impl TableHead {
    pub(super) fn of(table: &Table, rows: u64) -> Self {
        let columns = table.columns.iter().map(|column| ColumnHead {
            name: column.name.clone(),
            kind: match column.kind {
                Kind::Int => "int",
                Kind::Text => "text",
                Kind::Blob => "blob",
            }
            .to_owned(),
        });
        Self { name: table.name.clone(), columns: columns.collect(), rows }
    }
}

/// What the rows came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    /// The sums, in the order of the header.
    pub(super) tables: Vec<Sum>,
    /// [`store::tables::counters`].
    pub(super) counters: BTreeMap<String, i64>,
}

/// Writes parts, and counts up the checksum.
pub(super) struct Parts<W> {
    out: W,
    digest: Context,
    pub(super) bytes: u64,
}

impl<W: Write> Parts<W> {
    /// Begins a file.
    pub(super) fn begin(out: W) -> io::Result<Self> {
        let mut parts = Self { out, digest: Context::new(&SHA256), bytes: 0 };
        parts.put(&[NAME, VERSION, &[LINE_END]].concat())?;
        Ok(parts)
    }

    pub(super) fn json(&mut self, part: Part, value: &impl Serialize) -> io::Result<()> {
        self.part(part, &serde_json::to_vec(value)?)
    }

    pub(super) fn rows(&mut self, rows: &RowsOut) -> io::Result<()> {
        self.part(Part::Rows, &zstd::bulk::compress(&rows.0, LEVEL)?)
    }

    fn part(&mut self, part: Part, body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(body.len()).map_err(|_| io::Error::other("a row of 4 GiB or more"))?;
        self.put(&[part.byte()])?;
        self.put(&length.to_be_bytes())?;
        self.put(body)?;
        let so_far = self.digest.clone().finish();
        self.put(so_far.as_ref())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    /// Ends the file; gives what `sha256sum` says of it.
    pub(super) fn end(mut self) -> io::Result<String> {
        self.out.flush()?;
        Ok(hex(self.digest.finish().as_ref()))
    }
}

const NULL: u8 = 0;
const INT: u8 = 1;
const TEXT: u8 = 2;
const BLOB: u8 = 3;

/// Rows of one table: the table's place in the header (2 bytes), and of every value its kind, and its number (8 bytes) or its
/// length (4 bytes) and bytes.
pub(super) struct RowsOut(Vec<u8>);

impl RowsOut {
    pub(super) fn of(table: u16) -> Self {
        Self(table.to_be_bytes().to_vec())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.len() <= 2
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= PART_BYTES
    }

    pub(super) fn add(&mut self, row: &[Arg]) {
        for value in row {
            match value {
                Arg::Int(None) | Arg::Text(None) | Arg::Blob(None) => self.0.push(NULL),
                Arg::Int(Some(number)) => {
                    self.0.push(INT);
                    self.0.extend(number.to_be_bytes());
                }
                Arg::Text(Some(text)) => self.put(TEXT, text.as_bytes()),
                Arg::Blob(Some(bytes)) => self.put(BLOB, bytes),
            }
        }
    }

    fn put(&mut self, kind: u8, bytes: &[u8]) {
        self.0.push(kind);
        // A longer value is longer than its part may be, and is refused there.
        self.0.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.0.extend(bytes);
    }
}

/// Reads what [`RowsOut`] wrote.
pub(super) struct RowsIn {
    plain: Vec<u8>,
    at: usize,
}

impl RowsIn {
    /// The table's place in the header.
    pub(super) fn place(plain: &[u8]) -> Option<usize> {
        plain.first_chunk().map(|place| usize::from(u16::from_be_bytes(*place)))
    }

    pub(super) const fn of(plain: Vec<u8>) -> Self {
        Self { plain, at: 2 }
    }

    /// The next row of this table; `None` after the last.
    pub(super) fn next(&mut self, table: &Table) -> Result<Option<Vec<Arg>>, Fault> {
        if self.at >= self.plain.len() {
            return Ok(None);
        }
        let row: Option<Vec<Arg>> = table.columns.iter().map(|column| self.value(column.kind)).collect();
        let none = || Fault::Contents(format!("a row that is none of the table {}", table.name));
        row.map(Some).ok_or_else(none)
    }

    fn value(&mut self, column: Kind) -> Option<Arg> {
        let [tag] = self.exactly::<1>()?;
        Some(match (tag, column) {
            (NULL, Kind::Int) => Arg::Int(None),
            (NULL, Kind::Text) => Arg::Text(None),
            (NULL, Kind::Blob) => Arg::Blob(None),
            (INT, Kind::Int) => Arg::Int(Some(i64::from_be_bytes(self.exactly()?))),
            (TEXT, Kind::Text) => Arg::Text(Some(String::from_utf8(self.bytes()?).ok()?)),
            (BLOB, Kind::Blob) => Arg::Blob(Some(self.bytes()?)),
            _ => return None,
        })
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let length = usize::try_from(u32::from_be_bytes(self.exactly()?)).ok()?;
        let bytes = self.plain.get(self.at..)?.get(..length)?.to_vec();
        self.at += length;
        Some(bytes)
    }

    fn exactly<const N: usize>(&mut self) -> Option<[u8; N]> {
        let bytes = *self.plain.get(self.at..)?.first_chunk()?;
        self.at += N;
        Some(bytes)
    }
}
