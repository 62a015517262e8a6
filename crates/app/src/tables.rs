//! Whole tables, row by row: what moves an installation, keeps one in a file, or brings one back.

use aws_lc_rs::digest::{Context, SHA256};
use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};
use store::tables::Table;
use store::{Arg, Write};

use crate::ids::hex;

/// Rows are inserted by as many at most,
const BATCH_ROWS: usize = 1_000;
/// or by as many bytes of texts and blocks.
const BATCH_BYTES: usize = 4 << 20;

/// What a table holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sum {
    /// The table.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// SHA-256 of them in the order of the key, in hexadecimal digits.
    pub sha256: String,
}

/// PostgreSQL's texts cannot hold it.
#[derive(Debug, thiserror::Error)]
#[error("the column {column} of {table} holds a NUL, which PostgreSQL has no room for, in the row {row}")]
pub struct Nul {
    /// Which table.
    pub table: String,
    /// Which column.
    pub column: String,
    /// The row's key, such as `id = 5`.
    pub row: String,
}

/// Why a table was not filled.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// PostgreSQL cannot hold a text.
    #[error(transparent)]
    Nul(#[from] Nul),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// A table that is being filled, in batches.
pub(crate) struct Filling<'a> {
    table: &'a Table,
    digest: Digest,
    batch: Vec<Vec<Arg>>,
    bytes: usize,
}

impl<'a> Filling<'a> {
    pub(crate) fn of(table: &'a Table) -> Self {
        Self { table, digest: Digest::new(), batch: Vec::new(), bytes: 0 }
    }

    /// Takes the next row.
    pub(crate) async fn add(&mut self, tx: &mut Write, row: Vec<Arg>) -> Result<(), Fault> {
        if tx.is_postgres() {
            refuse_nul(self.table, &row)?;
        }
        self.digest.take(&row);
        self.bytes += size(&row);
        self.batch.push(row);
        if self.batch.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
            self.flush(tx).await?;
        }
        Ok(())
    }

    /// Inserts what is left; gives the sum of all rows.
    pub(crate) async fn end(mut self, tx: &mut Write) -> Result<Sum, Fault> {
        self.flush(tx).await?;
        Ok(self.digest.end(self.table))
    }

    async fn flush(&mut self, tx: &mut Write) -> Result<(), Fault> {
        self.bytes = 0;
        Ok(store::tables::fill(tx, self.table, std::mem::take(&mut self.batch)).await?)
    }
}

/// The sum of a table's rows; `next` is told of each.
pub(crate) async fn sum(
    mut rows: BoxStream<'_, store::Result<Vec<Arg>>>,
    table: &Table,
    mut next: impl FnMut(),
) -> store::Result<Sum> {
    let mut digest = Digest::new();
    while let Some(row) = rows.try_next().await? {
        digest.take(&row);
        next();
    }
    Ok(digest.end(table))
}

/// The bytes of a row's values.
pub(crate) fn size(row: &[Arg]) -> usize {
    let of_value = |value: &Arg| match value {
        Arg::Int(_) => 8,
        Arg::Text(text) => text.as_ref().map_or(0, String::len),
        Arg::Blob(bytes) => bytes.as_ref().map_or(0, Vec::len),
    };
    row.iter().map(of_value).sum()
}

fn refuse_nul(table: &Table, row: &[Arg]) -> Result<(), Nul> {
    let is_nul = |value: &Arg| matches!(value, Arg::Text(Some(text)) if text.contains('\0'));
    let Some((column, _)) = table.columns.iter().zip(row).find(|(_, value)| is_nul(value)) else {
        return Ok(());
    };
    let of_key = |name: &String| {
        let mut values = table.columns.iter().zip(row);
        let value = values.find(|(column, _)| column.name == *name).map(|(_, value)| shown(value));
        format!("{name} = {}", value.unwrap_or_default())
    };
    let row = table.key.iter().map(of_key).collect::<Vec<_>>().join(", ");
    Err(Nul { table: table.name.clone(), column: column.name.clone(), row })
}

fn shown(value: &Arg) -> String {
    match value {
        Arg::Int(Some(number)) => number.to_string(),
        Arg::Text(Some(text)) => text.escape_debug().to_string(),
        Arg::Blob(Some(bytes)) => hex(bytes),
        Arg::Int(None) | Arg::Text(None) | Arg::Blob(None) => "null".to_owned(),
    }
}

/// SHA-256 of rows: of each value its kind, its length and its bytes, so that no two tables have the same stream.
pub(crate) struct Digest {
    context: Context,
    rows: u64,
}

impl Digest {
    pub(crate) fn new() -> Self {
        Self { context: Context::new(&SHA256), rows: 0 }
    }

    pub(crate) fn take(&mut self, row: &[Arg]) {
        self.rows += 1;
        for value in row {
            match value {
                Arg::Int(None) | Arg::Text(None) | Arg::Blob(None) => self.context.update(b"-"),
                Arg::Int(Some(number)) => self.update(b"i", &number.to_be_bytes()),
                Arg::Text(Some(text)) => self.update(b"t", text.as_bytes()),
                Arg::Blob(Some(bytes)) => self.update(b"b", bytes),
            }
        }
    }

    fn update(&mut self, kind: &[u8], bytes: &[u8]) {
        self.context.update(kind);
        self.context.update(&(bytes.len() as u64).to_be_bytes());
        self.context.update(bytes);
    }

    pub(crate) fn end(self, table: &Table) -> Sum {
        Sum { table: table.name.clone(), rows: self.rows, sha256: hex(self.context.finish().as_ref()) }
    }
}
