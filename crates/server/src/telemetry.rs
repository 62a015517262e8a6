//! Logs and metrics. Logs go to standard error: standard output belongs to what a command answers.

use anyhow::{Context as _, Result};
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::settings::{Log, LogFormat};
use crate::traces::{self, Traces};

/// Upper bounds of the request-duration buckets, in seconds.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Starts logging, and tracing where a collector is set; the traces end with what is given back.
pub fn log(log: &Log) -> Result<Traces> {
    let filter = EnvFilter::try_new(&log.filter).with_context(|| format!("log.filter: {:?}", log.filter))?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match log.format {
        LogFormat::Text => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let mut layers = vec![lines.with_filter(filter).boxed()];
    let (traces, spans) = traces::begin(log.otlp.as_deref()).context("log.otlp")?;
    layers.extend(spans);
    tracing_subscriber::registry().with(layers).init();
    Ok(traces)
}

/// Starts counting; the handle writes what `/metrics` answers.
pub fn count() -> Result<PrometheusHandle> {
    let builder = PrometheusBuilder::new().set_buckets(&BUCKETS)?;
    let handle = builder.install_recorder().context("metrics cannot be recorded")?;
    describe_counter!("tidemark_http_requests_total", "Requests answered, by method, route and status");
    describe_histogram!("tidemark_http_request_seconds", Unit::Seconds, "How long their answers took");
    describe_counter!("tidemark_readings_total", "Readings accepted and safe on disk");
    describe_gauge!(
        "tidemark_tls_certificate_end_seconds",
        "When the certificate that is served runs out, in Unix seconds; without TLS of its own there is none"
    );
    app::jobs::measures::describe();
    Ok(handle)
}
