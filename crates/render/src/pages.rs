//! Pages that people reach by a link in a mail.

use std::io;

use askama::Template;
use domain::tenant::Language;

use crate::language::Words;

#[derive(Template)]
#[template(path = "email_change.html")]
struct EmailChange<'a> {
    words: Words,
    new_email: &'a str,
    confirmed: bool,
}

/// Asks whether the user's address is to become this one; the button posts to the page's own address.
pub fn email_change(language: Language, new_email: &str) -> io::Result<String> {
    let page = EmailChange { words: Words(language), new_email, confirmed: false };
    page.render().map_err(io::Error::other)
}

/// Says that it has become this one.
pub fn email_changed(language: Language, new_email: &str) -> io::Result<String> {
    let page = EmailChange { words: Words(language), new_email, confirmed: true };
    page.render().map_err(io::Error::other)
}
