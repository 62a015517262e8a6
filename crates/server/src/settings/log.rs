//! What is logged.

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLog {
    filter: String,
    format: String,
}

/// What is logged, and how.
#[derive(Debug, Clone)]
pub struct Log {
    /// Level or directives.
    pub filter: String,
    /// For people or for machines.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl RawLog {
    pub(super) fn check(self) -> Result<Log> {
        let format = match self.format.as_str() {
            "text" => LogFormat::Text,
            "json" => LogFormat::Json,
            other => bail!("log.format: {other:?} is none of text, json"),
        };
        tracing_subscriber::EnvFilter::try_new(&self.filter).with_context(|| {
            format!("log.filter: {:?} is no level and no list of directives", self.filter)
        })?;
        Ok(Log { filter: self.filter, format })
    }
}
