//! `tidemark held-mails`: what is held since a restore, and what becomes of it.

use anyhow::Result;
use app::Clock;
use app::held_mails::{self, Held};
use domain::time::Instant;
use store::restores::Decision;

use crate::cli;
use crate::say::{say, with_causes};
use crate::settings::Settings;

/// Lists them, and decides where it is told to.
pub async fn run(options: &cli::HeldMails) -> Result<()> {
    let settings = Settings::read(&options.common, &[])?;
    let db = settings.database.join().await?;
    let clock = settings.clock_start.map_or(Clock::System, Clock::running_from);
    let span = (options.from.unwrap_or(Instant(i64::MIN)), options.to.unwrap_or(Instant(i64::MAX)));
    let held = held_mails::list(&mut db.read().await?, span.0, span.1).await.map_err(with_causes)?;
    tell(&held);
    let decision = match (options.send, options.skip) {
        (true, _) => Some((Decision::Send, "are sent now")),
        (_, true) => Some((Decision::Skip, "are not sent: they had left")),
        _ => None,
    };
    if let Some((decision, what)) = decision {
        let decided = held_mails::decide(&db, &clock, span, decision).await.map_err(with_causes)?;
        say(format_args!("{decided} mails {what}"));
    }
    db.close().await;
    Ok(())
}

fn tell(held: &Held) {
    for mail in &held.mails {
        let (due, to) = (mail.due_at.with_z(), mail.login.as_deref().unwrap_or("somebody who is gone"));
        say(format_args!("due {due}  report {}  to {to}  Message-ID <{}>", mail.report, mail.message_id));
    }
    for link in &held.links {
        let (asked, to, what) = (link.asked_at.with_z(), &link.login, link.purpose);
        say(format_args!("asked {asked}  {what} link  to {to}  Message-ID <{}>", link.message_id));
    }
    say(format_args!("{} mails are held", held.mails.len() + held.links.len()));
    if held.coming > 0 {
        say(format_args!("{} reports that were due before the restore are still being made", held.coming));
    }
}
