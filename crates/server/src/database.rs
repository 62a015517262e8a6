//! Which database holds the installation: a SQLite file in the data directory, or PostgreSQL.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use store::{Db, Postgres};

/// The file's name in the data directory.
const FILE: &str = "tidemark.db";

/// Where the database is.
#[derive(Debug, Clone)]
pub enum Database {
    /// SQLite, for one process.
    File(PathBuf),
    /// PostgreSQL, for any number of nodes.
    Server(Box<Postgres>),
}

impl Database {
    /// The file in a data directory.
    pub fn in_directory(data_dir: &Path) -> Self {
        Self::File(data_dir.join(FILE))
    }

    /// Opens what `init` made, and brings it to this version's schema.
    pub async fn open(&self) -> Result<Db> {
        self.ensure_file()?;
        let db = match self {
            Self::File(file) => Db::open(file).await,
            Self::Server(server) => Db::upgrade_postgres(server).await,
        };
        self.ensure_initialised(db.with_context(|| format!("{self} cannot be opened"))?).await
    }

    /// Opens it beside the processes that serve it, whose version must be this one.
    pub async fn join(&self) -> Result<Db> {
        self.ensure_file()?;
        let db = match self {
            Self::File(file) => Db::join(file).await,
            Self::Server(server) => Db::join_postgres(server).await,
        };
        self.ensure_initialised(db.with_context(|| format!("{self} cannot be opened"))?).await
    }

    /// The same, for statements that take as long as they take.
    #[must_use]
    pub fn patient(&self) -> Self {
        let mut patient = self.clone();
        if let Self::Server(server) = &mut patient {
            server.statement_timeout = Duration::ZERO;
        }
        patient
    }

    fn ensure_file(&self) -> Result<()> {
        if let Self::File(file) = self {
            let directory = file.parent().unwrap_or(file).display();
            ensure!(
                file.exists(),
                "{directory} holds no database; make one with: tidemark init --data-dir {directory}"
            );
        }
        Ok(())
    }

    async fn ensure_initialised(&self, db: Db) -> Result<Db> {
        let is_done = app::setup::is_done(&mut db.read().await?).await?;
        ensure!(is_done, "{self} holds no installation; make one with: tidemark init");
        Ok(db)
    }
}

/// Without what is secret in an address.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => file.display().fmt(f),
            Self::Server(server) => server.fmt(f),
        }
    }
}
