//! `GET /tenants/applications`.

use app::{App, Error, lists};
use axum::extract::State;
use domain::ids::{ApplicationId, TenantId};
use serde::Serialize;
use utoipa::ToSchema;

use super::few;
use crate::caller::{Can, TenantViewer};
use crate::json::Json;
use crate::params::Params;
use crate::problem::{Envelope, Problem};
use crate::wire::Items;

/// The services that are on at a tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TenantApplications {
    #[schema(value_type = String, format = Uuid)]
    tenant: TenantId,
    #[schema(value_type = Vec<uuid::Uuid>)]
    applications: Vec<ApplicationId>,
}

/// The services that are on at several tenants; unknown ones are left out.
#[utoipa::path(get, path = "/tenants/applications", tag = "tenants",
    params(("tenants" = String, Query, pattern = r"^[0-9A-Fa-f-]{36}(,[0-9A-Fa-f-]{36})*$",
        description = "Up to 100 UUIDs, comma separated",
        example = "f313ecf6-9256-4afd-9d47-72e032ee81d0")),
    responses(
        (status = 200, description = "The services, tenant by tenant", body = Items<TenantApplications>, example = json!(
            {"items": [{"tenant": "f313ecf6-9256-4afd-9d47-72e032ee81d0",
            "applications": ["6e6d758d-8e74-3ae3-ac84-50eb0dff12eb"]}]})),
        (status = 400, description = "Malformed", body = Envelope),
        (status = 401, description = "No valid credentials", body = Envelope),
        (status = 403, description = "1002 one of them lies outside", body = Envelope),
        (status = 415, description = "`Accept` excludes JSON", body = Envelope),
    ))]
pub(super) async fn list(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    params: Params,
) -> Result<Json<Items<TenantApplications>>, Problem> {
    let tenants: Vec<TenantId> =
        few(&params, "tenants")?.ok_or_else(|| Error::invalid("tenants", "required"))?;
    let found = lists::applications(&app, &caller.0, &tenants).await?;
    let of = |(tenant, applications)| TenantApplications { tenant, applications };
    Ok(Json(Items { items: found.into_iter().map(of).collect() }))
}
