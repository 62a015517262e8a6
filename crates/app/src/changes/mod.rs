//! The audit log: who changed what, when and why.
//!
//! A caller sees the changes of a tenant and of those that stand below it now, each as far as it could see that tenant
//! when the change was made: what happened before a tenant came to it, or while the tenant hid its inside, stays with
//! those who could see it then.

mod sight;

use std::collections::{HashMap, HashSet};

use domain::access::{Actor, Permission};
use domain::ids::{ClientId, Seq, TenantId, TenantNo, UserId};
use domain::time::{BadTime, Day, Instant};
use store::changes::{Filter, Logged, Sight};
use store::{Conn, Db};
use uuid::Uuid;

use crate::{App, Caller, Error, Result};

pub use render::changes::{File, Form, Line};
pub use store::audit::Object;
pub use store::changes::{Filter as Asked, Position};

/// Who made a change, as far as the reader may know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A client or user that the reader could look up, or the reader itself, or Tidemark.
    Known {
        /// Who.
        actor: Actor,
        /// A user's login or a client's name; `None` where it has none, and of Tidemark.
        name: Option<String>,
    },
    /// Somebody of a tenant above the reader's, or of one that hides its inside.
    Other,
}

impl Who {
    /// `client`, `user`, `system`, or `other`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Known { actor, .. } => actor.kind(),
            Self::Other => "other",
        }
    }

    /// The id of the client or user.
    pub fn id(&self) -> Option<String> {
        match self {
            Self::Known { actor: Actor::System, .. } | Self::Other => None,
            Self::Known { actor, .. } => Some(actor.id().to_string()),
        }
    }

    /// What it is called.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Known { name, .. } => name.as_deref(),
            Self::Other => None,
        }
    }
}

/// A change as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Under which acceptance number.
    pub seq: Seq,
    /// When.
    pub recorded_at: Instant,
    /// By whom.
    pub who: Who,
    /// Why, where that was said.
    pub reason: Option<String>,
    /// What was changed: a word of [`Object`].
    pub object: String,
    /// Which one.
    pub object_id: String,
    /// The tenant that it belongs to.
    pub tenant: TenantId,
    /// Which of its fields.
    pub field: String,
    /// What that was.
    pub old: Option<String>,
    /// What it became.
    pub new: Option<String>,
    /// From the end of which day on; `None` for a first version, which reaches back for ever.
    pub valid_from: Option<Day>,
}

impl Change {
    /// As a line for programs.
    pub fn line(&self) -> Line<'_> {
        Line {
            seq: self.seq,
            recorded_at: self.recorded_at.with_z(),
            actor: render::changes::Actor { kind: self.who.kind(), id: self.who.id(), name: self.who.name() },
            reason: self.reason.as_deref(),
            tenant_id: self.tenant,
            object: &self.object,
            object_id: &self.object_id,
            field: &self.field,
            old: self.old.as_deref(),
            new: self.new.as_deref(),
            valid_from: self.valid_from,
        }
    }
}

/// Some changes, newest first.
#[derive(Debug, Clone)]
pub struct Page {
    /// At most as many as were asked for. There may be fewer, and none, though more follow.
    pub changes: Vec<Change>,
    /// Behind what the next page begins, where more may follow.
    pub next: Option<Position>,
}

/// Reads `from`: a moment, or a day from its begin on.
pub fn since(text: &str) -> std::result::Result<Instant, BadTime> {
    text.parse().or_else(|_| text.parse().map(Day::start)).map_err(|_| BadTime::Instant)
}

/// Reads `to`: a moment before which all lies, or a day to its end.
pub fn until(text: &str) -> std::result::Result<Instant, BadTime> {
    text.parse().or_else(|_| text.parse().map(|day: Day| day.next().start())).map_err(|_| BadTime::Instant)
}

/// Reads `actor`: the id of a client or user, or `system` for Tidemark itself.
pub fn actor(text: &str) -> std::result::Result<Uuid, &'static str> {
    if text == Actor::System.kind() {
        return Ok(Actor::System.id());
    }
    domain::ids::parse_uuid(text).map_err(|_| "must be the id of a client or user, or system")
}

/// A page of at most `limit` changes, for whoever may view the tenant.
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
    let granted = app.allow(&mut conn, caller, Permission::TenantViewer, tenant).await?;
    let root = granted.root();
    if !is_known(&mut conn, root, caller, asked.actor).await? {
        // As if it had never done anything: what a hidden one did is not to be found out by trying.
        return Ok(Page { changes: Vec::new(), next: None });
    }
    let sight = if granted.may_look_inside() { Sight::Inside } else { Sight::Outside };
    let mut slice =
        store::changes::newest(&mut conn, granted.tenant().no, sight, asked, behind, limit).await?;
    sight::retain(&mut conn, root, &mut slice.changes).await?;
    let actors: Vec<Actor> = actors(&slice.changes).collect();
    let mut known = store::history::seen_actors(&mut conn, root, &actors).await?;
    known.extend([Actor::System.id(), caller.actor().id()]);
    let changes = shown(&mut conn, Some(root), slice.changes, |id| known.contains(&id)).await?;
    Ok(Page { changes, next: slice.next })
}

/// As [`page`], for the operator, from whom nothing is hidden: of the whole channel where no tenant is named.
pub async fn page_for_operator(
    db: &Db,
    tenant: Option<TenantId>,
    asked: &Asked,
    behind: Option<Position>,
    limit: i64,
) -> Result<Page> {
    check(asked)?;
    let mut conn = db.read().await?;
    let root = match tenant {
        None => TenantNo::TOP,
        Some(id) => {
            let tenant = store::tenants::by_id(&mut conn, id).await?;
            tenant.ok_or(Error::NotFound { what: "tenant" })?.no
        }
    };
    let slice = store::changes::newest(&mut conn, root, Sight::All, asked, behind, limit).await?;
    Ok(Page { changes: shown(&mut conn, None, slice.changes, |_| true).await?, next: slice.next })
}

fn check(asked: &Filter) -> Result<()> {
    match (asked.since, asked.until) {
        (Some(since), Some(until)) if until <= since => Err(Error::invalid("to", "lies before from")),
        _ => Ok(()),
    }
}

async fn is_known(conn: &mut Conn, root: TenantNo, caller: &Caller, actor: Option<Uuid>) -> Result<bool> {
    let Some(actor) = actor else { return Ok(true) };
    if [Actor::System.id(), caller.actor().id()].contains(&actor) {
        return Ok(true);
    }
    // The ids of users and clients are looked for in both.
    let seen = store::history::seen_actors(conn, root, &[Actor::User(UserId(actor))]).await?;
    Ok(seen.contains(&actor))
}

fn actors(changes: &[Logged]) -> impl Iterator<Item = Actor> {
    let actors: HashSet<Actor> = changes.iter().filter_map(by).collect();
    actors.into_iter().filter(|actor| *actor != Actor::System)
}

fn by(change: &Logged) -> Option<Actor> {
    match change.actor_kind.as_str() {
        "client" => Some(Actor::Client(ClientId(change.actor_id))),
        "user" => Some(Actor::User(UserId(change.actor_id))),
        "system" => Some(Actor::System),
        _ => None,
    }
}

/// With the names of those who may be named, and with ids where the log has the numbers of tenants: none of tenants that
/// whoever reads from `root` cannot see, as of the branch that a tenant was moved from.
async fn shown(
    conn: &mut Conn,
    root: Option<TenantNo>,
    changes: Vec<Logged>,
    is_known: impl Fn(Uuid) -> bool,
) -> Result<Vec<Change>> {
    let known: Vec<Uuid> = actors(&changes).map(Actor::id).filter(|id| is_known(*id)).collect();
    let names = store::changes::names(conn, &known).await?;
    let numbers: HashSet<TenantNo> = changes
        .iter()
        .flat_map(|change| [number(change, change.old.as_ref()), number(change, change.new.as_ref())])
        .flatten()
        .collect();
    let ids = store::changes::tenant_ids(conn, root, &Vec::from_iter(numbers)).await?;
    let change = |change: Logged| {
        let who = by(&change).filter(|actor| is_known(actor.id()));
        let who = who.map_or(Who::Other, |actor| Who::Known { actor, name: names.get(&actor.id()).cloned() });
        Change {
            seq: change.position.seq,
            recorded_at: change.position.recorded_at,
            who,
            old: value(&change, change.old.as_ref(), &ids),
            new: value(&change, change.new.as_ref(), &ids),
            valid_from: Some(change.valid_from).filter(|day| *day != Day::FOREVER_AGO),
            reason: change.reason,
            object: change.object,
            object_id: change.object_id,
            tenant: change.tenant_id,
            field: change.field,
        }
    };
    Ok(changes.into_iter().map(change).collect())
}

/// The number of a tenant, in the fields that have one.
fn number(change: &Logged, value: Option<&String>) -> Option<TenantNo> {
    let has_one =
        matches!((&*change.object, &*change.field), ("tenant", "parent") | ("report", "writer_tenant"));
    value.filter(|_| has_one)?.parse().ok().map(TenantNo)
}

fn value(change: &Logged, value: Option<&String>, ids: &HashMap<TenantNo, TenantId>) -> Option<String> {
    match number(change, value) {
        Some(no) => ids.get(&no).map(ToString::to_string),
        None => value.cloned(),
    }
}
