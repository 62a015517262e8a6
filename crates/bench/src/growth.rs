//! `cargo xtask bench growth`: whether a history of two years is as fast as one of a month.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use domain::report::{Kind, Rows as _};
use domain::time::Period;

use crate::ask::{document, peak_mib};
use crate::channel::{Channel, Meta};
use crate::load::{Loading, Took, sizes};

/// How often a report is made.
const REPORTS: usize = 5;

/// Fills a new store month by month with the channel's days, over and over; prints a line for each month.
pub async fn run(folder: &Path, store: &Path, months: u32) -> Result<()> {
    let (channel, meta) = (Channel(folder.to_owned()), Meta::read(folder)?);
    let _ = std::fs::remove_dir_all(store);
    let mut loading = Loading::begin(&channel, &meta, store).await?;
    let partner = loading.no(meta.number("p5")?)?;
    println!("month  readings/s   close ms  tend ms   summary ms  daily ms  history MB  rest MB  peak MiB");
    let mut number = 0;
    for month in 1..=months {
        let first = loading.today();
        let (mut readings, mut days) = (0, Vec::new());
        while loading.today() < first.first_of_next_month() {
            let day = channel.day(number % meta.number("days")?)?;
            days.push(loading.day(&day).await?);
            readings += day.len();
            number += 1;
        }
        let sum = |of: fn(&Took) -> u128| days.iter().map(of).sum::<u128>();
        let import_ms = sum(|day| day.import_ms).max(1);
        let period = Period::inclusive(first, loading.today().previous());
        let summary = median(&loading, partner, Kind::UsageSummary, period).await?;
        let daily = median(&loading, partner, Kind::UsageDaily, period).await?;
        let sizes = sizes(&loading.app).await?;
        let history = sizes.get("values").unwrap_or(&0) + sizes.get("ledger").unwrap_or(&0);
        let rest = sizes.values().sum::<i64>() - history;
        println!(
            "{month:>5} {:>11} {:>10} {:>8} {summary:>12.1} {daily:>9.1} {:>11} {:>8} {:>9}",
            readings as u128 * 1_000 / import_ms,
            sum(|day| day.close_ms) / days.len() as u128,
            sum(|day| day.tend_ms) / days.len() as u128,
            history / 1_000_000,
            rest / 1_000_000,
            peak_mib()?
        );
    }
    loading.app.db.close().await;
    Ok(())
}

/// The median time of a report on the month, in milliseconds.
async fn median(
    loading: &Loading,
    partner: domain::ids::TenantNo,
    kind: Kind,
    period: Period,
) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..REPORTS {
        let start = Instant::now();
        let mut conn = loading.app.read().await?;
        let rows = document(&mut conn, partner, kind, period).await?.rows().count();
        anyhow::ensure!(rows > 0, "an empty report");
        times.push(start.elapsed().as_secs_f64() * 1_000.0);
    }
    times.sort_unstable_by(f64::total_cmp);
    Ok(times.get(REPORTS / 2).copied().unwrap_or(f64::NAN))
}
