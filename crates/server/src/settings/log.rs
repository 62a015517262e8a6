//! What is logged.

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLog {
    filter: String,
    format: String,
    otlp: String,
}

/// What is logged, and how.
#[derive(Debug, Clone)]
pub struct Log {
    /// Level or directives.
    pub filter: String,
    /// For people or for machines.
    pub format: LogFormat,
    /// Where traces go.
    pub otlp: Option<String>,
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
        let otlp = Some(self.otlp).filter(|collector| !collector.is_empty());
        if let Some(collector) = &otlp {
            ensure!(cfg!(feature = "otlp"), "log.otlp: this tidemark was built without `--features otlp`");
            ensure!(
                collector.starts_with("http://"),
                "log.otlp: {collector:?} is no collector near by, such as http://127.0.0.1:4318/v1/traces"
            );
        }
        Ok(Log { filter: self.filter, format, otlp })
    }
}
