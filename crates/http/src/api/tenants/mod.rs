//! Tenants (accounts-api, 1.8).

mod batch;
pub mod body;
mod default_idp;

use app::{App, tenants, users};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::ids::TenantId;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use self::body::{NewTenantBody, Tenant, TenantBody};
use crate::caller::{Can, TenantAdmin, TenantViewer};
use crate::json::Json;
use crate::params::{Params, PathId};
use crate::problem::{Envelope, Problem};
use crate::wire::{Items, Nothing};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(get, update, delete))
        .routes(routes!(restore))
        .routes(routes!(children))
        .routes(routes!(users_of))
        .routes(routes!(applications))
        .routes(routes!(default_idp::put))
        .merge(batch::routes())
}

/// Makes a tenant below another one.
#[utoipa::path(post, path = "/tenants", tag = "tenants", request_body = NewTenantBody, responses(
    (status = 201, description = "The new tenant", body = Tenant),
    (status = 400, description = "Malformed; 1003 parent disabled; 1027 the kind does not fit",
        body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied", body = Envelope),
    (status = 404, description = "1005 no such parent", body = Envelope),
    (status = 415, description = "Not JSON", body = Envelope),
))]
async fn create(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    Json(body): Json<NewTenantBody>,
) -> Result<Response, Problem> {
    let tenant: Tenant = tenants::create(&app, &caller.0, body.into()).await?.into();
    Ok((StatusCode::CREATED, Json(tenant)).into_response())
}

/// A tenant.
#[utoipa::path(get, path = "/tenants/{tenant_id}", tag = "tenants", params(
    ("tenant_id" = String, Path, format = Uuid),
    ("embed_path" = Option<bool>, Query, description = "Adds the ids of the tenants above, the nearest first"),
    ("allow_deleted" = Option<bool>, Query),
), responses(
    (status = 200, description = "The tenant", body = Tenant),
    (status = 400, description = "A malformed parameter", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied", body = Envelope),
    (status = 404, description = "1005 no such tenant", body = Envelope),
))]
async fn get(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    PathId(id): PathId<TenantId>,
    params: Params,
) -> Result<Json<Tenant>, Problem> {
    let path = params.flag("embed_path")?.unwrap_or(false);
    let options = tenants::Options { path, deleted_too: deleted_too(&params)? };
    Ok(Json(tenants::get(&app, &caller.0, id, options).await?.into()))
}

/// Changes a tenant; another `parent_id` moves it.
#[utoipa::path(put, path = "/tenants/{tenant_id}", tag = "tenants", params(("tenant_id" = String, Path, format = Uuid)),
    request_body = TenantBody, responses(
    (status = 200, description = "The tenant after the change", body = Tenant),
    (status = 400, description = "Malformed; 1007, 1008, 1013, 1014, 1032 of a move; 1027", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied; 1012 locked", body = Envelope),
    (status = 404, description = "1005 no such tenant", body = Envelope),
    (status = 409, description = "1001 version mismatch", body = Envelope),
    (status = 415, description = "Not JSON", body = Envelope),
))]
async fn update(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    PathId(id): PathId<TenantId>,
    Json(body): Json<TenantBody>,
) -> Result<Json<Tenant>, Problem> {
    Ok(Json(tenants::update(&app, &caller.0, id, body.into()).await?.into()))
}

/// Deletes a disabled tenant softly, with everything below it.
#[utoipa::path(delete, path = "/tenants/{tenant_id}", tag = "tenants", params(
    ("tenant_id" = String, Path, format = Uuid),
    ("version" = i64, Query, description = "The version that the caller has seen"),
), responses(
    (status = 204, description = "Deleted"),
    (status = 400, description = "Malformed; 1006 still enabled", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied; 1012 locked", body = Envelope),
    (status = 404, description = "1005 no such tenant", body = Envelope),
    (status = 409, description = "1001 version mismatch", body = Envelope),
))]
async fn delete(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    PathId(id): PathId<TenantId>,
    params: Params,
) -> Result<StatusCode, Problem> {
    tenants::delete(&app, &caller.0, id, params.version()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Brings a deleted tenant back with what was deleted with it: tenants, users, their access, clients.
#[utoipa::path(post, path = "/tenants/{tenant_id}/restore", tag = "tenants", params(
    ("tenant_id" = String, Path, format = Uuid),
    ("force" = Option<bool>, Query, description = "Adds a postfix to names and logins that are taken"),
), request_body = Option<Nothing>, responses(
    (status = 204, description = "Restored, or not deleted"),
    (status = 400, description = "Malformed; 1027 the parent is deleted, too", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied; 1012 locked", body = Envelope),
    (status = 404, description = "1005 no such tenant", body = Envelope),
    (status = 409, description = "1004 a name or login is taken", body = Envelope),
    (status = 415, description = "Not JSON", body = Envelope),
))]
async fn restore(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    PathId(id): PathId<TenantId>,
    params: Params,
    Json(_): Json<Nothing>,
) -> Result<StatusCode, Problem> {
    let force = params.flag("force")?.unwrap_or(false);
    tenants::restore(&app, &caller.0, id, force).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A child: its id, or the whole of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
enum Child {
    Id(Uuid),
    Whole(Box<Tenant>),
}

/// The children of a tenant: ids, or whole tenants with `include_details`.
#[utoipa::path(get, path = "/tenants/{tenant_id}/children", tag = "tenants", params(
    ("tenant_id" = String, Path, format = Uuid),
    ("order" = Option<String>, Query, pattern = r"^-?(as_is|name|status|usage\..+)$",
        description = "as_is, name, status, usage.NAME[.INFRA]; - reverses"),
    ("include_details" = Option<bool>, Query),
    ("allow_deleted" = Option<bool>, Query),
), responses(
    (status = 200, description = "Ids, or tenants with include_details", body = Items<Child>),
    (status = 400, description = "Unknown order", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied", body = Envelope),
    (status = 404, description = "1005 no such tenant", body = Envelope),
))]
async fn children(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    PathId(id): PathId<TenantId>,
    params: Params,
) -> Result<Response, Problem> {
    let order = params.parsed("order")?.unwrap_or_default();
    let deleted_too = deleted_too(&params)?;
    if params.flag("include_details")?.unwrap_or(false) {
        let tenants = tenants::children_in_full(&app, &caller.0, id, &order, deleted_too).await?;
        return Ok(list::<Child, _>(tenants.into_iter().map(|it| Child::Whole(Box::new(it.into())))));
    }
    let children = tenants::children(&app, &caller.0, id, &order, deleted_too).await?;
    Ok(list::<Child, _>(children.into_iter().map(|id| Child::Id(id.0))))
}

/// The users of a tenant.
#[utoipa::path(get, path = "/tenants/{tenant_id}/users", tag = "tenants", params(
    ("tenant_id" = String, Path, format = Uuid),
    ("include_grand_children" = Option<bool>, Query, description = "Those of the units or folders below, too"),
    ("include_hidden" = Option<bool>, Query, description = "Without effect: no user is hidden"),
    ("order" = Option<String>, Query,
        pattern = r"^-?(as_is|login|status|name|roles|level|usage\..+|mfa_status|contact_types)$",
        description = "as_is, login, status, name, roles, level, usage.NAME[.INFRA], mfa_status, contact_types; - reverses"),
    ("allow_deleted" = Option<bool>, Query),
), responses(
    (status = 200, description = "Ids of users", body = Items<String>),
    (status = 400, description = "Unknown order", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied", body = Envelope),
    (status = 404, description = "1005 no such tenant", body = Envelope),
))]
async fn users_of(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    PathId(id): PathId<TenantId>,
    params: Params,
) -> Result<Response, Problem> {
    params.flag("include_hidden")?;
    let options = users::ListOptions {
        grand_children: params.flag("include_grand_children")?.unwrap_or(false),
        deleted_too: deleted_too(&params)?,
        order: params.parsed("order")?.unwrap_or_default(),
    };
    Ok(ids(&users::of_tenant(&app, &caller.0, id, &options).await?))
}

/// The services that are on at a tenant.
#[utoipa::path(get, path = "/tenants/{tenant_id}/applications", tag = "tenants", params(
    ("tenant_id" = String, Path, format = Uuid),
    ("for_ui" = Option<bool>, Query, description = "Without effect"),
), responses(
    (status = 200, description = "Ids of services", body = Items<String>),
    (status = 400, description = "`for_ui` is no boolean", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied", body = Envelope),
    (status = 404, description = "1005 no such tenant", body = Envelope),
))]
async fn applications(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    PathId(id): PathId<TenantId>,
    params: Params,
) -> Result<Response, Problem> {
    params.flag("for_ui")?;
    Ok(ids(&tenants::applications(&app, &caller.0, id).await?))
}

fn deleted_too(params: &Params) -> Result<bool, Problem> {
    Ok(params.flag("allow_deleted")?.unwrap_or(false))
}

fn ids<T: ToString>(ids: &[T]) -> Response {
    list::<String, _>(ids.iter().map(ToString::to_string))
}

fn list<T: Serialize + utoipa::ToSchema, S: Into<T>>(items: impl IntoIterator<Item = S>) -> Response {
    Json(Items { items: items.into_iter().map(Into::into).collect::<Vec<T>>() }).into_response()
}
