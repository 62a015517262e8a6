//! Brands (accounts-api, tier 3).

pub mod wire;

use app::{App, Error, brands};
use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::ids::TenantId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::wire::{Brand, BrandBody};
use crate::api::tenants::body::Tenant;
use crate::caller::{BrandAdmin, Can, LogoViewer, TenantViewer};
use crate::json::Json;
use crate::params::{Params, PathId};
use crate::problem::{Envelope, Problem};
use crate::schema;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, create, update, delete)).routes(routes!(logo, set_logo))
}

/// The tenant's own brand.
#[utoipa::path(get, path = "/tenants/{tenant_id}/brand", tag = "brands", params(
    ("tenant_id" = String, Path, format = Uuid),
    ("effective" = Option<u8>, Query, description = "1: the brand of the parent, which may be inherited"),
), responses(
    (status = 200, description = "The brand", body = Brand),
    (status = 400, description = "1027 a customer or unit has none", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied", body = Envelope),
    (status = 404, description = "1005 no such tenant; 404 no brand of its own", body = Envelope),
))]
async fn get(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    PathId(id): PathId<TenantId>,
    params: Params,
) -> Result<Json<Brand>, Problem> {
    Ok(Json(brands::get(&app, &caller.0, id, effective(&params)?).await?.into()))
}

/// Gives the tenant a brand of its own.
#[utoipa::path(post, path = "/tenants/{tenant_id}/brand", tag = "brands", params(
    ("tenant_id" = String, Path, format = Uuid),
    ("version" = i64, Query, description = "The tenant's version that the caller has seen"),
), request_body = BrandBody, responses(
    (status = 201, description = "The tenant", body = Tenant),
    (status = 400, description = "Malformed; 1025 wrong SMTP settings; 1027 a customer or unit", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied; 1012 locked", body = Envelope),
    (status = 404, description = "1005 no such tenant", body = Envelope),
    (status = 409, description = "1001 version mismatch; 409 there is a brand", body = Envelope),
    (status = 415, description = "Not JSON", body = Envelope),
))]
async fn create(
    caller: Can<BrandAdmin>,
    State(app): State<App>,
    PathId(id): PathId<TenantId>,
    params: Params,
    Json(body): Json<BrandBody>,
) -> Result<(StatusCode, Json<Tenant>), Problem> {
    let tenant = brands::create(&app, &caller.0, id, params.version()?, body.into()).await?;
    Ok((StatusCode::CREATED, Json(tenant.into())))
}

/// Changes the tenant's own brand.
#[utoipa::path(put, path = "/tenants/{tenant_id}/brand", tag = "brands", params(
    ("tenant_id" = String, Path, format = Uuid),
    ("version" = i64, Query, description = "The tenant's version that the caller has seen"),
), request_body = BrandBody, responses(
    (status = 200, description = "The tenant", body = Tenant),
    (status = 400, description = "Malformed; 1025 wrong SMTP settings; 1027 a customer or unit", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied; 1012 locked", body = Envelope),
    (status = 404, description = "1005 no such tenant; 404 no brand of its own", body = Envelope),
    (status = 409, description = "1001 version mismatch", body = Envelope),
    (status = 415, description = "Not JSON", body = Envelope),
))]
async fn update(
    caller: Can<BrandAdmin>,
    State(app): State<App>,
    PathId(id): PathId<TenantId>,
    params: Params,
    Json(body): Json<BrandBody>,
) -> Result<Json<Tenant>, Problem> {
    Ok(Json(brands::update(&app, &caller.0, id, params.version()?, body.into()).await?.into()))
}

/// Takes the tenant's own brand away.
#[utoipa::path(delete, path = "/tenants/{tenant_id}/brand", tag = "brands", params(
    ("tenant_id" = String, Path, format = Uuid),
    ("version" = i64, Query, description = "The tenant's version that the caller has seen"),
), responses(
    (status = 204, description = "Deleted"),
    (status = 400, description = "Malformed; 1027 a customer or unit", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied; 1012 locked", body = Envelope),
    (status = 404, description = "1005 no such tenant; 404 no brand of its own", body = Envelope),
    (status = 409, description = "1001 version mismatch", body = Envelope),
))]
async fn delete(
    caller: Can<BrandAdmin>,
    State(app): State<App>,
    PathId(id): PathId<TenantId>,
    params: Params,
) -> Result<StatusCode, Problem> {
    brands::delete(&app, &caller.0, id, params.version()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The logo of the tenant's own brand.
#[utoipa::path(get, path = "/tenants/{tenant_id}/brand/logo", tag = "brands", params(
    ("tenant_id" = String, Path, format = Uuid),
    ("effective" = Option<u8>, Query, description = "1: the logo of the parent's brand, which may be inherited"),
), responses(
    (status = 200, description = "The logo", body = schema::Bytes, content_type = "image/png"),
    (status = 400, description = "1027 a customer or unit has none", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied", body = Envelope),
    (status = 404, description = "1005 no such tenant; 404 no logo", body = Envelope),
))]
async fn logo(
    caller: Can<LogoViewer>,
    State(app): State<App>,
    PathId(id): PathId<TenantId>,
    params: Params,
) -> Result<Response, Problem> {
    let logo = brands::logo(&app, &caller.0, id, effective(&params)?).await?;
    let headers =
        [(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "max-age=86400, must-revalidate")];
    Ok((headers, logo).into_response())
}

/// Gives the tenant's own brand a logo.
#[utoipa::path(post, path = "/tenants/{tenant_id}/brand/logo", tag = "brands", params(
    ("tenant_id" = String, Path, format = Uuid),
    ("version" = i64, Query, description = "The tenant's version that the caller has seen"),
), request_body(content = schema::Bytes, content_type = "image/png", description = "At most 256 KiB"), responses(
    (status = 201, description = "The tenant", body = Tenant),
    (status = 400, description = "No PNG file, too large, no Content-Length; 1027 a customer or unit",
        body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied; 1012 locked", body = Envelope),
    (status = 404, description = "1005 no such tenant; 404 no brand of its own", body = Envelope),
    (status = 409, description = "1001 version mismatch", body = Envelope),
    (status = 413, description = "Larger than 16 MiB", body = Envelope),
    (status = 415, description = "Not image/png", body = Envelope),
))]
async fn set_logo(
    caller: Can<BrandAdmin>,
    State(app): State<App>,
    PathId(id): PathId<TenantId>,
    params: Params,
    Png(png): Png,
) -> Result<(StatusCode, Json<Tenant>), Problem> {
    let tenant = brands::set_logo(&app, &caller.0, id, params.version()?, png.into()).await?;
    Ok((StatusCode::CREATED, Json(tenant.into())))
}

fn effective(params: &Params) -> Result<bool, Error> {
    Ok(params.flag("effective")?.unwrap_or(false))
}

/// A body that says to be a PNG file, or nothing, and how long it is.
struct Png(Bytes);

impl FromRequest<App> for Png {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let headers = request.headers();
        let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        if !kind.is_none_or(|kind| kind.eq_ignore_ascii_case(b"image/png")) {
            return Err(Problem::UnsupportedMedia("Content-Type is not image/png"));
        }
        if !headers.contains_key(header::CONTENT_LENGTH) {
            return Err(Error::invalid("Content-Length", "required").into());
        }
        let bytes = Bytes::from_request(request, app).await.map_err(|error| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::TooLarge,
            _ => Error::invalid("body", "could not be read").into(),
        })?;
        Ok(Self(bytes))
    }
}
