//! Sends the mails of runs, and then those with links for users, one after the other, with no transaction open meanwhile.
//!
//! "Sent" is recorded after the server's 250 and never before. A process that dies between the two sends that one mail
//! again, under the same Message-ID.

use std::time::Duration;

use domain::access::Actor;
use domain::delivery::{Delivery, DeliveryState, DeliveryStatus, MAX_ATTEMPTS, backoff_seconds};
use domain::ids::TenantNo;
use domain::report::{Artefact, ArtefactStatus};
use domain::schedule::{ScheduleType, monthly_mail_from};
use domain::time::Instant;
use store::deliveries::{Claim, Recipient};
use store::runs::{Stored, artefacts};
use tokio_util::sync::CancellationToken;

use super::own_server::{self, OwnServer};
use super::{content, describe, links, measures, standing, steps};
use crate::clock::patience;
use crate::mail::{self, Attachment, Message, Outcome};
use crate::nodes::{Held, Hold};
use crate::{App, Error, Result};

/// The longest the mailer pauses, in seconds.
pub(super) const LONGEST_PAUSE_SECONDS: i64 = 900;
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
    let mut address = claim.delivery.address.clone();
    let outcome = match prepare(app, &claim, &stored).await {
        Ok(Prepared::Message(message, own)) => {
            address = domain::delivery::address(message.to());
            steps::reached(app, "before-send");
            let hold = Hold::new(app, Held::Delivery(&claim), sign);
            let outcome = own_server::send(hold, own.as_ref(), &message).await;
            steps::reached(app, "after-send");
            outcome
        }
        Ok(Prepared::Not(outcome)) => outcome,
        Err(error) => Outcome::Again { why: describe(&error) },
    };
    record(app, stored.subject, &claim, address, outcome).await?;
    steps::reached(app, "after-recorded");
    Ok(true)
}

enum Prepared {
    Message(Message, Option<OwnServer>),
    /// It is not to be sent.
    Not(Outcome),
}

/// Looks at subject and recipient once more and writes the mail.
async fn prepare(app: &App, claim: &Claim, stored: &Stored) -> Result<Prepared> {
    let mut conn = app.read().await?;
    let skip = |why| Ok(Prepared::Not(Outcome::Skip { why }));
    if let Some(why) = standing::subject(&mut conn, stored).await? {
        return skip(why);
    }
    let (user, now) = (claim.delivery.user_id, app.clock.now());
    let recipient = match standing::recipient(&mut conn, stored, user, now).await? {
        Ok(recipient) => recipient,
        Err(why) => return skip(why),
    };
    let limit = app.settings.mail.max_message_bytes;
    // Base64 takes four bytes for three; what cannot fit is not even loaded.
    let plain = u64::try_from(artefacts::plain_bytes(&mut conn, stored.run.id).await?).unwrap_or(u64::MAX);
    if plain.saturating_mul(4) / 3 > limit {
        return Ok(Prepared::Not(too_large(plain, limit)));
    }
    let files = artefacts::of_run(&mut conn, stored.run.id).await?;
    let saved: Vec<Artefact> =
        files.into_iter().filter(|file| file.status == ArtefactStatus::Saved).collect();
    drop(conn);
    let (message, own) = match write(app, claim, stored, &recipient, &saved).await? {
        Ok(written) => written,
        Err(why) => return skip(why),
    };
    let size = u64::try_from(message.bytes().len()).unwrap_or(u64::MAX);
    if size > limit {
        return Ok(Prepared::Not(too_large(size, limit)));
    }
    Ok(Prepared::Message(message, own))
}

fn too_large(bytes: u64, limit: u64) -> Outcome {
    Outcome::GiveUp {
        why: format!(
            "the mail would have {bytes} bytes or more, and at most {limit} may be sent (mail.max_message_bytes)"
        ),
    }
}

/// The mail with the server it goes to, or why there can be none to this address.
async fn write(
    app: &App,
    claim: &Claim,
    stored: &Stored,
    recipient: &Recipient,
    saved: &[Artefact],
) -> Result<std::result::Result<(Message, Option<OwnServer>), String>> {
    let mut conn = app.read().await?;
    let pinned = store::runs::pinned(&mut conn, stored.run.id).await?;
    let pinned = pinned.ok_or_else(|| Error::internal("a delivery of a run that never started"))?;
    let writer = store::tenants::by_no(&mut conn, stored.writer).await?;
    let ordered_by = writer.map(|tenant| tenant.name).unwrap_or_default();
    let brand = content::brand(&mut conn, &pinned).await?;
    let own = OwnServer::of(app, &mut conn, brand.as_ref()).await?;
    drop(conn);
    let content = content::load(app, stored, &pinned, None).await?;
    let mut attachments = Vec::with_capacity(saved.len());
    for file in saved {
        let (name, media_type) = (content.file_name(file.format), file.format.media_type());
        attachments.push(Attachment { name, media_type, bytes: mail::unpacked(app, file.id).await? });
    }
    let formats: Vec<_> = saved.iter().map(|file| file.format).collect();
    let (schedule, language) = (stored.run.schedule, recipient.language);
    let date = match schedule {
        _ if claim.delivery.resend_no > 0 => claim.delivery.created_at,
        ScheduleType::Once => pinned.generated_at,
        ScheduleType::Monthly => pinned.generated_at.max(monthly_mail_from(stored.run.due_at)),
    };
    let (app, recipient, id) = (app.clone(), recipient.clone(), claim.delivery.message_id.clone());
    // On a thread of its own: the files become base64, which takes a moment.
    let writing = tokio::task::spawn_blocking(move || {
        let text = content.compose_mail(language, &ordered_by, schedule, &formats)?;
        let sender = own_server::sender(&app, own.as_ref(), brand.as_ref(), content.look());
        Ok(sender
            .and_then(|sender| Ok((Message::new(sender, &recipient, &id, date, text, attachments)?, own))))
    });
    writing.await.map_err(Error::internal)?.map_err(|error: std::io::Error| Error::internal(error))
}

async fn record(
    app: &App,
    subject: TenantNo,
    claim: &Claim,
    address: Option<String>,
    outcome: Outcome,
) -> Result<()> {
    let delivery = &claim.delivery;
    let (state, attempts, not_before) = settle(app, delivery.attempts, delivery.not_before, outcome);
    let recorded = Delivery { state, attempts, not_before, address, ..delivery.clone() };
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
    if matches!(outcome, Outcome::Sent { .. } | Outcome::Bounced { .. } | Outcome::Again { .. }) {
        *app.jobs.pause() = Pause::default();
    }
    let tried = attempts + 1;
    match outcome {
        Outcome::Sent { answer } => (DeliveryState::Sent { answer }, tried, not_before),
        Outcome::Bounced { why } => (DeliveryState::Bounced { why }, tried, not_before),
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
