//! `tidemark serve`: the HTTP API and the jobs, until SIGTERM.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
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
use crate::connections::Until;
use crate::connections::tls::Tls;
use crate::data_dir::DataDir;
use crate::say::say;
use crate::settings::{Metrics, Settings};
use crate::systemd::{self, Manager};
use crate::{cli, connections, stop_at, telemetry, traces};

/// How often the metrics' histograms are folded.
const UPKEEP: Duration = Duration::from_secs(5);
/// How long the database may take to close: at the end of patience something may still hold it.
const CLOSING: Duration = Duration::from_secs(5);
/// How long connections are kept after the last was taken: what came with it is its first request, and is answered.
const LAST_REQUESTS: Duration = Duration::from_millis(500);

/// How long the parts of a stop may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Before the server takes no connection any more: until balancers have seen that it is leaving.
    pub delay: Duration,
    /// After that, for what is under way.
    pub finish: Duration,
}

impl Patience {
    /// Of so many seconds.
    pub const fn of_seconds(delay: u64, finish: u64) -> Self {
        Self { delay: Duration::from_secs(delay), finish: Duration::from_secs(finish) }
    }
}

/// Serves until it is told to stop.
pub async fn run(options: &cli::Serve) -> Result<()> {
    let flags = [
        ("listen", options.listen.as_deref()),
        ("public_url", options.public_url.as_deref()),
        ("tls.certificate_file", options.tls_cert.as_deref()),
        ("tls.key_file", options.tls_key.as_deref()),
    ];
    let settings = Settings::read(&options.common, &flags)?;
    let _traces = telemetry::log(&settings.log)?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let tls = settings.tls.clone().map(Tls::of).transpose()?.map(Arc::new);
    let manager = Manager::of_this_process()?;
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
    let served = serve(app.clone(), doors, stop.clone(), settings.patience);
    let told = async {
        manager.ready();
        manager.keep_informed(&app, &stop).await;
        stop.cancelled().await;
        manager.stopping();
        std::future::pending().await
    };
    tokio::select! {
        served = served => served,
        stopped = stopped => stopped,
        never = told => never,
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
        let metrics_alone = match settings.metrics {
            Metrics::At(address) => {
                let listener = TcpListener::bind(address).await;
                Some(listener.with_context(|| format!("metrics: {address}"))?)
            }
            _ => None,
        };
        Ok(Self { api: listen(settings).await?, tls, metrics: settings.metrics, metrics_alone })
    }
}

/// The socket of the service manager, or one of this process's own.
async fn listen(settings: &Settings) -> Result<TcpListener> {
    let Some(listener) = systemd::listener()? else {
        return TcpListener::bind(settings.listen)
            .await
            .with_context(|| format!("listen: {}", settings.listen));
    };
    let address = listener.local_addr()?;
    ensure!(
        settings.public_url.is_some() || address.ip().is_loopback(),
        "public_url: required, as the socket that was handed over, {address}, can be reached from other machines"
    );
    Ok(TcpListener::from_std(listener)?)
}

/// Serves behind these doors, with the jobs beside it, until `stop`; then says that it is leaving, and lets what is under
/// way finish, for at most `patience`.
pub async fn serve(app: App, doors: Doors, stop: CancellationToken, patience: Patience) -> Result<()> {
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
        tasks.spawn(connections::serve(listener, None, alone, Until::at_once(&stop)));
    }
    let router = http_api::router_with(app.clone(), metrics_routes(metrics, &figures));
    let until = Until::default();
    let server = connections::serve(api, tls, traces::taking_over(router), until.clone());
    tracing::info!(%address, public_url = app.settings.public_url, "serving");
    let drained = async {
        server.await;
        tasks.close();
        tasks.wait().await;
    };
    let out_of_patience = async {
        stop.cancelled().await;
        app.leaving.cancel();
        app::clock::patience(patience.delay).await;
        until.closing.cancel();
        app::clock::patience(LAST_REQUESTS.min(patience.finish)).await;
        until.hanging_up.cancel();
        app::clock::patience(patience.finish.saturating_sub(LAST_REQUESTS)).await;
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
