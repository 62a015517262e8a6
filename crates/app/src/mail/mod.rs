//! Mails: put together here, handed to a relay by [`smtp`] or to a folder by [`folder`].
//!
//! A mail depends on its delivery alone, Date and part boundaries included: a repeated try sends the same bytes.

mod attachment;
mod folder;
mod smtp;
pub(crate) mod token;

pub use attachment::Attachment;

use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use aws_lc_rs::digest;
use domain::brand::Look;
use domain::ids::{ArtefactId, RunId, UserId};
use domain::time::Instant;
use lettre::Address;
use lettre::message::{self, Mailbox, MultiPart, MultiPartKind, SinglePart};
use store::brands::Stored as Brand;
use store::deliveries::Recipient;

use crate::ids::hex;
use crate::nodes::Hold;
use crate::settings::{Mail, Settings, Smtp, Transport};
use crate::{App, Error, Result};

/// What is written to a recipient, without addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The subject.
    pub subject: String,
    /// The body for mail programs that show HTML.
    pub html: String,
    /// The same as plain text.
    pub plain: String,
}

/// A mail ready to leave.
#[derive(Debug, Clone)]
pub struct Message {
    id: String,
    /// Whom it comes back to, the envelope sender.
    from: Address,
    to: Address,
    bytes: Vec<u8>,
    /// Whether it brings files, without which it would be smaller.
    has_files: bool,
}

/// Who a mail comes from: the operator's address, under the name of a brand, with its logo.
#[derive(Debug, Clone)]
pub struct Sender {
    from: Mailbox,
    reply_to: Option<Mailbox>,
    return_to: Option<Address>,
    logo: Option<Arc<[u8]>>,
}

impl Sender {
    /// The operator.
    pub fn operator(mail: &Mail) -> std::result::Result<Self, String> {
        let from = mail.from.parse().map_err(|error| format!("mail.from: {error}"))?;
        Ok(Self { from, reply_to: None, return_to: None, logo: None })
    }

    /// The operator under the look of a brand; answers go to the address that it names.
    pub fn of(mail: &Mail, brand: Option<&Brand>, look: &Look) -> std::result::Result<Self, String> {
        let mut sender = Self::operator(mail)?;
        if let Some(name) = &look.name {
            sender.from.name = one_line(name);
        }
        let reply_to = brand.and_then(|brand| brand.version.members.smtp_reply_address.as_deref());
        sender.reply_to = reply_to.and_then(|address| address.parse().ok());
        sender.logo.clone_from(&look.logo);
        Ok(sender)
    }

    /// The same, and what cannot be delivered comes back to this address.
    #[must_use]
    pub fn returning_to(mut self, address: Address) -> Self {
        self.return_to = Some(address);
        self
    }

    /// The same from the brand's own address, where it names one: its own server takes that rather than the operator's.
    #[must_use]
    pub fn at_home(mut self) -> Self {
        if let Some(Mailbox { email, .. }) = self.reply_to.take() {
            self.from.email = email;
        }
        self
    }
}

/// A name as a header takes it. Control characters are refused long before they come here; the library panics at a line
/// break in a name.
fn one_line(name: &str) -> Option<String> {
    let name = name.replace(char::is_control, " ");
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Whether answers can go to this address.
pub(crate) fn check_address(address: &str) -> std::result::Result<(), String> {
    address.parse::<Address>().map(|_| ()).map_err(|error| error.to_string())
}

/// What became of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The relay, or the folder, has it.
    Sent {
        /// The answer.
        answer: String,
    },
    /// Refused for good.
    Bounced {
        /// The server's words.
        why: String,
    },
    /// Refused for its size alone, and it brings files. Nothing of it was taken.
    TooLarge {
        /// The server's words.
        why: String,
    },
    /// This mail could not be sent now.
    Again {
        /// What failed.
        why: String,
    },
    /// No mail can be sent now.
    Pause {
        /// What failed.
        why: String,
    },
    /// It was not tried.
    Later {
        /// Not before this moment.
        until: Instant,
    },
    /// It never can be sent.
    GiveUp {
        /// Why not.
        why: String,
    },
    /// It is not to be sent.
    Skip {
        /// Why not.
        why: String,
    },
}

/// Whether mails can be sent from this, such as `Tidemark <reports@example.com>`; the reason where not. Asked at start:
/// a sender that is no address would end every mail.
pub fn check_sender(from: &str) -> std::result::Result<(), String> {
    from.parse::<Mailbox>().map(|_| ()).map_err(|error| error.to_string())
}

/// The Message-ID of a run's mail to a user, without angle brackets: always the same one, and in one length.
pub fn message_id(settings: &Settings, run: RunId, user: UserId, resend_no: i64) -> String {
    let of = digest::digest(&digest::SHA256, format!("{run}/{user}/{resend_no}").as_bytes());
    let (short, _) = of.as_ref().split_at(16);
    format!("{}@{}", hex(short), settings.host())
}

/// A Message-ID that was drawn, without angle brackets.
pub fn random_message_id(settings: &Settings, id: uuid::Uuid) -> String {
    format!("{}@{}", id.simple(), settings.host())
}

impl Message {
    /// Puts a mail together; the reason where the recipient's address cannot be written to.
    pub fn new(
        sender: Sender,
        recipient: &Recipient,
        message_id: &str,
        date: Instant,
        text: Text,
        attachments: Vec<Attachment>,
    ) -> std::result::Result<Self, String> {
        let Sender { from, reply_to, return_to, logo } = sender;
        let has_files = !attachments.is_empty();
        // Without the address itself: the reason is shown to some who may not see that.
        let to: Address =
            recipient.email.parse().map_err(|error| format!("the user's e-mail address is none: {error}"))?;
        let name = one_line(&recipient.name);
        let micros = Duration::from_micros(u64::try_from(date.0).unwrap_or(0));
        let mut headers = message::Message::builder();
        if let Some(reply_to) = reply_to {
            headers = headers.reply_to(reply_to);
        }
        let built = headers
            .message_id(Some(format!("<{message_id}>")))
            .date(UNIX_EPOCH + micros)
            .from(from.clone())
            .to(Mailbox::new(name, to.clone()))
            .subject(text.subject)
            .multipart(parts(message_id, text.plain, text.html, logo.as_deref(), attachments)?)
            .map_err(|error| error.to_string())?;
        let (id, from) = (message_id.to_owned(), return_to.unwrap_or(from.email));
        Ok(Self { id, from, to, bytes: built.formatted(), has_files })
    }

    /// The address it goes to.
    pub fn to(&self) -> &str {
        self.to.as_ref()
    }

    /// The mail as it goes over the wire.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// `mixed[alternative[text, html], attachments]`; with a logo, `related[html, logo]` stands in place of the html.
fn parts(
    message_id: &str,
    plain: String,
    html: String,
    logo: Option<&[u8]>,
    attachments: Vec<Attachment>,
) -> std::result::Result<MultiPart, String> {
    let own = message_id.split('@').next().unwrap_or(message_id);
    let body = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(format!("alternative-{own}"))
        .singlepart(SinglePart::plain(plain));
    let html = SinglePart::html(html);
    let body = match logo {
        None => body.singlepart(html),
        Some(logo) => body.multipart(
            MultiPart::builder()
                .kind(MultiPartKind::Related)
                .boundary(format!("related-{own}"))
                .singlepart(html)
                .singlepart(attachment::logo(logo)?),
        ),
    };
    let mut mixed =
        MultiPart::builder().kind(MultiPartKind::Mixed).boundary(format!("mixed-{own}")).multipart(body);
    for attachment in attachments {
        mixed = mixed.singlepart(attachment.into_part()?);
    }
    Ok(mixed)
}

/// A stored file, checked and decompressed on a thread of its own; [`Error::NotFound`] where its bytes are gone.
pub async fn unpacked(app: &App, file: ArtefactId) -> Result<Vec<u8>> {
    let (mut reading, mut packed) = (crate::contents::of_file(app, file).await?, Vec::new());
    while let Some(piece) = reading.next().await? {
        packed.extend_from_slice(&piece);
    }
    let unpacking = tokio::task::spawn_blocking(move || {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut plain).map(|_| plain)
    });
    unpacking.await.map_err(Error::internal)?.map_err(Error::internal)
}

/// Hands a mail over that is held. Never inside a transaction: this takes as long as the relay wants.
pub(crate) async fn send(mail: &Mail, message: &Message, mut hold: Hold<'_>) -> Outcome {
    match &mail.transport {
        Transport::Folder(folder) => match hold.ask().await {
            Ok(()) => folder::deliver(folder, message).await,
            Err(outcome) => outcome,
        },
        Transport::Smtp(relay) => smtp::deliver(relay, false, message, hold).await,
    }
}

/// Hands a mail over to a server that somebody other than the operator named; without `inner_too` at an address of the
/// public internet only.
pub(crate) async fn send_through(
    relay: &Smtp,
    inner_too: bool,
    message: &Message,
    hold: Hold<'_>,
) -> Outcome {
    smtp::deliver(relay, !inner_too, message, hold).await
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use domain::tenant::Language;

    use super::*;

    #[test]
    fn no_name_or_subject_begins_a_header_of_its_own() {
        let evil = "Ann\r\nBcc: all@example.com\r\n\r\n<script>";
        let mail = Mail::to_folder("Tidemark <reports@example.com>", PathBuf::new());
        let recipient = Recipient {
            name: evil.to_owned(),
            email: "ann@example.com".to_owned(),
            language: Language::ENGLISH,
            notifications: Vec::new(),
            enabled: true,
            below: true,
        };
        let text = Text { subject: evil.to_owned(), html: String::new(), plain: String::new() };
        let message = Message::new(
            Sender::operator(&mail).unwrap(),
            &recipient,
            "id@example.com",
            Instant(0),
            text,
            Vec::new(),
        )
        .unwrap();
        let written = String::from_utf8(message.bytes().to_vec()).unwrap();
        let (headers, _) = written.split_once("\r\n\r\n").unwrap();
        assert!(!headers.lines().any(|line| line.starts_with("Bcc")), "{headers}");
        assert!(
            headers.contains("\r\nContent-Type: multipart/mixed;"),
            "the headers go on to the last: {headers}"
        );
    }
}
