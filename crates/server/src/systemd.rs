//! What a service manager such as systemd hands over, and what it is told: sd_notify(3), sd_listen_fds(3),
//! sd_watchdog_enabled(3). Without one nothing is handed over, and nothing is said.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use app::App;
use listenfd::ListenFd;
use tokio_util::sync::CancellationToken;

/// Looks within the time after which the manager takes the process for dead.
const LOOKS: u32 = 4;

/// The one that started this process.
#[derive(Debug)]
pub struct Manager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// How long it waits for a sign of life.
    watchdog: Option<Duration>,
}

impl Manager {
    /// As the environment names it, which is the manager's word and no part of the configuration.
    pub fn of_this_process() -> Result<Self> {
        let socket = match variable("NOTIFY_SOCKET") {
            None => None,
            Some(name) => {
                let address = match name.strip_prefix('@') {
                    Some(name) => SocketAddr::from_abstract_name(name),
                    None => SocketAddr::from_pathname(&name),
                };
                Some((UnixDatagram::unbound()?, address.with_context(|| format!("NOTIFY_SOCKET: {name:?}"))?))
            }
        };
        let is_ours = variable("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
        let watchdog = match variable("WATCHDOG_USEC").filter(|_| is_ours) {
            None => None,
            Some(micros) => {
                let micros = micros.parse().with_context(|| format!("WATCHDOG_USEC: {micros:?}"))?;
                Some(Duration::from_micros(micros)).filter(|patience| !patience.is_zero())
            }
        };
        Ok(Self { socket, watchdog })
    }

    /// Says that requests are answered from now on.
    pub fn ready(&self) {
        self.say("READY=1");
    }

    /// Says that the process has begun to stop.
    pub fn stopping(&self) {
        self.say("STOPPING=1");
    }

    /// Gives a sign of life again and again until `stop`: as long as the database answers, be it with a fault, and every
    /// job that was at work at the last look has made a step since.
    pub async fn keep_informed(&self, app: &App, stop: &CancellationToken) {
        let Some(period) = self.watchdog.map(|patience| patience / LOOKS) else { return };
        let mut seen = BTreeMap::new();
        while tokio::time::timeout(period, stop.cancelled()).await.is_err() {
            let at_work = app.jobs.pulse.at_work();
            let stuck: Vec<_> = at_work.iter().filter(|it| seen.get(it.0) == Some(it.1)).collect();
            if !stuck.is_empty() {
                tracing::warn!(?stuck, "jobs have made no step since the last look");
            } else if tokio::time::timeout(period, look(app)).await.is_err() {
                tracing::warn!("the database says nothing, not even that it is gone");
            } else {
                self.say("WATCHDOG=1");
            }
            seen = at_work;
        }
    }

    fn say(&self, what: &str) {
        let Some((socket, address)) = &self.socket else { return };
        if let Err(error) = socket.send_to_addr(what.as_bytes(), address) {
            tracing::warn!(%error, what, "the service manager was not told");
        }
    }
}

/// A socket that the manager listens on, for this process to accept from; `None` where it listens on none.
pub fn listener() -> Result<Option<TcpListener>> {
    let mut handed = ListenFd::from_env();
    ensure!(handed.len() <= 1, "LISTEN_FDS: {} sockets were handed over, and one is served on", handed.len());
    let listener = handed.take_tcp_listener(0).context("LISTEN_FDS")?;
    if let Some(listener) = &listener {
        listener.set_nonblocking(true)?;
    }
    Ok(listener)
}

async fn look(app: &App) -> app::Result<bool> {
    app::setup::is_done(&mut app.read().await?).await
}

fn variable(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "what a service manager says is no part of the configuration"
    )]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
