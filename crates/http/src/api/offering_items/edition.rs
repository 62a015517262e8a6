//! The edition switch (accounts-api, 2.3).

use app::offering_items::{preview_edition, switch_edition};
use app::{App, Error};
use axum::extract::State;
use domain::catalogue::{Edition, EditionWarning};
use domain::ids::{ApplicationId, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::wire::{ItemList, item_list};
use crate::caller::{Can, TenantAdmin};
use crate::json::{Body, Json};
use crate::params::{Params, PathId};
use crate::problem::{Envelope, Problem};
use crate::schema;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(preview, switch))
}

/// What a switch would bring with it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"warnings": ["NewFeaturesBecomeAvailable"]}))]
struct EditionWarnings {
    /// Empty where nothing changes for the worse or the better.
    #[schema(value_type = Vec<schema::EditionWarning>)]
    warnings: Vec<EditionWarning>,
}

/// The edition to switch a service to: closed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"target_edition": "pck_per_gigabyte",
    "application_id": "6e6d758d-8e74-3ae3-ac84-50eb0dff12eb"}))]
struct EditionSwitch {
    /// `fss_legacy` means the unprefixed `fc_` items.
    #[schema(value_type = schema::Edition)]
    target_edition: Edition,
    /// The service whose items change places.
    #[schema(value_type = String, format = "uuid")]
    application_id: ApplicationId,
}

impl Body for EditionSwitch {}

/// What a switch to another edition would bring with it. Fails as the switch would.
#[utoipa::path(get, path = "/tenants/{tenant_id}/edition", tag = "offering items",
    params(
        ("tenant_id" = String, Path, format = "uuid"),
        ("target_edition" = schema::Edition, Query, description = "The edition to switch to"),
        ("application_id" = String, Query, format = "uuid", description = "The service to switch"),
    ),
    responses(
        (status = 200, description = "What to warn of", body = EditionWarnings),
        (status = 400, body = Envelope,
            description = "Malformed; 1021 with the missing items in `context`; 1022 used up above; 1027 personal tenant"),
        (status = 401, body = Envelope), (status = 403, body = Envelope),
        (status = 404, body = Envelope, description = "1005 no such tenant; no such application"),
    ))]
async fn preview(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
    params: Params,
) -> Result<Json<EditionWarnings>, Problem> {
    let target =
        params.parsed("target_edition")?.ok_or_else(|| Error::invalid("target_edition", "required"))?;
    let application =
        params.parsed("application_id")?.ok_or_else(|| Error::invalid("application_id", "required"))?;
    let warnings = preview_edition(&app, &caller.0, tenant, application, target).await?;
    Ok(Json(EditionWarnings { warnings: warnings.into_iter().collect() }))
}

/// Switches the items of a service to another edition: those of other editions go off, here and below, and those of the
/// target with the same usage names go on with their quotas.
#[utoipa::path(put, path = "/tenants/{tenant_id}/edition", tag = "offering items",
    params(("tenant_id" = String, Path, format = "uuid")),
    request_body = EditionSwitch,
    responses(
        (status = 200, body = ItemList, description = "The items of the new edition"),
        (status = 400, body = Envelope,
            description = "Malformed; 1021 with the missing items in `context`; 1022 used up above; 1027 personal tenant"),
        (status = 401, body = Envelope),
        (status = 403, body = Envelope, description = "1002 access denied; 1012 locked"),
        (status = 404, body = Envelope, description = "1005 no such tenant; no such application"),
        (status = 415, body = Envelope),
    ))]
async fn switch(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
    Json(body): Json<EditionSwitch>,
) -> Result<Json<ItemList>, Problem> {
    let moment = app.moment().await?;
    let items = switch_edition(&app, &caller.0, tenant, body.application_id, body.target_edition).await?;
    Ok(Json(item_list(moment, &items)))
}
