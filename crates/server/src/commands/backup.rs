//! `tidemark backup`: the whole database in one file, beside the nodes that serve it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use app::Clock;
use app::backup::{self, Failure, Reader, Whole};

use crate::cli;
use crate::progress;
use crate::say::say;
use crate::settings::Settings;

/// What stands for standard input and output.
const STREAM: &str = "-";

/// Writes one, or reads one through.
pub async fn run(options: &cli::Backup) -> Result<()> {
    if options.check {
        let whole = check(&options.file).with_context(|| options.file.display().to_string())?;
        say(said(&whole));
        say("The backup is whole: every checksum is right.");
        return Ok(());
    }
    let settings = Settings::read(&options.common, &[])?;
    let key_file = settings.secret_key_file.display();
    let without = format!(
        "It is NOT in the backup, and without it the backup cannot be served: keep {key_file}, too, and apart."
    );
    if options.file.as_os_str() == STREAM {
        let whole = write(&settings, io::stdout().lock()).await?;
        eprintln!("{}\n{without}", said(&whole));
        return Ok(());
    }
    let name = options.file.display();
    ensure!(options.force || !options.file.exists(), "{name} is there already; --force replaces it");
    let unfinished = Unfinished::create(&options.file)?;
    let whole =
        write(&settings, &unfinished.file).await.with_context(|| format!("{name} was not written"))?;
    unfinished.rename(&options.file).with_context(|| format!("{name} was not written"))?;
    say(said(&whole));
    say(without);
    Ok(())
}

async fn write(settings: &Settings, out: impl Write) -> Result<Whole> {
    let db = settings.database.patient().join().await?;
    let clock = settings.clock_start.map_or(Clock::System, Clock::running_from);
    let bar = progress::bar(0, "backing up {wide_bar} {human_pos} of {human_len} rows, {eta} left")?;
    let written = backup::write(&db, clock.now(), BufWriter::with_capacity(1 << 20, out), |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    let written = written.await;
    bar.finish_and_clear();
    db.close().await;
    Ok(written?)
}

fn check(file: &Path) -> Result<Whole> {
    let bar = progress::bar(0, "checking {wide_bar} {human_pos} of {human_len} rows, {eta} left")?;
    let checked = backup::check(open(file)?, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    Ok(checked?)
}

/// A backup to read.
pub fn open(file: &Path) -> Result<Reader<Box<dyn Read>>, Failure> {
    let read: Box<dyn Read> = if file.as_os_str() == STREAM {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(file).map_err(|error| Failure::File(backup::Fault::Io(error)))?)
    };
    Ok(Reader::open(Box::new(BufReader::with_capacity(1 << 20, read)) as Box<dyn Read>)?)
}

/// What a backup is of.
pub fn said(whole: &Whole) -> String {
    let header = &whole.header;
    format!(
        "made      {} of {}, by tidemark {} (schema {})
holds     {} tables, {} rows
size      {} bytes
SHA-256   {}",
        header.made_at,
        header.database,
        header.tidemark,
        header.schema,
        whole.tables.len(),
        whole.rows(),
        whole.bytes,
        whole.sha256,
    )
}

/// A file that does not have its name yet. Dropped, it is gone.
struct Unfinished {
    file: File,
    path: Option<PathBuf>,
}

impl Unfinished {
    /// Makes it beside the place it is for, in place of one that was left behind, for its owner alone: it holds hashes of
    /// passwords, and what customers use.
    fn create(place: &Path) -> Result<Self> {
        let mut path = place.as_os_str().to_owned();
        path.push(".part");
        let path = PathBuf::from(path);
        let cannot = || format!("{} cannot be made", path.display());
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = file.with_context(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("{} is being written by another backup", path.display()),
            Err(TryLockError::Error(error)) => return Err(error).with_context(cannot),
        }
        file.set_len(0).with_context(cannot)?;
        Ok(Self { file, path: Some(path) })
    }

    /// Gives it its name, once it is on the disk for good.
    fn rename(mut self, place: &Path) -> Result<()> {
        self.file.sync_all()?;
        if let Some(path) = self.path.take() {
            std::fs::rename(&path, place)?;
        }
        sync_folder_of(place)
    }
}

/// Brings a name to the disk.
pub fn sync_folder_of(place: &Path) -> Result<()> {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    Ok(File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?)
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
    }
}
