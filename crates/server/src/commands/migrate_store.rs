//! `tidemark migrate-store`: an installation that nobody serves, from SQLite to PostgreSQL.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use app::Clock;
use app::migrate_store::{self, Failure};
use app::tables::Sum;
use store::{Db, Postgres};

use crate::cli;
use crate::data_dir::DataDir;
use crate::database::Database;
use crate::progress;
use crate::say::say;
use crate::settings::Settings;

/// Moves it and says what was moved; on failure the PostgreSQL database holds nothing of it.
pub async fn run(options: &cli::MigrateStore) -> Result<()> {
    let settings = Settings::read(&options.common, &[])?;
    let Database::Server(server) = &settings.database else {
        bail!("--database-url: required, the PostgreSQL database to move to");
    };
    let _directory = DataDir::take(&settings.data_dir)?;
    let file = Database::in_directory(&settings.data_dir);
    let source = file.join().await?;
    let clock = settings.clock_start.map_or(Clock::System, Clock::running_from);
    let moved = to_postgres(&source, server, &clock).await;
    source.close().await;
    let sums = moved?;
    for Sum { table, rows, sha256 } in &sums {
        say(format_args!("{table:<24} {rows:>12}  {sha256}"));
    }
    let rows: u64 = sums.iter().map(|sum| sum.rows).sum();
    let (tables, cli::MigrateStore { from, to, .. }) = (sums.len(), options);
    say(format_args!(
        "{tables} tables, {rows} rows moved from {from} to {to}: counts and SHA-256 agree

Next: tidemark serve --data-dir {directory} --database-url {server}
Keep {file} as a backup, out of {directory}: without --database-url it would be served again.",
        directory = settings.data_dir.display(),
    ));
    Ok(())
}

async fn to_postgres(source: &Db, server: &Postgres, clock: &Clock) -> Result<Vec<Sum>> {
    // Reading a table back may take any time.
    let mut patient = server.clone();
    patient.statement_timeout = Duration::ZERO;
    let target = Db::open_postgres(&patient).await.with_context(|| format!("{server} cannot be opened"))?;
    let bar = progress::bar(0, "copying and comparing {wide_bar} {human_pos} of {human_len}, {eta} left")?;
    let moved = migrate_store::run(source, &target, clock, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    let moved = moved.await;
    bar.finish_and_clear();
    target.close().await;
    moved.map_err(|failure| match failure {
        Failure::Occupied => anyhow::anyhow!("{server} holds an installation already; nothing was changed"),
        other => anyhow::Error::new(other).context("nothing was moved"),
    })
}
