//! This node's signs of life, and its eye on those of others.

use std::time::Duration;

use tokio::sync::Notify;

use super::describe;
use crate::clock::patience;
use crate::{App, Error, Result, nodes};

/// How often a sign of life is given where other nodes may look for it.
const PERIOD: Duration = Duration::from_millis(2_500);
/// And where there is no other: for those who look at the list of nodes. Each is a write to the disk.
const PERIOD_ALONE: Duration = Duration::from_secs(10);
/// How long giving one may take. One that takes longer is tried anew, on another connection perhaps.
const LIMIT: Duration = Duration::from_secs(5);

/// Lives as a node, for ever.
pub(super) async fn live(app: &App) {
    if app.nodes.own().is_none() {
        return std::future::pending().await;
    }
    let is_work_left = Notify::new();
    // Apart: a sign of life must not wait until whoever writes now is done.
    tokio::join!(give_signs(app, &is_work_left), take_over(app, &is_work_left));
}

async fn give_signs(app: &App, is_work_left: &Notify) {
    let period = if app.db.is_shared() { PERIOD } else { PERIOD_ALONE };
    let mut is_well = true;
    loop {
        let signed = sign(app).await;
        match &signed {
            Ok(true) => is_work_left.notify_one(),
            Ok(false) if !is_well => tracing::info!("this node gives signs of life again"),
            Err(error) if is_well => {
                let why = describe(error);
                tracing::warn!(why, "this node gives no signs of life: others will take its work over");
            }
            Ok(false) | Err(_) => {}
        }
        is_well = signed.is_ok();
        patience(period).await;
    }
}

async fn sign(app: &App) -> Result<bool> {
    tokio::select! {
        signed = nodes::sign(app) => signed,
        () = patience(LIMIT) => Err(Error::Unavailable(store::Error::Busy)),
    }
}

async fn take_over(app: &App, is_work_left: &Notify) {
    loop {
        is_work_left.notified().await;
        if let Err(error) = nodes::take_over(app).await {
            tracing::warn!(
                why = describe(&error),
                "the work of nodes that are gone cannot be taken over now"
            );
        }
    }
}
