//! The days of the history: closed at midnight, frozen, packed, corrected, proved.

use domain::access::Actor;
use domain::ids::RangeNo;
use domain::time::Day;
use store::history::Days;
use tokio::runtime::Handle;

use crate::jobs::steps;
use crate::{App, Error, Result};

/// What the history keeps between calls.
#[derive(Debug, Default)]
pub struct State {
    /// One at a time writes segments.
    turn: tokio::sync::Mutex<()>,
}

/// Closes every day that is over by the clock and freezes it; gives the last one where there was any. Called as often as
/// one likes: a day is closed once, and none is opened again when the clock goes back.
pub async fn close_due(app: &App) -> Result<Option<Day>> {
    let today = app.clock.now().day();
    let Some(days) = store::history::days(&mut app.read().await?).await? else { return Ok(None) };
    if days.open < today {
        // A meter remembers two readings, so that no third day may begin before the first of them is frozen.
        freeze(app).await?;
        let mut tx = app.write_as(Actor::System).await?;
        store::history::open_up_to(&mut tx, today).await?;
        tx.commit().await?;
        steps::reached(app, "after-day-closed");
    }
    freeze(app).await
}

/// The last day that is frozen; `None` before the first setup.
pub async fn last_closed(app: &App) -> Result<Option<Day>> {
    let days = store::history::days(&mut app.read().await?).await?;
    Ok(days.map(|days| days.frozen.previous()))
}

/// Freezes the days that are closed; gives the last one where there was any.
async fn freeze(app: &App) -> Result<Option<Day>> {
    let _turn = app.history.turn.lock().await;
    let mut frozen = None;
    while let Some(days) = closed_days(app).await? {
        let on = app.clone();
        if apart(async move { freeze_days(&on, days).await }).await? {
            tracing::info!(through = %days.open.previous(), "days were frozen");
            frozen = Some(days.open.previous());
        }
    }
    if frozen.is_some() {
        // Runs wait for the history.
        app.work.notify_waiters();
        let on = app.clone();
        if let Err(error) = apart(async move { refresh_tree(&on).await }).await {
            // The days are frozen all the same; what changed since the last time is read beside the old blocks.
            tracing::warn!(?error, "the tree was not packed anew");
        }
    }
    Ok(frozen)
}

/// Packs the tree anew where it changed since the last time: a new process, and each pass over the channel, loads it.
async fn refresh_tree(app: &App) -> Result<()> {
    let regrown = store::tree::regrow(&mut app.read().await?).await?;
    let mut tx = app.write_as(Actor::System).await?;
    store::tree::replace(&mut tx, regrown).await?;
    Ok(tx.commit().await?)
}

async fn closed_days(app: &App) -> Result<Option<Days>> {
    let days = store::history::days(&mut app.read().await?).await?;
    Ok(days.filter(|days| days.frozen < days.open))
}

/// Builds the segments from a snapshot, while readings of the next day come in, and writes them in one short
/// transaction.
async fn freeze_days(app: &App, days: Days) -> Result<bool> {
    let mut snapshot = app.read().await?;
    let seq = store::history::newest(&mut snapshot).await?;
    let mut frozen = Vec::new();
    for range in store::history::ranges_to_freeze(&mut snapshot, days.frozen).await? {
        let build = store::history::freeze(&mut snapshot, range, days).await?;
        frozen.push(build());
    }
    drop(snapshot);
    steps::reached(app, "after-segments-built");
    let mut tx = app.write_as(Actor::System).await?;
    let is_first = store::history::insert_frozen(&mut tx, frozen, days, seq).await?;
    tx.commit().await?;
    steps::reached(app, "after-frozen");
    Ok(is_first)
}

/// One piece of upkeep: a range's month or corrections written anew, or its ledger packed. `false` where nothing is left
/// to do.
pub async fn tend(app: &App) -> Result<bool> {
    let _turn = app.history.turn.lock().await;
    let mut conn = app.read().await?;
    let rewrite = store::history::next_rewrite(&mut conn).await?;
    let pack = store::history::unpacked_range(&mut conn).await?;
    drop(conn);
    let on = app.clone();
    match (rewrite, pack) {
        (Some(range), _) => apart(async move { rewrite_range(&on, range).await }).await,
        (None, Some(range)) => apart(async move { pack_range(&on, range).await }).await,
        (None, None) => tend_keys(app).await,
    }
}

async fn rewrite_range(app: &App, range: RangeNo) -> Result<bool> {
    let Some(rewritten) = store::history::rewrite(&mut app.read().await?, range).await? else {
        return Ok(false);
    };
    steps::reached(app, "after-rewrite-built");
    let mut tx = app.write_as(Actor::System).await?;
    let replaced = store::history::replace(&mut tx, rewritten).await?;
    if replaced {
        tx.commit().await?;
    }
    steps::reached(app, "after-rewritten");
    Ok(replaced)
}

async fn pack_range(app: &App, range: RangeNo) -> Result<bool> {
    let Some(packed) = store::history::pack(&mut app.read().await?, range).await? else { return Ok(false) };
    let mut tx = app.write_as(Actor::System).await?;
    let replaced = store::history::insert_packed(&mut tx, &packed).await?;
    if replaced {
        tx.commit().await?;
    }
    steps::reached(app, "after-packed");
    Ok(replaced)
}

/// Merges the runs of idempotency keys and forgets those that are kept no longer. Of two nodes that merge at once neither
/// might ever come to its end.
async fn tend_keys(app: &App) -> Result<bool> {
    if !crate::nodes::is_eldest(app).await? {
        return Ok(false);
    }
    let now = app.clock.now();
    let mut tx = app.write_as(Actor::System).await?;
    store::reading_keys::forget_before(&mut tx, now.day().plus(-store::reading_keys::KEPT_DAYS)).await?;
    tx.commit().await?;
    store::reading_keys::compact(&app.db, now).await?;
    Ok(false)
}

/// Runs what computes for long on a thread where no request waits behind it.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let handle = Handle::current();
    tokio::task::spawn_blocking(move || handle.block_on(work)).await.map_err(Error::internal)?
}
