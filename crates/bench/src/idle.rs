//! `cargo xtask bench idle`: how soon a server can answer, and what it holds when nobody asks.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::fresh::Fresh;

const STARTS: usize = 11;

/// Measures on SQLite, or on the PostgreSQL database that is named.
pub fn run(tidemark: &Path, folder: &Path, database_url: Option<&str>) -> Result<()> {
    let fresh = Fresh::make(tidemark, folder, database_url)?;
    let (mut starts, mut at_rest) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let begun = Instant::now();
        let serving = fresh.serve(None)?;
        starts.push(begun.elapsed().as_secs_f64() * 1_000.0);
        std::thread::sleep(Duration::from_secs(3));
        at_rest.push(serving.kib("VmRSS:")?);
    }
    starts.sort_by(f64::total_cmp);
    at_rest.sort_unstable();
    let (start, kib) =
        (starts.get(STARTS / 2).context("a start")?, at_rest.get(STARTS / 2).context("a start")?);
    println!(
        "{}: from the start of the process to the first token {start:.0} ms, at rest 3 s later {} MiB (medians of {STARTS})",
        if database_url.is_some() { "PostgreSQL" } else { "SQLite" },
        kib / 1024
    );
    Ok(())
}
