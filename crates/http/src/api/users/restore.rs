//! Deleted users who come back (accounts-api, tier 3).

use app::App;
use app::users::{self, Restoring};
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::UserId;

use crate::caller::{Can, TenantAdmin};
use crate::json::Json;
use crate::params::{Params, PathId};
use crate::problem::{Envelope, Problem};
use crate::wire::Nothing;

/// Brings a deleted user back with its personal tenant; nothing where it is not deleted.
#[utoipa::path(post, path = "/users/{user_id}/restore", tag = "users", params(
    ("user_id" = String, Path, format = Uuid),
    ("force" = Option<bool>, Query, description = "Gives the login a postfix where somebody else has it by now"),
    ("enable" = Option<bool>, Query, description = "Lets the user sign in again, too"),
), request_body = Option<Nothing>, responses(
    (status = 204, description = "It is back"),
    (status = 400, description = "Malformed", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied", body = Envelope),
    (status = 404, description = "No such user; 1005 its tenant is deleted", body = Envelope),
    (status = 409, description = "1033 the login is taken", body = Envelope),
    (status = 415, description = "Not JSON", body = Envelope),
))]
pub(super) async fn restore(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    PathId(id): PathId<UserId>,
    params: Params,
    Json(_): Json<Nothing>,
) -> Result<StatusCode, Problem> {
    let how = Restoring {
        force: params.flag("force")?.unwrap_or(false),
        enable: params.flag("enable")?.unwrap_or(false),
    };
    users::restore(&app, &caller.0, id, how).await?;
    Ok(StatusCode::NO_CONTENT)
}
