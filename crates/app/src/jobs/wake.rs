//! How the jobs learn at once that there may be work: on this node, and on the others by hints.
//!
//! A hint is no more than that. One that is lost costs a minute at most, as every job looks by itself again and again.

use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::describe;
use crate::clock::patience;
use crate::{App, Result};

/// How long this node waits before it listens anew after a fault.
const AGAIN: Duration = Duration::from_secs(5);

/// Wakes the jobs when there may be work.
#[derive(Debug, Default)]
pub struct Work {
    here: Notify,
    elsewhere: Notify,
}

impl Work {
    /// Says that there may be work, to the jobs of this node at once and to those of others soon. Whatever the work is must
    /// have been committed.
    pub fn notify_waiters(&self) {
        self.here.notify_waiters();
        // Kept until somebody passes it on: of many at once the others hear once.
        self.elsewhere.notify_one();
    }

    /// Comes to its end when there may be work.
    pub fn notified(&self) -> Notified<'_> {
        self.here.notified()
    }
}

/// Passes hints on between this node and the others, for ever.
pub async fn pass_on(app: &App) {
    if app.nodes.own().is_none() || !app.db.is_shared() {
        return std::future::pending().await;
    }
    tokio::join!(tell(app), listen(app));
}

async fn tell(app: &App) {
    loop {
        app.work.elsewhere.notified().await;
        if let Err(error) = crate::nodes::hint(app).await {
            tracing::debug!(why = describe(&error), "the other nodes were not told of work");
        }
    }
}

async fn listen(app: &App) {
    loop {
        if let Err(error) = hear(app).await {
            tracing::warn!(
                why = describe(&error),
                "no hints from other nodes: work is found by looking alone"
            );
        }
        patience(AGAIN).await;
    }
}

async fn hear(app: &App) -> Result<()> {
    let Some(mut hints) = app.db.hints().await? else { return Ok(()) };
    // Whatever was said while nobody listened.
    app.work.here.notify_waiters();
    loop {
        // Of a connection that was lost: what was said meanwhile was said to nobody.
        let from = hints.next().await?;
        if from.is_none() || from != app.nodes.own() {
            app.work.here.notify_waiters();
        }
    }
}
