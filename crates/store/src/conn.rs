//! The only file that names the drivers.
//!
//! A statement is a text with `$1`, `$2`, ... and a list of [`Arg`]s; what comes back are [`Row`]s with typed getters.
//! Both are neutral, so that the noun modules are written once for every database. SQLite runs with one writer, whose
//! transactions begin IMMEDIATE, and several readers, each of which sees a snapshot.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use domain::access::Actor;
use domain::ids::Seq;
use domain::time::{Day, Instant};
use futures_util::TryStreamExt as _;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Connection as _, Executor, Row as _, Sqlite, SqlitePool, Transaction};

use crate::{Arg, Error, Result, dialect};
use domain::catalogue::ItemNumbers;

/// How long a transaction waits for its turn before it is [`Error::Busy`].
const PATIENCE: Duration = Duration::from_secs(20);
/// Connections that read.
const READERS: u32 = 6;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");

/// A row of an answer.
pub struct Row(sqlx::sqlite::SqliteRow);

impl Row {
    /// A number.
    pub fn int(&self, column: &str) -> Result<i64> {
        self.0.try_get(column).map_err(driver)
    }

    /// A number or null.
    pub fn opt_int(&self, column: &str) -> Result<Option<i64>> {
        self.0.try_get(column).map_err(driver)
    }

    /// A text.
    pub fn text(&self, column: &str) -> Result<String> {
        self.0.try_get(column).map_err(driver)
    }

    /// A text or null.
    pub fn opt_text(&self, column: &str) -> Result<Option<String>> {
        self.0.try_get(column).map_err(driver)
    }

    /// Bytes.
    pub fn blob(&self, column: &str) -> Result<Vec<u8>> {
        self.0.try_get(column).map_err(driver)
    }

    /// A truth value.
    pub fn flag(&self, column: &str) -> Result<bool> {
        Ok(self.int(column)? != 0)
    }

    /// A truth value or null.
    pub fn opt_flag(&self, column: &str) -> Result<Option<bool>> {
        Ok(self.opt_int(column)?.map(|value| value != 0))
    }

    /// An instant.
    pub fn instant(&self, column: &str) -> Result<Instant> {
        self.int(column).map(Instant)
    }

    /// An instant or null.
    pub fn opt_instant(&self, column: &str) -> Result<Option<Instant>> {
        Ok(self.opt_int(column)?.map(Instant))
    }

    /// A day.
    pub fn day(&self, column: &str) -> Result<Day> {
        day(column, self.int(column)?)
    }

    /// A day or null.
    pub fn opt_day(&self, column: &str) -> Result<Option<Day>> {
        self.opt_int(column)?.map(|value| day(column, value)).transpose()
    }

    /// An id, a word of an enumeration or another value with a text form.
    pub fn parsed<T: FromStr>(&self, column: &str) -> Result<T> {
        parse(column, self.text(column)?)
    }

    /// Such a value or null.
    pub fn opt_parsed<T: FromStr>(&self, column: &str) -> Result<Option<T>> {
        self.opt_text(column)?.map(|text| parse(column, text)).transpose()
    }

    /// A comma-separated list of such values, as [`crate::arg::list`] writes it.
    pub fn parsed_list<T: FromStr>(&self, column: &str) -> Result<Vec<T>> {
        let text = self.text(column)?;
        text.split(',').filter(|word| !word.is_empty()).map(|word| parse(column, word.to_owned())).collect()
    }
}

fn day(column: &str, value: i64) -> Result<Day> {
    i32::try_from(value).map(Day).map_err(|_| corrupt(column, value.to_string(), "a day"))
}

fn parse<T: FromStr>(column: &str, text: String) -> Result<T> {
    text.parse().map_err(|_| corrupt(column, text, std::any::type_name::<T>()))
}

/// A stored value that Tidemark never writes.
pub(crate) fn corrupt(column: &str, value: String, expected: &'static str) -> Error {
    Error::Corrupt { column: column.to_owned(), value, expected }
}

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    readers: SqlitePool,
    writer: SqlitePool,
    item_numbers: Arc<OnceLock<ItemNumbers>>,
}

impl Db {
    /// Opens the SQLite file, makes it where it is missing, and brings it to this version's schema.
    pub async fn open(file: &Path) -> Result<Self> {
        let db = Self::connect(file, true).await?;
        MIGRATIONS.run(&db.writer).await.map_err(|error| Error::Migrate(Box::new(error)))?;
        crate::search::fill(&db).await.map(|()| db)
    }

    /// Opens a SQLite file beside the process that serves it: its schema must be this version's already.
    pub async fn join(file: &Path) -> Result<Self> {
        let db = Self::connect(file, false).await?;
        let stored =
            db.read().await?.count("SELECT MAX(version) AS n FROM _sqlx_migrations", Vec::new()).await?;
        let is_ours = MIGRATIONS.iter().map(|migration| migration.version).max() == Some(stored);
        let other = || Error::Migrate("it has the schema of another version of Tidemark".into());
        is_ours.then_some(db).ok_or_else(other)
    }

    async fn connect(file: &Path, create: bool) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(create)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Every commit reaches the disk before it is answered: nothing accepted is lost with the power.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(PATIENCE)
            .statement_cache_capacity(256)
            .pragma("cache_size", "-65536");
        let pool = |size| {
            SqlitePoolOptions::new()
                .max_connections(size)
                .acquire_timeout(PATIENCE)
                .test_before_acquire(false)
                // A full disk ends a transaction behind the driver's back. The driver goes on counting it and would
                // begin no other on that connection, so it is replaced.
                .before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }))
        };
        let writer = pool(1).connect_with(options.clone()).await.map_err(driver)?;
        let readers = pool(READERS).connect_with(options).await.map_err(driver)?;
        Ok(Self { readers, writer, item_numbers: Arc::default() })
    }

    /// A snapshot to read from: what is committed later does not show in it.
    pub async fn read(&self) -> Result<Conn> {
        let tx = self.readers.begin().await.map_err(driver)?;
        Ok(Conn { tx, item_numbers: self.item_numbers.clone() })
    }

    /// A transaction to write with. Nothing is kept unless it is committed. No other write goes on meanwhile, so no
    /// network call or long computation belongs between.
    /// The clock is read once the turn has come.
    pub async fn write(&self, actor: Actor, clock: impl FnOnce() -> Instant) -> Result<Write> {
        let tx = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(driver)?;
        let conn = Conn { tx, item_numbers: self.item_numbers.clone() };
        Ok(Write { conn, actor, now: clock(), stamp: None, seq: None, ordinal: 0, reason: None })
    }

    /// Waits for open transactions, folds the write-ahead log into the file and closes it.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// An open transaction. Dropped, it is rolled back.
pub struct Conn {
    tx: Transaction<'static, Sqlite>,
    item_numbers: Arc<OnceLock<ItemNumbers>>,
}

impl Conn {
    /// What [`crate::catalogue::item_numbers`] remembers of this database.
    pub(crate) fn item_numbers(&self) -> &OnceLock<ItemNumbers> {
        &self.item_numbers
    }

    /// All rows.
    pub async fn all(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<Row>> {
        let rows = self.tx.fetch_all(sqlx::query_with(sql, bind(args)?)).await.map_err(driver)?;
        Ok(rows.into_iter().map(Row).collect())
    }

    /// All rows of a statement whose number of placeholders varies; `sql` must be made of constants and
    /// [`dialect::placeholders`] alone.
    pub async fn all_of(&mut self, sql: String, args: Vec<Arg>) -> Result<Vec<Row>> {
        let query = sqlx::query_with(AssertSqlSafe(sql), bind(args)?).persistent(false);
        let rows = self.tx.fetch_all(query).await.map_err(driver)?;
        Ok(rows.into_iter().map(Row).collect())
    }

    /// As [`Conn::each`], for a statement like those of [`Conn::all_of`]; `again` where its very text comes again.
    pub async fn each_of(
        &mut self,
        sql: String,
        again: bool,
        args: Vec<Arg>,
        mut take: impl FnMut(&Row) -> Result<()>,
    ) -> Result<()> {
        let mut rows = self.tx.fetch(sqlx::query_with(AssertSqlSafe(sql), bind(args)?).persistent(again));
        while let Some(row) = rows.try_next().await.map_err(driver)? {
            take(&Row(row))?;
        }
        Ok(())
    }

    /// Gives each row to `take` as it comes: for answers that may be too long to hold as rows.
    pub async fn each(
        &mut self,
        sql: &'static str,
        args: Vec<Arg>,
        mut take: impl FnMut(&Row) -> Result<()>,
    ) -> Result<()> {
        let mut rows = self.tx.fetch(sqlx::query_with(sql, bind(args)?));
        while let Some(row) = rows.try_next().await.map_err(driver)? {
            take(&Row(row))?;
        }
        Ok(())
    }

    /// The first row, if there is one.
    pub async fn one(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Option<Row>> {
        let row = self.tx.fetch_optional(sqlx::query_with(sql, bind(args)?)).await.map_err(driver)?;
        Ok(row.map(Row))
    }

    /// The number in the column `n` of the only row.
    pub async fn count(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<i64> {
        self.one(sql, args).await?.map_or(Ok(0), |row| row.int("n"))
    }

    /// Runs a statement; gives back how many rows it touched. Only [`Write`] may change anything.
    async fn run(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<u64> {
        let done = self.tx.execute(sqlx::query_with(sql, bind(args)?)).await.map_err(driver)?;
        Ok(done.rows_affected())
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
        let width = rows.first().map_or(1, Vec::len).max(1);
        let mut rows = rows.into_iter();
        while rows.len() > 0 {
            let next = dialect::next_rows(rows.len(), width);
            let batch: Vec<Vec<Arg>> = rows.by_ref().take(next).collect();
            let sql = format!("{insert} VALUES {} {conflict}", dialect::value_rows(batch.len(), width));
            let args = bind(batch.into_iter().flatten().collect())?;
            self.conn.tx.execute(sqlx::query_with(AssertSqlSafe(sql), args)).await.map_err(driver)?;
        }
        Ok(())
    }

    /// Makes it last. Until then nobody else sees it.
    pub async fn commit(self) -> Result<()> {
        self.conn.tx.commit().await.map_err(driver)
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

fn bind(args: Vec<Arg>) -> Result<SqliteArguments> {
    use sqlx::Arguments as _;
    let mut bound = SqliteArguments::default();
    for arg in args {
        match arg {
            Arg::Int(value) => bound.add(value),
            Arg::Text(value) => bound.add(value),
            Arg::Blob(value) => bound.add(value),
        }
        .map_err(Error::Driver)?;
    }
    Ok(bound)
}

fn driver(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::PoolTimedOut => return Error::Busy,
        sqlx::Error::Database(database) => {
            if database.is_unique_violation() {
                return Error::Unique { constraint: database.message().to_owned() };
            }
            let code = database.code().and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff);
            // SQLITE_BUSY, SQLITE_LOCKED and SQLITE_FULL of sqlite3.h, primary codes.
            match code {
                Some(5 | 6) => return Error::Busy,
                Some(13) => return Error::Full,
                _ => {}
            }
        }
        _ => {}
    }
    Error::Driver(Box::new(error))
}
