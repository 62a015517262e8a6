//! Passwords and logins (accounts-api, 2.5 and tier 3).

use app::users::{self, LoginCheck};
use app::{App, Error, Rule};
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Can, ClientUserAdmin, TenantViewer};
use crate::json::{Body, Json};
use crate::params::{Params, PathId};
use crate::problem::{Envelope, Problem};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(set)).routes(routes!(check)).routes(routes!(check_login))
}

/// The routes behind `/api/1`: what is left of the older API.
pub fn older_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(accounts))
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"password": "correct horse battery staple"}))]
pub struct PasswordBody {
    /// 8 to 256 characters.
    #[schema(min_length = 8, max_length = 256)]
    password: String,
}

impl Body for PasswordBody {}

/// Sets the password of a user of a tenant below the client's own, which also activates it and ends its sessions.
#[utoipa::path(post, path = "/users/{user_id}/password", tag = "users",
    params(("user_id" = String, Path, format = Uuid)), request_body = PasswordBody, responses(
    (status = 204, description = "Set"),
    (status = 400, description = "Malformed; too short or too long", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied; users of sub-tenants and API clients only", body = Envelope),
    (status = 404, description = "No such user", body = Envelope),
    (status = 415, description = "Not JSON", body = Envelope),
))]
async fn set(
    caller: Can<ClientUserAdmin>,
    State(app): State<App>,
    PathId(id): PathId<UserId>,
    Json(body): Json<PasswordBody>,
) -> Result<StatusCode, Problem> {
    users::set_password(&app, &caller.0, id, &body.password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A password that somebody thinks of, as its digest.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"password": "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8"}))]
pub struct CheckPasswordBody {
    /// SHA-1 in upper-case hex.
    #[schema(pattern = "^[0-9A-F]{40}$")]
    password: String,
}

impl Body for CheckPasswordBody {}

/// Whether a password is on a list of stolen ones.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"compromised": false}))]
pub struct CheckedPassword {
    /// Always false: there is no list.
    compromised: bool,
}

/// Whether a password is known to be stolen. Public.
#[utoipa::path(post, path = "/users/check_password", tag = "users", security(()), request_body = CheckPasswordBody,
    responses(
    (status = 200, description = "Whether it is", body = CheckedPassword),
    (status = 400, description = "Malformed; not a SHA-1 digest in upper-case hex", body = Envelope),
    (status = 415, description = "Not JSON", body = Envelope),
))]
async fn check(Json(body): Json<CheckPasswordBody>) -> Result<Json<CheckedPassword>, Problem> {
    let digest = body.password.as_bytes();
    if digest.len() != 40 || !digest.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')) {
        return Err(Error::invalid("password", "must be SHA-1 in 40 upper-case hex digits").into());
    }
    Ok(Json(CheckedPassword { compromised: false }))
}

/// Whether a new user may have a login.
#[utoipa::path(get, path = "/users/check_login", tag = "users", params(
    ("username" = String, Query, description = "The login", example = "jdoe"),
), responses(
    (status = 204, description = "Nobody has it"),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied", body = Envelope),
    (status = 406, description = "Missing, or no login can be this", body = Envelope),
    (status = 409, description = "1033 somebody has it", body = Envelope),
))]
async fn check_login(
    _: Can<TenantViewer>,
    State(app): State<App>,
    params: Params,
) -> Result<StatusCode, Problem> {
    let login = params.get("username").unwrap_or("");
    match users::login_check(&app, login).await? {
        LoginCheck::Free => Ok(StatusCode::NO_CONTENT),
        LoginCheck::Taken => Err(Error::rule(Rule::LoginTaken, format!("username: {login} is taken")).into()),
        LoginCheck::NotAcceptable(why) => Err(Problem::NotAcceptable(format!("username: {why}"))),
    }
}

/// Where a login is at home.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"server_url": "https://tide.example.com"}))]
pub struct AccountServer {
    /// This server: the configured `public_url`.
    server_url: String,
}

/// Where a login is at home: here, whether it exists or not. Public.
#[utoipa::path(get, path = "/accounts", tag = "users", security(()), params(
    ("login" = Option<String>, Query, description = "Any: logins cannot be probed", example = "jdoe"),
), responses((status = 200, description = "This server", body = AccountServer)))]
async fn accounts(State(app): State<App>) -> Json<AccountServer> {
    Json(AccountServer { server_url: app.settings.public_url.clone() })
}
