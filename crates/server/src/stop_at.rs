//! A seam for tests: the process stops at a step of the jobs, so that it can be killed there.
//!
//! Off unless `TIDEMARK_TEST_STOP_AT` names a step of [`app::jobs::steps`]. Then, when the jobs reach that step for
//! the first time, the process prints `stopped at STEP` on standard output, and the jobs go no further; requests are
//! still answered.

use anyhow::{Result, ensure};
use app::App;
use app::jobs::steps;

/// Beside the configuration: names that begin with `TIDEMARK_TEST_` are no keys of it.
const VARIABLE: &str = "TIDEMARK_TEST_STOP_AT";

/// Sets the stop that the environment asks for, if it asks.
pub fn set(app: &App) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "a seam for tests and no part of the configuration")]
    let Ok(wanted) = std::env::var(VARIABLE) else { return Ok(()) };
    let known = [steps::OF_REPORTS, steps::OF_HISTORY, steps::OF_BATCHES].concat();
    ensure!(known.contains(&wanted.as_str()), "{VARIABLE}: {wanted:?} is none of {known:?}");
    tracing::warn!(step = wanted, "the jobs will stop there: {VARIABLE} is set");
    app.jobs.set_hook(Box::new(move |step| {
        if step == wanted {
            println!("stopped at {step}");
            // Hands on what else waits for this thread.
            tokio::task::block_in_place(stop_for_ever);
        }
    }));
    Ok(())
}

fn stop_for_ever() -> ! {
    loop {
        std::thread::park();
    }
}
