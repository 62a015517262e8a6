//! SQLite: a file, one writer, several readers.

use std::path::Path;

use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, SqlitePool};

use super::{PATIENCE, driver};
use crate::{Arg, Error, Result};

pub(super) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");

/// Connections that read.
const READERS: u32 = 6;

/// Connections to one file.
#[derive(Debug, Clone)]
pub(super) struct Pools {
    pub(super) readers: SqlitePool,
    pub(super) writer: SqlitePool,
}

impl Pools {
    pub(super) async fn connect(file: &Path, create: bool) -> Result<Self> {
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
        Ok(Self { readers, writer })
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

pub(super) fn bind(args: Vec<Arg>) -> Result<SqliteArguments> {
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

/// What a code of sqlite3.h means, if it has a name here; extended codes hold their primary one in the low byte.
pub(super) fn meaning(code: &str) -> Option<Error> {
    match code.parse::<i32>().ok()? & 0xff {
        // SQLITE_BUSY and SQLITE_LOCKED, SQLITE_FULL.
        5 | 6 => Some(Error::Busy),
        13 => Some(Error::Full),
        _ => None,
    }
}
