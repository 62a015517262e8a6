//! Why a whole upload is refused.

use std::fmt;
use std::io;

use crate::Error;

/// An upload that stores nothing.
#[derive(Debug)]
pub enum Broken {
    /// Its form is wrong, or it ended early.
    Form {
        /// Where: as [`super::Refusal::line`].
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// It is longer than the operator allows.
    TooLong(String),
    /// The spool could not be written.
    Spool(io::Error),
}

impl Broken {
    /// A wrong form.
    pub(super) fn form(line: u64, why: impl fmt::Display) -> Self {
        Self::Form { line, why: why.to_string() }
    }

    /// What a failure to read at this line means.
    pub(super) fn reading(line: u64, error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<PastLimit>()) {
            Some(past) => Self::TooLong(past.to_string()),
            None => Self::form(line, format_args!("the upload cannot be read to its end: {error}")),
        }
    }
}

impl From<Broken> for Error {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Form { line, why } => Self::invalid(format!("line {line}"), why),
            Broken::TooLong(why) => Self::TooMany { why: why.into() },
            Broken::Spool(error) if error.kind() == io::ErrorKind::StorageFull => {
                Self::Unavailable(store::Error::Full)
            }
            Broken::Spool(error) => Self::internal(error),
        }
    }
}

/// More bytes than the operator allows, as the source of an [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("an upload has at most {most_bytes} bytes, counted before and after decompression")]
pub(super) struct PastLimit {
    pub(super) most_bytes: u64,
}
