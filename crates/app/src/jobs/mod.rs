//! The scheduler, the builder of runs and the mailer.

/// What the jobs keep between calls.
#[derive(Debug, Default)]
pub struct State {}
