//! The pages that people sign in on, or reach by a link in a mail, with what a browser has to know about them.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::tenant::Language;
use render::pages;

use crate::{Error, Result};

pub use pages::{DeviceQuestion, Login, Notice, Wrong};

/// A page.
#[derive(Debug, Clone)]
pub struct Page {
    /// As HTML.
    pub html: String,
    /// SHA-256 of its only style, in base64: by it a browser knows that the style is ours.
    pub style_sha256: String,
}

impl Page {
    pub(crate) fn of(html: std::io::Result<String>) -> Result<Self> {
        let html = html.map_err(Error::internal)?;
        let style = html.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
        let style = style.map_or("", |(style, _)| style);
        Ok(Self { style_sha256: STANDARD.encode(digest(&SHA256, style.as_bytes())), html })
    }
}

/// Asks for login and password.
pub fn login(language: Language, page: &Login<'_>) -> Result<Page> {
    Page::of(pages::login(language, page))
}

/// Asks for a device's code, or whether the device that shows it is to be connected.
pub fn device(
    language: Language,
    form: &str,
    asked: Option<DeviceQuestion<'_>>,
    wrong: Option<Wrong>,
) -> Result<Page> {
    Page::of(pages::device(language, form, asked, wrong))
}

/// Says something, and goes on to another page of this server where one is named.
pub fn notice(language: Language, notice: Notice, next: Option<&str>) -> Result<Page> {
    Page::of(pages::notice(language, notice, next))
}
