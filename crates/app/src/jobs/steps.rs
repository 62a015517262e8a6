//! The named moments between two durable steps of the jobs. A test stops the process at one of them; otherwise nothing
//! happens there.

use super::pulse;
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

/// That of reports that are due together: the pass over the blocks that they share is made.
pub const OF_BATCHES: &[&str] = &["after-pass"];

/// Those of files that are put into an object store: a part of a large one is there; all of one is.
pub const OF_OBJECTS: &[&str] = &["after-part", "after-upload"];

/// What is called at each moment, with its name.
pub type Hook = Box<dyn Fn(&'static str) + Send + Sync>;

/// Says that a moment has come.
pub(crate) fn reached(app: &App, step: &'static str) {
    let lists = [OF_REPORTS, OF_HISTORY, OF_BATCHES, OF_OBJECTS];
    debug_assert!(lists.iter().any(|list| list.contains(&step)), "{step} is not listed");
    pulse::step();
    if let Some(hook) = app.jobs.hook.get() {
        hook(step);
    }
}
