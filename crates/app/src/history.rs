//! Day close: a day that is over is frozen into the history.

use domain::access::Actor;
use domain::time::Day;

use crate::{App, Result};

/// Closes every day that is over by the clock; gives the last one where there was any. Called as often as one likes:
/// a day is closed once, and none is opened again when the clock goes back.
pub async fn close_due(app: &App) -> Result<Option<Day>> {
    let yesterday = app.clock.now().day().previous();
    if last_closed(app).await?.is_none_or(|last| last >= yesterday) {
        return Ok(None);
    }
    let mut tx = app.write_as(Actor::System).await?;
    let closed = store::history::close_through(&mut tx, yesterday).await?;
    tx.commit().await?;
    if closed {
        tracing::info!(through = %yesterday, "days were closed");
        // Runs wait for the history.
        app.work.notify_waiters();
    }
    Ok(closed.then_some(yesterday))
}

/// The last day that is closed; `None` before the first setup.
pub async fn last_closed(app: &App) -> Result<Option<Day>> {
    let open = store::history::open_day(&mut app.read().await?).await?;
    Ok(open.map(Day::previous))
}
