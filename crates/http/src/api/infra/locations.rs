//! Locations.

use app::{App, Error, infra};
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::{LocationId, TenantId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::wire;
use crate::caller::{Can, InfraAdmin, InfraViewer};
use crate::json::Json;
use crate::params::{Params, PathId};
use crate::problem::{Envelope, Problem};
use crate::wire::Items;
use wire::{Infras, Location, Locations, PostLocation, PutLocation};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, post))
        .routes(routes!(get, put, delete))
        .routes(routes!(storages))
        .routes(routes!(of_tenant))
}

/// The locations with these ids that the caller may see.
#[utoipa::path(get, path = "/locations", tag = "infra",
    params(("uuids" = String, Query, pattern = r"^([0-9A-Fa-f-]{36}(,[0-9A-Fa-f-]{36})*)?$",
        description = "Up to 100 ids, comma separated; empty: none")),
    responses(
        (status = 200, description = "The locations", body = Items<Location>),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope),
    ))]
async fn list(
    caller: Can<InfraViewer>,
    State(app): State<App>,
    params: Params,
) -> Result<Json<Items<Location>>, Problem> {
    let ids = params.few("uuids")?.ok_or_else(|| Error::invalid("uuids", "required"))?;
    let seen = infra::locations(&app, &caller.0, &ids).await?;
    Ok(Json(Items { items: seen.into_iter().map(Location::from).collect() }))
}

/// Makes a location.
#[utoipa::path(post, path = "/locations", tag = "infra",
    request_body = PostLocation,
    responses(
        (status = 201, description = "The new location", body = Location),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope),
        (status = 404, body = Envelope), (status = 415, body = Envelope),
    ))]
async fn post(
    caller: Can<InfraAdmin>,
    State(app): State<App>,
    Json(body): Json<PostLocation>,
) -> Result<(StatusCode, Json<Location>), Problem> {
    let seen = infra::create_location(&app, &caller.0, body.owner_tenant_id, &body.name).await?;
    Ok((StatusCode::CREATED, Json(seen.into())))
}

/// A location.
#[utoipa::path(get, path = "/locations/{location_id}", tag = "infra",
    params(("location_id" = String, Path, format = "uuid")),
    responses(
        (status = 200, description = "The location", body = Location),
        (status = 401, body = Envelope), (status = 403, body = Envelope), (status = 404, body = Envelope),
    ))]
async fn get(
    caller: Can<InfraViewer>,
    State(app): State<App>,
    PathId(id): PathId<LocationId>,
) -> Result<Json<Location>, Problem> {
    Ok(Json(infra::location(&app, &caller.0, id).await?.into()))
}

/// Changes a location.
#[utoipa::path(put, path = "/locations/{location_id}", tag = "infra",
    params(("location_id" = String, Path, format = "uuid")),
    request_body = PutLocation,
    responses(
        (status = 200, description = "The location after the change", body = Location),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope),
        (status = 404, body = Envelope), (status = 409, body = Envelope), (status = 415, body = Envelope),
    ))]
async fn put(
    caller: Can<InfraAdmin>,
    State(app): State<App>,
    PathId(id): PathId<LocationId>,
    Json(body): Json<PutLocation>,
) -> Result<Json<Location>, Problem> {
    Ok(Json(infra::rename_location(&app, &caller.0, id, body.version, &body.name).await?.into()))
}

/// Deletes a location that is not in use.
#[utoipa::path(delete, path = "/locations/{location_id}", tag = "infra",
    params(
        ("location_id" = String, Path, format = "uuid"),
        ("version" = i64, Query),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope),
        (status = 404, body = Envelope), (status = 409, body = Envelope),
    ))]
async fn delete(
    caller: Can<InfraAdmin>,
    State(app): State<App>,
    PathId(id): PathId<LocationId>,
    params: Params,
) -> Result<StatusCode, Problem> {
    infra::delete_location(&app, &caller.0, id, params.version()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The storages that stand in a location.
#[utoipa::path(get, path = "/locations/{location_id}/infra", tag = "infra",
    params(("location_id" = String, Path, format = "uuid")),
    responses(
        (status = 200, description = "Ids of storages", body = Infras),
        (status = 401, body = Envelope), (status = 403, body = Envelope), (status = 404, body = Envelope),
    ))]
async fn storages(
    caller: Can<InfraViewer>,
    State(app): State<App>,
    PathId(id): PathId<LocationId>,
) -> Result<Json<Infras>, Problem> {
    Ok(Json(Infras { infras: infra::location_storages(&app, &caller.0, id).await? }))
}

/// The locations that a tenant can use: its own, and those of the tenants above it.
#[utoipa::path(get, path = "/tenants/{tenant_id}/locations", tag = "infra",
    params(("tenant_id" = String, Path, format = "uuid")),
    responses(
        (status = 200, description = "Ids of locations", body = Locations),
        (status = 401, body = Envelope), (status = 403, body = Envelope), (status = 404, body = Envelope),
    ))]
async fn of_tenant(
    caller: Can<InfraViewer>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
) -> Result<Json<Locations>, Problem> {
    Ok(Json(Locations { locations: infra::tenant_locations(&app, &caller.0, tenant).await? }))
}
