//! Services bound to tenants (accounts-api, 2.3).

use app::App;
use app::offering_items::{bind, unbind};
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::{ApplicationId, TenantId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Can, TenantAdmin};
use crate::json::Json;
use crate::params::PathIds;
use crate::problem::{Envelope, Problem};
use crate::wire::Nothing;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(post, delete))
}

/// Turns a service on for a tenant; its items stay off.
#[utoipa::path(post, path = "/applications/{application_id}/bindings/tenants/{tenant_id}", tag = "applications",
    params(("application_id" = String, Path, format = "uuid"), ("tenant_id" = String, Path, format = "uuid")),
    request_body = Option<Nothing>,
    responses(
        (status = 204, description = "The service is on"),
        (status = 400, body = Envelope, description = "1026 the tenant above does not have the service"),
        (status = 401, body = Envelope),
        (status = 403, body = Envelope, description = "1002 access denied; 1012 locked"),
        (status = 404, body = Envelope, description = "1005 no such tenant; no such application"),
        (status = 415, body = Envelope),
    ))]
async fn post(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    PathIds(application, tenant): PathIds<ApplicationId, TenantId>,
    Json(Nothing {}): Json<Nothing>,
) -> Result<StatusCode, Problem> {
    bind(&app, &caller.0, application, tenant).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Turns a service off for a tenant and all below it, with its items. One that is off stays so.
#[utoipa::path(delete, path = "/applications/{application_id}/bindings/tenants/{tenant_id}", tag = "applications",
    params(("application_id" = String, Path, format = "uuid"), ("tenant_id" = String, Path, format = "uuid")),
    responses(
        (status = 204, description = "The service is off"),
        (status = 400, body = Envelope, description = "1027 the platform, or a personal tenant"),
        (status = 401, body = Envelope),
        (status = 403, body = Envelope, description = "1002 access denied; 1012 locked"),
        (status = 404, body = Envelope, description = "1005 no such tenant; no such application"),
    ))]
async fn delete(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    PathIds(application, tenant): PathIds<ApplicationId, TenantId>,
) -> Result<StatusCode, Problem> {
    unbind(&app, &caller.0, application, tenant).await?;
    Ok(StatusCode::NO_CONTENT)
}
