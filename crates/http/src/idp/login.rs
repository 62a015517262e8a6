//! The page that people sign in on, and its counterpart. Tidemark's own, so they stand outside `/api/2`.

use app::App;
use app::auth::pages::{self, Login, Notice, Wrong};
use app::auth::{Password, Refusal, sessions};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use domain::oauth;
use serde::Deserialize;
use utoipa::ToSchema;

use super::browser::{Browser, begin_session, end_session};
use super::form::Form as Fields;
use super::refusal::Refused;
use crate::page;
use crate::params::Params;

/// What the form begins with.
pub(super) struct Form<'a> {
    /// The page to go on to.
    pub(super) next: &'a str,
    pub(super) login: &'a str,
    pub(super) wrong: Option<Wrong>,
}

/// The login page.
pub(super) fn page(browser: &Browser, status: StatusCode, form: &Form<'_>) -> Result<Response, app::Error> {
    let Form { next, login, wrong } = *form;
    let page = pages::login(browser.language, &Login { form: &browser.form, next, login, wrong })?;
    Ok(browser.form_page(status, page))
}

/// The page to sign in on.
#[utoipa::path(get, path = "/login", tag = "idp", security(()),
    params(("next" = Option<String>, Query, description = "The page of this server to go on to.")),
    responses((status = 200, description = "The page", body = String, content_type = "text/html")))]
pub(super) async fn form(browser: Browser, params: Params) -> Result<Response, Refused> {
    let form = Form { next: params.get("next").unwrap_or(""), login: "", wrong: None };
    Ok(page(&browser, StatusCode::OK, &form)?)
}

/// The fields of the page.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the form, which is read field by field")]
pub(super) struct LoginForm {
    /// Proves, with the cookie of the same name, that the form is ours.
    form: String,
    login: String,
    password: String,
    /// The code of the second factor, where the user has one.
    totp_code: Option<String>,
    /// The page of this server to go on to.
    next: Option<String>,
}

/// Signs a person in: begins a browser session, and goes on.
#[utoipa::path(post, path = "/login", tag = "idp", security(()),
    request_body(content = LoginForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "Signed in, with the cookie; the page goes on to the next", body = String,
            content_type = "text/html"),
        (status = 400, description = "Not a form of ours", body = String, content_type = "text/html"),
        (status = 401, description = "Wrong login or password, or the code of the second factor is needed", body = String, content_type = "text/html"),
        (status = 429, description = "Too many tries", body = String, content_type = "text/html")))]
pub(super) async fn sign_in(
    State(app): State<App>,
    browser: Browser,
    fields: Fields,
) -> Result<Response, Refused> {
    let get = |name| fields.get(name).unwrap_or("").to_owned();
    let (next, login) = (get("next"), get("login"));
    let again =
        |status, wrong| page(&browser, status, &Form { next: &next, login: &login, wrong: Some(wrong) });
    if !browser.has_form(fields.get("form")) {
        return Ok(again(StatusCode::BAD_REQUEST, Wrong::Form)?);
    }
    let totp_code = fields.get("totp_code").map(str::to_owned);
    let sent = Password { login: login.clone(), password: get("password"), totp_code };
    match sessions::begin(&app, &sent, browser.from, browser.session.as_deref()).await {
        Ok(session) => {
            let next = oauth::own_page(&app.settings.public_url, &next);
            let page = pages::notice(browser.language, Notice::SignedIn, next)?;
            let mut response = page::answer(StatusCode::OK, page);
            begin_session(&app, &mut response, &session);
            Ok(response)
        }
        Err(Refusal::Failed(app::Error::Throttled { retry_after_seconds })) => {
            let mut response = again(StatusCode::TOO_MANY_REQUESTS, Wrong::Throttled)?;
            let seconds = HeaderValue::from(retry_after_seconds.max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            Ok(response)
        }
        Err(Refusal::BadUser) => Ok(again(StatusCode::UNAUTHORIZED, Wrong::Credentials)?),
        Err(Refusal::TotpRequired) => Ok(again(StatusCode::UNAUTHORIZED, Wrong::CodeNeeded)?),
        Err(Refusal::InvalidTotp) => Ok(again(StatusCode::UNAUTHORIZED, Wrong::Code)?),
        Err(Refusal::TotpSetupRequired) => Ok(again(StatusCode::UNAUTHORIZED, Wrong::NoFactor)?),
        Err(other) => Err(Refused::By(other)),
    }
}

/// Ends the browser session.
#[utoipa::path(get, path = "/idp/logout", tag = "idp", security(()),
    responses((status = 200, description = "Signed out, and the cookie is gone", body = String,
        content_type = "text/html")))]
pub(super) async fn sign_out(State(app): State<App>, browser: Browser) -> Result<Response, Refused> {
    if let Some(session) = &browser.session {
        sessions::end(&app, session).await?;
    }
    let mut response = browser.notice(StatusCode::OK, Notice::SignedOut)?;
    end_session(&app, &mut response);
    Ok(response)
}
