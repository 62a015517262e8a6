//! `tidemark verify`: proves that the history is what its ledger says and that stored files are what was written, beside a
//! server or without one.

use anyhow::{Context as _, Result, bail};
use app::Clock;
use app::contents::Places;
use app::verify::{self, Verdict};
use indicatif::ProgressBar;
use store::Db;

use self::files::Files;
use crate::say::say;
use crate::settings::Settings;
use crate::{cli, progress};

mod files;

/// What all ranges came to.
#[derive(Default)]
struct Sum {
    ranges: usize,
    entries: u64,
    disagree: usize,
}

/// Verifies range by range and says what differs; fails where anything does in the end.
pub async fn run(options: &cli::Verify) -> Result<()> {
    let settings = Settings::read(&options.common, &[])?;
    let db = settings.database.join().await?;
    let clock = settings.clock_start.map_or(Clock::System, Clock::running_from);
    let places = Places::of(db.clone(), settings.storage);
    let sum = both(&db, &places, options, &clock).await;
    db.close().await;
    let (Sum { ranges, entries, disagree }, files) = sum?;
    if let Some(files) = files.as_ref().filter(|files| !files.are_none()) {
        say(files);
    }
    let ranges = if ranges == 1 { "1 range".to_owned() } else { format!("{ranges} ranges") };
    match disagree {
        0 => say(format_args!("{ranges}, {entries} ledger entries: all agrees")),
        _ => say(format_args!("{ranges}, {entries} ledger entries: NOT all agrees")),
    }
    if disagree > 0 {
        bail!("what is stored is not what the ledger says");
    }
    if files.is_some_and(|files| !files.is_well()) {
        bail!("stored files are not as they should be");
    }
    Ok(())
}

async fn both(
    db: &Db,
    places: &Places,
    options: &cli::Verify,
    clock: &Clock,
) -> Result<(Sum, Option<Files>)> {
    let sum = all(db, options.rebuild.then_some(clock)).await?;
    if options.without_files {
        return Ok((sum, None));
    }
    Ok((sum, Some(files::check(places, clock.now(), options.remove_orphans).await?)))
}

async fn all(db: &Db, rebuild: Option<&Clock>) -> Result<Sum> {
    let now = || rebuild.map(Clock::now);
    let ranges = verify::ranges(db).await?;
    let bar = progress::bar(ranges.len() as u64, "verifying {wide_bar} {pos} of {len} ranges, {eta} left")?;
    let mut sum = Sum { ranges: ranges.len(), ..Sum::default() };
    for range in ranges {
        let verdict = verify::range(db, range, now()).await.with_context(|| format!("range {range}"))?;
        tell(&bar, &verdict, &mut sum);
        bar.inc(1);
    }
    tell(&bar, &verify::beside(db, now()).await?, &mut sum);
    bar.finish_and_clear();
    Ok(sum)
}

fn tell(bar: &ProgressBar, verdict: &Verdict, sum: &mut Sum) {
    sum.entries += verdict.entries;
    sum.disagree += usize::from(!verdict.agrees);
    bar.suspend(|| verdict.differences.iter().chain(&verdict.written).for_each(say));
}
