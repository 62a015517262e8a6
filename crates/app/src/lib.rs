//! The use cases: allow, load, decide, save, enqueue.
//!
//! Every function takes the [`App`] and, where somebody asks, the [`Caller`]. Permission is decided in [`access`] alone:
//! it gives a [`access::Granted`], which the store's functions on tenant data need. Nothing here knows HTTP, and no SQL
//! stands here.

pub mod access;
pub mod auth;
pub mod backup;
pub mod billing;
pub mod bounces;
pub mod brands;
pub mod cells;
pub mod changes;
pub mod clients;
pub mod clock;
pub mod completeness;
pub mod contacts;
pub mod contents;
pub mod cursor;
pub mod deliveries;
mod error;
pub mod export;
mod group_commit;
pub mod held_mails;
pub mod history;
pub mod ids;
pub mod infra;
pub mod jobs;
pub mod limits;
pub mod lists;
pub mod mail;
pub mod mfa;
pub mod migrate_store;
pub mod nodes;
pub mod offering_items;
pub mod policies;
pub mod pricing;
pub mod reports;
pub mod search;
pub mod settings;
pub mod setup;
mod spool;
pub mod tables;
pub mod tenants;
pub mod usage;
pub mod users;
pub mod verify;

use std::sync::Arc;
use std::time::Duration;

use auth::sealing::SealingKey;
use domain::access::Actor;
use domain::catalogue::Catalogue;
use domain::time::Instant;
use store::{Conn, Db, Write};
use tokio_util::sync::CancellationToken;

pub use access::{Caller, Granted};
pub use clock::Clock;
pub use error::{Error, Result, Rule};
pub use ids::Ids;
pub use settings::Settings;

/// What spans of requests and jobs are called in directives of the log. They are for traces alone: no line of the log
/// shows them, unless it is asked to at level `trace`.
pub const SPANS: &str = "tidemark::spans";

/// How long a list waits for the writer, so that its `timestamp` is the present.
const LIST_PATIENCE: Duration = Duration::from_millis(250);

/// What every use case works with. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts of an [`App`].
pub struct Parts {
    /// The database.
    pub db: Db,
    /// The only source of time.
    pub clock: Clock,
    /// The only source of ids and other random numbers.
    pub ids: Ids,
    /// What the operator set.
    pub settings: Settings,
    /// What secrets in the database are sealed with.
    pub sealing: SealingKey,
    /// Wakes the jobs when there may be work.
    pub work: jobs::Work,
    /// What signing in keeps between calls.
    pub auth: auth::State,
    /// What accepting readings keeps between calls.
    pub usage: usage::State,
    /// What receiving and checking readings keeps between calls.
    pub intake: usage::Intake,
    /// What freezing days keeps between calls.
    pub history: history::State,
    /// How many requests callers have made of late.
    pub limits: limits::State,
    /// What the jobs keep between calls.
    pub jobs: jobs::State,
    /// What this node knows of itself.
    pub nodes: nodes::State,
    /// What reading mails that came back keeps between calls.
    pub bounces: bounces::State,
    /// Cancelled once this process is going to stop: from then on it asks to be left.
    pub leaving: CancellationToken,
}

impl App {
    /// Puts the parts together.
    pub fn new(db: Db, clock: Clock, ids: Ids, settings: Settings, sealing: SealingKey) -> Self {
        Self(Arc::new(Parts {
            db,
            clock,
            ids,
            settings,
            sealing,
            work: jobs::Work::default(),
            auth: auth::State::default(),
            usage: usage::State::default(),
            intake: usage::Intake::default(),
            history: history::State::default(),
            limits: limits::State::default(),
            jobs: jobs::State::default(),
            nodes: nodes::State::default(),
            bounces: bounces::State::default(),
            leaving: CancellationToken::new(),
        }))
    }

    /// The catalogue of this binary.
    pub fn catalogue(&self) -> &'static Catalogue {
        Catalogue::embedded()
    }

    /// A snapshot to read from.
    pub async fn read(&self) -> Result<Conn> {
        Ok(self.db.read().await?)
    }

    /// A snapshot to read a list from, and its moment, which the list gives out as `timestamp`: every change that the
    /// snapshot does not hold is stamped later (ADR 8).
    ///
    /// The moment is the present second, or, where nothing can be written or the writer is busy for long, an earlier one.
    pub async fn read_at(&self) -> Result<(Conn, Instant)> {
        let mut conn = self.read().await?;
        let moment = conn.moment().await?;
        if moment.unix_seconds() >= self.clock.now().unix_seconds() {
            return Ok((conn, moment));
        }
        drop(conn);
        tokio::select! {
            passed = self.db.pass(|| self.clock.now()) => if let Err(error) = passed {
                tracing::warn!(%error, "lists give an earlier timestamp than the present");
            },
            () = clock::patience(LIST_PATIENCE) => {}
        }
        let mut conn = self.read().await?;
        let moment = conn.moment().await?;
        Ok((conn, moment))
    }

    /// The moment of a list that is read after it, as [`App::read_at`] has it.
    pub async fn moment(&self) -> Result<Instant> {
        Ok(self.read_at().await?.1)
    }

    /// A transaction that writes in the caller's name.
    pub async fn write(&self, caller: &Caller) -> Result<Write> {
        self.write_as(caller.actor()).await
    }

    /// A transaction that writes in an actor's name.
    pub async fn write_as(&self, actor: Actor) -> Result<Write> {
        Ok(self.db.write(actor, || self.clock.now()).await?)
    }
}

impl std::ops::Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}
