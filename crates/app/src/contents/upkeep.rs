//! What nothing refers to any more leaves, in small bites. Any number of nodes may be at it: each takes other contents.

use domain::access::Actor;
use domain::report::Place;
use domain::time::Instant;
use store::contents::Leaving;

use super::{Places, measures};
use crate::{App, Result};

/// How many files are let go in one transaction.
const EXPIRE_MOST: i64 = 100;
/// How many contents a node takes at a time.
const SWEEP_MOST: i64 = 20;
/// How many pieces of 1 MiB are deleted in one transaction.
const CHUNKS_MOST: i64 = 32;
const SECONDS_A_DAY: i64 = 86_400;

/// One bite of upkeep: files whose bytes were kept long enough let go of them, and contents that nothing refers to are
/// removed. `false` where nothing is left to do.
pub async fn tend(app: &App) -> Result<bool> {
    let kept = app.settings.storage.kept_days;
    let before = kept.map(|days| app.clock.now().plus_seconds(-SECONDS_A_DAY * i64::from(days.get())));
    let mut conn = app.read().await?;
    let is_due = store::contents::is_any_due(&mut conn, before).await?;
    drop(conn);
    if !is_due {
        return Ok(false);
    }
    let expired = expire(app, before).await?;
    let mut tx = app.write_as(Actor::System).await?;
    let leaving = store::contents::sweep(&mut tx, SWEEP_MOST).await?;
    tx.commit().await?;
    let places = app.places();
    for leaving in &leaving {
        remove(app, &places, leaving).await?;
    }
    Ok(expired > 0 || !leaving.is_empty())
}

async fn expire(app: &App, before: Option<Instant>) -> Result<u64> {
    let Some(before) = before else { return Ok(0) };
    let mut tx = app.write_as(Actor::System).await?;
    let expired = store::contents::expire(&mut tx, before, EXPIRE_MOST).await?;
    tx.commit().await?;
    measures::expired(expired);
    Ok(expired)
}

/// Removes the bytes and then the row. A node that ends before that leaves the content to the next one.
async fn remove(app: &App, places: &Places, leaving: &Leaving) -> Result<()> {
    let content = &leaving.content;
    if content.place == Place::S3 {
        let objects = places.objects()?;
        if let Some(upload) = &leaving.upload_id {
            objects.abort(content, upload).await?;
        }
        objects.delete(content).await?;
        let mut tx = app.write_as(Actor::System).await?;
        if leaving.is_last {
            store::contents::delete(&mut tx, content.id).await?;
        } else {
            store::contents::mark_gone(&mut tx, content.id).await?;
        }
        tx.commit().await?;
    } else {
        let mut is_left = true;
        while is_left {
            let mut tx = app.write_as(Actor::System).await?;
            is_left = store::contents::delete_chunks(&mut tx, content.id, CHUNKS_MOST).await?;
            if !is_left {
                store::contents::delete(&mut tx, content.id).await?;
            }
            tx.commit().await?;
        }
    }
    if !leaving.is_last {
        measures::removed(content);
    }
    Ok(())
}
