//! Readings of many calls in one durable transaction.

mod changes;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use domain::access::Actor;
use domain::catalogue::Item;
use domain::history::Batch;
use domain::ids::Seq;
use domain::time::Day;
use domain::usage::{KeyHash, MeterKey};
use store::Write;
use store::history::{Days, Meter, Scope};
use store::reading_keys::{Fresh, ReadingKeys, Seen};

use super::check::Accepted;
use super::{Fault, Verdict};
use crate::group_commit::{self, Queue};
use crate::{App, Error, Result};
use changes::Changes;

/// The most readings of one transaction, but for a single call that has more.
const MAX_BATCH: usize = 20_000;
/// The most meters that are remembered: as many as a hash table of 2^20 slots holds. It has 68 MB then, and that of the
/// levels of accumulating meters 43 MB.
const MAX_REMEMBERED: usize = 7 << 17;

/// The readings that wait to be written, and what is remembered between transactions.
#[derive(Debug, Default)]
pub struct State(Queue<Call>);

/// What meters said when this process wrote last. Where another has written since, it is forgotten.
#[derive(Debug, Default)]
struct Remembered {
    /// The number of the last transaction.
    batch: i64,
    /// What meters say; `None` of those that were never heard.
    meters: HashMap<MeterKey, Option<Meter>>,
    /// What accumulating meters said at the end of the day before their billing period.
    levels: HashMap<(MeterKey, Day), i64>,
    /// The idempotency keys of the last three months; they keep in step with the database themselves.
    keys: ReadingKeys,
}

/// The readings of one call.
#[derive(Debug, Clone)]
struct Call {
    actor: Actor,
    reason: Option<Arc<str>>,
    readings: Arc<[Accepted]>,
}

/// What became of the readings of one call.
#[derive(Debug, Clone, Default)]
pub(super) struct Written {
    /// For each, in their order.
    pub(super) verdicts: Vec<Verdict>,
    /// The acceptance number of what they changed; `None` where nothing was.
    pub(super) seq: Option<Seq>,
}

impl group_commit::Call for Call {
    type Remembered = Remembered;
    type Answer = Written;
    const MOST: usize = MAX_BATCH;

    fn weight(&self) -> usize {
        self.readings.len()
    }

    async fn commit(app: &App, remembered: &mut Remembered, calls: &[Self]) -> Result<Vec<Written>> {
        commit(app, remembered, calls).await
    }
}

/// Writes readings; returns once they are safe on disk.
pub(super) async fn write(
    app: &App,
    actor: Actor,
    reason: Option<Arc<str>>,
    readings: Vec<Accepted>,
) -> Result<Written> {
    if readings.is_empty() {
        return Ok(Written::default());
    }
    app.usage.0.write(app, Call { actor, reason, readings: readings.into() }).await
}

async fn commit(app: &App, remembered: &mut Remembered, calls: &[Call]) -> Result<Vec<Written>> {
    let (mut tx, days) = begin(app, calls).await?;
    let batch = store::history::count_batch(&mut tx).await?;
    if batch != remembered.batch + 1 {
        remembered.forget_meters();
    }
    let mut changes = prepare(&mut tx, remembered, calls, days.open).await?;
    let (verdicts, keys) = decide(&mut tx, &mut remembered.keys, &mut changes, calls).await?;
    let changed = changes.changed_calls();
    let seq = if changed.is_empty() { None } else { Some(tx.seq().await?) };
    let (now, seq_of) = (tx.now(), seq.unwrap_or(Seq(0)));
    let batches: Vec<Batch> = changes.batches(calls, seq_of, now, days.open);
    let (meters, silenced) = (changes.meters(), changes.silenced());
    store::history::set_meters(&mut tx, &meters).await?;
    store::history::remove_meters(&mut tx, &silenced).await?;
    store::history::append(&mut tx, &batches, days.open).await?;
    store::reading_keys::append(&mut tx, days.open, keys).await?;
    tx.commit().await?;
    let meters = meters.into_iter().map(|(key, meter)| (key, Some(meter)));
    remembered.keep(
        batch,
        meters.chain(silenced.into_iter().map(|key| (key, None))),
        &changes.into_shifted(),
    );
    let corrects = batches.iter().any(|batch| batch.days().is_some_and(|(first, _)| first < days.open));
    if corrects || remembered.keys.are_crowded() {
        // Corrections wait for the history's upkeep, and so do keys.
        app.work.notify_waiters();
    }
    let readings: usize = calls.iter().map(|call| call.readings.len()).sum();
    metrics::counter!("tidemark_readings_total").increment(u64::try_from(readings).unwrap_or(u64::MAX));
    let written = verdicts.into_iter().enumerate();
    Ok(written
        .map(|(call, verdicts)| Written { verdicts, seq: seq.filter(|_| changed.contains(&call)) })
        .collect())
}

/// Takes the readings one after the other. Gives the verdicts, by call, and the idempotency keys that are used up now.
async fn decide(
    tx: &mut Write,
    keys: &mut ReadingKeys,
    changes: &mut Changes,
    calls: &[Call],
) -> Result<(Vec<Vec<Verdict>>, Vec<KeyHash>)> {
    let readings = || calls.iter().flat_map(|call| call.readings.iter());
    let given: Vec<KeyHash> = readings().filter_map(|reading| reading.idempotency).collect();
    let mut seen = keys.check(tx, &given).await?.into_iter();
    let mut fresh = Fresh::default();
    let mut verdict = |call: usize, reading: &Accepted| {
        let Some(key) = reading.idempotency else { return changes.take(call, reading) };
        match seen.next().flatten().or_else(|| fresh.seen(&key)) {
            Some(Seen::Same) => return Verdict::Absorbed,
            Some(Seen::Other) => return refused("key", "was used for another reading"),
            None => {}
        }
        let verdict = changes.take(call, reading);
        if !matches!(verdict, Verdict::Refused(_)) {
            fresh.take(key);
        }
        verdict
    };
    let verdicts = calls.iter().enumerate();
    let verdicts =
        verdicts.map(|(call, of)| of.readings.iter().map(|reading| verdict(call, reading)).collect());
    Ok((verdicts.collect(), fresh.into_keys()))
}

/// A transaction on the day that is open now. Where a reading is for a day that is over, or is taken back, every day
/// that is over has been frozen; and never are two of them left to be frozen.
async fn begin(app: &App, calls: &[Call]) -> Result<(Write, Days)> {
    loop {
        let mut tx = app.write_as(Actor::System).await?;
        let today = tx.today().await?;
        let days = store::history::days(&mut tx).await?;
        let mut days = days.ok_or_else(|| Error::internal("readings before the first setup"))?;
        let mut readings = calls.iter().flat_map(|call| call.readings.iter());
        let looks_back =
            readings.any(|reading| reading.value.is_none() || reading.day.is_some_and(|day| day < today));
        let opens = days.open < today;
        if days.frozen < days.open && (opens || looks_back) || opens && looks_back {
            drop(tx);
            crate::history::close_due(app).await?;
            continue;
        }
        if opens {
            store::history::open_up_to(&mut tx, today).await?;
            days.open = today;
            // The day before is frozen by the scheduler.
            app.work.notify_waiters();
        }
        return Ok((tx, days));
    }
}

/// Loads what is known of the meters of these calls.
async fn prepare(tx: &mut Write, remembered: &mut Remembered, calls: &[Call], today: Day) -> Result<Changes> {
    let readings = || calls.iter().flat_map(|call| call.readings.iter());
    let mut keys: Vec<MeterKey> = readings().map(|reading| reading.key).collect();
    keys.sort_unstable();
    keys.dedup();
    let numbers = store::catalogue::item_numbers(tx).await?;
    let accumulates = |key: &&MeterKey| numbers.item(key.item).is_some_and(Item::is_range);
    let range_keys: Vec<MeterKey> = keys.iter().filter(accumulates).copied().collect();
    let unseen: Vec<MeterKey> =
        keys.iter().filter(|key| !remembered.meters.contains_key(key)).copied().collect();
    let found = store::history::meters(tx, &unseen).await?;
    remembered.meters.extend(unseen.into_iter().map(|key| (key, found.get(&key).copied())));
    let known = keys.iter().filter_map(|key| Some((*key, (*remembered.meters.get(key)?)?)));
    let mut changes = Changes::new(today, known.collect());
    changes.billing_days = store::usage::billing_days(tx, &range_keys).await?;
    let missing = changes.unknown_begins(&remembered.levels);
    let known = store::history::levels_at(tx, &missing).await?;
    for (key, day) in missing {
        remembered.levels.insert((key, day), known.get(&key).copied().unwrap_or(0));
    }
    changes.remember(&remembered.levels);
    if let Some((first, last)) = readings().filter_map(|reading| changes.looks_back_to(reading)).reduce(wider)
    {
        let late: HashSet<MeterKey> =
            readings().filter(|reading| changes.looks_back_to(reading).is_some()).map(|it| it.key).collect();
        let scope = Scope::of(late.iter().map(|key| key.tenant));
        let as_of = store::history::newest(tx).await?;
        let archive = store::history::load(tx, &scope, first, last, as_of).await?;
        for range in &scope.ranges {
            let series = archive.series(*range, |key| late.contains(key)).map_err(store::Error::from)?;
            changes.series.extend(series);
        }
        changes.known_from = first;
    }
    Ok(changes)
}

fn wider(a: (Day, Day), b: (Day, Day)) -> (Day, Day) {
    (a.0.min(b.0), a.1.max(b.1))
}

impl Remembered {
    fn forget_meters(&mut self) {
        self.meters.clear();
        self.levels.clear();
    }

    /// Keeps what still holds after the transaction.
    fn keep(
        &mut self,
        batch: i64,
        meters: impl Iterator<Item = (MeterKey, Option<Meter>)>,
        shifted: &HashSet<MeterKey>,
    ) {
        if self.levels.len().max(self.meters.len()) > MAX_REMEMBERED {
            self.forget_meters();
        }
        self.batch = batch;
        self.meters.extend(meters);
        if !shifted.is_empty() {
            self.levels.retain(|(key, _), _| !shifted.contains(key));
        }
    }
}

/// What is wrong with a reading that only its meter's history can tell.
fn refused(field: &'static str, why: &str) -> Verdict {
    Verdict::Refused(Fault::invalid(field, why))
}
