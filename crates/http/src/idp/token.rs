//! The token endpoint (accounts-api, 1.2).

use app::App;
use app::auth::{CodeExchange, Grant, Issued, Password, Refusal, Request, Scope};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::oauth;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::form::Form;
use super::refusal::{OAuthError, Refused, uncached};
use crate::json::Json;

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// The grants that this endpoint takes, as discovery names them.
pub(super) const GRANTS: &[&str] =
    &["authorization_code", "client_credentials", "password", "refresh_token", DEVICE_CODE, JWT_BEARER];

/// The fields of a token request; which of them are needed depends on the grant.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the form, which is read field by field")]
pub(super) struct TokenForm {
    /// `client_credentials`, `password`, `refresh_token`, `authorization_code`,
    /// `urn:ietf:params:oauth:grant-type:device_code` or `urn:ietf:params:oauth:grant-type:jwt-bearer`.
    grant_type: String,
    /// Of a client that sends no Basic header.
    client_id: Option<String>,
    /// Of a client that sends no Basic header.
    client_secret: Option<String>,
    /// For `password`: the login.
    username: Option<String>,
    /// For `password`.
    password: Option<String>,
    /// For `password`, of a user with a second factor: its six digits.
    totp_code: Option<String>,
    /// For `refresh_token`.
    refresh_token: Option<String>,
    /// For `authorization_code`.
    code: Option<String>,
    /// For `authorization_code`: where the code was sent.
    redirect_uri: Option<String>,
    /// For `authorization_code`, where the code has a challenge.
    code_verifier: Option<String>,
    /// For device_code.
    device_code: Option<String>,
    /// For jwt-bearer: a valid access token.
    assertion: Option<String>,
    /// `openid`, `offline_access`, `urn:acronis.com:tenant-id:<uuid>`, separated by spaces.
    scope: Option<String>,
    /// Accepted, without effect.
    not_required_introspection: Option<bool>,
}

/// The tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenAnswer {
    access_token: String,
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
    /// Unix seconds.
    expires_on: i64,
    id_token: String,
    /// With `offline_access` only; good for one exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// As granted.
    scope: String,
}

impl From<Issued> for TokenAnswer {
    fn from(issued: Issued) -> Self {
        Self {
            access_token: issued.access_token,
            token_type: "bearer",
            expires_in: issued.expires_in,
            expires_on: issued.expires_on,
            id_token: issued.id_token,
            refresh_token: issued.refresh_token,
            scope: issued.scope.to_string(),
        }
    }
}

/// Gives tokens for a grant.
#[utoipa::path(post, path = "/idp/token", tag = "idp", security((), ("basic" = [])),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The tokens", body = TokenAnswer),
        (status = 400, body = OAuthError), (status = 401, body = OAuthError),
        (status = 403, body = OAuthError), (status = 413, body = OAuthError),
        (status = 429, body = OAuthError)))]
pub(super) async fn token(State(app): State<App>, form: Form) -> Result<Response, Refused> {
    let grant_type = form.require("grant_type")?;
    issue(&app, form, &grant_type).await
}

/// The same; `grant_type` may stand in the query.
#[utoipa::path(post, path = "/bc/idp/token", tag = "idp", security((), ("basic" = [])),
    params(("grant_type" = Option<String>, Query, description = "Where the form has none.")),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The tokens", body = TokenAnswer),
        (status = 400, body = OAuthError), (status = 401, body = OAuthError),
        (status = 403, body = OAuthError), (status = 413, body = OAuthError),
        (status = 429, body = OAuthError)))]
pub(super) async fn token_alias(State(app): State<App>, form: Form) -> Result<Response, Refused> {
    let grant_type = match form.in_query("grant_type").filter(|_| form.get("grant_type").is_none()) {
        Some(in_query) => in_query.to_owned(),
        None => form.require("grant_type")?,
    };
    issue(&app, form, &grant_type).await
}

async fn issue(app: &App, mut form: Form, grant_type: &str) -> Result<Response, Refused> {
    let grant = match grant_type {
        "client_credentials" => Grant::ClientCredentials,
        "password" => Grant::Password(Password {
            login: form.require("username")?,
            password: form.require("password")?,
            totp_code: form.get("totp_code").map(str::to_owned),
        }),
        "refresh_token" => Grant::Refresh(form.require("refresh_token")?),
        JWT_BEARER => Grant::Assertion(assertion(&form)?),
        "authorization_code" => Grant::Code(exchange(&form)?),
        DEVICE_CODE => Grant::Device(form.require("device_code")?),
        _ => return Err(Refused::UnsupportedGrant),
    };
    let scope = Scope::read(form.get("scope").unwrap_or(""))?;
    let client_id = form.get("client_id").map(str::to_owned);
    let request = Request { grant, scope, client: form.client()?, client_id, from: form.from };
    let issued = app::auth::issue(app, request).await?;
    Ok(uncached(Json(TokenAnswer::from(issued)).into_response()))
}

fn exchange(form: &Form) -> Result<CodeExchange, Refused> {
    let verifier = form.get("code_verifier");
    if !verifier.is_none_or(oauth::is_verifier) {
        return Err(
            Refusal::malformed("code_verifier: must be 43 to 128 letters, digits, -, ., _ and ~").into()
        );
    }
    let (code, redirect_uri) = (form.require("code")?, form.require("redirect_uri")?);
    Ok(CodeExchange { code, redirect_uri, verifier: verifier.map(str::to_owned) })
}

/// The assertion may come as Bearer header, too; two different ones make no sense.
fn assertion(form: &Form) -> Result<String, Refused> {
    match (form.get("assertion"), &form.bearer) {
        (Some(assertion), Some(bearer)) if assertion != bearer => {
            Err(Refusal::malformed("assertion: another token than in the Authorization header").into())
        }
        (None, Some(bearer)) => Ok(bearer.clone()),
        _ => form.require("assertion"),
    }
}
