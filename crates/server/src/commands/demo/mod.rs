//! `tidemark demo`: the main job on a fresh machine, over real HTTP, with a clock that is stepped through two months.

mod channel;
mod client;
mod mailbox;
mod summary;
mod walk;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use app::clock::ManualClock;
use app::{Clock, Ids};
use domain::time::Instant;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::init;
use super::serve::{self, Doors, Patience};
use crate::cli::{self, Common};
use crate::say::say;
use crate::settings::{Metrics, Settings};
use crate::telemetry;

/// The channel is made on this day, two months before the published page's report.
const BEGIN: &str = "2017-03-06T12:00:00Z";
const DISTRIBUTOR: &str = "Tidemark Demo Distribution";
const PATIENCE: Patience = Patience::of_seconds(0, 10);

/// Runs the demo.
pub async fn run(options: &cli::Demo) -> Result<()> {
    let directory = new_directory(options.dir.as_deref())?;
    let port = if options.serve { options.port.unwrap_or(8080) } else { 0 };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.with_context(|| {
        format!("127.0.0.1:{port} cannot be served on; is another server there? --port takes another port")
    })?;
    let base_url = format!("http://{}/api/2", listener.local_addr()?);
    let settings = demo_settings(&directory, &listener)?;
    let _traces = telemetry::log(&settings.log)?;
    let clock = ManualClock::at(BEGIN.parse::<Instant>()?);
    let ids = Ids::default();
    let (made, first) =
        init::make(&settings, Clock::Manual(clock.clone()), ids.clone(), (DISTRIBUTOR, "admin@localhost"))
            .await?;
    let stop = CancellationToken::new();
    let doors = Doors { api: listener, tls: None, metrics: Metrics::Operator, metrics_alone: None };
    let served = serve::serve(made.app.clone(), doors, stop.clone(), PATIENCE);
    let walk = walk::Walk { base_url, directory, ids, clock: clock.clone(), first };
    let shown = async {
        let shown = tokio::task::spawn_blocking(move || walk.walk()).await;
        let shown = shown.map_err(anyhow::Error::from).and_then(|shown| show(options, &shown?));
        if shown.is_ok() && options.serve {
            clock.run_on();
        } else {
            stop.cancel();
        }
        shown
    };
    let signalled = serve::stop_on_signal(stop.clone())?;
    tokio::select! {
        (served, shown) = async { tokio::join!(served, shown) } => shown.and(served),
        stopped = signalled => stopped,
    }
}

fn show(options: &cli::Demo, shown: &walk::Shown) -> Result<()> {
    if options.json {
        say(summary::as_json(shown));
    } else {
        say(summary::for_people(shown, options.serve)?);
    }
    Ok(())
}

/// The folder given, or a new one beside the others; never one that holds something.
fn new_directory(wanted: Option<&Path>) -> Result<PathBuf> {
    let directory = match wanted {
        Some(directory) => directory.to_owned(),
        None => (1..=999)
            .map(|n| PathBuf::from(format!("tidemark-demo-{n}")))
            .find(|directory| !directory.exists())
            .context("no free name for a folder")?,
    };
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("--dir: {} cannot be made", directory.display()))?;
    let is_empty = std::fs::read_dir(&directory)?.next().is_none();
    ensure!(is_empty, "--dir: {} is not empty; the demo overwrites nothing", directory.display());
    Ok(directory)
}

/// The compiled defaults, for this folder and address; what the environment sets is for real servers.
fn demo_settings(directory: &Path, listener: &TcpListener) -> Result<Settings> {
    let common = Common { data_dir: Some(directory.to_owned()), ..Common::default() };
    let listen = listener.local_addr()?.to_string();
    Settings::without_environment(&common, &[("listen", Some(&listen)), ("log.filter", Some("warn"))])
}
