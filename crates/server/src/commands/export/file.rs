//! The file: under another name until it is whole, and in place of one that is there only when that is asked for.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use app::Clock;
use app::export::Export;

use super::columns::Columns;
use crate::cli;
use crate::progress::bar;
use crate::say::{say, with_causes};
use crate::settings::Settings;

/// Writes it and says what it holds.
pub async fn run(options: &cli::Export) -> Result<()> {
    let settings = Settings::read(&options.common, &[])?;
    let file = &options.file;
    is_free(options)?;
    let db = settings.database.join().await?;
    let clock = settings.clock_start.map_or(Clock::System, Clock::running_from);
    let month = options.month.month();
    let mut export = Export::begin(db.read().await?, month, options.tenant, clock.now().day())
        .await
        .map_err(with_causes)?;
    let rows = write(options, &mut export).await;
    let rows = rows.with_context(|| format!("{} cannot be written", file.display()))?;
    let Export { days, as_of, .. } = export;
    say(format_args!("{}: {days}, {rows} rows, as known at {as_of}", file.display()));
    Ok(())
}

fn is_free(options: &cli::Export) -> Result<()> {
    let file = &options.file;
    ensure!(options.force || !file.exists(), "{} is there already; --force replaces it", file.display());
    Ok(())
}

async fn write(options: &cli::Export, export: &mut Export) -> Result<u64> {
    let part = beside(&options.file);
    let lock = OpenOptions::new().write(true).create(true).truncate(false).open(&part)?;
    lock.try_lock().with_context(|| format!("{} is being written by another tidemark", part.display()))?;
    // Between opening and locking, the export that held it may have given it its name, or removed it.
    ensure!(
        is_at(&lock, &part)?,
        "{} was just written by another tidemark; run it again",
        options.file.display()
    );
    // What an export before this one has left, as it was killed.
    lock.set_len(0)?;
    let written = async {
        let rows = write_rows(lock.try_clone()?, export).await?;
        is_free(options)?;
        std::fs::rename(&part, &options.file)?;
        sync_folder(&options.file)?;
        Ok(rows)
    };
    written.await.inspect_err(|_: &anyhow::Error| {
        let _ = std::fs::remove_file(&part);
    })
}

/// Whether the path leads to this very file still.
fn is_at(file: &File, path: &Path) -> Result<bool> {
    let at = match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        at => at?,
    };
    let file = file.metadata()?;
    Ok((file.dev(), file.ino()) == (at.dev(), at.ino()))
}

async fn write_rows(file: File, export: &mut Export) -> Result<u64> {
    let bar = bar(export.parts() as u64, "exporting {wide_bar} {percent}%, {eta} left")?;
    let mut columns = Columns::begin(file, export)?;
    while let Some(part) = export.next().await.map_err(with_causes)? {
        columns.write(&part)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let (rows, file) = columns.finish()?;
    file.sync_all()?;
    Ok(rows)
}

/// Where the file is written until it is whole.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// A name is on the disk when its folder is.
fn sync_folder(file: &Path) -> Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    Ok(File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?)
}
