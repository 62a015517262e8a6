//! Reports (reports-api).

pub mod at_once;
mod stored;

pub(super) use stored::pieces;
mod wire;

use app::{App, reports};
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::{ReportId, TenantId};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Can, ReportChanger, ReportReader, ReportWriter};
use crate::json::{Json, Unread};
use crate::params::{Params, PathId};
use crate::problem::{Envelope, Problem};
use crate::wire::Items;

pub use wire::Report;
use wire::{OnMany, OnOne, PostReport, PutReport};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(post))
        .routes(routes!(post_bulk))
        .routes(routes!(get, put, delete))
        .routes(routes!(stored::list))
        .routes(routes!(stored::download))
        .routes(routes!(of_tenant))
}

/// The routes behind `/api/tidemark/1`.
pub fn own_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(at_once::get))
}

/// The id of a report, in lists.
#[derive(Debug, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = "uuid")]
pub struct Id(pub ReportId);

/// Makes a report; one that is due has its stored items, in progress, from the very answer on.
#[utoipa::path(post, path = "/reports", tag = "reports",
    request_body = PostReport<OnOne>,
    responses(
        (status = 200, description = "The new report", body = Report),
        (status = 400, body = Envelope), (status = 401, body = Envelope),
        (status = 403, body = Envelope), (status = 404, body = Envelope), (status = 415, body = Envelope),
        (status = 500, body = Envelope),
    ))]
async fn post(
    caller: Can<ReportWriter>,
    State(app): State<App>,
    Json(body): Json<PostReport<OnOne>>,
) -> Result<Json<Report>, Problem> {
    let (subject, new) = body.into_new()?;
    Ok(Json(reports::create(&app, &caller.0, subject, &new).await?.into()))
}

/// Makes the same report on each of several tenants, or none at all.
#[utoipa::path(post, path = "/reports/bulk", tag = "reports",
    request_body = PostReport<OnMany>,
    responses(
        (status = 201, description = "The new reports, in the order of their tenants", body = Items<Report>),
        (status = 400, body = Envelope), (status = 401, body = Envelope),
        (status = 403, body = Envelope), (status = 404, body = Envelope), (status = 415, body = Envelope),
        (status = 500, body = Envelope),
    ))]
async fn post_bulk(
    caller: Can<ReportWriter>,
    State(app): State<App>,
    Json(body): Json<PostReport<OnMany>>,
) -> Result<(StatusCode, Json<Items<Report>>), Problem> {
    let (subjects, new) = body.into_new()?;
    let made = reports::create_each(&app, &caller.0, &subjects, &new).await?;
    Ok((StatusCode::CREATED, Json(Items { items: made.into_iter().map(Report::from).collect() })))
}

/// A report as it stands; a monthly one with the date and period of its next run.
#[utoipa::path(get, path = "/reports/{report_id}", tag = "reports",
    params(("report_id" = String, Path, format = "uuid")),
    responses(
        (status = 200, description = "The report", body = Report),
        (status = 401, body = Envelope), (status = 403, body = Envelope),
        (status = 404, body = Envelope),
    ))]
async fn get(
    caller: Can<ReportReader>,
    State(app): State<App>,
    PathId(id): PathId<ReportId>,
) -> Result<Json<Report>, Problem> {
    Ok(Json(reports::get(&app, &caller.0, id).await?.into()))
}

/// Changes a report whose next generation is still ahead.
#[utoipa::path(put, path = "/reports/{report_id}", tag = "reports",
    params(("report_id" = String, Path, format = "uuid")),
    request_body = PutReport,
    responses(
        (status = 200, description = "The report after the change", body = Report),
        (status = 400, body = Envelope), (status = 401, body = Envelope),
        (status = 403, body = Envelope), (status = 404, body = Envelope), (status = 409, body = Envelope),
        (status = 415, body = Envelope),
    ))]
async fn put(
    caller: Can<ReportChanger>,
    State(app): State<App>,
    PathId(id): PathId<ReportId>,
    body: Unread,
) -> Result<Json<Report>, Problem> {
    reports::check_writable(&app, &caller.0, id).await?;
    let change = body.decode::<PutReport>()?.into();
    Ok(Json(reports::change(&app, &caller.0, id, &change).await?.into()))
}

/// Deletes a report with all its files and cancels a run under way.
#[utoipa::path(delete, path = "/reports/{report_id}", tag = "reports",
    params(("report_id" = String, Path, format = "uuid"), ("version" = i64, Query)),
    responses(
        (status = 204, description = "Deleted"),
        (status = 400, body = Envelope), (status = 401, body = Envelope),
        (status = 403, body = Envelope), (status = 404, body = Envelope), (status = 409, body = Envelope),
    ))]
async fn delete(
    caller: Can<ReportWriter>,
    State(app): State<App>,
    PathId(id): PathId<ReportId>,
    params: Params,
) -> Result<StatusCode, Problem> {
    reports::delete(&app, &caller.0, id, params.version()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The reports whose subject is exactly this tenant, oldest first.
#[utoipa::path(get, path = "/tenants/{tenant_id}/reports", tag = "reports",
    params(("tenant_id" = String, Path, format = "uuid")),
    responses(
        (status = 200, description = "Ids of reports", body = Items<Id>),
        (status = 401, body = Envelope), (status = 403, body = Envelope),
        (status = 404, body = Envelope),
    ))]
async fn of_tenant(
    caller: Can<ReportReader>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
) -> Result<Json<Items<Id>>, Problem> {
    let ids = reports::of_tenant(&app, &caller.0, tenant).await?;
    Ok(Json(Items { items: ids.into_iter().map(Id).collect() }))
}
