//! How pages and mails look: in the colours of a brand, or in the platform's own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::brand::Color;

/// The colours of a style sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shades {
    /// Bars.
    pub(crate) bar: String,
    /// Titles and whatever else is written in colour; always dark enough to be read.
    pub(crate) ink: String,
    /// Behind the heads of tables.
    pub(crate) wash: &'static str,
}

impl Shades {
    pub(crate) fn of(color: Option<Color>) -> Self {
        let Some(color) = color else {
            return Self { bar: "#0b5a6b".to_owned(), ink: "#0b5a6b".to_owned(), wash: "#e8f2f4" };
        };
        let ink = if color.is_dark() { color.to_string() } else { "#17212b".to_owned() };
        Self { bar: color.to_string(), ink, wash: "#f0f2f4" }
    }
}

/// A PNG file as an address that holds it (RFC 2397): a page that is forwarded keeps its logo.
pub(crate) fn inlined(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(png))
}
