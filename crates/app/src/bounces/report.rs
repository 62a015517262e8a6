//! What a message that came back says: delivery status notifications (RFC 3464), as mail servers write them and as
//! anybody may send them.

use mail_parser::{Message, MessageParser, MimeHeaders as _};

/// The most bytes of a message that are looked at: what it says stands before the mail that it gives back.
pub(super) const LOOKED_AT_BYTES: u64 = 256 * 1024;
/// More lines than this that may begin a part are no mail server's work.
const MOST_PARTS: usize = 200;
/// The most characters that are kept of what a server said.
const MOST_CHARS: usize = 500;
/// The fields that name whom a message was sent to, as servers write them at delivery, and those of its sender.
const ADDRESSED: [&str; 7] =
    ["Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "Apparently-To", "To", "Cc"];

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Returned {
    /// The values of the fields that name whom it was sent to.
    pub(super) addressed: Vec<String>,
    /// What it says of a mail.
    pub(super) said: Said,
}

/// What a message says of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// It could not be delivered, and no more is tried.
    Failed(String),
    /// It could not be delivered yet.
    Delayed(String),
    /// It was delivered, or handed on to where no reports come from.
    Delivered,
    /// Nothing: the message is no report, such as an answer that somebody's absence sends.
    Nothing,
    /// The message wants to be a report, and does not say what happened.
    Unclear,
}

/// Reads the beginning of a message; `None` where it is none.
pub(super) fn read(bytes: &[u8]) -> Option<Returned> {
    if parts_at_most(bytes) > MOST_PARTS {
        return None;
    }
    let message = MessageParser::default().parse(bytes)?;
    let addressed = message.headers_raw().filter(|(name, _)| {
        let name = name.trim();
        ADDRESSED.iter().any(|known| known.eq_ignore_ascii_case(name))
    });
    let addressed = addressed.map(|(_, value)| value.trim().to_owned()).collect();
    Some(Returned { addressed, said: said(&message) })
}

/// How many parts there may be at most. Messages within messages are read one inside the other, so that thousands of
/// them would take a stack that is not there.
fn parts_at_most(bytes: &[u8]) -> usize {
    const FIELD: &[u8] = b"content-type";
    bytes.windows(FIELD.len()).filter(|window| window.eq_ignore_ascii_case(FIELD)).count()
}

fn said(message: &Message<'_>) -> Said {
    let is_type = |kind: Option<&mail_parser::ContentType<'_>>, main: &str, subs: &[&str]| {
        let kind = kind.filter(|kind| kind.ctype().eq_ignore_ascii_case(main));
        let sub = kind.and_then(|kind| kind.subtype());
        sub.is_some_and(|sub| subs.iter().any(|known| known.eq_ignore_ascii_case(sub)))
    };
    // The second name is that of RFC 6533, for addresses beyond ASCII.
    let names = ["delivery-status", "global-delivery-status"];
    let status = message.parts.iter().find(|part| is_type(part.content_type(), "message", &names));
    match status {
        Some(status) => of_status(&String::from_utf8_lossy(status.contents())),
        None if is_type(message.content_type(), "multipart", &["report"]) => {
            let kind = message.content_type().and_then(|kind| kind.attribute("report-type"));
            // Reports of other kinds say that a mail was read, or called spam.
            let about_delivery = kind.is_none_or(|kind| kind.eq_ignore_ascii_case("delivery-status"));
            if about_delivery { Said::Unclear } else { Said::Nothing }
        }
        None => Said::Nothing,
    }
}

/// Of a mail to one recipient several are reported where a list or alias stood behind it: the worst counts.
fn of_status(text: &str) -> Said {
    let text = text.replace("\r\n", "\n");
    let (mut delayed, mut delivered) = (None, false);
    for group in text.split("\n\n") {
        let group = Group::of(group);
        let Some(action) = group.field("Action") else { continue };
        let action = action.split([' ', '(', ';']).next().unwrap_or("").to_ascii_lowercase();
        match action.as_str() {
            "failed" => return Said::Failed(group.reason()),
            "delayed" => delayed = Some(group.reason()),
            "delivered" | "relayed" | "expanded" => delivered = true,
            _ => {}
        }
    }
    match (delayed, delivered) {
        (Some(why), _) => Said::Delayed(why),
        (None, true) => Said::Delivered,
        (None, false) => Said::Unclear,
    }
}

/// The fields of a message or of one recipient (RFC 3464, 2.1), unfolded.
struct Group(Vec<(String, String)>);

impl Group {
    fn of(text: &str) -> Self {
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in text.lines() {
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = fields.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            } else if let Some((name, value)) = line.split_once(':') {
                fields.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
        Self(fields)
    }

    fn field(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The status code and the words of the server that refused: one line without control characters.
    fn reason(&self) -> String {
        let status = self.field("Status").unwrap_or("no status");
        let words = self.field("Diagnostic-Code").or_else(|| self.field("Remote-MTA"));
        let said = words.map_or_else(|| status.to_owned(), |words| format!("{status}: {words}"));
        let clean = said.replace(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER, " ");
        let words: Vec<&str> = clean.split_whitespace().collect();
        words.join(" ").chars().take(MOST_CHARS).collect()
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
