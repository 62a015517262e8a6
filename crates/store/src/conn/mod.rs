//! The only files that name the drivers.
//!
//! A statement is a text with `$1`, `$2`, ... and a list of [`Arg`]s; what comes back are [`Row`]s with typed getters.
//! Both are neutral, so that the noun modules are written once for every database. SQLite runs with one writer, whose
//! transactions begin IMMEDIATE, and several readers, each of which sees a snapshot; PostgreSQL is used alike.

mod fault;
mod migrations;
mod postgres;
mod row;
mod schema;
mod sqlite;

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use domain::access::Actor;
use domain::catalogue::ItemNumbers;
use domain::ids::Seq;
use domain::time::Instant;
use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
use sqlx::{AssertSqlSafe, Executor as _, Transaction};

use fault::driver;
pub use postgres::{Hints, Postgres};
pub use row::Row;
pub(crate) use row::corrupt;
pub use schema::newest_schema;

use crate::{Arg, Error, Result, dialect};

/// How long a transaction waits for its turn before it is [`Error::Busy`].
const PATIENCE: Duration = Duration::from_secs(20);

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    pools: Pools,
    item_numbers: Arc<OnceLock<ItemNumbers>>,
}

#[derive(Debug, Clone)]
enum Pools {
    Sqlite(sqlite::Pools),
    Postgres(postgres::Pools),
}

impl Db {
    /// Opens the SQLite file, makes it where it is missing, and brings it to this version's schema.
    pub async fn open(file: &Path) -> Result<Self> {
        Self::over(Pools::Sqlite(sqlite::Pools::connect(file, true).await?)).migrated().await
    }

    /// Opens a SQLite file beside the process that serves it: its schema must be this version's already.
    pub async fn join(file: &Path) -> Result<Self> {
        Self::over(Pools::Sqlite(sqlite::Pools::connect(file, false).await?)).of_this_version().await
    }

    /// Opens a PostgreSQL database, and brings it to this version's schema. Nodes that do so at once wait for each other.
    pub async fn open_postgres(server: &Postgres) -> Result<Self> {
        Self::over(Pools::Postgres(server.connect().await?)).migrated().await
    }

    /// As [`Db::open_postgres`], of a database that holds Tidemark's schema already: in another one nothing is made.
    pub async fn upgrade_postgres(server: &Postgres) -> Result<Self> {
        let db = Self::over(Pools::Postgres(server.connect().await?));
        if db.applied().await?.is_empty() {
            return Err(Error::Migrate("it holds no installation; make one with: tidemark init".into()));
        }
        db.migrated().await
    }

    /// Opens a PostgreSQL database whose schema must be this version's already.
    pub async fn join_postgres(server: &Postgres) -> Result<Self> {
        Self::over(Pools::Postgres(server.connect().await?)).of_this_version().await
    }

    fn over(pools: Pools) -> Self {
        Self { pools, item_numbers: Arc::default() }
    }

    /// A snapshot to read from: what is committed later does not show in it.
    pub async fn read(&self) -> Result<Conn> {
        let tx = match &self.pools {
            Pools::Sqlite(pools) => Tx::Sqlite(pools.readers.begin().await.map_err(driver)?),
            Pools::Postgres(pools) => Tx::Postgres(postgres::begin_read(&pools.work).await?),
        };
        Ok(Conn { tx, item_numbers: self.item_numbers.clone() })
    }

    /// A transaction to write with. Nothing is kept unless it is committed. No other write goes on meanwhile, so no
    /// network call or long computation belongs between.
    /// The clock is read once the turn has come.
    pub async fn write(&self, actor: Actor, clock: impl FnOnce() -> Instant) -> Result<Write> {
        let tx = match &self.pools {
            Pools::Sqlite(pools) => {
                Tx::Sqlite(pools.writer.begin_with("BEGIN IMMEDIATE").await.map_err(driver)?)
            }
            Pools::Postgres(pools) => Tx::Postgres(postgres::begin_write(&pools.work).await?),
        };
        Ok(self.writing(tx, actor, clock()))
    }

    /// A transaction on rows that no other process writes. On PostgreSQL it waits neither for the turn to write nor for a
    /// connection behind requests, and may be lost with the server's power.
    pub async fn write_aside(&self, actor: Actor, clock: impl FnOnce() -> Instant) -> Result<Write> {
        let Pools::Postgres(pools) = &self.pools else { return self.write(actor, clock).await };
        let tx = Tx::Postgres(postgres::begin_aside(&pools.aside).await?);
        Ok(self.writing(tx, actor, clock()))
    }

    fn writing(&self, tx: Tx, actor: Actor, now: Instant) -> Write {
        let conn = Conn { tx, item_numbers: self.item_numbers.clone() };
        Write { conn, actor, now, stamp: None, seq: None, ordinal: 0, reason: None }
    }

    /// Listens for hints from other processes; `None` where there can be none.
    pub async fn hints(&self) -> Result<Option<Hints>> {
        match &self.pools {
            Pools::Sqlite(_) => Ok(None),
            Pools::Postgres(pools) => Hints::listen(&pools.aside).await.map(Some),
        }
    }

    /// Whether other processes may be at work on it.
    pub const fn is_shared(&self) -> bool {
        matches!(self.pools, Pools::Postgres(_))
    }

    /// Waits for open transactions and closes all connections; SQLite folds its write-ahead log into the file.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite(pools) => pools.close().await,
            Pools::Postgres(pools) => pools.close().await,
        }
    }
}

/// An open transaction. Dropped, it is rolled back.
pub struct Conn {
    tx: Tx,
    item_numbers: Arc<OnceLock<ItemNumbers>>,
}

enum Tx {
    Sqlite(Transaction<'static, sqlx::Sqlite>),
    Postgres(Transaction<'static, sqlx::Postgres>),
}

/// The same for either driver: `$tx` is its transaction and `$bind` makes its arguments.
macro_rules! on {
    ($conn:expr, |$tx:ident, $bind:ident| $with:expr) => {
        match &mut $conn.tx {
            Tx::Sqlite($tx) => {
                use sqlite::bind as $bind;
                $with
            }
            Tx::Postgres($tx) => {
                use postgres::bind as $bind;
                $with
            }
        }
    };
}

impl Conn {
    /// What [`crate::catalogue::item_numbers`] remembers of this database.
    pub(crate) fn item_numbers(&self) -> &OnceLock<ItemNumbers> {
        &self.item_numbers
    }

    /// Rows for `VALUES`, in a statement without other placeholders.
    pub(crate) fn value_rows(&self, rows: &[Vec<Arg>]) -> String {
        match self.tx {
            Tx::Sqlite(_) => dialect::value_rows(rows.len(), dialect::width(rows)),
            Tx::Postgres(_) => dialect::numbered_value_rows(rows.len(), dialect::width(rows)),
        }
    }

    /// The statement for the database at hand, where no text serves both.
    pub const fn in_dialect(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self.tx {
            Tx::Sqlite(_) => sqlite,
            Tx::Postgres(_) => postgres,
        }
    }

    /// All rows.
    pub async fn all(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<Row>> {
        on!(self, |tx, bind| {
            let rows = tx.fetch_all(sqlx::query_with(sql, bind(args)?)).await.map_err(driver)?;
            Ok(rows.into_iter().map(Row::from).collect())
        })
    }

    /// All rows of a statement whose number of placeholders varies; `sql` must be made of constants and
    /// [`dialect::placeholders`] alone.
    pub async fn all_of(&mut self, sql: String, args: Vec<Arg>) -> Result<Vec<Row>> {
        on!(self, |tx, bind| {
            let query = sqlx::query_with(AssertSqlSafe(sql), bind(args)?).persistent(false);
            let rows = tx.fetch_all(query).await.map_err(driver)?;
            Ok(rows.into_iter().map(Row::from).collect())
        })
    }

    /// As [`Conn::each`], for a statement like those of [`Conn::all_of`]; `again` where its very text comes again.
    pub async fn each_of(
        &mut self,
        sql: String,
        again: bool,
        args: Vec<Arg>,
        mut take: impl FnMut(&Row) -> Result<()>,
    ) -> Result<()> {
        on!(self, |tx, bind| {
            let mut rows = tx.fetch(sqlx::query_with(AssertSqlSafe(sql), bind(args)?).persistent(again));
            while let Some(row) = rows.try_next().await.map_err(driver)? {
                take(&Row::from(row))?;
            }
            Ok(())
        })
    }

    /// Gives each row to `take` as it comes: for answers that may be too long to hold as rows.
    pub async fn each(
        &mut self,
        sql: &'static str,
        args: Vec<Arg>,
        mut take: impl FnMut(&Row) -> Result<()>,
    ) -> Result<()> {
        on!(self, |tx, bind| {
            let mut rows = tx.fetch(sqlx::query_with(sql, bind(args)?));
            while let Some(row) = rows.try_next().await.map_err(driver)? {
                take(&Row::from(row))?;
            }
            Ok(())
        })
    }

    /// All rows as they come, of a statement like those of [`Conn::all_of`] without placeholders.
    pub(crate) fn stream_of(&mut self, sql: String) -> BoxStream<'_, Result<Row>> {
        match &mut self.tx {
            Tx::Sqlite(tx) => row::neutral(tx.fetch(sqlx::query(AssertSqlSafe(sql)))),
            Tx::Postgres(tx) => row::neutral(tx.fetch(sqlx::query(AssertSqlSafe(sql)))),
        }
    }

    /// The first row, if there is one.
    pub async fn one(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Option<Row>> {
        on!(self, |tx, bind| {
            let row = tx.fetch_optional(sqlx::query_with(sql, bind(args)?)).await.map_err(driver)?;
            Ok(row.map(Row::from))
        })
    }

    /// The number in the column `n` of the only row.
    pub async fn count(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<i64> {
        self.one(sql, args).await?.map_or(Ok(0), |row| row.int("n"))
    }

    /// Runs a statement; gives back how many rows it touched. Only [`Write`] may change anything.
    async fn run(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<u64> {
        on!(self, |tx, bind| {
            let done = tx.execute(sqlx::query_with(sql, bind(args)?)).await.map_err(driver)?;
            Ok(done.rows_affected())
        })
    }
}

/// A transaction that writes, in the name of an actor. It reads, too, and sees what it has written.
pub struct Write {
    conn: Conn,
    actor: Actor,
    now: Instant,
    pub(crate) stamp: Option<Instant>,
    seq: Option<Seq>,
    ordinal: i64,
    reason: Option<String>,
}

impl Write {
    /// Who writes.
    pub const fn actor(&self) -> Actor {
        self.actor
    }

    /// When, by the clock; what lists of changes go by is [`Write::stamp`].
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Why, for the change log; `None` unless set.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Says why, for every change logged from here on.
    pub fn because(&mut self, reason: impl Into<String>) {
        self.reason = Some(reason.into());
    }

    /// This transaction's acceptance number, taken at the first call.
    pub async fn seq(&mut self) -> Result<Seq> {
        if let Some(seq) = self.seq {
            return Ok(seq);
        }
        let row = self.conn.one("UPDATE acceptance SET seq = seq + 1 RETURNING seq", Vec::new()).await?;
        let seq = Seq(row.map_or(Ok(0), |row| row.int("seq"))?);
        self.seq = Some(seq);
        Ok(seq)
    }

    /// This transaction's acceptance number if it has taken one: what bears it is not committed yet.
    pub const fn own_seq(&self) -> Option<Seq> {
        self.seq
    }

    /// The next place within this transaction's acceptance number.
    pub const fn next_ordinal(&mut self) -> i64 {
        self.ordinal += 1;
        self.ordinal
    }

    /// Runs a statement; gives back how many rows it touched.
    pub async fn run(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<u64> {
        self.conn.run(sql, args).await
    }

    /// Inserts many rows with few statements. `insert` ends before the values, such as `INSERT INTO t (a, b)`;
    /// `conflict` is what follows them, or empty. Every row has the same number of values.
    pub async fn insert_many(
        &mut self,
        insert: &'static str,
        conflict: &'static str,
        rows: Vec<Vec<Arg>>,
    ) -> Result<()> {
        self.insert_many_of(insert, conflict, rows).await
    }

    /// As [`Write::insert_many`], where the text is made of names that a catalogue gave.
    pub(crate) async fn insert_many_of(
        &mut self,
        insert: &str,
        conflict: &str,
        rows: Vec<Vec<Arg>>,
    ) -> Result<()> {
        for batch in dialect::batches(rows) {
            let sql = format!("{insert} VALUES {} {conflict}", self.conn.value_rows(&batch));
            let args = batch.into_iter().flatten().collect();
            on!(self.conn, |tx, bind| {
                tx.execute(sqlx::query_with(AssertSqlSafe(sql), bind(args)?)).await.map_err(driver)?;
            });
        }
        Ok(())
    }

    /// Makes it last. Until then nobody else sees it.
    pub async fn commit(self) -> Result<()> {
        match self.conn.tx {
            Tx::Sqlite(tx) => tx.commit().await,
            Tx::Postgres(tx) => tx.commit().await,
        }
        .map_err(driver)
    }
}

impl Deref for Write {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}
