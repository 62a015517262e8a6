//! The page where people type the code of a device (RFC 8628, 3.3). Tidemark's own, so it stands outside `/api/2`.

use app::auth::devices::{self, PAGE, Typed};
use app::auth::pages::{self, DeviceQuestion, Notice, Wrong};
use app::auth::{Refusal, sessions};
use app::{App, Caller, Error};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::browser::Browser;
use super::form::Form;
use super::login;
use super::refusal::Refused;
use crate::params::Params;

/// Asks for a device's code, and with one, whether the device is to be connected; asks to sign in before.
#[utoipa::path(get, path = "/device", tag = "idp", security(()),
    params(("user_code" = Option<String>, Query, description = "What the device shows.")),
    responses((status = 200, description = "The page, or the one to sign in on", body = String,
            content_type = "text/html"),
        (status = 400, description = "No device shows this code", body = String, content_type = "text/html"),
        (status = 403, description = "Not for this user", body = String, content_type = "text/html"),
        (status = 429, description = "Too many tries", body = String, content_type = "text/html")))]
pub(super) async fn form(
    State(app): State<App>,
    browser: Browser,
    params: Params,
) -> Result<Response, Refused> {
    let code = params.get("user_code").filter(|code| !code.is_empty());
    let Some(caller) = caller(&app, &browser).await? else { return sign_in(&browser, code) };
    let Some(code) = code else { return Ok(browser.form_page(StatusCode::OK, empty(&browser, None)?)) };
    let typed = Typed { caller: &caller, code, tenant: None, from: browser.from };
    match devices::look(&app, typed).await {
        Ok(question) => {
            let asked = DeviceQuestion { name: &question.display_name, tenant: &question.tenant_name, code };
            let page = pages::device(browser.language, &browser.form, Some(asked), None)?;
            Ok(browser.form_page(StatusCode::OK, page))
        }
        Err(refusal) => wrong(&browser, refusal),
    }
}

/// The fields of the page.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the form, which is read field by field")]
pub(super) struct DevicePageForm {
    /// Proves, with the cookie of the same name, that the form is ours.
    form: String,
    /// What the device shows.
    user_code: String,
    /// `approve` or `deny`.
    answer: String,
}

/// Connects a device, or refuses it.
#[utoipa::path(post, path = "/device", tag = "idp", security(()),
    request_body(content = DevicePageForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "Connected or refused; or the page to sign in on", body = String,
            content_type = "text/html"),
        (status = 400, description = "Not a form of ours, or no device shows this code", body = String,
            content_type = "text/html"),
        (status = 403, description = "Not for this user", body = String, content_type = "text/html"),
        (status = 429, description = "Too many tries", body = String, content_type = "text/html")))]
pub(super) async fn decide(
    State(app): State<App>,
    browser: Browser,
    form: Form,
) -> Result<Response, Refused> {
    let code = form.get("user_code").unwrap_or("");
    let Some(caller) = caller(&app, &browser).await? else { return sign_in(&browser, Some(code)) };
    if !browser.has_form(form.get("form")) {
        let page = empty(&browser, Some(Wrong::Form))?;
        return Ok(browser.form_page(StatusCode::BAD_REQUEST, page));
    }
    let typed = Typed { caller: &caller, code, tenant: None, from: browser.from };
    let (done, notice) = match form.get("answer") {
        Some("approve") => (devices::approve(&app, typed).await, Notice::DeviceConnected),
        Some("deny") => (devices::deny(&app, typed).await, Notice::DeviceRefused),
        _ => return Err(Refusal::malformed("answer: must be approve or deny").into()),
    };
    match done {
        Ok(()) => Ok(browser.notice(StatusCode::OK, notice)?),
        Err(refusal) => wrong(&browser, refusal),
    }
}

async fn caller(app: &App, browser: &Browser) -> Result<Option<Caller>, Error> {
    match &browser.session {
        Some(session) => sessions::caller(app, session).await,
        None => Ok(None),
    }
}

fn sign_in(browser: &Browser, code: Option<&str>) -> Result<Response, Refused> {
    let query = code.and_then(|code| serde_urlencoded::to_string([("user_code", code)]).ok());
    let next = query.map_or_else(|| PAGE.to_owned(), |query| format!("{PAGE}?{query}"));
    let form = login::Form { next: &next, login: "", wrong: None };
    Ok(login::page(browser, StatusCode::OK, &form)?)
}

fn empty(browser: &Browser, wrong: Option<Wrong>) -> Result<pages::Page, Error> {
    pages::device(browser.language, &browser.form, None, wrong)
}

fn wrong(browser: &Browser, refusal: Refusal) -> Result<Response, Refused> {
    let (status, wrong) = match refusal {
        Refusal::Malformed(_) => (StatusCode::BAD_REQUEST, Wrong::UserCode),
        Refusal::ScopeNotAllowed | Refusal::Failed(Error::Forbidden) => {
            (StatusCode::FORBIDDEN, Wrong::Device)
        }
        Refusal::Failed(Error::Throttled { .. }) => (StatusCode::TOO_MANY_REQUESTS, Wrong::Throttled),
        other => return Err(other.into()),
    };
    Ok(browser.form_page(status, empty(browser, Some(wrong))?))
}
