//! `tidemark restore`: an installation of a backup, where there is none.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use app::Clock;
use app::auth::sealing::SealingKey;
use app::backup::{self, Restored};
use store::Db;

use super::backup::{open, said, sync_folder_of};
use crate::cli;
use crate::data_dir::DataDir;
use crate::database::Database;
use crate::progress;
use crate::say::say;
use crate::settings::Settings;

/// Restores it and says what is to be done next; on failure nothing is there that could be served.
pub async fn run(options: &cli::Restore) -> Result<()> {
    let settings = Settings::read(&options.common, &[])?;
    let _directory = DataDir::make(&settings.data_dir)?;
    let restored = match settings.database.patient() {
        Database::File(file) => to_file(&settings, &file, &options.file).await,
        Database::Server(server) => {
            let db = Db::postgres_as_it_is(&server).await;
            let db = db.with_context(|| format!("{server} cannot be opened"))?;
            let restored = to(&settings, &db, &options.file).await;
            db.close().await;
            restored.with_context(|| format!("nothing was restored to {server}"))
        }
    }?;
    say(said(&restored.backup));
    say(next(&settings, &restored));
    Ok(())
}

/// Under another name first, so that a restore cut short leaves nothing that looks whole.
async fn to_file(settings: &Settings, file: &Path, backup: &Path) -> Result<Restored> {
    let directory = settings.data_dir.display();
    ensure!(!file.exists(), "{directory} holds a database already; nothing was changed");
    let unfinished = file.with_extension("db.new");
    remove(&unfinished);
    let db = Db::as_it_is(&unfinished).await?;
    let restored = to(settings, &db, backup).await;
    db.close().await;
    if restored.is_err() {
        remove(&unfinished);
    }
    let restored = restored.with_context(|| format!("nothing was restored to {directory}"))?;
    std::fs::rename(&unfinished, file)?;
    sync_folder_of(file)?;
    Ok(restored)
}

fn remove(unfinished: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(unfinished.with_extension(format!("db.new{suffix}")));
    }
}

async fn to(settings: &Settings, db: &Db, backup: &Path) -> Result<Restored> {
    let file = open(backup).with_context(|| backup.display().to_string())?;
    let key_file = &settings.secret_key_file;
    let sealing =
        key_file.exists().then(|| SealingKey::read(key_file)).transpose().context("secret_key_file")?;
    let clock = settings.clock_start.map_or(Clock::System, Clock::running_from);
    let bar = progress::bar(0, "restoring and comparing {wide_bar} {human_pos} of {human_len}, {eta} left")?;
    let restored = backup::restore(file, db, &clock, sealing.as_ref(), |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    let restored = restored.await;
    bar.finish_and_clear();
    restored.with_context(|| backup.display().to_string())
}

fn next(settings: &Settings, restored: &Restored) -> String {
    let key_file = settings.secret_key_file.display();
    let key = if settings.secret_key_file.exists() {
        format!("{key_file} opens its signing keys")
    } else {
        format!("MISSING: put the installation's secret.key to {key_file}; nothing can be served without it")
    };
    format!(
        "key       {key}
tokens    all ended: everybody signs in anew
mails     {} held, as they may have left before, and so will be those of reports that were due since
          the backup; look them up at the relay, and then: tidemark held-mails --skip, or --send

What was accepted after the backup is lost, and clients that synchronise have to begin anew.
Next, with the same --data-dir and --database-url: tidemark verify; tidemark serve",
        restored.held,
    )
}
