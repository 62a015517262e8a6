//! The page behind the link that confirms a new e-mail address (accounts-api, 1.9). Public: the link is the credential.

use app::App;
use app::users::email;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::page::answer;
use crate::params::PathId;
use crate::problem::{Envelope, Problem};

/// The routes behind `/api/tidemark/1`.
pub fn own_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(page, confirm))
}

/// The page that asks; it changes nothing.
#[utoipa::path(get, path = "/email-changes/{token}", tag = "users", params(("token" = String, Path)), security(()),
    responses((status = 200, description = "The page with the button", body = String, content_type = "text/html"),
        (status = 404, body = Envelope)))]
async fn page(State(app): State<App>, PathId(token): PathId<String>) -> Result<Response, Problem> {
    Ok(answer(StatusCode::OK, email::page(&app, &token).await?))
}

/// Takes the new address.
#[utoipa::path(post, path = "/email-changes/{token}", tag = "users", params(("token" = String, Path)), security(()),
    responses((status = 200, description = "The page that says so", body = String, content_type = "text/html"),
        (status = 404, body = Envelope)))]
async fn confirm(State(app): State<App>, PathId(token): PathId<String>) -> Result<Response, Problem> {
    Ok(answer(StatusCode::OK, email::confirm(&app, &token).await?))
}
