//! `tidemark move-artefacts`: stored files move between the database and the object store, beside servers at work.

use anyhow::{Context as _, Result, bail};
use app::contents::{Places, moving};
use app::{Clock, Ids};

use crate::say::say;
use crate::settings::Settings;
use crate::{cli, progress};

/// Moves what lies elsewhere; fails where any of it is damaged, and stays where it is.
pub async fn run(options: &cli::MoveArtefacts) -> Result<()> {
    let settings = Settings::read(&options.common, &[])?;
    let db = settings.database.join().await?;
    let clock = settings.clock_start.map_or(Clock::System, Clock::running_from);
    let places = Places::of(db.clone(), settings.storage);
    let moved = all(&places, &clock, options).await;
    db.close().await;
    let moved = moved.context("not all files were moved; run it again to go on")?;
    let files = if moved.contents == 1 { "1 file".to_owned() } else { format!("{} files", moved.contents) };
    say(format_args!("{files}, {} bytes, moved to {}", moved.bytes, options.to));
    moved.damaged.iter().for_each(say);
    match moved.damaged.len() {
        0 => Ok(()),
        _ => bail!("damaged files were not moved"),
    }
}

async fn all(places: &Places, clock: &Clock, options: &cli::MoveArtefacts) -> Result<moving::Moved> {
    let count = u64::try_from(moving::count(places, options.to).await?).unwrap_or(0);
    let bar = progress::bar(count, "moving {wide_bar} {pos} of {len} files, {eta} left")?;
    let moved = moving::all(places, (clock, &Ids::default()), options.to, || bar.inc(1)).await;
    bar.finish_and_clear();
    Ok(moved?)
}
