//! `tidemark serve`: the HTTP API and the jobs, until SIGTERM.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use app::{App, Clock, Ids};
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http_api::caller::Operator;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::init::use_case_settings;
use crate::connections::tls::Tls;
use crate::data_dir::DataDir;
use crate::say::say;
use crate::settings::{Metrics, Settings};
use crate::{cli, connections, stop_at, telemetry};

/// How often the metrics' histograms are folded.
const UPKEEP: Duration = Duration::from_secs(5);
/// How long the database may take to close: at the end of patience something may still hold it.
const CLOSING: Duration = Duration::from_secs(5);

/// Serves until it is told to stop.
pub async fn run(options: &cli::Serve) -> Result<()> {
    let flags = [
        ("listen", options.listen.as_deref()),
        ("public_url", options.public_url.as_deref()),
        ("tls.certificate_file", options.tls_cert.as_deref()),
        ("tls.key_file", options.tls_key.as_deref()),
    ];
    let settings = Settings::read(&options.common, &flags)?;
    telemetry::log(&settings.log)?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let tls = settings.tls.clone().map(Tls::of).transpose()?.map(Arc::new);
    let directory = DataDir::of(&settings)?;
    let (db, sealing) = directory.open(&settings).await?;
    let doors = Doors::open(&settings, tls).await?;
    let address = doors.api.local_addr()?;
    let clock = settings.clock_start.map_or(Clock::System, Clock::running_from);
    if let Some(start) = settings.clock_start {
        tracing::warn!(%start, "REHEARSAL: the clock runs on from --clock-start and is not the real one");
        eprintln!("tidemark: REHEARSAL: the clock runs on from {start}; reports and readings get its dates");
    }
    let app = App::new(db, clock, Ids::default(), use_case_settings(&settings, address), sealing);
    app::setup::start(&app).await?;
    let key_file = settings.secret_key_file.display();
    app::auth::keys::check(&app).await.with_context(|| format!("secret_key_file: {key_file}"))?;
    stop_at::set(&app)?;
    let stop = CancellationToken::new();
    let stopped = stop_on_signal(stop.clone())?;
    say(format_args!("ready {}://{address}/api/2", settings.scheme()));
    let served = serve(app.clone(), doors, stop.clone(), Duration::from_secs(settings.shutdown_seconds));
    tokio::select! {
        served = served => served,
        stopped = stopped => stopped,
    }?;
    drop(directory);
    Ok(())
}

/// Where a process can be reached.
pub struct Doors {
    /// For clients of the API.
    pub api: TcpListener,
    /// What they are met with, where this process ends TLS itself.
    pub tls: Option<Arc<Tls>>,
    /// Who sees the metrics.
    pub metrics: Metrics,
    /// Where, if not beside the API.
    pub metrics_alone: Option<TcpListener>,
}

impl Doors {
    async fn open(settings: &Settings, tls: Option<Arc<Tls>>) -> Result<Self> {
        let bind = async |key: &'static str, address| {
            TcpListener::bind(address).await.with_context(|| format!("{key}: {address}"))
        };
        let metrics_alone = match settings.metrics {
            Metrics::At(address) => Some(bind("metrics", address).await?),
            _ => None,
        };
        Ok(Self {
            api: bind("listen", settings.listen).await?,
            tls,
            metrics: settings.metrics,
            metrics_alone,
        })
    }
}

/// Serves behind these doors, with the jobs beside it, until `stop`; then lets what is under way finish, for at most
/// `patience`.
pub async fn serve(app: App, doors: Doors, stop: CancellationToken, patience: Duration) -> Result<()> {
    let Doors { api, tls, metrics, metrics_alone } = doors;
    let address = api.local_addr()?;
    app::nodes::introduce(&app, machine_name(), Some(address.to_string()))?;
    let figures = telemetry::count()?;
    let tasks = TaskTracker::new();
    tasks.spawn(upkeep(figures.clone(), stop.clone()));
    tasks.spawn(app::jobs::run(app.clone(), stop.clone()));
    // Without somebody to take it this signal would end the process.
    let hangups = signal(SignalKind::hangup())?;
    if let Some(tls) = &tls {
        tasks.spawn(Arc::clone(tls).keep_fresh(hangups, stop.clone()));
    }
    if let Some(listener) = metrics_alone {
        tracing::info!(address = %listener.local_addr()?, "serving metrics");
        let alone = metrics_routes(Metrics::Public, &figures).with_state(app.clone());
        let alone = http_api::headers::on_all(alone, app.clone());
        tasks.spawn(connections::serve(listener, None, alone, stop.clone()));
    }
    let router = http_api::router_with(app.clone(), metrics_routes(metrics, &figures));
    let server = connections::serve(api, tls, router, stop.clone());
    tracing::info!(%address, public_url = app.settings.public_url, "serving");
    let drained = async {
        server.await;
        tasks.close();
        tasks.wait().await;
    };
    let out_of_patience = async {
        stop.cancelled().await;
        app::clock::patience(patience).await;
    };
    tokio::select! {
        () = drained => {}
        () = out_of_patience => tracing::warn!("stopped before everything under way had finished; it is taken up at the next start"),
    }
    if tokio::time::timeout(CLOSING, app.db.close()).await.is_err() {
        tracing::warn!("stopped with the database still in use; what was committed is safe");
    }
    tracing::info!("stopped");
    Ok(())
}

/// What the machine is called; empty where the system does not say.
fn machine_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

/// `/metrics`, for whom it is beside the API.
#[expect(clippy::disallowed_methods, reason = "figures for operators, beside the API")]
fn metrics_routes(metrics: Metrics, figures: &PrometheusHandle) -> Router<App> {
    let figures = figures.clone();
    let figures = async move |State(app): State<App>| scraped(&app, &figures).await;
    match metrics {
        Metrics::Operator => {
            let for_operators = async move |_: Operator, app: State<App>| figures(app).await;
            Router::new().route("/metrics", get(for_operators))
        }
        Metrics::Public => Router::new().route("/metrics", get(figures)),
        Metrics::Off | Metrics::At(_) => Router::new(),
    }
}

/// What `/metrics` answers: the gauges are measured when somebody looks.
async fn scraped(app: &App, metrics: &PrometheusHandle) -> String {
    if let Err(error) = app::jobs::measures::measure(app).await {
        tracing::warn!(?error, "the gauges could not be measured");
    }
    metrics.render()
}

async fn upkeep(metrics: PrometheusHandle, stop: CancellationToken) {
    while tokio::time::timeout(UPKEEP, stop.cancelled()).await.is_err() {
        metrics.run_upkeep();
    }
}

/// Listens for SIGTERM and SIGINT from now on. The future cancels `stop` at the first and fails at the second.
pub fn stop_on_signal(stop: CancellationToken) -> Result<impl Future<Output = Result<()>>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let mut next = async || {
            tokio::select! { _ = terminate.recv() => (), _ = interrupt.recv() => () }
        };
        next().await;
        tracing::info!("stopping: what is under way is finished first; a second signal stops at once");
        stop.cancel();
        next().await;
        anyhow::bail!("stopped at once")
    })
}
