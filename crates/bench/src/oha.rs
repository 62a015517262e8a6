//! oha, a load generator that we did not write, where a call is the same each time.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::fresh::on_core;

/// The installed program.
pub struct Oha(pub PathBuf);

/// A call that can be made again and again.
pub struct Fixed<'a> {
    /// Such as `GET`.
    pub method: &'a str,
    /// Whole.
    pub url: String,
    /// The header.
    pub authorization: String,
    /// A body with its media type.
    pub body: Option<(&'a str, String)>,
}

impl Oha {
    /// Makes the call so many times, one after the other on one connection: p50 and p99 in milliseconds. Fails unless
    /// every answer was a 2xx.
    pub fn measure(&self, times: usize, call: &Fixed<'_>) -> Result<(f64, f64)> {
        let said = self.run(None, &["-c", "1", "-n", &times.to_string()], call)?;
        let percentile = |name: &str| {
            let seconds =
                said.get("latencyPercentiles").and_then(|all| all.get(name)).and_then(Value::as_f64);
            seconds.map(|seconds| seconds * 1_000.0).context("a percentile")
        };
        Ok((percentile("p50")?, percentile("p99")?))
    }

    /// Makes the call for so many seconds from one core of the machine, over so many connections: calls a second. Fails
    /// unless every answer was a 2xx.
    pub fn flood(&self, core: &str, clients: usize, seconds: u64, call: &Fixed<'_>) -> Result<f64> {
        let (clients, length) = (clients.to_string(), format!("{seconds}s"));
        // Without -w those that are under way at the end would count as failed.
        let said = self.run(Some(core), &["-c", &clients, "-z", &length, "-w"], call)?;
        said.pointer("/summary/requestsPerSec").and_then(Value::as_f64).context("a rate")
    }

    fn run(&self, core: Option<&str>, how: &[&str], call: &Fixed<'_>) -> Result<Value> {
        let mut command = on_core(core, &self.0);
        command.args(["--no-tui", "--output-format", "json"]).args(how);
        command.args(["-m", call.method, "-H", &format!("Authorization: {}", call.authorization)]);
        if let Some((media_type, body)) = &call.body {
            command.args(["-T", media_type, "-d", body]);
        }
        let output = command.arg(&call.url).output().context("oha cannot be started")?;
        let (said, faults) = (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned());
        let said: Value = serde_json::from_slice(&said).with_context(|| format!("oha: {faults}"))?;
        let statuses = said.get("statusCodeDistribution").and_then(Value::as_object).context("statuses")?;
        let errors = said.get("errorDistribution").and_then(Value::as_object).context("errors")?;
        let all_good = statuses.keys().all(|status| status.starts_with('2'));
        ensure!(
            all_good && !statuses.is_empty() && errors.is_empty(),
            "{} {}: {statuses:?} {errors:?}",
            call.method,
            call.url
        );
        Ok(said)
    }
}
