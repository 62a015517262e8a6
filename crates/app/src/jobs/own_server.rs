//! Mails through the server that a brand names (`smtp_override`).
//!
//! The mailer sends one mail after the other, so a brand's server is given a short time, and what it does wrong holds up
//! the mails of its own brand and nobody else's. Where it leads is looked at for every connection: a name that led
//! outside when it was set may lead inside by now.

use std::time::Duration;

use domain::brand::Look;
use domain::delivery::backoff_seconds;
use domain::time::Instant;
use secrecy::SecretString;
use store::Conn;
use store::brands::Stored as Brand;

use super::mailer::{LONGEST_PAUSE_SECONDS, Pause};
use crate::mail::{self, Message, Outcome, Sender};
use crate::nodes::Hold;
use crate::settings::{Security, Smtp, Transport};
use crate::{App, Result, brands};

/// How long one step of the conversation may take, in seconds.
const STEP_SECONDS: u64 = 10;
/// How long a whole mail may take.
const LIMIT: Duration = Duration::from_mins(1);

/// The mail server of a brand.
#[derive(Debug)]
pub(super) struct OwnServer {
    brand: i64,
    relay: Smtp,
}

impl OwnServer {
    /// As the brand names it now; `None` where it names none, or where mails go to a folder and so must these.
    pub(super) async fn of(app: &App, conn: &mut Conn, brand: Option<&Brand>) -> Result<Option<Self>> {
        let Some(brand) = brand else { return Ok(None) };
        let Some(Brand { id, uuid, version, .. }) = store::brands::of_tenant(conn, brand.tenant).await?
        else {
            return Ok(None);
        };
        let members = version.members;
        let is_wanted = members.smtp_override == Some(true) && id == brand.id;
        let to_folder = matches!(app.settings.mail.transport, Transport::Folder(_));
        let Some(host) = members.smtp_server.filter(|_| is_wanted && !to_folder) else { return Ok(None) };
        let security = match members.smtp_encryption.as_deref() {
            Some("SSL") => Security::Tls,
            Some("TLS") => Security::Starttls,
            _ => Security::None,
        };
        let usual = if security == Security::Tls { 465 } else { 587 };
        let password = brands::smtp_password(app, uuid, version.sealed_smtp_password.as_deref())?;
        let relay = Smtp {
            host,
            port: members.smtp_port.and_then(|port| port.try_into().ok()).unwrap_or(usual),
            security,
            credentials: members.smtp_user.zip(password.map(SecretString::from)),
            ca_file: None,
            timeout_seconds: STEP_SECONDS,
        };
        Ok(Some(Self { brand: id, relay }))
    }

    /// Hands a mail over, unless the server has failed a moment ago.
    pub(super) async fn send(&self, hold: Hold<'_>, message: &Message) -> Outcome {
        let app = hold.app();
        let now = app.clock.now();
        if let Some(until) = self.paused_until(app, now) {
            return Outcome::Later { until };
        }
        let inner_too = app.settings.mail.private_brand_servers;
        let sent =
            tokio::time::timeout(LIMIT, mail::send_through(&self.relay, inner_too, message, hold)).await;
        let outcome = match sent {
            Ok(Outcome::Pause { why }) => Outcome::Again { why },
            Ok(outcome) => outcome,
            Err(_) => Outcome::Again { why: format!("not done within {} seconds", LIMIT.as_secs()) },
        };
        let mut pauses = app.jobs.own_servers();
        if matches!(outcome, Outcome::Again { .. }) {
            let pause = pauses.entry(self.brand).or_default();
            pause.faults += 1;
            let seconds = backoff_seconds(pause.faults).min(LONGEST_PAUSE_SECONDS);
            pause.until = Some(now.plus_seconds(seconds));
        } else {
            pauses.remove(&self.brand);
        }
        outcome
    }

    fn paused_until(&self, app: &App, now: Instant) -> Option<Instant> {
        let pauses = app.jobs.own_servers();
        let pause: Option<&Pause> = pauses.get(&self.brand);
        pause.and_then(|pause| pause.until).filter(|until| now < *until)
    }
}

/// Who a mail under this brand comes from: its own address where it goes over its own server, else the operator's. What
/// goes over its own server comes back to it, too: that server, and those that look for the senders it stands for (SPF),
/// would not take the operator's address from it.
pub(super) fn sender(
    app: &App,
    own: Option<&OwnServer>,
    brand: Option<&Brand>,
    look: &Look,
) -> std::result::Result<Sender, String> {
    let sender = Sender::of(&app.settings.mail, brand, look)?;
    Ok(if own.is_some() { sender.at_home() } else { sender })
}

/// Hands a mail over to the brand's own server, where it has one, or else as the operator set.
pub(super) async fn send(hold: Hold<'_>, own: Option<&OwnServer>, message: &Message) -> Outcome {
    match own {
        Some(own) => own.send(hold, message).await,
        None => mail::send(&hold.app().settings.mail, message, hold).await,
    }
}
