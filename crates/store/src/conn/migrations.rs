//! Bringing a database to this version's schema, while nodes of other versions may be at work on it
//! (docs/guide/upgrading.md, ADR 15).
//!
//! A migration whose name begins with `expand` only adds: the version before works on what it leaves. Any other one needs
//! the database for itself, and what it leaves is for its own version and later ones.

use std::collections::BTreeMap;

use sqlx::migrate::{Migration, Migrator};

use super::{Conn, Db, Pools, postgres, sqlite};
use crate::{Error, Result};

const EXPANDS: &str = "expand";
/// What a node calls its connections, with the newest migration that it knows.
const APPLICATION: &str = "tidemark-";

/// The name of this version's connections: by it others know which schema a node that is at work stands on.
pub(super) fn application() -> String {
    let newest = postgres::MIGRATIONS.iter().map(|migration| migration.version).max();
    format!("{APPLICATION}{}", newest.unwrap_or_default())
}

impl Db {
    /// Brings the schema to this version's, unless this version or one that is at work could not go on then.
    pub(super) async fn migrated(self) -> Result<Self> {
        let (ours, applied) = (self.ours(), self.applied().await?);
        ensure_known(&ours, &applied)?;
        let pending = ours.iter().filter(|migration| !applied.contains_key(&migration.version));
        let alone = pending.filter(|migration| !migration.description.starts_with(EXPANDS)).max();
        if let Some(alone) = alone.filter(|_| !applied.is_empty()) {
            self.ensure_no_older_node(alone).await?;
        }
        let mut migrator = Migrator::with_migrations(ours);
        // Of a later version, which has only added: it was looked at above.
        migrator.set_ignore_missing(true);
        let done = match &self.pools {
            Pools::Sqlite(pools) => migrator.run(&pools.writer).await,
            Pools::Postgres(pools) => migrator.run(&pools.work).await,
        };
        done.map_err(|error| Error::Migrate(Box::new(error)))?;
        crate::search::fill(&self).await.map(|()| self)
    }

    /// The database, if its schema is this version's, or a later one that has only added to it.
    pub(super) async fn of_this_version(self) -> Result<Self> {
        let (ours, applied) = (self.ours(), self.applied().await?);
        ensure_known(&ours, &applied)?;
        let is_behind = ours.iter().any(|migration| !applied.contains_key(&migration.version));
        let older = || Error::Migrate("an older Tidemark serves it: use that version's commands".into());
        (!is_behind).then_some(self).ok_or_else(older)
    }

    fn ours(&self) -> Vec<Migration> {
        match &self.pools {
            Pools::Sqlite(_) => sqlite::MIGRATIONS.iter().cloned().collect(),
            Pools::Postgres(_) => postgres::MIGRATIONS.iter().cloned().collect(),
        }
    }

    /// What was done to the database: migrations with their names, by number.
    pub(super) async fn applied(&self) -> Result<BTreeMap<i64, String>> {
        self.read().await?.applied().await
    }

    /// Fails where a node is at work that does not know this migration, which is not made for it.
    async fn ensure_no_older_node(&self, migration: &Migration) -> Result<()> {
        let mut conn = self.read().await?;
        let names = conn.in_dialect(
            // The only process.
            "SELECT '' AS name WHERE FALSE",
            "SELECT DISTINCT application_name AS name FROM pg_stat_activity WHERE datname = current_database()",
        );
        let names: Vec<String> =
            conn.all(names, Vec::new()).await?.iter().map(|row| row.text("name")).collect::<Result<_>>()?;
        let schemas = names.iter().filter_map(|name| name.strip_prefix(APPLICATION)?.parse::<i64>().ok());
        let Some(older) = schemas.filter(|schema| *schema < migration.version).min() else { return Ok(()) };
        let (number, name) = (migration.version, &migration.description);
        let why = format!(
            "migration {number} ({name}) needs the database for itself, and a tidemark that knows {older} at most is at work \
             on it: stop all nodes of the older version, then start this one"
        );
        Err(Error::Migrate(why.into()))
    }
}

impl Conn {
    /// As [`Db::applied`]; empty where the database holds nothing of Tidemark's.
    pub(super) async fn applied(&mut self) -> Result<BTreeMap<i64, String>> {
        let tables = self.in_dialect(
            "SELECT COUNT(*) AS n FROM sqlite_master WHERE name = '_sqlx_migrations'",
            "SELECT COUNT(to_regclass('_sqlx_migrations')) AS n",
        );
        if self.count(tables, Vec::new()).await? == 0 {
            return Ok(BTreeMap::new());
        }
        let rows = self.all("SELECT version, description FROM _sqlx_migrations", Vec::new()).await?;
        rows.iter().map(|row| Ok((row.int("version")?, row.text("description")?))).collect()
    }
}

fn ensure_known(ours: &[Migration], applied: &BTreeMap<i64, String>) -> Result<()> {
    let newest = ours.iter().map(|migration| migration.version).max().unwrap_or_default();
    let is_known = |version: &i64| ours.iter().any(|migration| migration.version == *version);
    let foreign = applied.iter().filter(|(version, name)| !is_known(version) && !name.starts_with(EXPANDS));
    let Some((version, name)) = foreign.max() else { return Ok(()) };
    let why = format!(
        "a newer Tidemark has brought it to migration {version} ({name}), and this one knows {newest} at most: use the newer \
         version, or restore a backup that is older than that"
    );
    Err(Error::Migrate(why.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words of statements after which the version before does not find what it reads, or may not write what it writes.
    const TAKES_AWAY: [&str; 6] =
        ["DROP ", "RENAME ", "ALTER COLUMN", "ADD CONSTRAINT", "DELETE FROM", "UNIQUE INDEX"];

    #[test]
    fn a_migration_that_expands_takes_nothing_away() {
        for migration in sqlite::MIGRATIONS.iter().chain(postgres::MIGRATIONS.iter()) {
            if migration.description.starts_with(EXPANDS) {
                let text = migration.sql.as_str().to_uppercase();
                let taken = TAKES_AWAY.iter().find(|words| text.contains(**words));
                assert_eq!(taken, None, "{} {}", migration.version, migration.description);
            }
        }
    }
}
