//! Sends the mails of runs, and then those with links for users, one after the other, with no transaction open meanwhile.
//!
//! "Sent" is recorded after the server's 250 and never before. A process that dies between the two sends that one mail
//! again, under the same Message-ID.

use std::time::Duration;

use domain::access::Actor;
use domain::delivery::{Delivery, DeliveryState, DeliveryStatus, MAX_ATTEMPTS, backoff_seconds};
use domain::ids::TenantNo;
use domain::time::Instant;
use store::deliveries::Claim;
use store::runs::Stored;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::letter::{self, Enclosing};
use super::{describe, links, measures, own_server, pulse, steps};
use crate::clock::patience;
use crate::mail::Outcome;
use crate::nodes::{Held, Hold, Sign};
use crate::{App, Error, Result, SPANS};

/// The longest the mailer pauses, in seconds.
pub(super) const LONGEST_PAUSE_SECONDS: i64 = 900;
/// How long a mail waits whose files cannot be read now, in seconds.
const FILES_AWAY_SECONDS: i64 = 60;
/// How long the mailer waits before it records an outcome again that the database could not take.
const RECORD_AGAIN: Duration = Duration::from_secs(1);

/// The mailer holds still after a fault that no single mail is to blame for.
#[derive(Debug, Default)]
pub(super) struct Pause {
    pub(super) until: Option<Instant>,
    /// Faults in a row.
    pub(super) faults: i64,
}

/// Sends until nothing is left that may leave now; gives back when to look again.
pub(super) async fn work(app: &App, shutdown: &CancellationToken) -> Result<Option<Instant>> {
    let now = app.clock.now();
    while !shutdown.is_cancelled() && send_next(app).await? {}
    if let Some(until) = paused_until(app, now) {
        return Ok(Some(until));
    }
    let mut conn = app.read().await?;
    let report = store::deliveries::next_moment(&mut conn, now).await?;
    let link = store::mailed_links::next_moment(&mut conn, now).await?;
    Ok([report, link].into_iter().flatten().min())
}

fn paused_until(app: &App, now: Instant) -> Option<Instant> {
    app.jobs.pause().until.filter(|until| now < *until)
}

/// Tries the mail that has waited longest; `false` where none may leave now.
pub async fn send_next(app: &App) -> Result<bool> {
    pulse::step();
    if paused_until(app, app.clock.now()).is_some() {
        return Ok(false);
    }
    let sign = app.nodes.last_sign();
    let mut tx = app.write_as(Actor::System).await?;
    let Some(claim) = store::deliveries::claim(&mut tx, app.nodes.own()).await? else {
        drop(tx);
        return links::send_next(app).await;
    };
    // In the same transaction: a claim without its run would hold the mail up for as long as its lease.
    let stored = store::runs::by_id(&mut tx, claim.delivery.run_id).await?;
    let stored = stored.ok_or_else(|| Error::internal("a delivery without its run"))?;
    tx.commit().await?;
    steps::reached(app, "after-delivery-claim");
    let span = tracing::trace_span!(target: SPANS, "mail", delivery = %claim.delivery.id);
    let (address, outcome) = match attempt(app, &claim, &stored, sign).instrument(span).await {
        Ok(attempt) => attempt,
        Err(error) => (None, not_written(app, &error)),
    };
    let address = address.or_else(|| claim.delivery.address.clone());
    record(app, stored.subject, &claim, address, outcome).await?;
    steps::reached(app, "after-recorded");
    Ok(true)
}

/// What follows where a mail could not be written.
fn not_written(app: &App, error: &Error) -> Outcome {
    match error {
        // No fault of this mail, so that it does not count.
        Error::Unavailable(_) => {
            tracing::warn!(why = describe(error), "a mail waits for its files");
            Outcome::Later { until: app.clock.now().plus_seconds(FILES_AWAY_SECONDS) }
        }
        Error::NotFound { .. } => {
            Outcome::GiveUp { why: "its files were kept long enough (retention.artefacts_days)".to_owned() }
        }
        error => Outcome::Again { why: describe(error) },
    }
}

/// Writes the mail and hands it over; where the server minds its size alone, once more without the files. Gives the address
/// that it went to, if it was written, and what became of it.
async fn attempt(app: &App, claim: &Claim, stored: &Stored, sign: Sign) -> Result<(Option<String>, Outcome)> {
    let letter = match letter::write(app, claim, stored, Enclosing::Files).await? {
        Ok(letter) => letter,
        Err(outcome) => return Ok((None, outcome)),
    };
    let address = domain::delivery::address(letter.message.to());
    let hold = || Hold::new(app, Held::Delivery(claim), sign);
    steps::reached(app, "before-send");
    let mut outcome = own_server::send(hold(), letter.own.as_ref(), &letter.message).await;
    if let Outcome::TooLarge { why } = &outcome {
        let (delivery, run) = (claim.delivery.id, claim.delivery.run_id);
        tracing::info!(%delivery, %run, why, "the files are too large for the server; the mail brings a link to them");
        outcome = match letter::write(app, claim, stored, Enclosing::Link).await? {
            Ok(letter) => own_server::send(hold(), letter.own.as_ref(), &letter.message).await,
            Err(outcome) => outcome,
        };
    }
    steps::reached(app, "after-send");
    Ok((address, outcome))
}

async fn record(
    app: &App,
    subject: TenantNo,
    claim: &Claim,
    address: Option<String>,
    outcome: Outcome,
) -> Result<()> {
    let delivery = &claim.delivery;
    let fault = match &outcome {
        Outcome::Again { why } | Outcome::Pause { why } => Some(why.clone()),
        _ => delivery.fault.clone(),
    };
    let (state, attempts, not_before) = settle(app, delivery.attempts, delivery.not_before, outcome);
    let recorded = Delivery { state, attempts, not_before, address, fault, ..delivery.clone() };
    insist(|| try_save(app, subject, claim, &recorded)).await
}

/// Where a mail stands after a try: its state, how often it was tried, and when it may leave next.
pub(super) fn settle(
    app: &App,
    attempts: i64,
    not_before: Instant,
    outcome: Outcome,
) -> (DeliveryState, i64, Instant) {
    let now = app.clock.now();
    if matches!(
        outcome,
        Outcome::Sent { .. } | Outcome::Bounced { .. } | Outcome::TooLarge { .. } | Outcome::Again { .. }
    ) {
        *app.jobs.pause() = Pause::default();
    }
    let tried = attempts + 1;
    match outcome {
        Outcome::Sent { answer } => (DeliveryState::Sent { answer }, tried, not_before),
        Outcome::Bounced { why } | Outcome::TooLarge { why } => {
            (DeliveryState::Bounced { why }, tried, not_before)
        }
        Outcome::GiveUp { why } => (DeliveryState::GaveUp { why }, tried, not_before),
        Outcome::Skip { why } => (DeliveryState::Skipped { why }, attempts, not_before),
        Outcome::Later { until } => (DeliveryState::Pending, attempts, until),
        Outcome::Again { why } if tried >= MAX_ATTEMPTS => (DeliveryState::GaveUp { why }, tried, not_before),
        Outcome::Again { why } => {
            tracing::info!(why, "a mail could not be sent and will be tried again");
            (DeliveryState::Pending, tried, now.plus_seconds(backoff_seconds(tried)))
        }
        Outcome::Pause { why } => {
            pause(app, now, &why);
            (DeliveryState::Pending, attempts, not_before)
        }
    }
}

/// Records what became of a try, again and again while the database is busy or the disk full: a mail that has left and
/// was not recorded would leave once more.
pub(super) async fn insist<F: Future<Output = Result<()>>>(record: impl Fn() -> F) -> Result<()> {
    loop {
        match record().await {
            Err(Error::Unavailable(why)) => {
                tracing::warn!(%why, "an outcome cannot be recorded now");
                pulse::step();
                patience(RECORD_AGAIN).await;
            }
            recorded => return recorded,
        }
    }
}

async fn try_save(app: &App, subject: TenantNo, claim: &Claim, recorded: &Delivery) -> Result<()> {
    let mut tx = app.write_as(Actor::System).await?;
    let ours = store::deliveries::record(&mut tx, subject, claim, recorded).await?;
    tx.commit().await?;
    // A pause is no try of this mail.
    let status = recorded.state.parts().0;
    if ours && (status != DeliveryStatus::Pending || recorded.attempts > claim.delivery.attempts) {
        measures::delivery_recorded(recorded);
    }
    Ok(())
}

fn pause(app: &App, now: Instant, why: &str) {
    let mut pause = app.jobs.pause();
    pause.faults += 1;
    let seconds = backoff_seconds(pause.faults).min(LONGEST_PAUSE_SECONDS);
    pause.until = Some(now.plus_seconds(seconds));
    tracing::warn!(why, seconds, "mails wait: the relay or the mail folder cannot be used");
}
