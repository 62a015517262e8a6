//! The data directory: who may use it, and what lies in it.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use app::auth::sealing::SealingKey;
use store::Db;

use crate::database::Database;
use crate::settings::Settings;

/// A data directory that this process alone uses, until it is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Takes the directory of these settings; fails where another process has it. A node whose database is elsewhere needs
    /// nothing in it, and gets it made.
    pub fn of(settings: &Settings) -> Result<Self> {
        match settings.database {
            Database::File(_) => Self::take(&settings.data_dir),
            Database::Server(_) => Self::make(&settings.data_dir),
        }
    }

    /// Takes the directory, which must be there.
    pub fn take(path: &Path) -> Result<Self> {
        ensure!(
            path.is_dir(),
            "{0} is not there; make it with: tidemark init --data-dir {0}",
            path.display()
        );
        let file = path.join("lock");
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&file)
            .with_context(|| format!("{} cannot be opened", file.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = lock.read_to_string(&mut holder);
                bail!(
                    "{} is in use by another tidemark (process {}); two cannot share one data directory",
                    path.display(),
                    holder.trim()
                );
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).context(format!("{} cannot be locked", file.display()));
            }
        }
        lock.set_len(0)?;
        writeln!(lock, "{}", std::process::id())?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Takes the directory, and makes it where it is missing.
    pub fn make(path: &Path) -> Result<Self> {
        // For its owner alone: mails and database hold what customers use, and hashes of passwords.
        let mut folder = DirBuilder::new();
        folder.recursive(true).mode(0o700);
        folder.create(path).with_context(|| format!("{} cannot be made", path.display()))?;
        Self::take(path)
    }

    /// Opens what `init` made, and clears away what uploads of a process before have left.
    pub async fn open(&self, settings: &Settings) -> Result<(Db, SealingKey)> {
        match std::fs::remove_dir_all(spool(&self.path)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).context(format!("{} cannot be cleared", spool(&self.path).display()));
            }
            _ => {}
        }
        let db = settings.database.open().await?;
        let sealing = SealingKey::read(&settings.secret_key_file).context("secret_key_file")?;
        Ok((db, sealing))
    }
}

/// Where uploads wait that are too large for memory.
pub fn spool(data_dir: &Path) -> PathBuf {
    data_dir.join("spool")
}
