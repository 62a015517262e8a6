//! The scheduler, the builder of runs and the mailer.
//!
//! Each takes no input but the database and the clock, and does nothing that it has done before: all are woken by signal,
//! by the clock and by period, as often as anybody likes, and a process may die between any two of their steps
//! ([`steps`]). Work is claimed by lease, so that any number of nodes can be at it.

mod batch;
pub mod builder;
mod by_itself;
pub(crate) mod content;
mod files;
mod lag;
mod letter;
mod life;
mod links;
pub mod mailer;
pub mod measures;
mod own_server;
mod pulse;
pub mod scheduler;
pub(crate) mod standing;
pub mod steps;
mod wake;

pub use wake::{Work, pass_on as pass_hints_on};

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use domain::delivery::AlertKind;
use domain::ids::AlertId;
use domain::time::Instant;
use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::clock::Moment;
use crate::{App, Error, Result, SPANS};

/// The longest a job waits before it looks again, in seconds.
const PERIOD_SECONDS: i64 = 60;
/// How long a job waits after a fault below it, in seconds.
const FAULT_SECONDS: i64 = 5;

/// What the jobs keep between calls.
#[derive(Default)]
pub struct State {
    hook: OnceLock<steps::Hook>,
    pause: Mutex<mailer::Pause>,
    /// By brand.
    own_servers: Mutex<HashMap<i64, mailer::Pause>>,
    /// When each job began its last look, by name.
    looks: Mutex<BTreeMap<&'static str, Moment>>,
    /// What was outstanding at the last look.
    alerts: Mutex<HashSet<(AlertKind, AlertId)>>,
    /// Which jobs are at work, and whether they get on.
    pub pulse: pulse::Pulse,
}

impl State {
    /// From now on this is called at every step; the first call counts.
    pub fn set_hook(&self, hook: steps::Hook) {
        let _ = self.hook.set(hook);
    }

    /// What was outstanding at the last look, in exchange for what is now.
    pub(crate) fn exchange_alerts(
        &self,
        now: HashSet<(AlertKind, AlertId)>,
    ) -> HashSet<(AlertKind, AlertId)> {
        std::mem::replace(&mut self.alerts.lock().unwrap_or_else(PoisonError::into_inner), now)
    }

    fn looks(&self) -> BTreeMap<&'static str, Moment> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn looks_now(&self, job: &'static str) {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner).insert(job, Moment::now());
    }

    fn pause(&self) -> MutexGuard<'_, mailer::Pause> {
        self.pause.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn own_servers(&self) -> MutexGuard<'_, HashMap<i64, mailer::Pause>> {
        self.own_servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("pause", &self.pause).finish_non_exhaustive()
    }
}

/// Voids the leases of the process before: for the start of the only process on a database.
pub async fn release_leases(app: &App) -> Result<()> {
    let mut tx = app.write_as(domain::access::Actor::System).await?;
    store::runs::release_leases(&mut tx).await?;
    store::mailed_links::release_leases(&mut tx).await?;
    Ok(tx.commit().await?)
}

/// Lives as a node until shutdown: the three jobs, the upkeep of the history, the rotation of the signing keys, the watch over what
/// should have gone out, the reading of mails that came back, and signs of life until all of them have ended. A mail on its way is
/// brought to its end; a run stops where it is, and another node, or the next process, goes on with it.
pub async fn run(app: App, shutdown: CancellationToken) {
    tokio::select! {
        () = work(&app, &shutdown) => {}
        () = life::live(&app) => {}
        () = wake::pass_on(&app) => {}
    }
    if let Err(error) = crate::nodes::leave(&app).await {
        tracing::warn!(why = describe(&error), "this node could not say goodbye");
    }
}

async fn work(app: &App, shutdown: &CancellationToken) {
    let build = async {
        tokio::select! {
            () = repeat(app, shutdown, "builder", || builder::work(app)) => {}
            () = shutdown.cancelled() => {}
        }
    };
    let bounces = async {
        tokio::select! {
            () = repeat(app, shutdown, "bounces", || crate::bounces::work(app)) => {}
            () = shutdown.cancelled() => {}
        }
    };
    tokio::join!(
        repeat(app, shutdown, "scheduler", || scheduler::work(app)),
        build,
        bounces,
        repeat(app, shutdown, "mailer", || mailer::work(app, shutdown)),
        repeat(app, shutdown, "keys", || crate::auth::keys::work(app)),
        repeat(app, shutdown, "alerts", || crate::deliveries::alerts::watch(app)),
        repeat(app, shutdown, "history", || tend_history(app, shutdown)),
        repeat(app, shutdown, "contents", || tend_contents(app, shutdown)),
    );
}

/// Tends the history until nothing is left to do.
async fn tend_history(app: &App, shutdown: &CancellationToken) -> Result<Option<Instant>> {
    while !shutdown.is_cancelled() && crate::history::tend(app).await? {}
    Ok(None)
}

/// Lets stored files leave until none is due.
async fn tend_contents(app: &App, shutdown: &CancellationToken) -> Result<Option<Instant>> {
    while !shutdown.is_cancelled() && crate::contents::upkeep::tend(app).await? {}
    Ok(None)
}

/// Does `work` until shutdown: again when woken, at the moment it asks for, and after a while anyway.
async fn repeat<F: Future<Output = Result<Option<Instant>>>>(
    app: &App,
    shutdown: &CancellationToken,
    name: &'static str,
    work: impl Fn() -> F,
) {
    measures::job_begins(name);
    while !shutdown.is_cancelled() {
        // Listens before it looks, so that no wake between the two is lost.
        let woken = app.work.notified();
        // What became due while the job was looking is not missed either: the next look counts from before this one.
        let now = app.clock.now();
        app.jobs.looks_now(name);
        // A panic is a fault like another: without its job the server would seem well and do nothing.
        let worked = app.jobs.pulse.round(name, AssertUnwindSafe(work()).catch_unwind());
        let worked = worked.instrument(tracing::trace_span!(target: SPANS, "job", otel.name = name)).await;
        let worked = worked.unwrap_or_else(|_| Err(Error::internal("it panicked")));
        let next = match worked {
            Ok(next) => next
                .map_or(now.plus_seconds(PERIOD_SECONDS), |next| next.min(now.plus_seconds(PERIOD_SECONDS))),
            Err(error) => {
                measures::job_failed(name, &describe(&error));
                now.plus_seconds(FAULT_SECONDS)
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = woken => {}
            () = app.clock.sleep_until(next) => {}
        }
    }
}

/// Does everything that is due at the clock's now, job by job, until nothing is left.
pub async fn drain(app: &App) -> Result<()> {
    loop {
        let scheduled = scheduler::wake(app).await? > 0;
        while crate::history::tend(app).await? {}
        while crate::contents::upkeep::tend(app).await? {}
        let built = builder::build_next(app).await?;
        let sent = mailer::send_next(app).await?;
        if !(scheduled || built || sent) {
            return Ok(());
        }
    }
}

/// An error with its causes, for the log and for reasons that operators read.
fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
