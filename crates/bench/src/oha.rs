//! oha, a load generator that we did not write, where a call is the same each time.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// The installed program.
pub struct Oha(pub PathBuf);

/// A call that can be made again and again.
pub struct Fixed<'a> {
    /// Such as `GET`.
    pub method: &'a str,
    /// Whole.
    pub url: String,
    /// A bearer token.
    pub token: &'a str,
    /// A JSON body.
    pub body: Option<&'a Value>,
}

impl Oha {
    /// Makes the call so many times, one after the other on one connection: p50 and p99 in milliseconds. Fails unless
    /// every answer was a 2xx.
    pub fn measure(&self, times: usize, call: &Fixed<'_>) -> Result<(f64, f64)> {
        let mut command = Command::new(&self.0);
        command.args(["--no-tui", "--output-format", "json", "-c", "1", "-n", &times.to_string()]);
        command.args(["-m", call.method, "-H", &format!("Authorization: Bearer {}", call.token)]);
        if let Some(body) = call.body {
            command.args(["-T", "application/json", "-d", &body.to_string()]);
        }
        let output = command.arg(&call.url).output().context("oha cannot be started")?;
        let (said, faults) = (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned());
        let said: Value = serde_json::from_slice(&said).with_context(|| format!("oha: {faults}"))?;
        let statuses = said.get("statusCodeDistribution").and_then(Value::as_object).context("statuses")?;
        let good = statuses.iter().filter(|(status, _)| status.starts_with('2'));
        let good: u64 = good.filter_map(|(_, count)| count.as_u64()).sum();
        ensure!(good == times as u64, "{} {}: {statuses:?}", call.method, call.url);
        let percentile = |name: &str| {
            let seconds =
                said.get("latencyPercentiles").and_then(|all| all.get(name)).and_then(Value::as_f64);
            seconds.map(|seconds| seconds * 1_000.0).context("a percentile")
        };
        Ok((percentile("p50")?, percentile("p99")?))
    }
}
