//! Files that go with a mail.

use lettre::message::SinglePart;
use lettre::message::header::{ContentDisposition, ContentId, ContentType, Header, HeaderName, HeaderValue};

/// A file that goes with a mail.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// Its name there: ASCII letters, digits, hyphens and dots (reports-api, 13).
    pub name: String,
    /// Its media type.
    pub media_type: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

impl Attachment {
    /// The file as a part of a mail.
    pub(super) fn into_part(self) -> Result<SinglePart, String> {
        let media_type = ContentType::parse(self.media_type).map_err(|error| error.to_string())?;
        Ok(SinglePart::builder().header(Attached(self.name)).header(media_type).body(self.bytes))
    }
}

/// The logo that the html of a mail refers to.
pub(super) fn logo(png: &[u8]) -> Result<SinglePart, String> {
    let media_type = ContentType::parse("image/png").map_err(|error| error.to_string())?;
    Ok(SinglePart::builder()
        .header(ContentDisposition::inline())
        .header(ContentId::from(format!("<{}>", render::mail::LOGO_ID)))
        .header(media_type)
        .body(png.to_vec()))
}

/// `Content-Disposition` with the whole name in one `filename`. The library's own cuts names of this length into the
/// numbered pieces of RFC 2231, which not every mail program puts together again.
#[derive(Debug, Clone)]
struct Attached(String);

impl Header for Attached {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Disposition")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let name = text.split_once("filename=\"").and_then(|(_, rest)| rest.strip_suffix('"'));
        name.map(|name| Self(name.to_owned())).ok_or_else(|| "no file name".into())
    }

    fn display(&self) -> HeaderValue {
        let value = format!("attachment; filename=\"{}\"", self.0);
        HeaderValue::dangerous_new_pre_encoded(Self::name(), value.clone(), value.replacen("; ", ";\r\n ", 1))
    }
}
