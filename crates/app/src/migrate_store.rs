//! Moving a whole installation from SQLite to PostgreSQL, where no server works on either.

use domain::access::Actor;
use futures_util::TryStreamExt as _;
use store::tables::{self, Table};
use store::{Conn, Db, Write};

use crate::Clock;
use crate::tables::{Fault, Filling, Nul, Sum, sum};

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
    /// PostgreSQL's texts cannot hold it.
    #[error(transparent)]
    Nul(Nul),
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

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Nul(nul) => Self::Nul(nul),
            Fault::Store(error) => Self::Store(error),
        }
    }
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
    let tables = of_both(&mut source, &mut target).await?;
    let mut steps = Steps { done: 0, all: 0, told: progress };
    for table in &tables {
        steps.all += 2 * u64::try_from(tables::count(&mut source, table).await?).unwrap_or(0);
    }
    let put_off = tables::begin_filling(&mut target).await?;
    // What migrations put into new databases, such as the first range of numbers.
    for table in &tables {
        tables::clear(&mut target, table).await?;
    }
    let mut written = Vec::with_capacity(tables.len());
    for table in &tables {
        written.push(copy(&mut source, &mut target, table, &mut steps).await?);
    }
    for (table, written) in tables.iter().zip(&written) {
        let read = sum(tables::rows(&mut target, table), table, || steps.next()).await?;
        if read != *written {
            let table = table.name.clone();
            return Err(Failure::Differs { table, written: written.rows, read: read.rows });
        }
    }
    tables::count_on(&mut target, &tables::counters(&mut source).await?).await?;
    tables::end_filling(&mut target, put_off).await?;
    target.commit().await?;
    Ok(written)
}

/// The tables, if they are the same in both databases.
async fn of_both(source: &mut Conn, target: &mut Conn) -> Result<Vec<Table>, Failure> {
    let (ours, theirs) = (tables::all(source).await?, tables::all(target).await?);
    let differs = ours.iter().find(|table| table.key.is_empty() || !theirs.contains(table));
    let without = theirs.iter().find(|table| ours.iter().all(|it| it.name != table.name));
    match differs.or(without) {
        Some(table) => Err(Failure::Schema { table: table.name.clone() }),
        None => Ok(ours),
    }
}

/// How far it is.
struct Steps<F> {
    done: u64,
    all: u64,
    told: F,
}

impl<F: Fn(u64, u64)> Steps<F> {
    fn next(&mut self) {
        self.done += 1;
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
    let mut filling = Filling::of(table);
    while let Some(row) = rows.try_next().await? {
        filling.add(target, row).await?;
        steps.next();
    }
    Ok(filling.end(target).await?)
}
