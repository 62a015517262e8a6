//! PostgreSQL: a server that any number of nodes share.

use std::fmt;
use std::str::FromStr as _;
use std::time::Duration;

use domain::ids::NodeId;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgDatabaseError, PgListener, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgPool, Transaction};

use super::{PATIENCE, driver, migrations};
use crate::{Arg, Error, Result};

pub(super) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/postgres");

/// What is read sees one state of the whole database, as in SQLite.
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// One writer at a time, across all nodes, as in SQLite: who is let in sees all that those before committed. The lock
/// goes with the transaction, and a node that stalls with it does not hold up the others for ever. Its number is the
/// letters `TIDEMARK`.
const BEGIN_WRITE: &str = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '20s'; \
     SELECT pg_advisory_xact_lock(6073460636925383243)";

/// Waits for no turn, and neither for the disk nor for a standby: for what is written again in a moment.
const BEGIN_ASIDE: &str = "BEGIN; SET LOCAL synchronous_commit = off; SET LOCAL statement_timeout = '5s'";

/// Connections to one database.
#[derive(Debug, Clone)]
pub(super) struct Pools {
    /// For requests and jobs.
    pub(super) work: PgPool,
    /// For this node's signs of life, which must not wait behind work, and for hints from other nodes.
    pub(super) aside: PgPool,
}

impl Pools {
    pub(super) async fn close(&self) {
        self.aside.close().await;
        self.work.close().await;
    }
}

pub(super) async fn begin_aside(pool: &PgPool) -> Result<Transaction<'static, sqlx::Postgres>> {
    begin(pool, BEGIN_ASIDE).await
}

pub(super) async fn begin_read(pool: &PgPool) -> Result<Transaction<'static, sqlx::Postgres>> {
    begin(pool, BEGIN_READ).await
}

pub(super) async fn begin_write(pool: &PgPool) -> Result<Transaction<'static, sqlx::Postgres>> {
    begin(pool, BEGIN_WRITE).await
}

/// Begins in a task of its own, which goes on where the caller gives up: the driver loses count of a transaction whose
/// beginning is not waited for, and would hand the connection on with the transaction, its snapshot and its lock open.
#[expect(clippy::disallowed_methods, reason = "it waits for the database alone, no longer than PATIENCE")]
async fn begin(pool: &PgPool, statement: &'static str) -> Result<Transaction<'static, sqlx::Postgres>> {
    let pool = pool.clone();
    let begun = tokio::spawn(async move {
        if pool.size() == 0 {
            ensure_reached(&pool).await?;
        }
        // After the server was gone every connection that waits in the pool is found broken, each once.
        for _ in 0..pool.size() {
            match pool.begin_with(statement).await {
                Err(error) if is_lost(&error) => ensure_reached(&pool).await?,
                begun => return begun,
            }
        }
        pool.begin_with(statement).await
    });
    begun.await.map_err(|error| Error::Driver(Box::new(error)))?.map_err(driver)
}

/// Fails at once where the server refuses connections. The pool tries again for as long as anybody may wait, while callers
/// had better be told.
async fn ensure_reached(pool: &PgPool) -> std::result::Result<(), sqlx::Error> {
    let options = pool.connect_options();
    let connected = tokio::time::timeout(PATIENCE, options.connect()).await;
    connected.map_err(|_| sqlx::Error::PoolTimedOut)??.close().await
}

/// Whether the connection is of no use any more: closed, or ended by the server (PostgreSQL, appendix A, class 57P).
fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(database) => database.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}

/// Hints from nodes that there may be work (PostgreSQL, LISTEN).
#[derive(Debug)]
pub struct Hints(PgListener);

impl Hints {
    pub(super) async fn listen(pool: &PgPool) -> Result<Self> {
        let mut listener = PgListener::connect_with(pool).await.map_err(driver)?;
        listener.listen("tidemark_work").await.map_err(driver)?;
        Ok(Self(listener))
    }

    /// Waits for the next and gives its sender. `None` after the connection was lost, which the next call makes anew: what
    /// was said meanwhile is not heard.
    pub async fn next(&mut self) -> Result<Option<NodeId>> {
        let hint = self.0.try_recv().await.map_err(driver)?;
        Ok(hint.and_then(|hint| hint.payload().parse().ok()))
    }
}

/// Where PostgreSQL is, and what Tidemark takes of it.
#[derive(Clone)]
pub struct Postgres {
    address: PgConnectOptions,
    /// Connections that a node holds at most for requests and jobs; beside them it holds two.
    pub connections: u32,
    /// When the server ends a statement.
    pub statement_timeout: Duration,
}

impl Postgres {
    /// The server at `postgres://user:password@host:port/database?sslmode=...`, as libpq has it (PostgreSQL, 34.1.1.2),
    /// with the defaults of everything else; or what is wrong with the address.
    pub fn at(url: &str) -> std::result::Result<Self, String> {
        let is_postgres = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
        if !is_postgres {
            return Err("it does not begin with postgres://".to_owned());
        }
        let address = PgConnectOptions::from_str(url).map_err(|error| error.to_string())?;
        Ok(Self { address, connections: 16, statement_timeout: Duration::from_mins(5) })
    }

    pub(super) async fn connect(&self) -> Result<Pools> {
        let milliseconds = |time: Duration| time.as_millis().to_string();
        let options = self
            .address
            .clone()
            .application_name(&migrations::application())
            .statement_cache_capacity(512)
            .options([
                ("statement_timeout", milliseconds(self.statement_timeout)),
                ("lock_timeout", milliseconds(PATIENCE)),
                // Joins are made in the order in which the statements write them, which is right for small and large.
                ("join_collapse_limit", "1".to_owned()),
                // Plans that were made for one value serve all: statements are short and come again.
                ("plan_cache_mode", "force_generic_plan".to_owned()),
                ("jit", "off".to_owned()),
            ]);
        // Once without the pool, which would try again for a while and then not say why.
        let first = options.connect().await.map_err(|error| Error::Driver(Box::new(error)))?;
        first.close().await.map_err(driver)?;
        let pool = |connections| {
            let pool = PgPoolOptions::new().max_connections(connections).acquire_timeout(PATIENCE);
            pool.test_before_acquire(false).connect_lazy_with(options.clone())
        };
        Ok(Pools { work: pool(self.connections), aside: pool(2) })
    }
}

/// As for people: the driver's own form would show the password.
impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The address without the password.
impl fmt::Display for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, .. } = self;
        let (user, host, port) = (address.get_username(), address.get_host(), address.get_port());
        write!(f, "postgres://{user}@{host}:{port}/{}", address.get_database().unwrap_or(user))
    }
}

pub(super) fn bind(args: Vec<Arg>) -> Result<PgArguments> {
    use sqlx::Arguments as _;
    let mut bound = PgArguments::default();
    for arg in args {
        match arg {
            Arg::Int(value) => bound.add(value),
            Arg::Text(value) => bound.add(value.map(without_nul)),
            Arg::Blob(value) => bound.add(value),
        }
        .map_err(Error::Driver)?;
    }
    Ok(bound)
}

/// PostgreSQL has no texts with NUL in them, so that no such text is ever found there: U+FFFF, which Unicode keeps from
/// being a character, stands for it.
fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{ffff}") } else { text }
}

/// What an SQLSTATE means, if it has a name here (PostgreSQL, appendix A).
pub(super) fn meaning(code: &str) -> Option<Error> {
    match code {
        // Disk full.
        "53100" => Some(Error::Full),
        // A lock or a statement that took too long, a deadlock, too many connections; a server that goes down, comes up
        // or has become a standby.
        "55P03" | "57014" | "40001" | "40P01" | "53300" | "57P01" | "57P02" | "57P03" | "25006" | "25P03" => {
            Some(Error::Busy)
        }
        _ if code.starts_with("08") => Some(Error::Busy),
        _ => None,
    }
}

/// The unique index of a row that was refused, in SQLite's words: `users.login` for `users_login`.
pub(super) fn constraint(error: &PgDatabaseError) -> String {
    let (index, table) = (error.constraint().unwrap_or_default(), error.table().unwrap_or_default());
    match index.strip_prefix(table).and_then(|rest| rest.strip_prefix('_')) {
        Some(column) => format!("{table}.{column}"),
        None => index.to_owned(),
    }
}
