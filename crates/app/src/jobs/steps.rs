//! The named moments between two durable steps of the jobs. A test stops the process at one of them; otherwise nothing
//! happens there.

use crate::App;

/// Those of the history: a day is closed and frozen, segments are written anew, the ledger is packed.
pub const OF_HISTORY: &[&str] = &[
    "after-day-closed",
    "after-segments-built",
    "after-frozen",
    "after-rewrite-built",
    "after-rewritten",
    "after-packed",
];

/// Those of reports, in the order in which one that is sent passes them.
pub const OF_REPORTS: &[&str] = &[
    "after-run-inserted",
    "after-claim",
    "after-pin",
    "after-chunk",
    "after-artefact",
    "before-ready",
    "after-ready",
    "after-delivery-claim",
    "before-send",
    "after-send",
    "after-recorded",
];

/// What is called at each moment, with its name.
pub type Hook = Box<dyn Fn(&'static str) + Send + Sync>;

/// Says that a moment has come.
pub(crate) fn reached(app: &App, step: &'static str) {
    debug_assert!(OF_REPORTS.contains(&step) || OF_HISTORY.contains(&step), "{step} is not listed");
    if let Some(hook) = app.jobs.hook.get() {
        hook(step);
    }
}
