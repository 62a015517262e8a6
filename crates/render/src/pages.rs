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

/// Why a password was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrongPassword {
    /// The two are not the same.
    Differ,
    /// Too few or too many characters.
    Length,
}

#[derive(Template)]
#[template(path = "activation.html")]
struct Activation<'a> {
    words: Words,
    login: &'a str,
    wrong: Option<&'static str>,
    activated: bool,
}

/// Asks for a password, twice; the form posts `password` and `password_again` to the page's own address.
pub fn activation(language: Language, login: &str, wrong: Option<WrongPassword>) -> io::Result<String> {
    let wrong = wrong.map(|wrong| match wrong {
        WrongPassword::Differ => DIFFER,
        WrongPassword::Length => LENGTH,
    });
    let page = Activation { words: Words(language), login, wrong, activated: false };
    page.render().map_err(io::Error::other)
}

/// Says that the user can sign in now.
pub fn activated(language: Language, login: &str) -> io::Result<String> {
    let page = Activation { words: Words(language), login, wrong: None, activated: true };
    page.render().map_err(io::Error::other)
}

pub(crate) const DIFFER: &str = "The two passwords are not the same.";
pub(crate) const LENGTH: &str = "A password has 8 to 256 characters.";
