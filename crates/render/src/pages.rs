//! Pages that people reach by a link in a mail, or sign in on. They work without scripts. Those behind a link bear the brand of
//! their user; who signs in is not known yet, so the others bear the platform's.

use std::io;

use askama::Template;
use domain::brand::Look;
use domain::tenant::Language;
use domain::time::{Instant, Period};

use crate::language::Words;
use crate::look::{Shades, inlined};

/// What stands around every page.
struct Frame<'a> {
    shades: Shades,
    logo: Option<String>,
    name: Option<&'a str>,
}

impl<'a> Frame<'a> {
    fn of(look: &'a Look) -> Self {
        let logo = look.logo.as_deref().map(inlined);
        Self { shades: Shades::of(look.color), logo, name: look.name.as_deref() }
    }
}

impl Frame<'_> {
    fn plain() -> Self {
        Self { shades: Shades::of(None), logo: None, name: None }
    }
}

#[derive(Template)]
#[template(path = "email_change.html")]
struct EmailChange<'a> {
    words: Words,
    frame: Frame<'a>,
    new_email: &'a str,
    confirmed: bool,
}

/// Asks whether the user's address is to become this one; the button posts to the page's own address.
pub fn email_change(language: Language, look: &Look, new_email: &str) -> io::Result<String> {
    let page = EmailChange { words: Words(language), frame: Frame::of(look), new_email, confirmed: false };
    page.render().map_err(io::Error::other)
}

/// Says that it has become this one.
pub fn email_changed(language: Language, look: &Look, new_email: &str) -> io::Result<String> {
    let page = EmailChange { words: Words(language), frame: Frame::of(look), new_email, confirmed: true };
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
    frame: Frame<'a>,
    login: &'a str,
    wrong: Option<&'static str>,
    activated: bool,
}

/// Asks for a password, twice; the form posts `password` and `password_again` to the page's own address.
pub fn activation(
    language: Language,
    look: &Look,
    login: &str,
    wrong: Option<WrongPassword>,
) -> io::Result<String> {
    let wrong = wrong.map(|wrong| match wrong {
        WrongPassword::Differ => DIFFER,
        WrongPassword::Length => LENGTH,
    });
    let (words, frame) = (Words(language), Frame::of(look));
    let page = Activation { words, frame, login, wrong, activated: false };
    page.render().map_err(io::Error::other)
}

/// Says that the user can sign in now.
pub fn activated(language: Language, look: &Look, login: &str) -> io::Result<String> {
    let (words, frame) = (Words(language), Frame::of(look));
    let page = Activation { words, frame, login, wrong: None, activated: true };
    page.render().map_err(io::Error::other)
}

/// A file to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Where it is fetched.
    pub address: String,
}

enum State<'a> {
    Files { title: String, files: &'a [File], ends: String },
    Ended,
    Refused,
}

#[derive(Template)]
#[template(path = "mailed_files.html")]
struct MailedFiles<'a> {
    words: Words,
    frame: Frame<'a>,
    state: State<'a>,
}

/// The files of a report on a tenant for some days, that were too large for a mail, and until when they can be fetched.
pub fn mailed_files(
    language: Language,
    look: &Look,
    (tenant, period): (&str, Period),
    files: &[File],
    until: Instant,
) -> io::Result<String> {
    let words = Words(language);
    let ends = words.fill("The link works until {}.", &[&until.for_people()]);
    let state = State::Files { title: format!("{tenant}, {period}"), files, ends };
    MailedFiles { words, frame: Frame::of(look), state }.render().map_err(io::Error::other)
}

/// Says that the link to such files has ended.
pub fn mailed_files_ended(language: Language, look: &Look) -> io::Result<String> {
    let page = MailedFiles { words: Words(language), frame: Frame::of(look), state: State::Ended };
    page.render().map_err(io::Error::other)
}

/// Says that they are not for this user any more, and nothing of whose they are.
pub fn mailed_files_refused(language: Language) -> io::Result<String> {
    let page = MailedFiles { words: Words(language), frame: Frame::plain(), state: State::Refused };
    page.render().map_err(io::Error::other)
}

pub(crate) const DIFFER: &str = "The two passwords are not the same.";
pub(crate) const LENGTH: &str = "A password has 8 to 256 characters.";
/// What went wrong on a page with a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// Login and password do not belong together, or the user may not sign in.
    Credentials,
    /// They do, and the code of the second factor is needed.
    CodeNeeded,
    /// They do, and that code is wrong or was used before.
    Code,
    /// They do, and a second factor has to be set up first.
    NoFactor,
    /// Too many tries.
    Throttled,
    /// The form is old, or not one of ours.
    Form,
    /// No device shows this code.
    UserCode,
    /// Not a device that this user may connect.
    Device,
}

impl Wrong {
    #[cfg(test)]
    const ALL: [Self; 8] = [
        Self::Credentials,
        Self::CodeNeeded,
        Self::Code,
        Self::NoFactor,
        Self::Throttled,
        Self::Form,
        Self::UserCode,
        Self::Device,
    ];

    const fn text(self) -> &'static str {
        match self {
            Self::Credentials => "Login or password is wrong, or the account is disabled.",
            Self::CodeNeeded => "Enter the code that your authenticator app shows, and the password again.",
            Self::Code => "The code is wrong, too old, or was used before.",
            Self::NoFactor => "Your account needs a second factor, which has to be set up first.",
            Self::Throttled => "Too many tries. Wait a moment, then try again.",
            Self::Form => "The page was too old. Please try again.",
            Self::UserCode => "No device shows this code now. Codes are good for ten minutes.",
            Self::Device => "You cannot connect this device.",
        }
    }
}

/// The page that people sign in on.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    /// Proves that the form is ours.
    pub form: &'a str,
    /// The page to go on to.
    pub next: &'a str,
    /// What stands in the field of the login.
    pub login: &'a str,
    /// What was wrong with the try before.
    pub wrong: Option<Wrong>,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    words: Words,
    frame: Frame<'a>,
    form: &'a str,
    next: &'a str,
    login: &'a str,
    wrong: Option<&'static str>,
    asks_code: bool,
}

/// Asks for login and password, and for a code where that was missing or wrong; the form posts `form`, `next`, `login`,
/// `password` and `totp_code` to `/login`.
pub fn login(language: Language, page: &Login<'_>) -> io::Result<String> {
    let Login { form, next, login, wrong } = *page;
    let asks_code = matches!(wrong, Some(Wrong::CodeNeeded | Wrong::Code));
    let wrong = wrong.map(Wrong::text);
    let (words, frame) = (Words(language), Frame::plain());
    let page = LoginPage { words, frame, form, next, login, wrong, asks_code };
    page.render().map_err(io::Error::other)
}

/// What a device asks for, as people are asked about it.
#[derive(Debug, Clone, Copy)]
pub struct DeviceQuestion<'a> {
    /// What it is called.
    pub name: &'a str,
    /// The tenant it would reach.
    pub tenant: &'a str,
    /// The code it shows.
    pub code: &'a str,
}

#[derive(Template)]
#[template(path = "device.html")]
struct DevicePage<'a> {
    words: Words,
    frame: Frame<'a>,
    form: &'a str,
    asked: Option<DeviceQuestion<'a>>,
    wrong: Option<&'static str>,
}

/// Asks for a device's code, or whether the device that shows it is to be connected; the form then posts `form`,
/// `user_code`, and `approve` or `deny` as `answer` to `/device`.
pub fn device(
    language: Language,
    form: &str,
    asked: Option<DeviceQuestion<'_>>,
    wrong: Option<Wrong>,
) -> io::Result<String> {
    let (words, frame) = (Words(language), Frame::plain());
    let page = DevicePage { words, frame, form, asked, wrong: wrong.map(Wrong::text) };
    page.render().map_err(io::Error::other)
}

/// What a page says that asks nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The browser is signed in.
    SignedIn,
    /// It no longer is.
    SignedOut,
    /// The device has what it asked for.
    DeviceConnected,
    /// The device gets nothing.
    DeviceRefused,
    /// The link that was followed is wrong, used up or too old.
    BadLink,
    /// The program that sent the browser here made a mistake.
    BadRequest,
}

impl Notice {
    #[cfg(test)]
    const ALL: [Self; 6] = [
        Self::SignedIn,
        Self::SignedOut,
        Self::DeviceConnected,
        Self::DeviceRefused,
        Self::BadLink,
        Self::BadRequest,
    ];

    const fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::SignedIn => ("Signed in", "You are signed in."),
            Self::SignedOut => ("Signed out", "You are signed out in this browser."),
            Self::DeviceConnected => ("Device connected", "You can go on at the device."),
            Self::DeviceRefused => ("Device refused", "The device gets no access."),
            Self::BadLink => ("Sign-in failed", "The link is wrong, used up or too old."),
            Self::BadRequest => (
                "Sign-in failed",
                "The program that brought you here is not set up rightly. Tell its makers.",
            ),
        }
    }
}

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticePage<'a> {
    words: Words,
    frame: Frame<'a>,
    title: &'static str,
    text: &'static str,
    next: Option<&'a str>,
}

/// Says something, and goes on to another page of this server where one is named.
pub fn notice(language: Language, notice: Notice, next: Option<&str>) -> io::Result<String> {
    let (title, text) = notice.texts();
    NoticePage { words: Words(language), frame: Frame::plain(), title, text, next }
        .render()
        .map_err(io::Error::other)
}

/// Every text of these pages that does not stand in a template.
#[cfg(test)]
pub(crate) fn texts() -> Vec<&'static str> {
    let notices = Notice::ALL.iter().flat_map(|notice| [notice.texts().0, notice.texts().1]);
    Wrong::ALL.iter().map(|wrong| wrong.text()).chain(notices).collect()
}
