//! Users (accounts-api, 1.9).

pub mod body;
mod restore;

use app::{App, users};
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::UserId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::body::{CurrentUser, NewUserBody, User, UserBody};
use crate::caller::{Anyone, Can, TenantAdmin, TenantViewer};
use crate::json::Json;
use crate::params::{Params, PathId};
use crate::problem::{Envelope, Problem};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(me))
        .routes(routes!(get, update, delete))
        .routes(routes!(restore::restore))
}

/// Makes a user. The answer is 200, as published.
#[utoipa::path(post, path = "/users", tag = "users", request_body = NewUserBody, responses(
    (status = 200, description = "The new user", body = User),
    (status = 400, description = "Malformed; 1033 bad login", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied", body = Envelope),
    (status = 404, description = "1005 no such tenant", body = Envelope),
    (status = 409, description = "1033 the login is taken", body = Envelope),
    (status = 415, description = "Not JSON", body = Envelope),
))]
async fn create(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    Json(body): Json<NewUserBody>,
) -> Result<Json<User>, Problem> {
    Ok(Json(users::create(&app, &caller.0, body.into()).await?.into()))
}

/// The caller itself; an API client is shown in the shape of a user.
#[utoipa::path(get, path = "/users/me", tag = "users", responses(
    (status = 200, description = "The caller", body = CurrentUser),
    (status = 401, description = "No valid credentials", body = Envelope),
))]
async fn me(caller: Can<Anyone>, State(app): State<App>) -> Result<Json<CurrentUser>, Problem> {
    Ok(Json(users::me(&app, &caller.0).await?.into()))
}

/// A user.
#[utoipa::path(get, path = "/users/{user_id}", tag = "users", params(
    ("user_id" = String, Path, format = Uuid),
    ("allow_deleted" = Option<bool>, Query),
), responses(
    (status = 200, description = "The user", body = User),
    (status = 400, description = "A malformed parameter", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied", body = Envelope),
    (status = 404, description = "No such user", body = Envelope),
))]
async fn get(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    PathId(id): PathId<UserId>,
    params: Params,
) -> Result<Json<User>, Problem> {
    let deleted_too = params.flag("allow_deleted")?.unwrap_or(false);
    Ok(Json(users::get(&app, &caller.0, id, deleted_too).await?.into()))
}

/// Changes a user. A new address of an activated one waits for its confirmation.
#[utoipa::path(put, path = "/users/{user_id}", tag = "users", params(("user_id" = String, Path, format = Uuid)),
    request_body = UserBody, responses(
    (status = 200, description = "The user after the change", body = User),
    (status = 400, description = "Malformed; 1033 bad login", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied", body = Envelope),
    (status = 404, description = "No such user", body = Envelope),
    (status = 409, description = "1001 version mismatch; 1033 the login is taken", body = Envelope),
    (status = 415, description = "Not JSON", body = Envelope),
))]
async fn update(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    PathId(id): PathId<UserId>,
    Json(body): Json<UserBody>,
) -> Result<Json<User>, Problem> {
    Ok(Json(users::update(&app, &caller.0, id, body.into()).await?.into()))
}

/// Deletes a disabled user softly.
#[utoipa::path(delete, path = "/users/{user_id}", tag = "users", params(
    ("user_id" = String, Path, format = Uuid),
    ("version" = i64, Query, description = "The version that the caller has seen"),
), responses(
    (status = 204, description = "Deleted"),
    (status = 400, description = "Malformed; 1027 still enabled", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied", body = Envelope),
    (status = 404, description = "No such user", body = Envelope),
    (status = 409, description = "1001 version mismatch", body = Envelope),
))]
async fn delete(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    PathId(id): PathId<UserId>,
    params: Params,
) -> Result<StatusCode, Problem> {
    users::delete(&app, &caller.0, id, params.version()?).await?;
    Ok(StatusCode::NO_CONTENT)
}
