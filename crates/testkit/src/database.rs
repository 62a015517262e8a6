//! Throw-away databases.

use std::path::{Path, PathBuf};

use sqlx::postgres::PgTypeInfo;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, SqlSafeStr as _, Type,
};
use store::{Db, Postgres};

/// Names a PostgreSQL server whose user may make databases, as `postgres://user@host:port`: then tests run on it, and
/// otherwise on SQLite.
const SERVER: &str = "TIDEMARK_TEST_POSTGRES";
/// What new databases are copied from; whoever comes first makes it.
const TEMPLATE: &str = "tidemark_template";

/// A database of its own for a test: a file, or a database that is dropped with this.
#[derive(Debug)]
pub enum Database {
    /// SQLite.
    File(PathBuf),
    /// PostgreSQL.
    Server {
        /// The server's address.
        server: String,
        /// The database's name.
        name: String,
    },
}

/// What a value of a statement is, of what `store::Arg` may be.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A number.
    Int,
    /// A text.
    Text,
}

impl Kind {
    /// The type that the driver sends for it.
    fn postgres(self) -> PgTypeInfo {
        match self {
            Self::Int => <i64 as Type<sqlx::Postgres>>::type_info(),
            Self::Text => <String as Type<sqlx::Postgres>>::type_info(),
        }
    }
}

#[expect(clippy::expect_used, reason = "a test without a database cannot go on")]
impl Database {
    /// A new one with the schema of today; a file lies in `directory`.
    pub async fn new(directory: &Path) -> Self {
        let Some(server) = server() else { return Self::file(directory) };
        let name = name_of(directory);
        let mut maintenance = connect(&server).await;
        // Number 1 is the template's.
        sqlx::raw_sql("SELECT pg_advisory_lock(1)").execute(&mut maintenance).await.expect("a lock");
        let templates = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1").bind(TEMPLATE);
        if templates.fetch_optional(&mut maintenance).await.expect("a list").is_none() {
            run(&mut maintenance, format!("CREATE DATABASE {TEMPLATE}")).await;
            let template = Self::Server { server: server.clone(), name: TEMPLATE.to_owned() };
            template.open().await.close().await;
            std::mem::forget(template);
        }
        run(&mut maintenance, format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")).await;
        maintenance.close().await.expect("a goodbye");
        Self::Server { server, name }
    }

    /// A file in `directory`, wherever other tests run.
    pub fn file(directory: &Path) -> Self {
        Self::File(directory.join("tidemark.db"))
    }

    /// Where another one can be made, of the kind of [`Database::new`]: a file that is not there, in `directory`, or a
    /// database without anything in it.
    pub async fn place(directory: &Path) -> Self {
        if server().is_some() { Self::empty_on_server(directory).await } else { Self::file(directory) }
    }

    /// A new one of PostgreSQL without anything in it, not even a schema; for tests that end in `_on_postgres`.
    ///
    /// # Panics
    /// Where no server is named.
    pub async fn empty_on_server(directory: &Path) -> Self {
        let server =
            server().expect("TIDEMARK_TEST_POSTGRES, as cargo xtask test sets it for its second pass");
        let name = format!("{}_empty", name_of(directory));
        run(&mut connect(&server).await, format!("CREATE DATABASE {name} TEMPLATE template0")).await;
        Self::Server { server, name }
    }

    /// Opens it; any number of times, as nodes do.
    pub async fn open(&self) -> Db {
        match self {
            Self::File(file) => Db::open(file).await,
            Self::Server { .. } => Db::open_postgres(&self.postgres()).await,
        }
        .expect("a database")
    }

    /// Where it is, with few connections.
    ///
    /// # Panics
    /// On SQLite.
    #[expect(clippy::panic, reason = "a mistake of the test")]
    pub fn postgres(&self) -> Postgres {
        let Self::Server { server, name } = self else { panic!("SQLite is nowhere but in its file") };
        let mut postgres = Postgres::at(&address(server, name)).expect("an address");
        postgres.connections = 8;
        postgres
    }
}

#[expect(clippy::expect_used, reason = "a test without a database cannot go on")]
impl Database {
    /// What a command of Tidemark needs beside the data directory to find it.
    pub fn options(&self) -> Vec<String> {
        match self {
            Self::File(_) => Vec::new(),
            Self::Server { server, name } => vec!["--database-url".to_owned(), address(server, name)],
        }
    }

    /// Those of these statements that it does not prepare, each with its reason. Of the first of its values it may be known
    /// what they are; what the others are must follow from the statement.
    pub async fn refused(
        &self,
        statements: impl Iterator<Item = (&str, &[Kind])>,
    ) -> Vec<(String, sqlx::Error)> {
        // Brings it to the schema of today.
        self.open().await.close().await;
        let mut refused = Vec::new();
        match self {
            Self::File(file) => {
                let options = SqliteConnectOptions::new().filename(file);
                let mut connection = options.connect().await.expect("a file");
                for (statement, _) in statements {
                    let prepared = connection.prepare(AssertSqlSafe(statement).into_sql_str()).await;
                    refused.extend(prepared.err().map(|error| (statement.to_owned(), error)));
                }
            }
            Self::Server { server, name } => {
                let mut connection = PgConnection::connect(&address(server, name)).await.expect("a server");
                for (statement, values) in statements {
                    let types: Vec<PgTypeInfo> = values.iter().map(|kind| kind.postgres()).collect();
                    let sql = AssertSqlSafe(statement).into_sql_str();
                    let prepared = connection.prepare_with(sql, &types).await;
                    refused.extend(prepared.err().map(|error| (statement.to_owned(), error)));
                }
            }
        }
        refused
    }

    /// Whether these bytes stand anywhere in it, in a text or in bytes.
    pub async fn holds(&self, needle: &[u8]) -> bool {
        match self {
            Self::File(file) => ["", "-wal"].iter().any(|suffix| {
                let bytes = std::fs::read(format!("{}{suffix}", file.display())).unwrap_or_default();
                bytes.windows(needle.len()).any(|window| window == needle)
            }),
            Self::Server { server, name } => {
                let mut connection = PgConnection::connect(&address(server, name)).await.expect("a server");
                let tables: Vec<String> =
                    sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
                        .fetch_all(&mut connection)
                        .await
                        .expect("a list");
                for table in tables {
                    // Bytes show as hexadecimal digits in the text of a row.
                    let sql = format!(
                        "SELECT EXISTS (SELECT 1 FROM {table} t WHERE strpos(t::text, encode($1, 'hex')) > 0
                         OR strpos(t::text, encode($1, 'escape')) > 0)"
                    );
                    let found = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(needle);
                    if found.fetch_one(&mut connection).await.expect("a row") {
                        return true;
                    }
                }
                false
            }
        }
    }
}

/// A connection to a database of PostgreSQL beside those that Tidemark makes.
#[derive(Debug)]
pub struct Beside(PgConnection);

#[expect(clippy::expect_used, clippy::panic, reason = "a test without a database cannot go on")]
impl Beside {
    /// Connects; what is begun and not committed ends when this is dropped.
    ///
    /// # Panics
    /// On SQLite.
    pub async fn of(database: &Database) -> Self {
        let Database::Server { server, name } = database else { panic!("SQLite has no connections beside") };
        Self(PgConnection::connect(&address(server, name)).await.expect("a server"))
    }

    /// Runs statements.
    pub async fn run(&mut self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&mut self.0).await.expect("a statement of the test");
    }

    /// Asks for a number again and again until it is this one.
    ///
    /// # Panics
    /// After a minute.
    pub async fn until(&mut self, expected: i64, sql: &'static str) {
        for _ in 0..3_000 {
            let number: i64 = sqlx::query_scalar(sql).fetch_one(&mut self.0).await.expect("a number");
            if number == expected {
                return;
            }
            self.run("SELECT pg_sleep(0.02)").await;
        }
        panic!("not {expected} within a minute: {sql}");
    }
}

#[expect(clippy::expect_used, reason = "a test without a database cannot go on")]
impl Drop for Database {
    fn drop(&mut self) {
        let Self::Server { server, name } = self else { return };
        let (server, drop) = (server.clone(), format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        // A thread of its own, as the test's runtime may be this one.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async { run(&mut connect(&server).await, drop).await });
        });
        let _ = dropped.join();
    }
}

#[expect(clippy::disallowed_methods, reason = "tests have no settings file")]
fn server() -> Option<String> {
    std::env::var(SERVER).ok()
}

/// A database's name for what works in this directory.
#[expect(clippy::expect_used, reason = "directories for tests have names")]
fn name_of(directory: &Path) -> String {
    directory.file_name().expect("a name").to_string_lossy().replace('-', "_")
}

fn address(server: &str, name: &str) -> String {
    format!("{server}/{name}")
}

#[expect(clippy::expect_used, reason = "a test without a database cannot go on")]
async fn connect(server: &str) -> PgConnection {
    PgConnection::connect(&format!("{server}/postgres")).await.expect("a PostgreSQL server")
}

#[expect(clippy::expect_used, reason = "a test without a database cannot go on")]
async fn run(connection: &mut PgConnection, sql: String) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(connection).await.expect("a statement of the server");
}
