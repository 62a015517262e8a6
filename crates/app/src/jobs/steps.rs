//! The named moments between two durable steps of the jobs. A test stops the process at one of them; otherwise nothing
//! happens there.

use crate::App;

/// Every moment, in the order in which a report that is sent passes them.
pub const ALL: &[&str] = &[
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
pub(super) fn reached(app: &App, step: &'static str) {
    debug_assert!(ALL.contains(&step), "{step} is not listed");
    if let Some(hook) = app.jobs.hook.get() {
        hook(step);
    }
}
