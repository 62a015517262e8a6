//! The change log as people read it: newest first, a slice at a time.
//!
//! A few tenants have few changes: those are all found by tenant and sorted. For more tenants the log is walked down by
//! time, at most [`WINDOW`] changes a slice, whoever's they are: of one object, of one actor or of one kind of object where
//! that is asked for, else of all. So no slice reads the whole log.

mod past;

use std::collections::HashMap;

use domain::ids::{Seq, TenantId, TenantNo};
use domain::time::{Day, Instant};
use uuid::Uuid;

use crate::audit::Object;
use crate::{Arg, Conn, Result, Row, args, dialect};

pub use past::{Past, pasts};

/// The most tenants whose changes are found tenant by tenant: some 13 changes each.
const FEW: i64 = 2_000;
/// The most changes that a slice looks at where there are more tenants.
const WINDOW: i64 = 20_000;

/// A place in the log. A later one is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// When.
    pub recorded_at: Instant,
    /// Under which acceptance number.
    pub seq: Seq,
    /// Where within that number.
    pub ordinal: i64,
}

impl Position {
    const END: Self = Self { recorded_at: Instant(i64::MAX), seq: Seq(i64::MAX), ordinal: i64::MAX };

    fn before(recorded_at: Instant) -> Self {
        Self { recorded_at, seq: Seq(0), ordinal: 0 }
    }
}

/// Which changes are wanted: all that an absent one does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// What was changed.
    pub object: Option<Object>,
    /// Which one.
    pub object_id: Option<String>,
    /// Which of its fields.
    pub field: Option<String>,
    /// By whom; all zeros for Tidemark itself.
    pub actor: Option<Uuid>,
    /// From this moment on.
    pub since: Option<Instant>,
    /// Before this moment.
    pub until: Option<Instant>,
}

/// Whose changes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// The tenant's and those of all below it, whatever they hide.
    All,
    /// As one reads who may look into the tenant: what closed tenants below it hide is left out.
    Inside,
    /// As one reads who may not: those of the tenant's own properties.
    Outside,
}

/// A change as it was logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Where it stands in the log.
    pub position: Position,
    /// The word of what was changed.
    pub object: String,
    /// Which one.
    pub object_id: String,
    /// The tenant in whose scope it lies.
    pub tenant: TenantNo,
    /// That tenant's id.
    pub tenant_id: TenantId,
    /// The field's name.
    pub field: String,
    /// What it was.
    pub old: Option<String>,
    /// What it became.
    pub new: Option<String>,
    /// From the end of which day on; [`Day::FOREVER_AGO`] for a first version.
    pub valid_from: Day,
    /// The word of who made it: `client`, `user` or `system`.
    pub actor_kind: String,
    /// And its id.
    pub actor_id: Uuid,
    /// Why, where that was said.
    pub reason: Option<String>,
}

impl Logged {
    /// Whether it is about what a closed tenant hides from those above, rather than about its own properties.
    pub fn is_inside(&self) -> bool {
        !OWN.contains(&self.object.as_str())
    }
}

/// What a closed tenant shows of itself all the same. `own_objects` says it in SQL.
const OWN: [&str; 6] = ["tenant", "item", "setting", "infra", "location", "key"];

/// Some changes, newest first.
#[derive(Debug, Clone)]
pub struct Slice {
    /// At most as many as were asked for. There may be none though more follow.
    pub changes: Vec<Logged>,
    /// Behind what the next slice begins, where more may follow.
    pub next: Option<Position>,
}

macro_rules! wanted {
    ($from:expr) => {
        concat!(
            "SELECT c.seq, c.ordinal, c.object, c.object_id, c.tenant_no, t.id AS tenant_id, c.field, c.old_value,
             c.new_value, c.valid_from, c.recorded_at, c.actor_kind, c.actor_id, c.reason ",
            $from,
            " AND (k.walls = 0 OR $2 = 1) AND (k.depth = 0 OR $3 = 1)
             AND ($2 = 1 OR c.object IN ('tenant', 'item', 'setting', 'infra', 'location', 'key')
                  OR (k.depth = 0 AND $3 = 1) OR (k.depth > 0 AND t.ancestral_access = 1))
             AND ($4 IS NULL OR c.object || '' = $4) AND ($5 IS NULL OR c.object_id || '' = $5)
             AND ($6 IS NULL OR c.field || '' = $6) AND ($7 IS NULL OR c.actor_id || '' = $7)
             AND c.recorded_at >= $8 AND (c.recorded_at, c.seq, c.ordinal) < ($9, $10, $11)
             ORDER BY c.recorded_at DESC, c.seq DESC, c.ordinal DESC LIMIT $12"
        )
    };
}

/// The tenants first: their changes are found by tenant, and sorted.
const BY_TENANT: &str = wanted!(
    "FROM closure k CROSS JOIN tenants t CROSS JOIN changes c
     WHERE k.ancestor_no = $1 AND t.no = k.tenant_no AND c.tenant_no = k.tenant_no"
);
/// A walk down the log by time: the changes come first, and each is looked up in the tree.
struct Walk {
    slice: &'static str,
    /// When the change was made that stands `$4` changes before a position, of those that are walked through.
    floor: &'static str,
}

macro_rules! walk {
    ($slice:literal, $floor:literal) => {
        Walk {
            slice: wanted!(concat!(
                "FROM changes c CROSS JOIN closure k CROSS JOIN tenants t
                     WHERE k.ancestor_no = $1 AND k.tenant_no = c.tenant_no AND t.no = c.tenant_no",
                $slice
            )),
            floor: concat!(
                "SELECT recorded_at FROM changes WHERE (recorded_at, seq, ordinal) < ($1, $2, $3)",
                $floor,
                " ORDER BY recorded_at DESC, seq DESC, ordinal DESC LIMIT 1 OFFSET $4"
            ),
        }
    };
}

// Each finds its index: by object, by actor, by kind, by time.
const OF_OBJECT: Walk = walk!(" AND c.object_id = $5", " AND object_id = $5");
const OF_ACTOR: Walk = walk!(" AND c.actor_id = $7", " AND actor_id = $5");
const OF_KIND: Walk = walk!(" AND c.object = $4", " AND object = $5");
const OF_ALL: Walk = walk!("", "");

/// The walk through the fewest changes, and what it is bounded by.
fn walk(filter: &Filter) -> (&'static Walk, Option<Arg>) {
    if let Some(id) = &filter.object_id {
        return (&OF_OBJECT, Some(id.clone().into()));
    }
    if let Some(actor) = filter.actor {
        return (&OF_ACTOR, Some(actor.into()));
    }
    filter.object.map_or((&OF_ALL, None), |object| (&OF_KIND, Some(object.as_str().into())))
}

/// At most `limit` changes of the tenants at and below `root`, behind a position.
pub async fn newest(
    conn: &mut Conn,
    root: TenantNo,
    sight: Sight,
    filter: &Filter,
    behind: Option<Position>,
    limit: i64,
) -> Result<Slice> {
    let end = filter.until.map_or(Position::END, Position::before);
    let begin = filter.since.unwrap_or(Instant(i64::MIN));
    let end = behind.map_or(end, |behind| behind.min(end));
    if sight == Sight::Outside || are_few(conn, root).await? {
        return slice(conn, BY_TENANT, (root, sight), filter, (begin, end), limit).await;
    }
    // What is recorded under one moment is not torn apart: its last change is the floor of the window.
    let (walk, bound) = walk(filter);
    let floor = floor(conn, walk, end, bound).await?.filter(|floor| *floor > begin);
    let from = floor.unwrap_or(begin);
    let mut found = slice(conn, walk.slice, (root, sight), filter, (from, end), limit).await?;
    if found.next.is_none() {
        found.next = floor.map(Position::before);
    }
    Ok(found)
}

async fn are_few(conn: &mut Conn, root: TenantNo) -> Result<bool> {
    let sql = "SELECT COUNT(*) AS n FROM (SELECT 1 FROM closure WHERE ancestor_no = $1 LIMIT $2) few";
    Ok(conn.count(sql, args![root, FEW + 1]).await? <= FEW)
}

/// The moment of the change that stands [`WINDOW`] changes before a position; `None` where fewer do.
async fn floor(conn: &mut Conn, walk: &Walk, end: Position, bound: Option<Arg>) -> Result<Option<Instant>> {
    let mut args = args![end.recorded_at, end.seq, end.ordinal, WINDOW];
    args.extend(bound);
    conn.one(walk.floor, args).await?.map(|row| row.instant("recorded_at")).transpose()
}

async fn slice(
    conn: &mut Conn,
    sql: &'static str,
    (root, sight): (TenantNo, Sight),
    filter: &Filter,
    (begin, end): (Instant, Position),
    limit: i64,
) -> Result<Slice> {
    let rows = conn
        .all(
            sql,
            args![
                root,
                sight == Sight::All,
                sight != Sight::Outside,
                filter.object.map(Object::as_str),
                filter.object_id.clone(),
                filter.field.clone(),
                filter.actor,
                begin,
                end.recorded_at,
                end.seq,
                end.ordinal,
                limit.saturating_add(1)
            ],
        )
        .await?;
    let mut changes = rows.iter().map(logged).collect::<Result<Vec<_>>>()?;
    let is_more = i64::try_from(changes.len()).is_ok_and(|found| found > limit);
    if is_more {
        changes.pop();
    }
    let next = changes.last().map(|change| change.position).filter(|_| is_more);
    Ok(Slice { changes, next })
}

fn logged(row: &Row) -> Result<Logged> {
    Ok(Logged {
        position: Position {
            recorded_at: row.instant("recorded_at")?,
            seq: Seq(row.int("seq")?),
            ordinal: row.int("ordinal")?,
        },
        object: row.text("object")?,
        object_id: row.text("object_id")?,
        tenant: TenantNo(row.int("tenant_no")?),
        tenant_id: row.parsed("tenant_id")?,
        field: row.text("field")?,
        old: row.opt_text("old_value")?,
        new: row.opt_text("new_value")?,
        valid_from: row.day("valid_from")?,
        actor_kind: row.text("actor_kind")?,
        actor_id: row.parsed("actor_id")?,
        reason: row.opt_text("reason")?,
    })
}

/// What these users and clients are called: the login, or the `client_name` of a client that has one.
pub async fn names(conn: &mut Conn, ids: &[Uuid]) -> Result<HashMap<Uuid, String>> {
    let mut names = HashMap::new();
    for ids in ids.chunks(dialect::MAX_LIST) {
        let (list, ids) = (dialect::placeholders(1, ids.len()), ids.iter().copied().map(Arg::from));
        let ids: Vec<Arg> = ids.collect();
        let users = format!("SELECT id, login FROM users WHERE id IN ({list})");
        for row in conn.all_of(users, ids.clone()).await? {
            names.insert(row.parsed("id")?, row.text("login")?);
        }
        let clients = format!("SELECT id, data FROM clients WHERE id IN ({list})");
        for row in conn.all_of(clients, ids).await? {
            let data: serde_json::Value = serde_json::from_str(&row.text("data")?).unwrap_or_default();
            if let Some(name) = data.get("client_name").and_then(serde_json::Value::as_str) {
                names.insert(row.parsed("id")?, name.to_owned());
            }
        }
    }
    Ok(names)
}

/// The ids of those of these tenants that stand above `root`, or below it with no closed one between, whether or not they
/// are deleted; of all where there is no `root`.
pub async fn tenant_ids(
    conn: &mut Conn,
    root: Option<TenantNo>,
    tenants: &[TenantNo],
) -> Result<HashMap<TenantNo, TenantId>> {
    let mut ids = HashMap::new();
    for tenants in tenants.chunks(dialect::MAX_LIST) {
        let list = dialect::placeholders(2, tenants.len());
        let sql = format!(
            "SELECT t.no, t.id FROM tenants t WHERE t.no IN ({list}) AND ($1 IS NULL
               OR EXISTS (SELECT 1 FROM closure k WHERE k.ancestor_no = $1 AND k.tenant_no = t.no AND k.walls = 0)
               OR EXISTS (SELECT 1 FROM closure k WHERE k.ancestor_no = t.no AND k.tenant_no = $1))"
        );
        let args = args![root].into_iter().chain(tenants.iter().copied().map(Arg::from)).collect();
        for row in conn.all_of(sql, args).await? {
            ids.insert(TenantNo(row.int("no")?), row.parsed("id")?);
        }
    }
    Ok(ids)
}
