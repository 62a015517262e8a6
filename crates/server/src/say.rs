//! What a command answers, on standard output.

use std::io::Write as _;

/// Prints a text and a line break. A reader that has gone, as in `| head`, is no fault of ours.
pub fn say(text: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
