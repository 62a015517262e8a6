//! Many tenants at once (accounts-api, 2.6).

use app::{App, tenants};
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::TenantId;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Can, TenantAdmin};
use crate::json::{Body, Json};
use crate::problem::{Envelope, Problem};
use crate::wire::lax_int;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(delete))
}

/// The tenants to delete: closed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"items": [{"id": "f313ecf6-9256-4afd-9d47-72e032ee81d0", "version": 2}]}))]
struct TenantBatch {
    /// At most 1,000.
    #[schema(max_items = 1_000)]
    items: Vec<TenantVersion>,
}

impl Body for TenantBatch {}

/// A tenant as the caller has seen it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TenantVersion {
    #[schema(value_type = String, format = "uuid")]
    id: TenantId,
    #[serde(deserialize_with = "lax_int")]
    #[schema(value_type = i64)]
    version: i64,
}

/// Deletes disabled tenants softly, each with everything below it: all or none.
#[utoipa::path(post, path = "/tenants/batch/delete", tag = "tenants", request_body = TenantBatch, responses(
    (status = 204, description = "All are deleted"),
    (status = 400, description = "Malformed; 1006 one is still enabled", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied; 1012 locked", body = Envelope),
    (status = 404, description = "1005 no such tenant", body = Envelope),
    (status = 409, description = "1001 version mismatch", body = Envelope),
    (status = 413, description = "More than 1,000 items", body = Envelope),
    (status = 415, description = "Not JSON", body = Envelope),
))]
async fn delete(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    Json(body): Json<TenantBatch>,
) -> Result<StatusCode, Problem> {
    let named: Vec<_> = body.items.iter().map(|item| (item.id, item.version)).collect();
    tenants::delete_all(&app, &caller.0, &named).await?;
    Ok(StatusCode::NO_CONTENT)
}
