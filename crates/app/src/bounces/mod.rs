//! Mails that come back: each delivery has an address of its own to come back to, and a job reads what arrives there.
//!
//! Whoever can write to that address could say anything, so that a message counts for a delivery only by the proof in
//! the address that it was sent to, which the mail itself carried as its envelope sender and nothing else did. What a
//! message says is taken in by a write that does nothing the second time: any number of nodes may read one mailbox, and
//! a process may die between the write and the mark on the message.

mod address;
mod imap;
mod maildir;
mod report;

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::access::Actor;
use domain::delivery::{Delivery, DeliveryStatus};
use domain::ids::DeliveryId;
use domain::time::Instant;

pub use address::BounceAddress;
use report::{Returned, Said};
use store::Write;

use crate::jobs::measures;
use crate::settings::Mailbox;
use crate::{App, Error, Result};

/// How often the mailbox is looked at, in seconds.
const PERIOD_SECONDS: i64 = 60;
/// The most messages taken in at one look.
const MOST_MESSAGES: usize = 10_000;
/// The most messages that are remembered as complained of.
const MOST_COMPLAINTS: usize = 10_000;

/// What reading keeps between looks.
#[derive(Debug, Default)]
pub struct State {
    next_look: Mutex<Option<Instant>>,
    /// The messages that could not be read or marked, which is said once of each.
    complaints: Mutex<HashSet<String>>,
}

impl State {
    fn next_look(&self) -> MutexGuard<'_, Option<Instant>> {
        self.next_look.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs what is wrong with a message, once.
    fn complain(&self, message: &str, why: &str) {
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        if complaints.len() >= MOST_COMPLAINTS {
            complaints.clear();
        }
        if complaints.insert(message.to_owned()) {
            tracing::warn!(message, why, "a message in the mailbox for bounces is left as it is");
        }
    }
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A delivery that was sent is bounced now.
    Bounced,
    /// A delay was noted.
    Delayed,
    /// The mail was delivered, as was thought.
    Delivered,
    /// It says what is known already, or of a delivery that had ended otherwise.
    Known,
    /// It is no report, or of no delivery of ours.
    Ignored,
    /// It is to be a report of ours, and cannot be understood.
    Unreadable,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Bounced, Self::Delayed, Self::Delivered, Self::Known, Self::Ignored, Self::Unreadable];

    /// Its word for the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bounced => "bounced",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Known => "known",
            Self::Ignored => "ignored",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Why a look ended early.
#[derive(Debug)]
enum Trouble {
    /// With the mailbox, in words for the log.
    Mailbox(String),
    /// Below the use cases.
    App(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::App(error)
    }
}

/// Looks at the mailbox once a minute, whatever else wakes the jobs.
pub(crate) async fn work(app: &App) -> Result<Option<Instant>> {
    let now = app.clock.now();
    let next = *app.bounces.next_look();
    // A clock that went back would else keep the mailbox shut until it has caught up.
    let waits = next.filter(|next| now < *next && *next <= now.plus_seconds(PERIOD_SECONDS));
    if waits.is_some() {
        return Ok(waits);
    }
    let next = now.plus_seconds(PERIOD_SECONDS);
    *app.bounces.next_look() = Some(next);
    look(app).await?;
    Ok(Some(next))
}

/// Takes in what has arrived in the mailbox for bounces, where there is one.
pub async fn look(app: &App) -> Result<()> {
    let mailbox = app.settings.mail.bounces.as_ref().and_then(|bounces| bounces.mailbox.as_ref());
    let looked = match mailbox {
        None => return Ok(()),
        Some(Mailbox::Maildir(folder)) => maildir::look(app, folder).await,
        Some(Mailbox::Imap(imap)) => imap::look(app, imap).await,
    };
    match looked {
        Ok(()) => Ok(()),
        Err(Trouble::App(error)) => Err(error),
        Err(Trouble::Mailbox(why)) => {
            tracing::warn!(why, "the mailbox for bounces cannot be read; it is tried again in a minute");
            Ok(())
        }
    }
}

/// Takes in the beginning of a message; `None` where it comes too early: its delivery is still under way here, so that
/// the answer of the server is not recorded yet.
async fn take_in(app: &App, message: &[u8]) -> Result<Option<Outcome>> {
    let outcome = match report::read(message) {
        None => Some(Outcome::Unreadable),
        Some(returned) => match delivery_of(app, &returned) {
            None => Some(Outcome::Ignored),
            Some(delivery) => settle(app, delivery, returned.said).await?,
        },
    };
    if let Some(outcome) = outcome {
        measures::bounce_read(outcome);
    }
    Ok(outcome)
}

fn delivery_of(app: &App, returned: &Returned) -> Option<DeliveryId> {
    returned.addressed.iter().find_map(|text| address::delivery_in(&app.sealing, text))
}

async fn settle(app: &App, id: DeliveryId, said: Said) -> Result<Option<Outcome>> {
    let (why, is_final) = match said {
        Said::Nothing => return Ok(Some(Outcome::Ignored)),
        Said::Unclear => return Ok(Some(Outcome::Unreadable)),
        Said::Delivered => return Ok(Some(Outcome::Delivered)),
        Said::Failed(why) => (why, true),
        Said::Delayed(why) => (why, false),
    };
    let mut tx = app.write_as(Actor::System).await?;
    let Some(delivery) = store::deliveries::by_id(&mut tx, id).await? else {
        return Ok(Some(Outcome::Ignored));
    };
    match delivery.state.parts().0 {
        DeliveryStatus::Sent => {}
        DeliveryStatus::Pending | DeliveryStatus::Sending => return Ok(None),
        DeliveryStatus::Bounced | DeliveryStatus::GaveUp | DeliveryStatus::Skipped => {
            return Ok(Some(Outcome::Known));
        }
    }
    let outcome = if is_final {
        bounce(&mut tx, &delivery, &why).await?;
        Outcome::Bounced
    } else if store::deliveries::note_delay(&mut tx, id, &why).await? {
        Outcome::Delayed
    } else {
        Outcome::Known
    };
    tx.commit().await?;
    let (run, user) = (delivery.run_id, delivery.user_id);
    match outcome {
        Outcome::Bounced => tracing::warn!(delivery = %id, %run, %user, why, "the mail came back"),
        Outcome::Delayed => tracing::info!(delivery = %id, %run, %user, why, "the mail is delayed"),
        _ => {}
    }
    Ok(Some(outcome))
}

async fn bounce(tx: &mut Write, delivery: &Delivery, why: &str) -> Result<()> {
    let stored = store::runs::by_id(tx, delivery.run_id).await?;
    let stored = stored.ok_or_else(|| Error::internal("a delivery without its run"))?;
    let why = format!("returned: {why}");
    Ok(store::deliveries::bounce(tx, stored.subject, delivery, &why).await?)
}
