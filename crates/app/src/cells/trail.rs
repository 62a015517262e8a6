//! The changes that made the history what it is: what was said, when, by whom and why.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::access::Actor;
use domain::branch::Branch;
use domain::history::{Batch, Entry, Origin};
use domain::ids::{InfraId, RangeNo, Seq, TenantId, TenantNo};
use domain::time::{Day, Instant, Period};
use domain::timeline::Timeline;
use domain::usage::MeterKey;
use store::Conn;

use super::{Asked, View};
use crate::{App, Caller, Result};

/// A place in the trail: by acceptance number, meter, and the how-manieth of that meter under that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The acceptance number.
    pub seq: Seq,
    /// The meter.
    pub key: MeterKey,
    /// From 0 on.
    pub nth: u32,
}

/// Who made a change, as far as the caller may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A client or user that the caller could see, or the caller itself; or Tidemark.
    Known(Actor),
    /// Somebody else: of a tenant above the caller, or of one that is hidden from it.
    Other,
}

/// A change of what a meter said of a day.
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
    /// Whose meter.
    pub tenant: TenantId,
    /// Of which item.
    pub item: &'static str,
    /// On which storage.
    pub infra: Option<InfraId>,
    /// For which day.
    pub date: Day,
    /// The level reported for it before; `None` where none was.
    pub old: Option<i64>,
    /// The level reported for it since; `None` where the reading was taken back.
    pub new: Option<i64>,
    /// Whether the levels of later days, which were told already, moved by the same difference.
    pub shifts: bool,
    /// Whether the day was over by then.
    pub late: bool,
}

/// A page of changes.
#[derive(Debug, Clone)]
pub struct Trail {
    /// The days it is about.
    pub period: Period,
    /// Up to which acceptance number.
    pub as_of: Seq,
    /// The changes, oldest first.
    pub changes: Vec<Change>,
    /// Where the last of them stands, if more follow.
    pub last: Option<Position>,
}

/// The first `limit` changes behind a position, of days that [`super::file`] would show to the caller.
pub async fn trail(
    app: &App,
    caller: &Caller,
    tenant: TenantId,
    asked: &Asked,
    after: Option<Position>,
    limit: usize,
) -> Result<Trail> {
    let mut conn = app.read().await?;
    let view = View::of(app, &mut conn, caller, tenant, asked).await?;
    let actor = caller.actor();
    // Packed blocks are unpacked whole.
    crate::history::apart(async move {
        let mut found = Found { view: &view, after, most: limit.saturating_add(1), entries: BTreeMap::new() };
        for range in view.outlook.ranges(&mut conn).await? {
            found.add_range(&mut conn, range).await?;
        }
        let mut entries = found.entries;
        let more = entries.len() > limit;
        if more {
            entries.pop_last();
        }
        let last = entries.keys().next_back().copied().filter(|_| more);
        let changes = changes(&mut conn, &view, actor, entries).await?;
        Ok(Trail { period: view.period, as_of: view.outlook.as_of, changes, last })
    })
    .await
}

/// The first entries behind a position, of all ranges read so far.
struct Found<'a> {
    view: &'a View,
    after: Option<Position>,
    most: usize,
    entries: BTreeMap<Position, (TenantId, Entry, Origin)>,
}

impl Found<'_> {
    /// Memory: a block at a time, and the tenants of the range.
    async fn add_range(&mut self, conn: &mut Conn, range: RangeNo) -> Result<()> {
        let view = self.view;
        let from = self.after.map_or(Seq(0), |after| after.seq);
        let up_to = view.outlook.as_of;
        let blocks = store::history::blocks(conn, range, view.period, from, up_to).await?;
        if blocks.is_empty() {
            return Ok(());
        }
        let branch = view.outlook.branch(conn, range, &view.numbers).await?;
        let mut seen = HashMap::new();
        for (no, first_seq) in blocks {
            // This block and all behind it have later numbers than what was found.
            let is_full = self.entries.len() >= self.most;
            if is_full && self.entries.keys().next_back().is_some_and(|last| last.seq < first_seq) {
                break;
            }
            if let Some(batch) = store::history::block(conn, no).await? {
                self.add(&batch, &branch, &mut seen);
            }
        }
        Ok(())
    }

    fn add(&mut self, batch: &Batch, branch: &Branch, seen: &mut HashMap<TenantNo, Timeline<bool>>) {
        let (mut before, mut nth) = (None, 0);
        for recorded in &batch.entries {
            let (key, entry) = (recorded.key, recorded.entry);
            let Some(origin) = batch.origins.get(recorded.origin) else { continue };
            // All that are of one meter and number count, so that a position is the same whatever is asked for.
            nth = if before == Some((key, origin.seq)) { nth + 1 } else { 0 };
            before = Some((key, origin.seq));
            let position = Position { seq: origin.seq, key, nth };
            let view = self.view;
            // An entry that changes nothing tells the blocks that a reading repeated another.
            let is_asked_for = origin.seq <= view.outlook.as_of
                && self.after.is_none_or(|after| after < position)
                && view.period.contains(entry.day)
                && view.wants(&key)
                && entry.old != entry.new;
            if !is_asked_for || self.is_behind(&position) {
                continue;
            }
            let Some(node) = branch.nodes.get(&key.tenant) else { continue };
            if *seen.entry(key.tenant).or_insert_with(|| branch.sees(key.tenant)).at(entry.day) {
                self.entries.insert(position, (node.id, entry, origin.clone()));
                if self.entries.len() > self.most {
                    self.entries.pop_last();
                }
            }
        }
    }

    /// Whether enough was found that comes earlier.
    fn is_behind(&self, position: &Position) -> bool {
        self.entries.len() >= self.most && self.entries.keys().next_back().is_some_and(|last| last < position)
    }
}

async fn changes(
    conn: &mut Conn,
    view: &View,
    caller: Actor,
    entries: BTreeMap<Position, (TenantId, Entry, Origin)>,
) -> Result<Vec<Change>> {
    let actors: HashSet<Actor> = entries.values().map(|(_, _, origin)| origin.actor).collect();
    let actors: Vec<Actor> = actors.into_iter().filter(|actor| *actor != Actor::System).collect();
    let known = store::history::seen_actors(conn, view.root, &actors).await?;
    let change = |(position, (tenant, entry, origin)): (Position, (TenantId, Entry, Origin))| {
        let is_known = matches!(origin.actor, Actor::System)
            || origin.actor == caller
            || known.contains(&origin.actor.id());
        Some(Change {
            seq: position.seq,
            recorded_at: origin.recorded_at,
            who: if is_known { Who::Known(origin.actor) } else { Who::Other },
            reason: origin.reason,
            tenant,
            item: &view.numbers.item(position.key.item)?.name,
            infra: view.storages.get(&position.key.infra).copied(),
            date: entry.day,
            old: entry.old,
            new: entry.new,
            shifts: entry.shifts && !entry.last,
            late: entry.day < origin.open_day,
        })
    };
    Ok(entries.into_iter().filter_map(change).collect())
}
