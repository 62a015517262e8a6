//! Storages.

use app::{App, Error, infra};
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::{InfraId, TenantId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::wire;
use crate::caller::{Can, InfraAdmin, InfraViewer};
use crate::json::Json;
use crate::params::{Params, PathId};
use crate::problem::{Envelope, Problem};
use crate::wire::Items;
use wire::{Infra, Infras, PostInfra, PutInfra};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, post))
        .routes(routes!(get, put, delete))
        .routes(routes!(of_tenant))
}

/// The storages with these ids that the caller may see.
#[utoipa::path(get, path = "/infra", tag = "infra",
    params(("uuids" = String, Query, pattern = r"^([0-9A-Fa-f-]{36}(,[0-9A-Fa-f-]{36})*)?$",
        description = "Up to 100 ids, comma separated; empty: none")),
    responses(
        (status = 200, description = "The storages", body = Items<Infra>),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope),
    ))]
async fn list(
    caller: Can<InfraViewer>,
    State(app): State<App>,
    params: Params,
) -> Result<Json<Items<Infra>>, Problem> {
    let ids = params.few("uuids")?.ok_or_else(|| Error::invalid("uuids", "required"))?;
    let seen = infra::list(&app, &caller.0, &ids).await?;
    Ok(Json(Items { items: seen.into_iter().map(Infra::from).collect() }))
}

/// Makes a storage.
#[utoipa::path(post, path = "/infra", tag = "infra",
    request_body = PostInfra,
    responses(
        (status = 201, description = "The new storage", body = Infra),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope),
        (status = 404, body = Envelope), (status = 415, body = Envelope),
    ))]
async fn post(
    caller: Can<InfraAdmin>,
    State(app): State<App>,
    Json(body): Json<PostInfra>,
) -> Result<(StatusCode, Json<Infra>), Problem> {
    let seen = infra::create(&app, &caller.0, body.into()).await?;
    Ok((StatusCode::CREATED, Json(seen.into())))
}

/// A storage.
#[utoipa::path(get, path = "/infra/{infra_id}", tag = "infra",
    params(("infra_id" = String, Path, format = "uuid")),
    responses(
        (status = 200, description = "The storage", body = Infra),
        (status = 401, body = Envelope), (status = 403, body = Envelope), (status = 404, body = Envelope),
    ))]
async fn get(
    caller: Can<InfraViewer>,
    State(app): State<App>,
    PathId(id): PathId<InfraId>,
) -> Result<Json<Infra>, Problem> {
    Ok(Json(infra::get(&app, &caller.0, id).await?.into()))
}

/// Changes a storage.
#[utoipa::path(put, path = "/infra/{infra_id}", tag = "infra",
    params(("infra_id" = String, Path, format = "uuid")),
    request_body = PutInfra,
    responses(
        (status = 200, description = "The storage after the change", body = Infra),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope),
        (status = 404, body = Envelope), (status = 409, body = Envelope), (status = 415, body = Envelope),
    ))]
async fn put(
    caller: Can<InfraAdmin>,
    State(app): State<App>,
    PathId(id): PathId<InfraId>,
    Json(body): Json<PutInfra>,
) -> Result<Json<Infra>, Problem> {
    Ok(Json(infra::update(&app, &caller.0, id, body.into()).await?.into()))
}

/// Deletes a storage that is not in use.
#[utoipa::path(delete, path = "/infra/{infra_id}", tag = "infra",
    params(
        ("infra_id" = String, Path, format = "uuid"),
        ("version" = i64, Query),
        ("force" = Option<bool>, Query, description = "usage does not count unless a customer has an item on the storage"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope),
        (status = 404, body = Envelope), (status = 409, body = Envelope),
    ))]
async fn delete(
    caller: Can<InfraAdmin>,
    State(app): State<App>,
    PathId(id): PathId<InfraId>,
    params: Params,
) -> Result<StatusCode, Problem> {
    let force = params.flag("force")?.unwrap_or(false);
    infra::delete(&app, &caller.0, id, params.version()?, force).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The storages that a tenant can use: its own, and those of the tenants above it.
#[utoipa::path(get, path = "/tenants/{tenant_id}/infra", tag = "infra",
    params(("tenant_id" = String, Path, format = "uuid")),
    responses(
        (status = 200, description = "Ids of storages", body = Infras),
        (status = 401, body = Envelope), (status = 403, body = Envelope), (status = 404, body = Envelope),
    ))]
async fn of_tenant(
    caller: Can<InfraViewer>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
) -> Result<Json<Infras>, Problem> {
    Ok(Json(Infras { infras: infra::tenant_storages(&app, &caller.0, tenant).await? }))
}
