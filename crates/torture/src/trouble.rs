//! Times in which something was done to a node: what excuses a mail that came twice.

use std::time::Instant;

/// A time in which a node may not have been able to go on.
#[derive(Debug, Clone, Copy)]
pub struct Trouble {
    /// Whose; `None`: everybody's.
    pub node: Option<usize>,
    /// What it came by.
    pub by: &'static str,
    /// Its begin.
    pub from: Instant,
    /// Its end, once it has come.
    pub until: Option<Instant>,
}

impl Trouble {
    /// What it came by where its node was stopped.
    pub const STOP: &str = "stop";

    /// Whether its node was stopped.
    pub fn is_stop(&self) -> bool {
        self.by == Self::STOP
    }
}
