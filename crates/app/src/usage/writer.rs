//! Group commit: many calls, one durable transaction.
//!
//! A call puts its readings into the queue and waits for its turn. Whoever gets the turn while its own readings still
//! wait leads: it commits everything queued so far and answers all of them. Entries leave the queue only once they are
//! answered. A leader whose caller hangs up half way therefore loses nobody's readings: the next in turn finds them
//! where they were, and writing a reading twice changes nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::access::Actor;
use domain::time::Day;
use domain::usage::MeterKey;
use domain::usage::accumulate;
use store::Write;
use store::usage::{LedgerEntry, Meter};
use tokio::sync::oneshot;

use super::check::Accepted;
use crate::{App, Error, Result};

/// The most readings of one transaction, but for a single call that has more.
const MAX_BATCH: usize = 20_000;

/// The readings that wait to be written.
#[derive(Debug, Default)]
pub struct State {
    queue: Mutex<VecDeque<Waiting>>,
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Waiting {
    batch: Batch,
    answer: oneshot::Sender<Result<()>>,
}

/// The readings of one call.
#[derive(Debug, Clone)]
struct Batch {
    actor: Actor,
    readings: Arc<[Accepted]>,
}

impl State {
    fn queue(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first calls in the queue, up to the bound; those whose caller has gone are dropped.
    fn next_batches(&self) -> Vec<Batch> {
        let mut queue = self.queue();
        queue.retain(|waiting| !waiting.answer.is_closed());
        let mut readings = 0;
        let fits = |waiting: &&Waiting| {
            let first = readings == 0;
            readings += waiting.batch.readings.len();
            first || readings <= MAX_BATCH
        };
        queue.iter().take_while(fits).map(|waiting| waiting.batch.clone()).collect()
    }

    fn answer(&self, calls: usize, outcome: &Result<()>) {
        for waiting in self.queue().drain(..calls) {
            // A caller who has gone needs no answer.
            let _ = waiting.answer.send(outcome.as_ref().map_err(same).copied());
        }
    }
}

/// Writes readings; returns once they are safe on disk.
pub(super) async fn write(app: &App, actor: Actor, readings: Vec<Accepted>) -> Result<()> {
    if readings.is_empty() {
        return Ok(());
    }
    let (answer, mut answered) = oneshot::channel();
    app.usage.queue().push_back(Waiting { batch: Batch { actor, readings: readings.into() }, answer });
    loop {
        tokio::select! {
            biased;
            outcome = &mut answered => {
                return outcome.unwrap_or_else(|_| Err(Error::internal("readings were dropped unanswered")));
            }
            _turn = app.usage.turn.lock() => {
                let batches = app.usage.next_batches();
                let outcome = commit(app, &batches).await;
                app.usage.answer(batches.len(), &outcome);
            }
        }
    }
}

/// The failure of a transaction, told to every call in it.
fn same(error: &Error) -> Error {
    match error {
        Error::Unavailable(store::Error::Full) => Error::Unavailable(store::Error::Full),
        Error::Unavailable(_) => Error::Unavailable(store::Error::Busy),
        other => Error::internal(format!("the readings could not be written: {other:?}")),
    }
}

async fn commit(app: &App, batches: &[Batch]) -> Result<()> {
    let mut tx = app.write_as(Actor::System).await?;
    let today = tx.today().await?;
    // What yesterday's meters say must be kept before a reading of today overwrites it.
    let closed = store::history::close_through(&mut tx, today.previous()).await?;
    let mut keys: Vec<MeterKey> =
        batches.iter().flat_map(|batch| batch.readings.iter().map(|reading| reading.key)).collect();
    keys.sort_unstable();
    keys.dedup();
    let before = store::usage::meters(&mut tx, &keys).await?;
    let at_begin = levels_at_begin(&mut tx, &keys, today).await?;
    let mut now = before;
    let mut ledger = Vec::new();
    for batch in batches {
        for Accepted { key, value } in batch.readings.iter().copied() {
            let old = now.get(&key).copied();
            let level = match at_begin.get(&key) {
                Some(at_begin) => accumulate(old.map_or(0, |old| old.level), *at_begin, value),
                None => value.get(),
            };
            let new = Meter { level, heard_on: today };
            if old.is_none_or(|old| old.level != level) {
                ledger.push(LedgerEntry { key, old, new, actor: batch.actor });
            }
            now.insert(key, new);
        }
    }
    let meters: Vec<(MeterKey, Meter)> = now.into_iter().collect();
    store::usage::set_meters(&mut tx, &meters).await?;
    store::usage::append_to_ledger(&mut tx, &ledger).await?;
    tx.commit().await?;
    if closed {
        // Runs wait for the history.
        app.work.notify_waiters();
    }
    let readings: usize = batches.iter().map(|batch| batch.readings.len()).sum();
    metrics::counter!("tidemark_readings_total").increment(u64::try_from(readings).unwrap_or(u64::MAX));
    Ok(())
}

/// The level of each accumulating meter just before the billing period of `today` began; other meters are left out.
async fn levels_at_begin(tx: &mut Write, keys: &[MeterKey], today: Day) -> Result<HashMap<MeterKey, i64>> {
    let numbers = store::catalogue::item_numbers(tx).await?;
    let accumulates = |key: &&MeterKey| numbers.item(key.item).is_some_and(domain::catalogue::Item::is_range);
    let keys: Vec<MeterKey> = keys.iter().filter(accumulates).copied().collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let days = store::usage::billing_days(tx, &keys).await?;
    let starts: Vec<(MeterKey, Day)> =
        days.iter().map(|(key, day)| (*key, day.period_of(today).start)).collect();
    let known = store::usage::levels_before(tx, &starts).await?;
    Ok(keys.into_iter().map(|key| (key, known.get(&key).copied().unwrap_or(0))).collect())
}
