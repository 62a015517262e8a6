//! One-time login (accounts-api, tier 3).

use app::App;
use app::auth::one_time::{self, SignedIn, Whom};
use app::auth::pages::{self, Notice};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::ids::UserId;
use domain::oauth::{self, OneTimePurpose};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::browser::{Browser, begin_session};
use super::refusal::{Refused, uncached};
use crate::api::users::body::User;
use crate::caller::{Can, UserAdmin};
use crate::json::{Body, Json};
use crate::page;
use crate::params::Params;
use crate::problem::{Envelope, Problem};
use crate::schema;

/// Who is to be signed in: one of the three.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"purpose": "user_login", "login": "jdoe"}))]
pub(super) struct OneTimeBody {
    #[schema(value_type = schema::OneTimePurpose)]
    purpose: OneTimePurpose,
    login: Option<String>,
    external_id: Option<String>,
    #[schema(value_type = Option<uuid::Uuid>)]
    user_id: Option<UserId>,
    /// Kept in the change log.
    #[schema(value_type = Option<Object>)]
    audit_data: Option<Value>,
}

impl Body for OneTimeBody {}

impl OneTimeBody {
    fn whom(&self) -> Result<Whom, app::Error> {
        match (self.user_id, &self.login, &self.external_id) {
            (Some(id), None, None) => Ok(Whom::Id(id)),
            (None, Some(login), None) => Ok(Whom::Login(login.clone())),
            (None, None, Some(id)) => Ok(Whom::ExternalId(id.clone())),
            _ => Err(app::Error::invalid("login", "exactly one of login, external_id and user_id is needed")),
        }
    }
}

/// A one-time token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"ott": "NGZmMTk3ZDI3MGQ0"}))]
pub(super) struct OneTimeAnswer {
    /// Base64; good once, for five minutes.
    ott: String,
}

/// Makes a token that signs a user in once. For API clients only.
#[utoipa::path(post, path = "/idp/ott", tag = "idp", request_body = OneTimeBody,
    responses((status = 200, description = "The token", body = OneTimeAnswer),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope),
        (status = 415, body = Envelope)))]
pub(super) async fn create(
    caller: Can<UserAdmin>,
    State(app): State<App>,
    Json(body): Json<OneTimeBody>,
) -> Result<Response, Problem> {
    let whom = body.whom()?;
    let ott = one_time::create(&app, &caller.0, &whom, body.purpose, body.audit_data.as_ref()).await?;
    Ok(uncached(Json(OneTimeAnswer { ott }).into_response()))
}

/// A token to be used up.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"ott": "NGZmMTk3ZDI3MGQ0"}))]
pub(super) struct OneTimeLogin {
    ott: String,
}

impl Body for OneTimeLogin {}

/// Signs a user in; the browser session's cookie comes along, unless the token was only to verify.
#[utoipa::path(post, path = "/idp/ott/login", tag = "idp", security(()), request_body = OneTimeLogin,
    responses((status = 200, description = "Who has signed in, with the cookie", body = User),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 415, body = Envelope)))]
pub(super) async fn login(
    State(app): State<App>,
    Json(body): Json<OneTimeLogin>,
) -> Result<Response, Problem> {
    let SignedIn { user, session } = one_time::login(&app, &body.ott).await?;
    let mut response = uncached(Json(User::from(user)).into_response());
    if let Some(session) = session {
        begin_session(&app, &mut response, &session);
    }
    Ok(response)
}

/// Signs the user of a one-time token in, in the browser, and goes on to another page of this server.
#[utoipa::path(get, path = "/idp/external-login", tag = "idp", security(()),
    params(("ott" = String, Query, description = "The one-time token."),
        ("targetURI" = Option<String>, Query, description = "The page to go on to, on this host.")),
    responses((status = 200, description = "Signed in; the page goes on", body = String, content_type = "text/html"),
        (status = 400, body = Envelope), (status = 401, body = Envelope)))]
pub(super) async fn external_login(
    State(app): State<App>,
    browser: Browser,
    params: Params,
) -> Result<Response, Refused> {
    let failed = |error: app::Error| Ok(browser.refuse(Notice::BadLink, Problem::from(error)));
    let target = params.get("targetURI").filter(|target| !target.is_empty());
    let next = target.and_then(|target| oauth::own_page(&app.settings.public_url, target));
    if next.is_none() && target.is_some() {
        return failed(app::Error::invalid("targetURI", "must be a page of this host"));
    }
    let Some(ott) = params.get("ott").filter(|ott| !ott.is_empty()) else {
        return failed(app::Error::invalid("ott", "required"));
    };
    let session = match one_time::login(&app, ott).await {
        Ok(SignedIn { session: Some(session), .. }) => session,
        Ok(_) => return failed(app::Error::unauthenticated("the one-time token was not for a login")),
        Err(error) => return failed(error),
    };
    let page = pages::notice(browser.language, Notice::SignedIn, next)?;
    let mut response = page::answer(StatusCode::OK, page);
    begin_session(&app, &mut response, &session);
    Ok(response)
}
