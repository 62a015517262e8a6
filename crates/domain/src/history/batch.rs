//! A block of the ledger: what changed, when that was known, by whom and why.
//!
//! The entries of a meter stand together, in the order of acceptance, so that each is told as the difference from the one
//! before. Who said it, when and why stands once for all entries of a call.

use uuid::Uuid;

use super::codec::seal;
use super::codec::{BlockKind, Cursor, Damaged, Frames, Malformed, Place, Read, Writer};
use super::keys::{Keys, write_keys};
use super::{Entry, Reported};
use crate::access::Actor;
use crate::ids::{ClientId, RangeNo, Seq, UserId};
use crate::time::{Day, Instant};
use crate::usage::MeterKey;

/// A call whose readings changed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Under which acceptance number.
    pub seq: Seq,
    /// When.
    pub recorded_at: Instant,
    /// By whom.
    pub actor: Actor,
    /// Why, where that was asked for.
    pub reason: Option<String>,
    /// The day that was open then: readings for earlier ones came late.
    pub open_day: Day,
}

/// An entry with its meter and its origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// Which meter.
    pub key: MeterKey,
    /// The place of its origin in the batch.
    pub origin: usize,
    /// The change.
    pub entry: Entry,
}

/// Entries of one range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Of which tenants.
    pub range: RangeNo,
    /// Where the entries come from, in the order of acceptance.
    pub origins: Vec<Origin>,
    /// By meter, those of a meter in the order of acceptance.
    pub entries: Vec<Recorded>,
}

const HAS_OLD: u64 = 1;
const HAS_NEW: u64 = 2;
const HAS_PRIOR: u64 = 4;
const SHIFTS: u64 = 8;
/// The level before is the one that the meter's entry before has told.
const FOLLOWS: u64 = 16;
const LAST: u64 = 32;
const ALL_FLAGS: u64 = 63;

impl Batch {
    /// Puts the entries in order.
    pub fn new(range: RangeNo, origins: Vec<Origin>, mut entries: Vec<Recorded>) -> Self {
        entries.sort_by_key(|recorded| (recorded.key, recorded.origin));
        Self { range, origins, entries }
    }

    /// One batch of several, which may overlap in their numbers: entries that were pending are packed after others.
    pub fn merge(range: RangeNo, batches: Vec<Self>) -> Self {
        let (mut origins, mut entries) = (Vec::new(), Vec::new());
        for mut batch in batches {
            let moved = origins.len();
            let renumbered = |recorded: Recorded| Recorded { origin: recorded.origin + moved, ..recorded };
            entries.extend(batch.entries.into_iter().map(renumbered));
            origins.append(&mut batch.origins);
        }
        let mut by_seq: Vec<(usize, Origin)> = origins.into_iter().enumerate().collect();
        by_seq.sort_by_key(|(_, origin)| origin.seq);
        let mut places = vec![0; by_seq.len()];
        for (place, (was, _)) in by_seq.iter().enumerate() {
            if let Some(at) = places.get_mut(*was) {
                *at = place;
            }
        }
        for recorded in &mut entries {
            recorded.origin = places.get(recorded.origin).copied().unwrap_or_default();
        }
        Self::new(range, by_seq.into_iter().map(|(_, origin)| origin).collect(), entries)
    }

    /// The first and the last day of its entries; `None` of an empty one.
    pub fn days(&self) -> Option<(Day, Day)> {
        let days = || self.entries.iter().map(|recorded| recorded.entry.day);
        days().min().zip(days().max())
    }

    /// The first and the last acceptance number; `None` of an empty one.
    pub fn numbers(&self) -> Option<(Seq, Seq)> {
        self.origins.first().zip(self.origins.last()).map(|(first, last)| (first.seq, last.seq))
    }

    /// The acceptance number of an entry.
    pub fn seq(&self, recorded: &Recorded) -> Seq {
        self.origins.get(recorded.origin).map_or(Seq(0), |origin| origin.seq)
    }

    /// Its block, for the row of its [`days`](Self::days); of day 0 if it is empty.
    pub fn encode(&self) -> Vec<u8> {
        debug_assert!(
            self.entries.is_sorted_by_key(|recorded| (recorded.key, recorded.origin)),
            "out of order"
        );
        debug_assert!(
            self.entries.iter().all(|recorded| recorded.origin < self.origins.len()),
            "no such origin"
        );
        let (first, last) = self.days().unwrap_or((Day(0), Day(0)));
        let place = Place { kind: BlockKind::Ledger, range: self.range, first, last };
        let mut frame = Writer::default();
        self.write_origins(&mut frame);
        let meters = || self.entries.chunk_by(|a, b| a.key == b.key);
        let keys = meters().filter_map(|of_meter| of_meter.first()).map(|recorded| recorded.key);
        write_keys(&mut frame, self.range, keys.collect::<Vec<_>>().into_iter());
        let mut columns: [Writer; 7] = Default::default();
        for of_meter in meters() {
            columns[0].size(of_meter.len());
            let [_, columns @ ..] = &mut columns;
            let mut before = (0, None);
            for recorded in of_meter {
                self.write_entry(recorded, before, columns);
                before = (recorded.origin, recorded.entry.new);
            }
        }
        for column in &columns {
            frame.column(column);
        }
        seal(place, &[frame])
    }

    fn write_origins(&self, frame: &mut Writer) {
        let mut origins = Writer::default();
        origins.size(self.origins.len());
        let (mut seq, mut at, mut open_day) = (0, 0, 0);
        for origin in &self.origins {
            origins.difference(origin.seq.0, seq);
            origins.difference(origin.recorded_at.0, at);
            origins.difference(origin.open_day.0.into(), open_day);
            (seq, at, open_day) = (origin.seq.0, origin.recorded_at.0, origin.open_day.0.into());
            origins.text(origin.actor.kind());
            origins.0.extend_from_slice(origin.actor.id().as_bytes());
            origins.size(origin.reason.as_ref().map_or(0, |reason| reason.len() + 1));
            origins.0.extend_from_slice(origin.reason.as_deref().unwrap_or_default().as_bytes());
        }
        frame.column(&origins);
    }

    fn write_entry(&self, recorded: &Recorded, before: (usize, Option<i64>), columns: &mut [Writer]) {
        let [origins, late, flags, prior_gaps, old_levels, new_levels] = columns else { return };
        let Recorded { origin, entry, .. } = recorded;
        origins.size(origin.saturating_sub(before.0));
        let open_day = self.origins.get(*origin).map_or(entry.day, |origin| origin.open_day);
        late.signed(i64::from(open_day.0) - i64::from(entry.day.0));
        let level = entry.old.or(entry.prior.map(|prior| prior.level));
        let flag = |is: bool, flag| if is { flag } else { 0 };
        let follows = level.is_some() && level == before.1;
        flags.number(
            flag(entry.old.is_some(), HAS_OLD)
                | flag(entry.new.is_some(), HAS_NEW)
                | flag(entry.prior.is_some(), HAS_PRIOR)
                | flag(entry.shifts, SHIFTS)
                | flag(follows, FOLLOWS)
                | flag(entry.last, LAST),
        );
        if let Some(prior) = entry.prior {
            prior_gaps.signed(i64::from(entry.day.0) - i64::from(prior.day.0));
        }
        if let Some(level) = level.filter(|_| !follows) {
            old_levels.signed(level);
        }
        if let (Some(_), Some(prior)) = (entry.old, entry.prior) {
            old_levels.signed(prior.level);
        }
        if let Some(new) = entry.new {
            new_levels.difference(new, level.unwrap_or(0));
        }
    }

    /// Reads the block that a row gives for the range and these days.
    pub fn decode(block: &[u8], range: RangeNo, first: Day, last: Day) -> Result<Self, Damaged> {
        let place = Place { kind: BlockKind::Ledger, range, first, last };
        read(block, place).map_err(|malformed| place.damaged(malformed))
    }
}

fn read(block: &[u8], place: Place) -> Read<Batch> {
    let mut frames = Frames::open(block, place)?;
    let frame = frames.next()?;
    frames.end()?;
    let mut frame = Cursor(&frame);
    let origins = read_origins(frame.column()?)?;
    let mut keys = Keys::new(&mut frame, place.range)?;
    let mut counts = frame.column()?;
    let mut columns = [Cursor(&[]); 6];
    for column in &mut columns {
        *column = frame.column()?;
    }
    let mut entries = Vec::new();
    while let Some(key) = keys.next()? {
        let mut before = (0, None);
        for _ in 0..counts.size()? {
            let (origin, entry) = read_entry(&mut columns, &origins, before)?;
            if !(place.first..=place.last).contains(&entry.day) {
                return Err(Malformed("an entry is of another day"));
            }
            entries.push(Recorded { key, origin, entry });
            before = (origin, entry.new);
        }
    }
    for column in columns.into_iter().chain([counts, frame]) {
        column.end()?;
    }
    Ok(Batch { range: place.range, origins, entries })
}

fn read_origins(mut column: Cursor<'_>) -> Read<Vec<Origin>> {
    let mut origins = Vec::new();
    let (mut seq, mut at, mut open_day) = (0, 0, 0);
    for _ in 0..column.size()? {
        seq = column.difference(seq)?;
        at = column.difference(at)?;
        open_day = column.difference(open_day)?;
        let kind = column.text()?;
        let id = Uuid::from_slice(column.bytes(16)?).map_err(|_| Malformed("an actor has no id"))?;
        let actor = match kind {
            "client" => Actor::Client(ClientId(id)),
            "user" => Actor::User(UserId(id)),
            "system" => Actor::System,
            _ => return Err(Malformed("an actor is of no known kind")),
        };
        let reason = match column.size()? {
            0 => None,
            size => Some(column.text_of(size - 1)?.to_owned()),
        };
        origins.push(Origin {
            seq: Seq(seq),
            recorded_at: Instant(at),
            actor,
            reason,
            open_day: i32::try_from(open_day).map(Day).map_err(|_| Malformed("a day is out of bounds"))?,
        });
    }
    column.end()?;
    Ok(origins)
}

fn read_entry(
    columns: &mut [Cursor<'_>; 6],
    origins: &[Origin],
    before: (usize, Option<i64>),
) -> Read<(usize, Entry)> {
    let [origin_steps, late, flags, prior_gaps, old_levels, new_levels] = columns;
    let origin = before.0.checked_add(origin_steps.size()?).ok_or(Malformed("an origin is not there"))?;
    let open_day = origins.get(origin).ok_or(Malformed("an origin is not there"))?.open_day;
    let day = late.day_before(open_day)?;
    let flags = flags.number()?;
    if flags & !ALL_FLAGS != 0 {
        return Err(Malformed("an entry is of no known form"));
    }
    let has = |flag| flags & flag != 0;
    let prior_day = if has(HAS_PRIOR) { Some(prior_gaps.day_before(day)?) } else { None };
    let level = match (has(HAS_OLD) || has(HAS_PRIOR), has(FOLLOWS)) {
        (false, _) => None,
        (true, true) => Some(before.1.ok_or(Malformed("an entry follows none"))?),
        (true, false) => Some(old_levels.signed()?),
    };
    let old = level.filter(|_| has(HAS_OLD));
    let prior = match (prior_day, level) {
        (Some(day), Some(_)) if has(HAS_OLD) => Some(Reported { day, level: old_levels.signed()? }),
        (Some(day), Some(level)) => Some(Reported { day, level }),
        _ => None,
    };
    let new = if has(HAS_NEW) { Some(new_levels.difference(level.unwrap_or(0))?) } else { None };
    Ok((origin, Entry { day, old, new, prior, shifts: has(SHIFTS), last: has(LAST) }))
}
