//! The three forms of an upload, read one reading at a time.
//!
//! A reading whose own form is wrong is told as such and hinders no other. What makes the rest unreadable, such as a
//! line that is not JSON, breaks the whole upload.

mod csv;
mod json;
mod lines;
mod member;
mod ndjson;
#[cfg(test)]
mod tests;

use std::io::BufRead;

use super::broken::Broken;

pub use member::{Flaw, Sent};

/// The longest single reading, in bytes: what one can make the reader hold at once.
const MAX_READING_BYTES: usize = 64 * 1024;

/// The form of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An array of readings, or an object with the members `readings` and `reason`.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// RFC 4180, with a header that names the members in any order.
    Csv,
}

impl Format {
    /// By its media type, without parameters.
    pub fn from_media_type(media: &str) -> Option<Self> {
        match media.trim().to_ascii_lowercase().as_str() {
            "application/json" => Some(Self::Json),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Some(Self::Ndjson),
            "text/csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// Where readings go as they are read, each with its line, or its place in a JSON array: both from 1 on.
pub trait Take: FnMut(u64, Result<Sent, Flaw>) -> Result<(), Broken> {}

impl<F: FnMut(u64, Result<Sent, Flaw>) -> Result<(), Broken>> Take for F {}

/// Reads an upload to its end; gives the reason that stood in it, which only JSON can have.
pub fn read(format: Format, input: impl BufRead, take: &mut impl Take) -> Result<Option<String>, Broken> {
    match format {
        Format::Json => json::read(input, take),
        Format::Ndjson => ndjson::read(input, take).map(|()| None),
        Format::Csv => csv::read(input, take).map(|()| None),
    }
}
