//! `tidemark verify`: proves that the history is what its ledger says, beside a server or without one.

use anyhow::{Context as _, Result, bail};
use app::Clock;
use app::verify::{self, Verdict};
use indicatif::ProgressBar;
use store::Db;

use crate::say::say;
use crate::settings::Settings;
use crate::{cli, progress};

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
    let sum = all(&db, options.rebuild.then_some(&clock)).await;
    db.close().await;
    let Sum { ranges, entries, disagree } = sum?;
    let ranges = if ranges == 1 { "1 range".to_owned() } else { format!("{ranges} ranges") };
    match disagree {
        0 => say(format_args!("{ranges}, {entries} ledger entries: all agrees")),
        _ => say(format_args!("{ranges}, {entries} ledger entries: NOT all agrees")),
    }
    if disagree > 0 {
        bail!("what is stored is not what the ledger says");
    }
    Ok(())
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
