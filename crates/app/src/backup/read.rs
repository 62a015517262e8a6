//! Reading a backup, part by part, each only after its checksum was found right.

use std::collections::BTreeMap;
use std::io::{self, Read};

use aws_lc_rs::digest::{Context, SHA256};
use serde::de::DeserializeOwned;
use store::tables::{Column, Kind, Table};

use super::format::{self, CHECKSUM, End, Header, Part, RowsIn, TableHead};
use super::{Failure, Whole};
use crate::ids::hex;
use crate::tables::{Digest, Sum};

/// Why a file is not a whole backup that this Tidemark reads.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It begins as something else.
    #[error("this is not a backup of Tidemark")]
    Foreign,
    /// It has another form.
    #[error("this backup has the format {0}, which a newer Tidemark made: restore it with that one")]
    NewerFormat(String),
    /// It has a schema of the future.
    #[error(
        "this backup has the schema {schema} of Tidemark {tidemark}, and this Tidemark knows {known}: restore it with that one"
    )]
    NewerSchema {
        /// Its schema.
        schema: i64,
        /// Who made it.
        tidemark: String,
        /// The newest one here.
        known: i64,
    },
    /// It ends before its end.
    #[error("the backup is cut off: it ends at byte {0}, before its last part does")]
    CutOff(u64),
    /// A checksum is wrong.
    #[error("the backup is damaged: the checksum of the part from byte {from} to byte {to} is wrong")]
    Damaged {
        /// Where the part begins.
        from: u64,
        /// Where it ends.
        to: u64,
    },
    /// Something follows the end.
    #[error("something follows the backup's end at byte {0}")]
    Trailing(u64),
    /// The checksums are right, and the contents are nothing that Tidemark writes.
    #[error("the backup is not one that Tidemark makes: {0}")]
    Contents(String),
    /// It cannot be read.
    #[error("the backup cannot be read")]
    Io(#[source] io::Error),
}

/// A backup that is being read.
pub struct Reader<R> {
    file: R,
    digest: Context,
    at: u64,
    header: Header,
    tables: Vec<Table>,
    ahead: Option<Next>,
}

/// What comes next in a backup.
enum Next {
    /// Rows of the table at this place, in the form that [`RowsIn`] reads.
    Rows(usize, Vec<u8>),
    End(End),
}

impl<R: Read> Reader<R> {
    /// Reads the beginning, and refuses what is not a backup that this Tidemark can read.
    pub fn open(file: R) -> Result<Self, Fault> {
        let header = Header {
            tidemark: String::new(),
            schema: 0,
            database: String::new(),
            made_at: String::new(),
            tables: Vec::new(),
        };
        let digest = Context::new(&SHA256);
        let mut reader = Self { file, digest, at: 0, header, tables: Vec::new(), ahead: None };
        reader.first_line()?;
        let (Part::Header, body) = reader.part()? else {
            return Err(Fault::Contents("it does not begin with a header".to_owned()));
        };
        let header: Header = parsed(&body)?;
        let known = store::newest_schema();
        if header.schema > known {
            return Err(Fault::NewerSchema { schema: header.schema, tidemark: header.tidemark, known });
        }
        reader.tables = header.tables.iter().map(table).collect::<Result<_, Fault>>()?;
        reader.header = header;
        Ok(reader)
    }

    /// What it is of.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The tables; of their columns no more is known than name and kind, and nothing of their keys.
    pub(super) fn tables(&self) -> &[Table] {
        &self.tables
    }

    fn first_line(&mut self) -> Result<(), Fault> {
        let mut line = Vec::new();
        let longest = format::NAME.len() + format::LONGEST_VERSION;
        while line.last() != Some(&format::LINE_END) {
            let is_ours = format::NAME.iter().zip(&line).all(|(ours, theirs)| ours == theirs);
            if !is_ours || line.len() > longest {
                return Err(Fault::Foreign);
            }
            line.extend(self.exactly::<1>()?);
        }
        let version = line.get(format::NAME.len()..line.len() - 1).ok_or(Fault::Foreign)?;
        if version != format::VERSION {
            return Err(Fault::NewerFormat(String::from_utf8_lossy(version).into_owned()));
        }
        Ok(())
    }

    /// Some more rows of the table at this place; `None` after its last.
    pub(super) fn rows_of(&mut self, place: usize) -> Result<Option<RowsIn>, Fault> {
        match self.next()? {
            Next::Rows(of, plain) if of == place => Ok(Some(RowsIn::of(plain))),
            other => {
                self.ahead = Some(other);
                Ok(None)
            }
        }
    }

    /// The end, where the rows of all tables were read, and these are their sums; gives the counters.
    pub(super) fn end(&mut self, sums: &[Sum]) -> Result<BTreeMap<String, i64>, Failure> {
        let Next::End(end) = self.next()? else {
            return Err(Fault::Contents("rows of no table, or of one that was over".to_owned()).into());
        };
        let tables = self.header.tables.iter().map(|table| (&table.name, table.rows));
        if !tables.eq(end.tables.iter().map(|sum| (&sum.table, sum.rows))) {
            let what = "its end names other tables, or rows, than its beginning";
            return Err(Fault::Contents(what.to_owned()).into());
        }
        match sums.iter().zip(&end.tables).find(|(ours, theirs)| ours != theirs) {
            Some((sum, _)) => Err(Failure::Differs { table: sum.table.clone() }),
            None => Ok(end.counters),
        }
    }

    fn next(&mut self) -> Result<Next, Fault> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(ahead);
        }
        match self.part()? {
            (Part::Rows, body) => {
                let plain = zstd::decode_all(body.as_slice());
                let plain = plain.map_err(|error| Fault::Contents(error.to_string()))?;
                let place = RowsIn::place(&plain);
                let place = place.ok_or_else(|| Fault::Contents("rows of no table".to_owned()))?;
                Ok(Next::Rows(place, plain))
            }
            (Part::End, body) => {
                let mut more = [0];
                match self.file.read(&mut more).map_err(Fault::Io)? {
                    0 => parsed(&body).map(Next::End),
                    _ => Err(Fault::Trailing(self.at)),
                }
            }
            (Part::Header, _) => Err(Fault::Contents("it has two headers".to_owned())),
        }
    }

    fn part(&mut self) -> Result<(Part, Vec<u8>), Fault> {
        let from = self.at;
        let [kind] = self.exactly::<1>()?;
        let length = u64::from(u32::from_be_bytes(self.exactly()?));
        let mut body = Vec::new();
        // What a damaged length asks for is taken as it comes, and not made room for before.
        let read = self.file.by_ref().take(length).read_to_end(&mut body).map_err(Fault::Io)?;
        self.took(&body);
        if (read as u64) < length {
            return Err(Fault::CutOff(self.at));
        }
        let expected = self.digest.clone().finish();
        let found: [u8; CHECKSUM] = self.exactly()?;
        if expected.as_ref() != found {
            return Err(Fault::Damaged { from, to: self.at });
        }
        let part = Part::of_byte(kind);
        part.map(|part| (part, body)).ok_or_else(|| Fault::Contents("a part of an unknown kind".to_owned()))
    }

    fn exactly<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Fault::CutOff(self.at),
            _ => Fault::Io(error),
        })?;
        self.took(&bytes);
        Ok(bytes)
    }

    fn took(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.at += bytes.len() as u64;
    }

    /// What was read, once the end was.
    pub(super) fn whole(self, tables: Vec<Sum>) -> Whole {
        let sha256 = hex(self.digest.finish().as_ref());
        Whole { header: self.header, tables, bytes: self.at, sha256 }
    }
}

/// Reads a backup through and compares it with all its checksums. `progress` is told how many rows are done, and of how
/// many.
pub fn check<R: Read>(mut file: Reader<R>, progress: impl Fn(u64, u64)) -> Result<Whole, Failure> {
    let tables = file.tables().to_vec();
    let all = file.header().tables.iter().map(|table| table.rows).sum();
    let (mut done, mut sums) = (0, Vec::with_capacity(tables.len()));
    for (place, table) in tables.iter().enumerate() {
        let mut digest = Digest::new();
        while let Some(mut rows) = file.rows_of(place)? {
            while let Some(row) = rows.next(table)? {
                digest.take(&row);
                done += 1;
                progress(done, all);
            }
        }
        sums.push(digest.end(table));
    }
    file.end(&sums)?;
    Ok(file.whole(sums))
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| Fault::Contents(error.to_string()))
}

fn table(head: &TableHead) -> Result<Table, Fault> {
    let columns = head.columns.iter().map(|column| {
        let kind = match column.kind.as_str() {
            "int" => Kind::Int,
            "text" => Kind::Text,
            "blob" => Kind::Blob,
            other => return Err(Fault::Contents(format!("a column of the kind {other:?}"))),
        };
        Ok(Column { name: column.name.clone(), kind, is_nullable: true })
    });
    let columns = columns.collect::<Result<_, Fault>>()?;
    Ok(Table { name: head.name.clone(), columns, key: Vec::new() })
}
