//! A whole installation in one file: made beside the nodes that serve it, read through, and restored into either database.
//!
//! The rows of all tables are read in one snapshot, so that the file holds the state of one moment. What lies outside the
//! database is not in it: the key file above all, without which the signing keys in it cannot be opened.

mod format;
mod read;
mod restore;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use domain::time::Instant;
use futures_util::TryStreamExt as _;
use store::tables::{self, Table};
use store::{Conn, Db};

pub use self::format::{ColumnHead, Header, TableHead};
use self::format::{End, Part, Parts, RowsOut};
pub use self::read::{Fault, Reader, check};
pub use self::restore::{Restored, restore};
use crate::tables::{Digest, Nul, Sum};

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The file is not a whole backup that this Tidemark reads.
    #[error(transparent)]
    File(#[from] Fault),
    /// It cannot be written.
    #[error("it cannot be written")]
    Write(#[source] io::Error),
    /// The target is in use.
    #[error("it holds an installation already; nothing was changed")]
    Occupied,
    /// The target was begun by another version than the backup's.
    #[error(
        "it holds an empty schema of another version ({there}) than the backup ({backup}): make the database anew"
    )]
    OtherSchema {
        /// The target's.
        there: i64,
        /// The backup's.
        backup: i64,
    },
    /// The key file is not the one that goes with the backup.
    #[error(
        "the key file does not open the signing keys of this backup: put the one of its installation in its place"
    )]
    OtherKey,
    /// PostgreSQL's texts cannot hold it.
    #[error(transparent)]
    Nul(Nul),
    /// A table came out different from what the file says of it.
    #[error("the table {table} came out different from the backup")]
    Differs {
        /// Which table.
        table: String,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<crate::tables::Fault> for Failure {
    fn from(fault: crate::tables::Fault) -> Self {
        match fault {
            crate::tables::Fault::Nul(nul) => Self::Nul(nul),
            crate::tables::Fault::Store(error) => Self::Store(error),
        }
    }
}

/// A backup that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// What it is of.
    pub header: Header,
    /// What its tables hold.
    pub tables: Vec<Sum>,
    /// Bytes of the file.
    pub bytes: u64,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
}

impl Whole {
    /// Rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|sum| sum.rows).sum()
    }
}

/// Writes a backup of the state of now. `progress` is told how many rows are done, and of how many.
pub async fn write(
    db: &Db,
    made_at: Instant,
    out: impl Write,
    progress: impl Fn(u64, u64),
) -> Result<Whole, Failure> {
    let mut conn = db.read().await?;
    let tables = tables::all(&mut conn).await?;
    let header = header(&mut conn, &tables, made_at).await?;
    let all = header.tables.iter().map(|table| table.rows).sum();
    let mut parts = Parts::begin(out).map_err(Failure::Write)?;
    parts.json(Part::Header, &header).map_err(Failure::Write)?;
    let mut sums = Vec::with_capacity(tables.len());
    let mut done = 0;
    for (table, place) in tables.iter().zip(0..) {
        let row_done = || {
            done += 1;
            progress(done, all);
        };
        sums.push(write_table(&mut conn, table, place, &mut parts, row_done).await?);
    }
    let counters = tables::counters(&mut conn).await?;
    let end = End { tables: sums, counters };
    parts.json(Part::End, &end).map_err(Failure::Write)?;
    let bytes = parts.bytes;
    let sha256 = parts.end().map_err(Failure::Write)?;
    Ok(Whole { header, tables: end.tables, bytes, sha256 })
}

async fn header(conn: &mut Conn, tables: &[Table], made_at: Instant) -> Result<Header, Failure> {
    let mut heads = Vec::with_capacity(tables.len());
    for table in tables {
        let rows = tables::count(conn, table).await?;
        heads.push(TableHead::of(table, u64::try_from(rows).unwrap_or(0)));
    }
    Ok(Header {
        tidemark: env!("CARGO_PKG_VERSION").to_owned(),
        schema: conn.schema().await?.unwrap_or_default(),
        database: if conn.is_postgres() { "postgres" } else { "sqlite" }.to_owned(),
        made_at: made_at.with_z(),
        tables: heads,
    })
}

async fn write_table(
    conn: &mut Conn,
    table: &Table,
    place: u16,
    parts: &mut Parts<impl Write>,
    mut row_done: impl FnMut(),
) -> Result<Sum, Failure> {
    let mut rows = tables::rows(conn, table);
    let (mut digest, mut part) = (Digest::new(), RowsOut::of(place));
    while let Some(row) = rows.try_next().await? {
        digest.take(&row);
        part.add(&row);
        if part.is_full() {
            parts.rows(&part).map_err(Failure::Write)?;
            part = RowsOut::of(place);
        }
        row_done();
    }
    if !part.is_empty() {
        parts.rows(&part).map_err(Failure::Write)?;
    }
    Ok(digest.end(table))
}
