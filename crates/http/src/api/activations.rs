//! The activation of new users: the mail that asks for it, and the page behind its link (accounts-api, 2.5).

use app::App;
use app::users::activation;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::UserId;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Can, UserAdmin};
use crate::json::{Body, Json};
use crate::page::{PageForm, answer};
use crate::params::PathId;
use crate::problem::{Envelope, Problem};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(send))
}

/// The routes behind `/api/tidemark/1`.
pub fn own_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(page, choose))
}

/// Nothing: the body may also be missing.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({}))]
pub struct ActivationMailBody {}

impl Body for ActivationMailBody {
    const MAY_BE_MISSING: bool = true;
}

/// Mails a user the link behind which it chooses its password; an earlier link ends. Nothing where it is activated.
#[utoipa::path(post, path = "/users/{user_id}/send-activation-email", tag = "users",
    params(("user_id" = String, Path, format = Uuid)), request_body = Option<ActivationMailBody>, responses(
    (status = 204, description = "On its way, or already activated"),
    (status = 400, description = "Malformed; 1027 the user has no address", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied", body = Envelope),
    (status = 404, description = "No such user", body = Envelope),
    (status = 415, description = "Not JSON", body = Envelope),
))]
async fn send(
    caller: Can<UserAdmin>,
    State(app): State<App>,
    PathId(id): PathId<UserId>,
    Json(_): Json<ActivationMailBody>,
) -> Result<StatusCode, Problem> {
    activation::send(&app, &caller.0, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the page posts.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the form, which is read field by field")]
pub struct ActivationForm {
    /// 8 to 256 characters.
    password: String,
    /// The same.
    password_again: String,
}

/// The page that asks for a password. Public: the link is the credential, works once, and for three days.
#[utoipa::path(get, path = "/activations/{token}", tag = "users", params(("token" = String, Path)), security(()),
    responses((status = 200, description = "The page with the form", body = String, content_type = "text/html"),
        (status = 404, body = Envelope)))]
async fn page(State(app): State<App>, PathId(token): PathId<String>) -> Result<Response, Problem> {
    Ok(answer(StatusCode::OK, activation::page(&app, &token).await?))
}

/// Takes the password and activates the user; where the two differ or are too short, the page asks again.
#[utoipa::path(post, path = "/activations/{token}", tag = "users", params(("token" = String, Path)), security(()),
    request_body(content = ActivationForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The page that says so, or asks again", body = String,
            content_type = "text/html"),
        (status = 400, body = Envelope), (status = 404, body = Envelope), (status = 415, body = Envelope)))]
async fn choose(
    State(app): State<App>,
    PathId(token): PathId<String>,
    form: PageForm,
) -> Result<Response, Problem> {
    let (password, again) = (form.field("password")?, form.field("password_again")?);
    Ok(answer(StatusCode::OK, activation::choose(&app, &token, password, again).await?))
}
