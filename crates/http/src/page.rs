//! Pages for people. Some lie behind a link that is a credential, and must not travel on; none runs anything.

use app::auth::pages::Page;
use app::{App, Error};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};

use crate::json;
use crate::params::Params;
use crate::problem::Problem;

/// A page as an answer: it shows its own style and the logo in it, posts to this server, is not framed, and neither stays in a
/// cache nor tells other servers its address.
pub fn answer(status: StatusCode, page: Page) -> Response {
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; img-src data:; form-action 'self'; frame-ancestors 'none'; \
         base-uri 'none'",
        page.style_sha256
    );
    let mut response = (status, Html(page.html)).into_response();
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Not no-referrer: with that, browsers keep to themselves where a form comes from.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
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
