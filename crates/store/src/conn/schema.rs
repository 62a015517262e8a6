//! Databases as they are found, and which version of the schema they hold: for restoring a backup.

use std::path::Path;

use super::{Conn, Db, Pools, Postgres, Tx, Write, postgres, sqlite};
use crate::{Error, Result};

/// The newest version of the schema that this Tidemark knows.
pub fn newest_schema() -> i64 {
    sqlite::MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

impl Db {
    /// Opens a SQLite file with whatever it holds, and makes it where it is missing.
    pub async fn as_it_is(file: &Path) -> Result<Self> {
        Ok(Self::over(Pools::Sqlite(sqlite::Pools::connect(file, true).await?)))
    }

    /// Opens a PostgreSQL database with whatever it holds.
    pub async fn postgres_as_it_is(server: &Postgres) -> Result<Self> {
        Ok(Self::over(Pools::Postgres(server.connect().await?)))
    }
}

impl Conn {
    /// Whether the database is PostgreSQL, for what one of them has no room for.
    pub const fn is_postgres(&self) -> bool {
        matches!(self.tx, Tx::Postgres(_))
    }

    /// The version of the schema that the database holds; `None` where it holds none of Tidemark's.
    pub async fn schema(&mut self) -> Result<Option<i64>> {
        Ok(self.applied().await?.into_keys().last())
    }
}

impl Write {
    /// Brings the schema to this version, or to this Tidemark's, as a part of this transaction.
    pub async fn migrate(&mut self, to: Option<i64>) -> Result<()> {
        let to = to.unwrap_or_else(newest_schema);
        let done = match &mut self.conn.tx {
            Tx::Sqlite(tx) => sqlite::MIGRATIONS.run_direct(Some(to), &mut **tx, false).await,
            Tx::Postgres(tx) => postgres::MIGRATIONS.run_direct(Some(to), &mut **tx, false).await,
        };
        done.map_err(|error| Error::Migrate(Box::new(error)))
    }
}
