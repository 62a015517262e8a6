//! The delivery ledger: which mail went to whom, what became of it, and who asked for it. Sent once more in [`resend`];
//! what should have gone out and did not in [`alerts`].
//!
//! A delivery is seen by whoever sees its report; of a subject that hides its inside, that is its own figures. Whom it went
//! to, and what a mail server said of that, shows to those who could look the recipient up.

pub mod alerts;
mod resend;

use std::collections::{HashMap, HashSet};

use domain::access::{Actor, Permission};
use domain::delivery::DeliveryState;
use domain::ids::{DeliveryId, ReportId, TenantId, TenantNo};
use store::deliveries::ledger::{self, Sight};
use store::{Conn, Db};
use uuid::Uuid;

use crate::access::{Deleted, Granted};
use crate::changes::Who;
use crate::reports::{depth, find};
use crate::{App, Caller, Clock, Error, Ids, Result, Settings};

pub use resend::{
    MOST_RESENT, Resent, resend, resend_failed, resend_failed_for_operator, resend_for_operator,
};
pub use store::deliveries::ledger::{Entry, Filter as Asked, Position};

/// What the operator works with beside a server or without one: nothing is hidden from whoever holds the database.
#[derive(Debug)]
pub struct Operator {
    /// The database.
    pub db: Db,
    /// The only source of time.
    pub clock: Clock,
    /// The only source of ids.
    pub ids: Ids,
    /// What the operator set.
    pub settings: Settings,
}

/// The operator's sight.
const ALL: Sight = Sight { root: TenantNo::TOP, inside: true, from: TenantNo::TOP, all: true };

/// A delivery as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The delivery, without what the reader may not see.
    pub entry: Entry,
    /// Who asked for it; Tidemark itself where it follows from the report.
    pub asked_by: Who,
}

impl Shown {
    /// What the mail server answered, or why the mail was not sent; what failed last, while it waits for the next try.
    pub fn answer(&self) -> Option<&str> {
        let (_, text) = self.entry.delivery.state.parts();
        let text = text.or(self.entry.delivery.fault.as_deref());
        text.filter(|_| {
            self.entry.sees_recipient || matches!(self.entry.delivery.state, DeliveryState::Skipped { .. })
        })
    }

    /// What the last report of a delay said, where the reader may know whom it is about.
    pub fn delay(&self) -> Option<&str> {
        self.entry.delay.as_deref().filter(|_| self.entry.sees_recipient)
    }

    /// Where it went, where the reader may know.
    pub fn address(&self) -> Option<&str> {
        self.entry.delivery.address.as_deref().filter(|_| self.entry.sees_recipient)
    }
}

/// Some deliveries, newest first.
#[derive(Debug, Clone)]
pub struct Page {
    /// At most as many as were asked for. There may be fewer, and none, though more follow.
    pub deliveries: Vec<Shown>,
    /// Behind what the next page begins, where more may follow.
    pub next: Option<Position>,
}

/// How far a caller sees who may act on a tenant.
const fn sight(granted: &Granted) -> Sight {
    let (root, inside, from) = (granted.tenant().no, granted.may_look_inside(), granted.root());
    Sight { root, inside, from, all: false }
}

/// How far a caller sees with a grant on a tenant above a report's subject, or on the subject itself.
const fn sight_from(root: TenantNo) -> Sight {
    Sight { root, inside: true, from: root, all: false }
}

/// A page of the deliveries of the reports on a tenant and on all below it.
pub async fn page(
    app: &App,
    caller: &Caller,
    tenant: TenantId,
    asked: &Asked,
    behind: Option<Position>,
    limit: i64,
) -> Result<Page> {
    check(asked)?;
    let mut conn = app.read().await?;
    let granted = app.allow(&mut conn, caller, Permission::ReportReader, tenant).await?;
    slice(&mut conn, caller, sight(&granted), asked, behind, limit).await
}

/// A page of the deliveries of one report.
pub async fn page_of_report(
    app: &App,
    caller: &Caller,
    report: ReportId,
    asked: &Asked,
    behind: Option<Position>,
    limit: i64,
) -> Result<Page> {
    check(asked)?;
    let mut conn = app.read().await?;
    let (_, granted) = find(app, &mut conn, caller, Permission::ReportReader, report).await?;
    let asked = Asked { report: Some(report), ..asked.clone() };
    slice(&mut conn, caller, sight_from(granted.root()), &asked, behind, limit).await
}

/// As [`page`], for the operator: of the whole channel where no tenant is named.
pub async fn page_for_operator(
    operator: &Operator,
    tenant: Option<TenantId>,
    asked: &Asked,
    behind: Option<Position>,
    limit: i64,
) -> Result<Page> {
    check(asked)?;
    let mut conn = operator.db.read().await?;
    let sight = Sight { root: root(&mut conn, tenant).await?, ..ALL };
    let found = ledger::newest(&mut conn, sight, asked, behind, limit).await?;
    Ok(Page { deliveries: shown(&mut conn, None, found.entries).await?, next: found.next })
}

/// One delivery.
pub async fn get(app: &App, caller: &Caller, id: DeliveryId) -> Result<Shown> {
    let mut conn = app.read().await?;
    let granted = allow(app, &mut conn, caller, Permission::ReportReader, id).await?;
    one(&mut conn, Some((caller, granted.root())), sight(&granted), id).await
}

/// As [`get`], for the operator.
pub async fn get_for_operator(operator: &Operator, id: DeliveryId) -> Result<Shown> {
    one(&mut operator.db.read().await?, None, ALL, id).await
}

/// Whether the caller may do this with a delivery; 404 where there is none, 403 where its report's figures are not the
/// caller's to see.
async fn allow(
    app: &App,
    conn: &mut Conn,
    caller: &Caller,
    permission: Permission,
    id: DeliveryId,
) -> Result<Granted> {
    let place = ledger::place(conn, id).await?.ok_or(Error::NotFound { what: "delivery" })?;
    app.allow_at(conn, caller, permission, place.subject, depth(place.level), Deleted::Shown).await
}

async fn root(conn: &mut Conn, tenant: Option<TenantId>) -> Result<TenantNo> {
    let Some(id) = tenant else { return Ok(TenantNo::TOP) };
    let tenant = store::tenants::by_id(conn, id).await?;
    Ok(tenant.ok_or(Error::NotFound { what: "tenant" })?.no)
}

fn check(asked: &Asked) -> Result<()> {
    match (asked.since, asked.until) {
        (Some(since), Some(until)) if until <= since => Err(Error::invalid("to", "lies before from")),
        _ => Ok(()),
    }
}

async fn slice(
    conn: &mut Conn,
    caller: &Caller,
    sight: Sight,
    asked: &Asked,
    behind: Option<Position>,
    limit: i64,
) -> Result<Page> {
    let found = ledger::newest(conn, sight, asked, behind, limit).await?;
    let deliveries = shown(conn, Some((caller, sight.from)), found.entries).await?;
    Ok(Page { deliveries, next: found.next })
}

async fn one(
    conn: &mut Conn,
    reader: Option<(&Caller, TenantNo)>,
    sight: Sight,
    id: DeliveryId,
) -> Result<Shown> {
    let entry = ledger::one(conn, sight, id).await?.ok_or(Error::NotFound { what: "delivery" })?;
    let mut shown = shown(conn, reader, vec![entry]).await?;
    shown.pop().ok_or(Error::NotFound { what: "delivery" })
}

/// With the names of those who may be named to a reader; to the operator, everybody.
async fn shown(
    conn: &mut Conn,
    reader: Option<(&Caller, TenantNo)>,
    entries: Vec<Entry>,
) -> Result<Vec<Shown>> {
    let actors: HashSet<Actor> =
        entries.iter().map(|entry| entry.asked_by).filter(|actor| *actor != Actor::System).collect();
    let actors = Vec::from_iter(actors);
    let known: HashSet<Uuid> = match reader {
        None => actors.iter().map(|actor| actor.id()).collect(),
        Some((caller, root)) => {
            let mut known = store::history::seen_actors(conn, root, &actors).await?;
            known.insert(caller.actor().id());
            known
        }
    };
    let ids: Vec<Uuid> = actors.iter().map(|actor| actor.id()).filter(|id| known.contains(id)).collect();
    let names: HashMap<Uuid, String> = store::changes::names(conn, &ids).await?;
    let who = |actor: Actor| match actor {
        Actor::System => Who::Known { actor, name: None },
        _ if known.contains(&actor.id()) => Who::Known { actor, name: names.get(&actor.id()).cloned() },
        _ => Who::Other,
    };
    Ok(entries.into_iter().map(|entry| Shown { asked_by: who(entry.asked_by), entry }).collect())
}
