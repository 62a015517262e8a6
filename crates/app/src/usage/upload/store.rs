//! Checks what was spooled and writes it, chunk by chunk.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use domain::access::Actor;
use domain::ids::TenantNo;
use domain::time::Day;
use domain::usage::KeyHash;

use super::super::check::{self, Accepted, Named, Placed};
use super::super::{Fault, Verdict, writer};
use super::read::{Flaw, Sent};
use super::spool::Spooled;
use super::{Broken, MAX_REFUSALS, Received, Source, Summary};
use crate::{App, Error, Result};

/// How many readings are checked and written at once.
const CHUNK: usize = 20_000;

/// Writes what was received; after each chunk `done` is told how many readings are behind it. A failure half way leaves the
/// chunks before it stored: the upload can be sent again.
pub async fn store(
    app: &App,
    source: &Source,
    received: Received,
    mut done: impl FnMut(u64),
) -> Result<Summary> {
    let Received { mut spooled, reason, mut summary, .. } = received;
    let form_refusals = std::mem::take(&mut summary.refused);
    let late = Late { oldest: oldest(app), has_reason: reason.is_some(), roots: &source.roots };
    let mut behind = 0;
    loop {
        let chunk;
        (spooled, chunk) = next(spooled).await?;
        if chunk.is_empty() {
            break;
        }
        behind += chunk.len() as u64;
        write(app, source, reason.clone(), &late, &chunk, &mut summary).await?;
        done(behind);
    }
    summary.refused.extend(form_refusals);
    summary.refused.sort_by_key(|refusal| refusal.line);
    summary.refused.truncate(MAX_REFUSALS);
    Ok(summary)
}

async fn next(mut spooled: Spooled) -> Result<(Spooled, Vec<(u64, Sent)>)> {
    let read = tokio::task::spawn_blocking(move || spooled.next(CHUNK).map(|chunk| (spooled, chunk)));
    Ok(read.await.map_err(Error::internal)?.map_err(Broken::Spool)?)
}

async fn write(
    app: &App,
    source: &Source,
    reason: Option<Arc<str>>,
    late: &Late<'_>,
    chunk: &[(u64, Sent)],
    summary: &mut Summary,
) -> Result<()> {
    let named: Vec<_> = chunk.iter().map(|(_, sent)| Ok(named(sent))).collect();
    let placed = check::check(&app.intake.known, &mut app.read().await?, &source.roots, &named).await?;
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    for ((line, sent), placed) in chunk.iter().zip(placed) {
        match placed.map_err(flaw).and_then(|placed| late.check(sent.day, placed)) {
            Ok(placed) => taken.push((*line, reading(source.actor, sent, &placed))),
            Err(flaw) => refused.push((*line, flaw)),
        }
    }
    // Oldest day first: a reading of an accumulating meter moves those of later days, which the upload may state as well.
    taken.sort_by_key(|(_, reading)| reading.day.unwrap_or(Day(i32::MAX)));
    let (lines, accepted): (Vec<u64>, Vec<Accepted>) = taken.into_iter().unzip();
    let written = writer::write(app, source.actor, reason, accepted).await?;
    for (line, verdict) in lines.into_iter().zip(written.verdicts) {
        match verdict {
            Verdict::Accepted => summary.accepted += 1,
            Verdict::Absorbed => summary.absorbed += 1,
            Verdict::Refused(fault) => refused.push((line, flaw(fault))),
        }
    }
    summary.seq = summary.seq.max(written.seq);
    refused.sort_by_key(|(line, _)| *line);
    for (line, flaw) in refused {
        summary.refuse(line, flaw);
    }
    Ok(())
}

fn named(sent: &Sent) -> Named<'_> {
    Named {
        tenant: Some(sent.tenant),
        offering_item: Some(&sent.item.name),
        infra: sent.infra,
        ..Named::default()
    }
}

fn reading(actor: Actor, sent: &Sent, placed: &Placed) -> Accepted {
    let Sent { day, value, ref key, .. } = *sent;
    let idempotency = key.as_deref().map(|key| hash(actor, key, sent, placed));
    Accepted { key: placed.key, day, value, idempotency }
}

/// Keys are the caller's own. What was said under one is told apart by meter, day as sent, and value.
fn hash(actor: Actor, key: &str, sent: &Sent, placed: &Placed) -> KeyHash {
    let mut of_key = Context::new(&SHA256);
    of_key.update(actor.kind().as_bytes());
    of_key.update(actor.id().as_bytes());
    of_key.update(key.as_bytes());
    let mut of_content = Context::new(&SHA256);
    for number in [placed.key.tenant.0, placed.key.item.0, placed.key.infra.0] {
        of_content.update(&number.to_le_bytes());
    }
    of_content.update(&sent.day.map_or(i64::MIN, |day| i64::from(day.0)).to_le_bytes());
    of_content.update(&sent.value.map_or(-1, domain::usage::Reading::get).to_le_bytes());
    KeyHash { key: first_bytes(of_key), content: first_bytes(of_content) }
}

fn first_bytes<const N: usize>(hashed: Context) -> [u8; N] {
    let mut first = [0; N];
    first.iter_mut().zip(hashed.finish().as_ref()).for_each(|(to, from)| *to = *from);
    first
}

/// The first day that needs no reason.
fn oldest(app: &App) -> Day {
    let days = i32::try_from(app.settings.uploads.window_days).unwrap_or(i32::MAX);
    app.clock.now().day().plus(days.saturating_neg())
}

/// What a reading of a day long ago needs.
struct Late<'a> {
    oldest: Day,
    has_reason: bool,
    roots: &'a [TenantNo],
}

impl Late<'_> {
    /// A day before the window needs a reason, and an administrator's role on a tenant above the one it is for.
    fn check(&self, day: Option<Day>, placed: Placed) -> std::result::Result<Placed, Flaw> {
        if day.is_none_or(|day| self.oldest <= day) {
            return Ok(placed);
        }
        let oldest = self.oldest;
        if !self.has_reason {
            return Err(Flaw::new("date", format!("lies before {oldest}: the upload needs a reason")));
        }
        if !self.roots.iter().any(|root| placed.above.contains(root)) {
            let error =
                format!("lies before {oldest}: only an administrator of a tenant above may go back that far");
            return Err(Flaw::new("date", error));
        }
        Ok(placed)
    }
}

/// A fault in the words of an upload. Whether a tenant is unknown or somebody else's is not told.
fn flaw(fault: Fault) -> Flaw {
    match fault {
        Fault::Invalid { field, why } => Flaw::new(field, why),
        Fault::Forbidden(_) | Fault::UnknownTenant(_) => {
            Flaw::new("tenant_id", "there is no such tenant within reach")
        }
        Fault::ItemUnavailable(_) => {
            Flaw::new("offering_item", "is off for the tenant, or is not metered on this storage")
        }
        Fault::Business(why) => Flaw::new("offering_item", why),
        Fault::UnknownResource(resource) => Flaw::new("", format!("there is no resource {resource}")),
    }
}
