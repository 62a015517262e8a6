//! Readings in bulk: any number of them in one upload, each with a day and a key of its own if its sender wants.
//!
//! An upload is read as it comes and spooled, in bounded memory ([`receive`]). Only once it has come whole and its form is
//! known to be right, its readings are checked and written in chunks ([`store`]). A chunk is one durable transaction, shared
//! with whatever else is written at that moment. What is sent again after an end half way counts once: a reading equal to
//! what is known is absorbed, and so is one with a key that was seen.

mod broken;
mod open;
pub mod read;
mod spool;
mod store;

use std::borrow::Cow;
use std::io::Read;
use std::sync::Arc;

use domain::access::Actor;
use domain::ids::{Seq, TenantNo};
use domain::time::Day;
use serde::Serialize;
use tokio::sync::Semaphore;

use self::spool::{Spool, Spooled};
use crate::{App, Caller, Error, Result};

pub use broken::Broken;
pub use open::Encoding;
pub use read::{Flaw, Format};
pub use store::store;

/// How many refused readings an answer names.
pub const MAX_REFUSALS: usize = 1_000;
/// How many uploads are read at once: each takes a thread and, with zstd, up to 9 MiB. Others wait for their turn.
const AT_ONCE: usize = 32;
/// The longest reason, in characters.
const MAX_REASON_CHARS: usize = 1_000;

/// What uploads keep between calls.
#[derive(Debug)]
pub struct State {
    reading: Semaphore,
}

impl Default for State {
    fn default() -> Self {
        Self { reading: Semaphore::new(AT_ONCE) }
    }
}

/// In whose name readings are written, and on which tenants.
#[derive(Debug, Clone)]
pub struct Source {
    actor: Actor,
    roots: Vec<TenantNo>,
}

impl Source {
    /// Somebody who is signed in; 403 where it reports no usage.
    pub fn caller(caller: &Caller) -> Result<Self> {
        Ok(Self { actor: caller.actor(), roots: caller.reports_usage_below()? })
    }

    /// Who has the data directory in hand: everything.
    pub fn system() -> Self {
        Self { actor: Actor::System, roots: vec![TenantNo::TOP] }
    }
}

/// What is known of an upload before it is read.
#[derive(Debug, Clone)]
pub struct Form {
    /// How it is written.
    pub format: Format,
    /// How it is compressed.
    pub encoding: Encoding,
    /// Why its readings come late; a JSON object may say so itself.
    pub reason: Option<String>,
}

/// A reading that was refused; the others of the upload are not touched by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Its line, the first one being 1 (in CSV the header); in a JSON array its place, from 1 on.
    pub line: u64,
    /// The member at fault; empty where it is the reading itself.
    pub field: Cow<'static, str>,
    /// What is wrong with it.
    pub error: Cow<'static, str>,
}

/// What became of an upload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How many readings changed something.
    pub accepted: u64,
    /// How many said what was known.
    pub absorbed: u64,
    /// How many were refused.
    pub refused_count: u64,
    /// The first of those, by line.
    pub refused: Vec<Refusal>,
    /// The acceptance number of the last change; `None` where nothing changed.
    pub seq: Option<Seq>,
}

impl Summary {
    /// Notes a refusal; they come in the order of their lines.
    fn refuse(&mut self, line: u64, flaw: Flaw) {
        self.refused_count += 1;
        if self.refused.len() < MAX_REFUSALS {
            let Flaw { field, error } = flaw;
            self.refused.push(Refusal { line, field, error });
        }
    }
}

/// An upload that has come whole, its form checked.
pub struct Received {
    spooled: Spooled,
    /// How many of its readings may be written, as far as their form tells.
    readings: u64,
    reason: Option<Arc<str>>,
    summary: Summary,
}

impl Received {
    /// How many of its readings may be written, as far as their form tells.
    pub const fn readings(&self) -> u64 {
        self.readings
    }
}

/// Reads an upload to its end. Nothing is stored yet; [`Error::Invalid`] names the line and the reason where it is broken,
/// [`Error::TooMany`] where it is longer than the operator allows.
pub async fn receive(app: &App, form: Form, body: impl Read + Send + 'static) -> Result<Received> {
    let _permit = app.intake.uploads.reading.acquire().await.map_err(Error::internal)?;
    let app = app.clone();
    tokio::task::spawn_blocking(move || spool(&app, form, body)).await.map_err(Error::internal)?
}

fn spool(app: &App, form: Form, mut body: impl Read + Send) -> Result<Received> {
    let limits = &app.settings.uploads;
    let (today, name) = (app.clock.now().day(), app.ids.other()?);
    let (mut spool, mut summary, mut readings) = (Spool::new(), Summary::default(), 0_u64);
    let opened = form.encoding.open(&mut body, limits.max_bytes).map_err(Broken::Spool)?;
    let in_body = read::read(form.format, opened, &mut |line, checked| {
        if readings + summary.refused_count >= limits.max_readings {
            return Err(Broken::TooLong(format!("an upload has at most {} readings", limits.max_readings)));
        }
        match checked.and_then(|sent| not_in_future(sent, today)) {
            Ok(sent) => {
                readings += 1;
                spool.push(&limits.folder, name, line, &sent).map_err(Broken::Spool)
            }
            Err(flaw) => {
                summary.refuse(line, flaw);
                Ok(())
            }
        }
    });
    let in_body = in_body.inspect_err(|_| take_the_rest(&mut body))?;
    let reason = one_reason(form.reason, in_body)?;
    let spooled = spool.finish().map_err(Broken::Spool)?;
    Ok(Received { spooled, readings, reason, summary })
}

/// Reads on for a while after an upload was found broken: a client that is still sending would not see the answer.
fn take_the_rest(body: &mut impl Read) {
    const MOST_BYTES: u64 = 64 * 1024 * 1024;
    // Where it cannot be read, there is nobody who waits for it.
    let _ = std::io::copy(&mut body.take(MOST_BYTES), &mut std::io::sink());
}

fn not_in_future(sent: read::Sent, today: Day) -> std::result::Result<read::Sent, Flaw> {
    if sent.day.is_some_and(|day| day > today) {
        return Err(Flaw::new("date", "lies in the future"));
    }
    Ok(sent)
}

fn one_reason(in_query: Option<String>, in_body: Option<String>) -> Result<Option<Arc<str>>> {
    if in_query.is_some() && in_body.is_some() {
        return Err(Error::invalid("reason", "given twice"));
    }
    let reason = in_query.or(in_body);
    match reason.as_ref().map(|reason| reason.chars().count()) {
        Some(0) => Err(Error::invalid("reason", "must not be empty")),
        Some(count) if count > MAX_REASON_CHARS => {
            Err(Error::invalid("reason", format!("must have at most {MAX_REASON_CHARS} characters")))
        }
        _ => Ok(reason.map(Into::into)),
    }
}
