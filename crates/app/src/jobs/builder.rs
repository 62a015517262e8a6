//! Makes the files of a run, and what follows from them: the edition and the deliveries.

use std::sync::Arc;

use domain::access::Actor;
use domain::delivery::{Delivery, DeliveryState, backoff_seconds};
use domain::ids::{DeliveryId, UserId};
use domain::report::{ArtefactStatus, ResultAction, RunStatus};
use domain::schedule::{ScheduleType, monthly_mail_from};
use domain::time::Instant;
use futures_util::future::join_all;
use store::Write;
use store::runs::{Claim, Pinned, artefacts, editions};
use tracing::Instrument as _;

use super::batch::Batch;
use super::{content, describe, files, mailer, measures, standing, steps};
use crate::reports::content::RENDERER_VERSION;
use crate::{App, Error, Result, SPANS, mail};

/// Faults after which a run fails for good.
const MAX_ATTEMPTS: i64 = 5;
/// Runs that are built side by side: one computes while another waits for the disk. Each holds the timelines of its
/// subject's subtree, and of every file two pieces.
const SIDE_BY_SIDE: usize = 2;

/// Builds until nothing is left that can be built now; gives back when to look again.
pub(super) async fn work(app: &App) -> Result<Option<Instant>> {
    let now = app.clock.now();
    while build_next(app).await? {}
    let mut conn = app.read().await?;
    Ok(store::runs::next_moment(&mut conn, now).await?)
}

/// Builds the oldest run that can be built now and all those that read the same of the history, which may share a pass
/// over the blocks; `false` where there is none. A fault of a run itself is recorded with it and is none of this
/// function's.
pub async fn build_next(app: &App) -> Result<bool> {
    let Some(batch) = Batch::next(app).await? else { return Ok(false) };
    // Each comes to its end: a run that is dropped half way would be held until its lease runs out.
    let ends = join_all((0..SIDE_BY_SIDE.min(batch.count)).map(|_| build_all(app, &batch))).await;
    app.work.notify_waiters();
    ends.into_iter().collect::<Result<()>>()?;
    Ok(true)
}

/// Builds runs of the batch until none is left to claim.
async fn build_all(app: &App, batch: &Batch) -> Result<()> {
    while let Some(claim) = batch.claim(app).await? {
        steps::reached(app, "after-claim");
        let span = tracing::trace_span!(target: SPANS, "run", run = %claim.stored.run.id);
        if let Err(error) = build(app, batch, &claim).instrument(span).await {
            let why = describe(&error);
            tracing::warn!(run = %claim.stored.run.id, why, "the run failed");
            // Not recorded, it would be held until its lease runs out, though this node lives.
            mailer::insist(|| record_fault(app, &claim, &error, &why)).await?;
        }
    }
    Ok(())
}

/// A transaction of this job; `None` where the run was deleted or another node has taken it over.
pub(crate) async fn held(app: &App, claim: &Claim) -> Result<Option<Write>> {
    let mut tx = app.write_as(Actor::System).await?;
    Ok(store::runs::hold(&mut tx, claim).await?.then_some(tx))
}

async fn build(app: &App, batch: &Batch, claim: &Claim) -> Result<()> {
    let Some(pinned) = start(app, batch, claim).await? else { return Ok(()) };
    let shared = batch.pass_for(&pinned);
    let content = Arc::new(content::load(app, &claim.stored, &pinned, shared).await?);
    let run = claim.stored.run.id;
    let files = artefacts::of_run(&mut app.read().await?, run).await?;
    let mut fault = None;
    for file in files.iter().filter(|file| file.status == ArtefactStatus::InProgress) {
        match files::write(app, claim, file, content.clone()).await {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    match fault {
        None => complete(app, claim, Some(&pinned), None).await,
        Some(error) => Err(error),
    }
}

/// Settles what stays the same over restarts and clears away what an earlier try left. `None` where the run is not to
/// be made, or is no longer this node's.
async fn start(app: &App, batch: &Batch, claim: &Claim) -> Result<Option<Pinned>> {
    let Some(mut tx) = held(app, claim).await? else { return Ok(None) };
    let run = claim.stored.run.id;
    if let Some(why) = standing::subject(&mut tx, &claim.stored).await? {
        artefacts::mark_unfinished_failed(&mut tx, run, &why).await?;
        store::runs::finish(&mut tx, &claim.stored, RunStatus::Skipped, Some(&why)).await?;
        tx.commit().await?;
        measures::run_ended(&claim.stored.run, RunStatus::Skipped, Some(&why));
        return Ok(None);
    }
    let pinned = store::runs::pin(&mut tx, claim, batch.as_of()).await?;
    store::contents::give_up_of_run(&mut tx, run).await?;
    tx.commit().await?;
    steps::reached(app, "after-pin");
    Ok(Some(pinned))
}

/// The end of a run whose files are all saved or failed: ready with an edition and deliveries, or failed where nothing
/// was saved.
async fn complete(app: &App, claim: &Claim, pinned: Option<&Pinned>, fault: Option<&str>) -> Result<()> {
    steps::reached(app, "before-ready");
    let Some(mut tx) = held(app, claim).await? else { return Ok(()) };
    let stored = &claim.stored;
    if let Some(why) = fault {
        artefacts::mark_unfinished_failed(&mut tx, stored.run.id, why).await?;
    }
    let files = artefacts::of_run(&mut tx, stored.run.id).await?;
    let saved = files.iter().any(|file| file.status == ArtefactStatus::Saved);
    let (mut skipped, mut leaves_now) = (Vec::new(), false);
    let outcome = if let Some(pinned) = pinned.filter(|_| saved) {
        editions::insert(&mut tx, stored, pinned, RENDERER_VERSION).await?;
        if stored.run.result_action == ResultAction::Send {
            for user in &stored.run.recipients {
                let delivery = insert_delivery(app, &mut tx, claim, *user).await?;
                leaves_now |= delivery.not_before <= tx.now();
                skipped.extend(Some(delivery).filter(|it| it.state != DeliveryState::Pending));
            }
        }
        RunStatus::Ready
    } else {
        RunStatus::Failed
    };
    store::runs::finish(&mut tx, stored, outcome, fault).await?;
    store::runs::settle_unsent(&mut tx, stored.run.id).await?;
    tx.commit().await?;
    measures::run_ended(&stored.run, outcome, fault);
    skipped.iter().for_each(measures::delivery_recorded);
    if leaves_now {
        app.work.notify_waiters();
    }
    steps::reached(app, "after-ready");
    Ok(())
}

async fn insert_delivery(app: &App, tx: &mut Write, claim: &Claim, user: UserId) -> Result<Delivery> {
    let (stored, now) = (&claim.stored, tx.now());
    let (state, address) = standing::begin(tx, stored, user, now).await?;
    let due_at = stored.run.due_at;
    let (could_leave, not_before) = match stored.run.schedule {
        ScheduleType::Once => (due_at, now),
        ScheduleType::Monthly => (monthly_mail_from(due_at), monthly_mail_from(due_at)),
    };
    let delivery = Delivery {
        id: DeliveryId(app.ids.other()?),
        run_id: stored.run.id,
        user_id: user,
        resend_no: 0,
        message_id: mail::message_id(&app.settings, stored.run.id, user, 0),
        state,
        attempts: 0,
        not_before,
        address,
        fault: None,
        created_at: now,
    };
    store::deliveries::insert(tx, stored.subject, &delivery).await?;
    store::restores::hold(tx, delivery.id, stored.run.report_id, could_leave).await?;
    Ok(delivery)
}

/// Puts the run back for a later try; the last fault ends it with what it has. A database that is busy or full, or
/// an object store that is away, is no fault of the run and does not count.
async fn record_fault(app: &App, claim: &Claim, error: &Error, why: &str) -> Result<()> {
    let counts = !matches!(error, Error::Unavailable(_));
    let attempts = claim.stored.run.attempts + i64::from(counts);
    if attempts >= MAX_ATTEMPTS {
        let pinned = store::runs::pinned(&mut app.read().await?, claim.stored.run.id).await?;
        return complete(app, claim, pinned.as_ref(), Some(why)).await;
    }
    let Some(mut tx) = held(app, claim).await? else { return Ok(()) };
    let not_before = tx.now().plus_seconds(backoff_seconds(attempts));
    store::runs::record_fault(&mut tx, claim, why, attempts, not_before).await?;
    Ok(tx.commit().await?)
}
