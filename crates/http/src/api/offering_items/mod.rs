//! Offering items (accounts-api, 1.11 and 2.3).

mod edition;
pub mod wire;

use app::offering_items::{self, Filter};
use app::{App, Error};
use axum::extract::State;
use domain::ids::TenantId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Can, TenantAdmin, TenantViewer};
use crate::json::Json;
use crate::params::{Params, PathId};
use crate::problem::{Envelope, Problem};
use crate::schema;
use wire::{ItemList, Put, item_list};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, put))
        .routes(routes!(available_for_child))
        .merge(edition::routes())
}

/// What of the catalogue the tenant could have on, and what it has on.
#[utoipa::path(get, path = "/tenants/{tenant_id}/offering_items", tag = "offering items",
    params(
        ("tenant_id" = String, Path, format = "uuid"),
        ("edition" = Option<String>, Query, description = "default `standard`; `*`: all"),
        ("infra_uuid" = Option<String>, Query, format = "uuid"),
        ("usage_names" = Option<String>, Query, description = "comma-separated"),
        ("status" = Option<i64>, Query, minimum = 0, maximum = 1, description = "0 or 1"),
        ("type" = Option<schema::ItemType>, Query, description = "how they are measured"),
        ("available_only" = Option<bool>, Query, description = "no effect: the list holds nothing else"),
        ("for_ui" = Option<bool>, Query, description = "no effect"),
        ("include_secondary" = Option<bool>, Query, description = "no effect"),
    ),
    responses(
        (status = 200, description = "The items", body = ItemList),
        (status = 400, body = Envelope), (status = 401, body = Envelope),
        (status = 403, body = Envelope), (status = 404, body = Envelope),
    ))]
async fn list(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
    params: Params,
) -> Result<Json<ItemList>, Problem> {
    let filter = filter(&params)?;
    let moment = app.moment().await?;
    let items = offering_items::list(&app, &caller.0, tenant, &filter).await?;
    Ok(Json(item_list(moment, &items)))
}

/// Switches items and sets quotas: all or nothing.
#[utoipa::path(put, path = "/tenants/{tenant_id}/offering_items", tag = "offering items",
    params(("tenant_id" = String, Path, format = "uuid")),
    request_body = Put,
    responses(
        (status = 200, body = ItemList, description = "the named items"),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope),
        (status = 404, body = Envelope), (status = 415, body = Envelope),
        (status = 426, body = Envelope, description = "a quota version is not the current one"),
    ))]
async fn put(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
    Json(body): Json<Put>,
) -> Result<Json<ItemList>, Problem> {
    let (changes, check_usage) = body.into_changes()?;
    let moment = app.moment().await?;
    let items = offering_items::update(&app, &caller.0, tenant, &changes, check_usage).await?;
    Ok(Json(item_list(moment, &items)))
}

/// What a child of this tenant could get, in the form in which it can be sent to the child.
#[utoipa::path(get, path = "/tenants/{tenant_id}/offering_items/available_for_child", tag = "offering items",
    params(
        ("tenant_id" = String, Path, format = "uuid"),
        ("kind" = Option<schema::TenantKind>, Query, description = "kind of the child"),
        ("edition" = Option<String>, Query, description = "default `standard`; `*`: all"),
    ),
    responses(
        (status = 200, description = "The items that a child could get", body = ItemList),
        (status = 400, body = Envelope), (status = 401, body = Envelope),
        (status = 403, body = Envelope), (status = 404, body = Envelope),
    ))]
async fn available_for_child(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
    params: Params,
) -> Result<Json<ItemList>, Problem> {
    let (kind, filter) = (params.parsed("kind")?, Filter { edition: edition(&params), ..Filter::default() });
    let moment = app.moment().await?;
    let items = offering_items::available_for_child(&app, &caller.0, tenant, kind, &filter).await?;
    Ok(Json(item_list(moment, &items)))
}

/// Reads the query of a list of items.
pub fn filter(params: &Params) -> Result<Filter, Error> {
    for without_effect in ["available_only", "for_ui", "include_secondary"] {
        params.flag(without_effect)?;
    }
    Ok(Filter {
        edition: edition(params),
        infra_id: params.parsed("infra_uuid")?,
        usage_names: params.list("usage_names")?.filter(|names: &Vec<String>| !names.is_empty()),
        enabled: status(params)?,
        item_type: params.parsed("type")?,
    })
}

fn status(params: &Params) -> Result<Option<bool>, Error> {
    match params.get("status") {
        None | Some("") => Ok(None),
        Some("0") => Ok(Some(false)),
        Some("1") => Ok(Some(true)),
        Some(_) => Err(Error::invalid("status", "must be 0 or 1")),
    }
}

fn edition(params: &Params) -> Option<String> {
    let wanted = params.get("edition").filter(|edition| !edition.is_empty()).unwrap_or("standard");
    (wanted != "*").then(|| wanted.to_owned())
}
