//! Readings in, current usage out.

/// What accepting readings keeps between calls.
#[derive(Debug, Default)]
pub struct State {}
