//! Pages for people behind a link in a mail: the link is the credential, and must not travel on.

use app::{App, Error};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderName, header};
use axum::response::Html;

use crate::json;
use crate::params::Params;
use crate::problem::Problem;

/// The link must not travel on to other servers, nor stay in a cache; the page must not be framed, and posts to itself.
pub type Page = ([(HeaderName, &'static str); 3], Html<String>);

const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";

/// A page as an answer.
pub fn answer(page: String) -> Page {
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, Html(page))
}

/// The fields of a form that a page has sent.
#[derive(Debug)]
pub struct PageForm(Params);

impl PageForm {
    /// A field that must be there, though it may be empty.
    pub fn field(&self, name: &'static str) -> Result<&str, Error> {
        self.0.get(name).ok_or_else(|| Error::invalid(name, "required"))
    }
}

impl FromRequest<App> for PageForm {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let kind =
            request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
        let media = kind.split(';').next().unwrap_or("").trim();
        if !media.is_empty() && !media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let why = "Content-Type is not application/x-www-form-urlencoded";
            return Err(Problem::UnsupportedMedia(why));
        }
        let bytes = json::read(request, app).await?;
        let text = std::str::from_utf8(&bytes).map_err(|_| Error::invalid("body", "is not UTF-8"))?;
        Ok(Self(Params::of(Some(text))))
    }
}
