//! The nodes of an installation: the processes that serve one database, and what this one may still do.
//!
//! A node gives a sign of life every few seconds. One that gives none for 15 seconds is taken for dead, and others take its
//! work over. It may be alive all the same, stalled or cut off, so that all it writes names the epoch of its lease, and a
//! mail leaves only from a node that is sure of its lease ([`Hold`]).

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use domain::access::{Actor, Grant, Permission};
use domain::ids::{NodeId, TenantNo};
use domain::time::Instant;
pub use store::nodes::Node;
use store::nodes::{About, SILENCE_MICROS};
use store::{Db, deliveries, mailed_links};

use crate::clock::Moment;
use crate::mail::Outcome;
use crate::{App, Caller, Error, Result};

/// A node that missed signs for this long judges no other by theirs, until it has given its own for as long as others may
/// be silent: it was the database that was away, perhaps.
const GAP_MICROS: i64 = 7_500_000;
/// With a sign younger than this a mail may leave without asking the database.
const FRESH: Duration = Duration::from_secs(5);
/// With a sign older than this nothing is certain any more. Others wait for half as long again, by the database's clock.
const SURE: Duration = Duration::from_secs(10);
/// When a mail is tried again that this node could not be sure of, in seconds.
const UNSURE_SECONDS: i64 = 5;

/// What a node knows of itself.
#[derive(Debug, Default)]
pub struct State {
    own: OnceLock<About>,
    signs: Mutex<Signs>,
}

/// The signs of life that this node has given.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Signs {
    /// When the last was given, or a little before.
    last: Option<Moment>,
    /// The same by the database's clock.
    seen_at: Option<Instant>,
    /// Since when none is missing, by the database's clock.
    steady_since: Option<Instant>,
}

impl Signs {
    fn given(&mut self, before: Moment, seen_at: Instant) {
        let gap = self.seen_at.map(|last| seen_at.0.abs_diff(last.0));
        if gap.is_none_or(|gap| gap > GAP_MICROS.unsigned_abs()) {
            self.steady_since = Some(seen_at);
        }
        (self.last, self.seen_at) = (Some(before), Some(seen_at));
    }

    /// Whether a silence of others is theirs.
    fn may_judge(self) -> bool {
        let steady = self.seen_at.zip(self.steady_since).map(|(seen_at, since)| seen_at.0 - since.0);
        steady.is_some_and(|steady| steady >= SILENCE_MICROS)
    }
}

impl State {
    /// The id of this node; `None` in a process that is none.
    pub fn own(&self) -> Option<NodeId> {
        self.own.get().map(|about| about.id)
    }

    /// What a claim that is made now goes by.
    pub(crate) fn last_sign(&self) -> Sign {
        match self.own() {
            None => Sign::NotNeeded,
            Some(_) => self.signs().last.map_or(Sign::Never, Sign::At),
        }
    }

    fn may_judge(&self) -> bool {
        self.signs().may_judge()
    }

    fn signs(&self) -> MutexGuard<'_, Signs> {
        self.signs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes this process a node, on this machine and, where it listens, at this address. Its jobs give its signs of life.
pub fn introduce(app: &App, host: String, address: Option<String>) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let _ = app.nodes.own.set(About { id: NodeId(app.ids.other()?), host, address, version });
    Ok(())
}

/// Gives a sign of life; says whether there is work for [`take_over`].
pub async fn sign(app: &App) -> Result<bool> {
    let Some(about) = app.nodes.own.get() else { return Ok(false) };
    let before = Moment::now();
    let mut tx = app.db.write_aside(Actor::System, || app.clock.now()).await?;
    let seen_at = store::nodes::sign(&mut tx, about).await?;
    let silent_too = app.nodes.may_judge();
    // Nobody else is at work on a database that is not shared.
    let is_work_left = app.db.is_shared() && store::nodes::has_work_of_one_gone(&mut tx, silent_too).await?;
    tx.commit().await?;
    app.nodes.signs().given(before, seen_at);
    Ok(is_work_left)
}

/// Frees the work of nodes that are gone for whoever comes first, and gives back how much that was.
pub async fn take_over(app: &App) -> Result<u64> {
    let mut tx = app.write_as(Actor::System).await?;
    let freed = store::nodes::void_leases_of_those_gone(&mut tx, app.nodes.may_judge()).await?;
    tx.commit().await?;
    if freed > 0 {
        tracing::warn!(freed, "runs and mails of nodes that are gone are taken over");
        app.work.notify_waiters();
    }
    Ok(freed)
}

/// Tells the other nodes that there may be work.
pub(crate) async fn hint(app: &App) -> Result<()> {
    let Some(own) = app.nodes.own() else { return Ok(()) };
    let mut tx = app.db.write_aside(Actor::System, || app.clock.now()).await?;
    store::nodes::hint(&mut tx, own).await?;
    Ok(tx.commit().await?)
}

/// Whether this is the node for what should be done by one at a time. For a moment there may be two, or none.
pub(crate) async fn is_eldest(app: &App) -> Result<bool> {
    match app.nodes.own() {
        Some(own) => Ok(store::nodes::is_eldest(&mut app.read().await?, own).await?),
        None => Ok(true),
    }
}

/// Says goodbye: others need not wait to take over what was not finished.
pub async fn leave(app: &App) -> Result<()> {
    let Some(own) = app.nodes.own() else { return Ok(()) };
    let mut tx = app.write_as(Actor::System).await?;
    store::nodes::stop(&mut tx, own).await?;
    if store::nodes::void_leases_of_those_gone(&mut tx, false).await? > 0 {
        store::nodes::hint(&mut tx, own).await?;
    }
    Ok(tx.commit().await?)
}

/// The nodes of the installation, by start: for administrators of the top tenant, by tokens that are not narrowed.
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<Node>> {
    let operates = |grant: &Grant| grant.tenant == TenantNo::TOP && grant.role.permits(Permission::RootAdmin);
    if !caller.grants.iter().any(operates) {
        return Err(Error::Forbidden);
    }
    list_for_operator(&app.db).await
}

/// As [`list`], for the operator, from whom nothing is hidden.
pub async fn list_for_operator(db: &Db) -> Result<Vec<Node>> {
    Ok(store::nodes::all(&mut db.read().await?).await?)
}

/// The sign of life that a claim goes by.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sign {
    /// The process is no node: its leases only run out.
    NotNeeded,
    /// It has given none yet.
    Never,
    /// The last one.
    At(Moment),
}

impl Sign {
    fn age(self) -> Duration {
        match self {
            Self::NotNeeded => Duration::ZERO,
            Self::Never => Duration::MAX,
            Self::At(moment) => moment.age(),
        }
    }
}

/// The claim that a mail is sent under.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Held<'a> {
    /// On the mail of a run.
    Delivery(&'a deliveries::Claim),
    /// On that with a link.
    Link(&'a mailed_links::Claim),
}

/// Whether a mail is still this node's to send, asked right before it leaves.
///
/// While the last sign of life before the claim is young enough, nobody can have taken it over. Where it is not, the
/// database is asked, and a younger one counts. A node that was stopped for a while thus finds out before it does harm.
pub(crate) struct Hold<'a> {
    app: &'a App,
    held: Held<'a>,
    sign: Sign,
}

impl<'a> Hold<'a> {
    /// Of a claim that was made after this sign.
    pub(crate) const fn new(app: &'a App, held: Held<'a>, sign: Sign) -> Self {
        Self { app, held, sign }
    }

    /// The app that holds it.
    pub(crate) const fn app(&self) -> &'a App {
        self.app
    }

    /// Whether the mail may leave; where not, what becomes of this try.
    pub(crate) async fn ask(&mut self) -> Result<(), Outcome> {
        if !self.app.db.is_shared() || self.sign.age() < FRESH {
            return Ok(());
        }
        let sign = self.app.nodes.last_sign();
        match self.renew().await {
            Ok(true) => self.sign = sign,
            Ok(false) => return Err(self.not_tried("another node has taken the mail over")),
            Err(error) => {
                tracing::warn!(%error, "the database does not say whose the mail is");
                return Err(self.not_tried("the lease could not be renewed"));
            }
        }
        self.check()
    }

    /// As [`Hold::ask`], by what is known already: at the last moment.
    pub(crate) fn check(&self) -> Result<(), Outcome> {
        let is_sure = !self.app.db.is_shared() || self.sign.age() < SURE;
        if is_sure { Ok(()) } else { Err(self.not_tried("this node has given no sign of life for too long")) }
    }

    async fn renew(&self) -> Result<bool> {
        let mut tx = self.app.write_as(Actor::System).await?;
        let is_ours = match self.held {
            Held::Delivery(claim) => deliveries::hold(&mut tx, claim).await?,
            Held::Link(claim) => mailed_links::hold(&mut tx, claim).await?,
        };
        tx.commit().await?;
        Ok(is_ours)
    }

    fn not_tried(&self, why: &'static str) -> Outcome {
        tracing::warn!(why, "a mail was held back");
        Outcome::Later { until: self.app.clock.now().plus_seconds(UNSURE_SECONDS) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: &[i64]) -> Signs {
        let mut signs = Signs::default();
        for second in seconds {
            signs.given(Moment::now(), Instant::from_unix_seconds(1_000 + second));
        }
        signs
    }

    #[test]
    fn a_node_judges_others_once_it_has_given_signs_for_as_long_as_they_may_be_silent() {
        assert!(!after(&[]).may_judge());
        assert!(!after(&[0, 5, 10, 14]).may_judge());
        assert!(after(&[0, 5, 10, 15]).may_judge());
    }

    #[test]
    fn a_node_that_was_away_itself_lets_the_others_come_back_first() {
        assert!(!after(&[0, 5, 10, 15, 45]).may_judge());
        assert!(!after(&[0, 5, 10, 15, 45, 50, 55]).may_judge());
        assert!(after(&[0, 5, 10, 15, 45, 50, 55, 60]).may_judge());
        let set_back = after(&[100, 105, 110, 115, 20]);
        assert!(!set_back.may_judge(), "the database's clock was set back");
    }
}
