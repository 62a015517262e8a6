//! What browsers need: cookies, forms that nobody else can post, and pages that run nothing.
//!
//! A form is ours where the hidden field `form` and the cookie of that name hold the same random text: no other site can
//! read or set either. A browser that tells where a form comes from is believed, too.

use std::net::IpAddr;

use app::auth::pages::{self, Notice, Page};
use app::{App, Error};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::tenant::Language;

use crate::caller::peer;
use crate::page;
use crate::problem::Problem;

/// How long a form may lie open in a browser, in seconds.
const FORM_SECONDS: i64 = 60 * 60;
const SESSION: &str = "tidemark_session";
const FORM: &str = "tidemark_form";

/// A request of a browser.
pub(super) struct Browser {
    app: App,
    /// What the cookie of the browser session holds.
    pub(super) session: Option<String>,
    /// What forms of this browser hold.
    pub(super) form: String,
    form_is_new: bool,
    /// The language that its person reads.
    pub(super) language: Language,
    /// The other end of the connection.
    pub(super) from: Option<IpAddr>,
    /// Whether it wants to show what comes back.
    shows_pages: bool,
    comes_from_elsewhere: bool,
}

impl FromRequestParts<App> for Browser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let headers = &parts.headers;
        let form = cookie(app, headers, FORM);
        let form_is_new = form.is_none();
        let form = match form {
            Some(form) => form,
            None => app.ids.secret()?,
        };
        let origin = headers.get(header::ORIGIN);
        Ok(Self {
            app: app.clone(),
            session: cookie(app, headers, SESSION),
            form,
            form_is_new,
            language: language(headers),
            from: peer(parts),
            shows_pages: text(headers, header::ACCEPT.as_str()).contains("text/html"),
            comes_from_elsewhere: origin
                .is_some_and(|origin| origin.as_bytes() != app.settings.public_url.as_bytes()),
        })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
}

/// The first language of `Accept-Language` that Tidemark has, by what stands before a region.
fn language(headers: &HeaderMap) -> Language {
    let ranges = text(headers, header::ACCEPT_LANGUAGE.as_str()).split(',');
    let mut tags = ranges.map(|range| range.split(';').next().unwrap_or("").trim());
    tags.find_map(|tag| Language::from_code(&tag.split('-').next()?.to_ascii_lowercase()))
        .unwrap_or(Language::ENGLISH)
}

/// A cookie's name. Over https browsers keep others, such as servers of the same domain, from setting one with this
/// prefix.
fn cookie_name(app: &App, name: &str) -> String {
    if app.settings.is_https() { format!("__Host-{name}") } else { name.to_owned() }
}

/// What a cookie of ours holds: 32 hex digits, or it is none of ours.
fn cookie(app: &App, headers: &HeaderMap, name: &str) -> Option<String> {
    let name = cookie_name(app, name);
    let sent = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = sent.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    let is_ours = value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_ours.then(|| value.to_owned())
}

fn set_cookie(app: &App, response: &mut Response, name: &str, value: &str, seconds: i64) {
    let secure = if app.settings.is_https() { "; Secure" } else { "" };
    let name = cookie_name(app, name);
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// Gives the browser a session, whose secret the cookie holds.
pub(super) fn begin_session(app: &App, response: &mut Response, secret: &str) {
    set_cookie(app, response, SESSION, secret, app::auth::sessions::SESSION_SECONDS);
}

/// Takes the session's cookie away.
pub(super) fn end_session(app: &App, response: &mut Response) {
    set_cookie(app, response, SESSION, "", 0);
}

impl Browser {
    /// Whether a form that was posted is one that this browser was given.
    pub(super) fn has_form(&self, sent: Option<&str>) -> bool {
        !self.form_is_new && !self.comes_from_elsewhere && sent == Some(self.form.as_str())
    }

    /// A page with a form, whose cookie goes with it.
    pub(super) fn form_page(&self, status: StatusCode, page: Page) -> Response {
        let mut response = page::answer(status, page);
        set_cookie(&self.app, &mut response, FORM, &self.form, FORM_SECONDS);
        response
    }

    /// A page that asks nothing.
    pub(super) fn notice(&self, status: StatusCode, notice: Notice) -> Result<Response, Error> {
        Ok(page::answer(status, pages::notice(self.language, notice, None)?))
    }

    /// A refusal: for people a page, for programs its JSON.
    pub(super) fn refuse(&self, notice: Notice, refusal: impl IntoResponse) -> Response {
        let refusal = refusal.into_response();
        match self.notice(refusal.status(), notice) {
            Ok(page) if self.shows_pages && refusal.status().is_client_error() => page,
            _ => refusal,
        }
    }
}
