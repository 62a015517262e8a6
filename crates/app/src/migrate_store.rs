//! Moving a whole installation from SQLite to PostgreSQL, where no server works on either.

use aws_lc_rs::digest::{Context, SHA256};
use domain::access::Actor;
use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
use store::tables::{self, Table};
use store::{Arg, Conn, Db, Write};

use crate::Clock;
use crate::ids::hex;

/// Rows are inserted by as many at most,
const BATCH_ROWS: usize = 1_000;
/// or by as many bytes of texts and blocks.
const BATCH_BYTES: usize = 4 << 20;

/// Why nothing was moved.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The target is in use.
    #[error("it holds an installation already")]
    Occupied,
    /// The schemas are not of one version.
    #[error("the table {table} is not the same in both databases")]
    Schema {
        /// Which table.
        table: String,
    },
    /// No order of the tables satisfies the foreign keys.
    #[error("foreign keys go in a circle and cannot be deferred")]
    Circle,
    /// PostgreSQL's texts cannot hold it.
    #[error("the column {column} of {table} holds a NUL, which PostgreSQL has no room for, in the row {row}")]
    Nul {
        /// Which table.
        table: String,
        /// Which column.
        column: String,
        /// The row's key, such as `id = 5`.
        row: String,
    },
    /// What was read back is not what was written.
    #[error("the table {table} came out different: {written} rows were written, {read} are there")]
    Differs {
        /// Which table.
        table: String,
        /// Rows of the source.
        written: u64,
        /// Rows of the target.
        read: u64,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What a table holds, on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// The table.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// SHA-256 of them in the order of the key, in hexadecimal digits.
    pub sha256: String,
}

/// Copies every table into a database that holds no installation, in one transaction, reads all of it back and compares;
/// only then does anything of it last. `progress` is told how many steps are done, and of how many: each row is copied
/// and read back.
pub async fn run(
    source: &Db,
    target: &Db,
    clock: &Clock,
    progress: impl Fn(u64, u64),
) -> Result<Vec<Sum>, Failure> {
    let mut source = source.read().await?;
    let mut target = target.write(Actor::System, || clock.now()).await?;
    if store::history::days(&mut target).await?.is_some() {
        return Err(Failure::Occupied);
    }
    let tables = ordered(&mut source, &mut target).await?;
    let mut steps = Steps { done: 0, all: 0, told: progress };
    for table in &tables {
        steps.all += 2 * u64::try_from(tables::count(&mut source, table).await?).unwrap_or(0);
    }
    tables::begin_filling(&mut target).await?;
    // What migrations put into new databases, such as the first range of numbers.
    for table in tables.iter().rev() {
        tables::clear(&mut target, table).await?;
    }
    let mut written = Vec::with_capacity(tables.len());
    for table in &tables {
        written.push(copy(&mut source, &mut target, table, &mut steps).await?);
    }
    for (table, written) in tables.iter().zip(&written) {
        let read = sum(tables::rows(&mut target, table), table, &mut steps).await?;
        if read != *written {
            let table = table.name.clone();
            return Err(Failure::Differs { table, written: written.rows, read: read.rows });
        }
    }
    tables::count_on(&mut source, &mut target).await?;
    target.commit().await?;
    Ok(written)
}

/// The tables, if they are the same in both databases, in an order in which they can be filled.
async fn ordered(source: &mut Conn, target: &mut Conn) -> Result<Vec<Table>, Failure> {
    let (ours, theirs) = (tables::all(source).await?, tables::all(target).await?);
    let differs = ours.iter().find(|table| table.key.is_empty() || !theirs.contains(table));
    let without = theirs.iter().find(|table| ours.iter().all(|it| it.name != table.name));
    if let Some(table) = differs.or(without) {
        return Err(Failure::Schema { table: table.name.clone() });
    }
    let references = tables::references(target).await?;
    tables::in_filling_order(ours, &references).ok_or(Failure::Circle)
}

/// How far it is.
struct Steps<F> {
    done: u64,
    all: u64,
    told: F,
}

impl<F: Fn(u64, u64)> Steps<F> {
    fn next(&mut self, rows: usize) {
        self.done += rows as u64;
        (self.told)(self.done, self.all);
    }
}

/// Copies a table; gives the sum of what was read.
async fn copy(
    source: &mut Conn,
    target: &mut Write,
    table: &Table,
    steps: &mut Steps<impl Fn(u64, u64)>,
) -> Result<Sum, Failure> {
    let mut rows = tables::rows(source, table);
    let mut digest = Digest::new();
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.try_next().await? {
        refuse_nul(table, &row)?;
        digest.take(&row);
        bytes += row.iter().map(size).sum::<usize>();
        batch.push(row);
        if batch.len() >= BATCH_ROWS || bytes >= BATCH_BYTES {
            steps.next(batch.len());
            tables::fill(target, table, std::mem::take(&mut batch)).await?;
            bytes = 0;
        }
    }
    steps.next(batch.len());
    tables::fill(target, table, batch).await?;
    Ok(digest.end(table))
}

async fn sum(
    mut rows: BoxStream<'_, store::Result<Vec<Arg>>>,
    table: &Table,
    steps: &mut Steps<impl Fn(u64, u64)>,
) -> Result<Sum, Failure> {
    let mut digest = Digest::new();
    while let Some(row) = rows.try_next().await? {
        digest.take(&row);
        steps.next(1);
    }
    Ok(digest.end(table))
}

fn size(value: &Arg) -> usize {
    match value {
        Arg::Int(_) => 8,
        Arg::Text(text) => text.as_ref().map_or(0, String::len),
        Arg::Blob(bytes) => bytes.as_ref().map_or(0, Vec::len),
    }
}

fn refuse_nul(table: &Table, row: &[Arg]) -> Result<(), Failure> {
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
    Err(Failure::Nul { table: table.name.clone(), column: column.name.clone(), row })
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
struct Digest {
    context: Context,
    rows: u64,
}

impl Digest {
    fn new() -> Self {
        Self { context: Context::new(&SHA256), rows: 0 }
    }

    fn take(&mut self, row: &[Arg]) {
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

    fn end(self, table: &Table) -> Sum {
        Sum { table: table.name.clone(), rows: self.rows, sha256: hex(self.context.finish().as_ref()) }
    }
}
