//! The mail of a run to one recipient: with the files attached, or, where they are too large, with a link to them.
//!
//! Which of the two, and how long the link works, is settled in the database before the first such mail leaves: a
//! repeated try sends the same bytes.

use domain::report::{Artefact, ArtefactStatus};
use domain::schedule::{ScheduleType, monthly_mail_from};
use domain::time::Instant;
use store::deliveries::{Claim, Recipient};
use store::runs::{Stored, artefacts};

use super::own_server::{self, OwnServer};
use super::{content, standing};
use crate::mail::{self, Attachment, Message, Outcome, Sender};
use crate::reports::mailed_files;
use crate::{App, Error, Result};

const DAY_SECONDS: i64 = 86_400;

/// What a mail brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Enclosing {
    /// The files, where they are not too large.
    Files,
    /// A link to them.
    Link,
}

/// A mail with the server it goes to, where that is not the operator's.
pub(super) struct Letter {
    pub(super) message: Message,
    pub(super) own: Option<OwnServer>,
}

/// Looks at subject and recipient once more and writes the mail; what became of it where it is not to be sent.
pub(super) async fn write(
    app: &App,
    claim: &Claim,
    stored: &Stored,
    enclosing: Enclosing,
) -> Result<std::result::Result<Letter, Outcome>> {
    let mut conn = app.read().await?;
    let skip = |why| Ok(Err(Outcome::Skip { why }));
    if let Some(why) = standing::subject(&mut conn, stored).await? {
        return skip(why);
    }
    let (user, now) = (claim.delivery.user_id, app.clock.now());
    let recipient = match standing::recipient(&mut conn, stored, user, now).await? {
        Ok(recipient) => recipient,
        Err(why) => return skip(why),
    };
    let settled = store::deliveries::link_until(&mut conn, claim.delivery.id).await?.is_some();
    let plain = u64::try_from(artefacts::plain_bytes(&mut conn, stored.run.id).await?).unwrap_or(u64::MAX);
    let files = artefacts::of_run(&mut conn, stored.run.id).await?;
    drop(conn);
    let saved = files.into_iter().filter(|file| file.status == ArtefactStatus::Saved).collect();
    let mut draft = Draft { app, claim, stored, recipient, saved, link_until: None };
    let most = &app.settings.mail;
    let limit = most.max_attachment_bytes.min(most.max_message_bytes);
    // Base64 takes four bytes for three; what cannot fit is not even loaded.
    if enclosing == Enclosing::Files && !settled && plain.saturating_mul(4) / 3 <= limit {
        match draft.write().await? {
            Err(why) => return skip(why),
            Ok(letter) if letter.size() <= limit => return Ok(Ok(letter)),
            Ok(_) => {}
        }
    }
    let Some(until) = bring_link(app, claim).await? else {
        return Ok(Err(Outcome::Again { why: "another node has taken the mail over".to_owned() }));
    };
    draft.link_until = Some(until);
    match draft.write().await? {
        Err(why) => skip(why),
        Ok(letter) if letter.size() > most.max_message_bytes => {
            let (size, most) = (letter.size(), most.max_message_bytes);
            let why = format!(
                "the mail would have {size} bytes, and at most {most} may be sent (mail.max_message_bytes)"
            );
            Ok(Err(Outcome::GiveUp { why }))
        }
        Ok(letter) => Ok(Ok(letter)),
    }
}

/// Settles that the mail brings a link, and up to when that works; `None` where the claim is no longer this node's.
async fn bring_link(app: &App, claim: &Claim) -> Result<Option<Instant>> {
    let mut tx = app.write_as(domain::access::Actor::System).await?;
    let until = tx.now().plus_seconds(i64::from(app.settings.mail.link_days) * DAY_SECONDS);
    let until = store::deliveries::bring_link(&mut tx, claim, until).await?;
    tx.commit().await?;
    Ok(until)
}

impl Letter {
    fn size(&self) -> u64 {
        u64::try_from(self.message.bytes().len()).unwrap_or(u64::MAX)
    }
}

/// What a mail is made of.
struct Draft<'a> {
    app: &'a App,
    claim: &'a Claim,
    stored: &'a Stored,
    recipient: Recipient,
    /// The files of the edition.
    saved: Vec<Artefact>,
    /// Up to when the link works that the mail brings in place of them.
    link_until: Option<Instant>,
}

impl Draft<'_> {
    /// The mail, or why there can be none to this address.
    async fn write(&self) -> Result<std::result::Result<Letter, String>> {
        let Self { app, claim, stored, link_until, .. } = *self;
        let mut conn = app.read().await?;
        let pinned = store::runs::pinned(&mut conn, stored.run.id).await?;
        let pinned = pinned.ok_or_else(|| Error::internal("a delivery of a run that never started"))?;
        let writer = store::tenants::by_no(&mut conn, stored.writer).await?;
        let ordered_by = writer.map(|tenant| tenant.name).unwrap_or_default();
        let brand = content::brand(&mut conn, &pinned).await?;
        let own = OwnServer::of(app, &mut conn, brand.as_ref()).await?;
        drop(conn);
        let content = content::load(app, stored, &pinned, None).await?;
        let mut attachments = Vec::new();
        for file in self.saved.iter().filter(|_| link_until.is_none()) {
            let (name, media_type) = (content.file_name(file.format), file.format.media_type());
            attachments.push(Attachment { name, media_type, bytes: mail::unpacked(app, file.id).await? });
        }
        let link = link_until.map(|until| (mailed_files::address(app, claim.delivery.id), until));
        let formats: Vec<_> = self.saved.iter().map(|file| file.format).collect();
        let (schedule, recipient) = (stored.run.schedule, self.recipient.clone());
        let date = match schedule {
            _ if claim.delivery.resend_no > 0 => claim.delivery.created_at,
            ScheduleType::Once => pinned.generated_at,
            ScheduleType::Monthly => pinned.generated_at.max(monthly_mail_from(stored.run.due_at)),
        };
        let (app, delivery, id) = (app.clone(), claim.delivery.id, claim.delivery.message_id.clone());
        // On a thread of its own: the files become base64, which takes a moment.
        let writing = tokio::task::spawn_blocking(move || {
            let link = link.as_ref().map(|(address, until)| (address.as_str(), *until));
            let text = content.compose_mail(recipient.language, &ordered_by, schedule, &formats, link)?;
            let sender = own_server::sender(&app, own.as_ref(), brand.as_ref(), content.look());
            let sender = sender.and_then(|sender| match own {
                Some(_) => Ok(sender),
                None => returning(&app, delivery, sender),
            });
            Ok(sender.and_then(|sender| {
                let message = Message::new(sender, &recipient, &id, date, text, attachments)?;
                Ok(Letter { message, own })
            }))
        });
        writing.await.map_err(Error::internal)?.map_err(|error: std::io::Error| Error::internal(error))
    }
}

/// The same sender; where the operator reads what comes back, it comes back to the address of this delivery.
fn returning(
    app: &App,
    delivery: domain::ids::DeliveryId,
    sender: Sender,
) -> std::result::Result<Sender, String> {
    match &app.settings.mail.bounces {
        Some(bounces) => Ok(sender.returning_to(bounces.address.of(&app.sealing, delivery)?)),
        None => Ok(sender),
    }
}
