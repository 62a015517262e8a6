//! What a command answers, on standard output, and why it could not.

use std::io::Write as _;

/// Prints a text and a line break. A reader that has gone, as in `| head`, is no fault of ours.
pub fn say(text: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// What a use case answers to a client hides the cause, which an operator may see.
pub fn with_causes(error: app::Error) -> anyhow::Error {
    match error {
        app::Error::Internal(cause) => anyhow::anyhow!(cause),
        other => other.into(),
    }
}
