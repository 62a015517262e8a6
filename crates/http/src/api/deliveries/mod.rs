//! The delivery ledger: which mail went to whom, what became of it, and how it is sent again.

mod cursor;
mod wire;

use app::deliveries::{self, Asked, Page};
use app::{App, Caller, Error};
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::{DeliveryId, ReportId, TenantId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use cursor::{Cursor, PARAMETERS};
pub use wire::DeliveryBody;
use wire::{DeliveriesBody, ResendFailedBody, ResentBody};

use crate::caller::{Can, ReportReader, ReportWriter};
use crate::json::Json;
use crate::params::{Params, PathId};
use crate::problem::{Envelope, Problem};
use crate::schema;
use crate::wire::Nothing;

/// The routes behind `/api/tidemark/1`.
pub fn own_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(below))
        .routes(routes!(of_report))
        .routes(routes!(get))
        .routes(routes!(resend))
        .routes(routes!(resend_failed))
}

/// The deliveries of the reports on a tenant and on all below it.
///
/// Newest first, a page at a time. A page may have fewer deliveries than `limit`, and none, though more follow: `after` says
/// so. Of a tenant that hides its inside those of reports of level `itself` are shown.
#[utoipa::path(get, path = "/tenants/{tenant_id}/deliveries", tag = "deliveries",
    params(
        ("tenant_id" = String, Path, format = "uuid", example = "53b471e1-50dd-4557-ae6d-f687946821d4"),
        ("state" = Option<Vec<schema::DeliveryState>>, Query, style = Form, explode = false,
            description = "In one of these states", example = json!(["bounced", "gave_up"])),
        ("report_id" = Option<String>, Query, format = "uuid", description = "Of one report"),
        ("run_id" = Option<String>, Query, format = "uuid", description = "Of one execution of a report"),
        ("recipient_id" = Option<String>, Query, format = "uuid", description = "To one user"),
        ("address" = Option<String>, Query, description = "To one address, in any case",
            example = "ann@harbour.example"),
        ("month" = Option<String>, Query, description = "Of reports on days of this month", example = "2026-04"),
        ("from" = Option<String>, Query, example = "2026-05-01",
            description = "Made at this moment or day or later, UTC"),
        ("to" = Option<String>, Query, example = "2026-05-09T08:30:00Z",
            description = "Made before this moment, or up to the end of this day, UTC"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000, example = 100,
            description = "The most deliveries of a page; 100 where it is absent"),
        ("after" = Option<String>, Query,
            description = "The page behind the one that gave this; it stands for all the others but `limit`"),
    ),
    responses(
        (status = 200, description = "A page", body = DeliveriesBody),
        (status = 400, body = Envelope), (status = 401, body = Envelope),
        (status = 403, body = Envelope), (status = 404, body = Envelope), (status = 415, body = Envelope),
    ))]
async fn below(
    caller: Can<ReportReader>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
    params: Params,
) -> Result<Json<DeliveriesBody>, Problem> {
    let (list, caller) = (format!("deliveries of {tenant}"), &caller.0);
    let (cursor, asked, behind) = begin(&app, caller, &list, &params, &["report_id"])?;
    let page = deliveries::page(&app, caller, tenant, &asked, behind, params.limit()?).await?;
    answer(&app, caller, &list, cursor, page)
}

/// The deliveries of a report.
///
/// Newest first, a page at a time, as those of a tenant.
#[utoipa::path(get, path = "/reports/{report_id}/deliveries", tag = "deliveries",
    params(
        ("report_id" = String, Path, format = "uuid"),
        ("state" = Option<Vec<schema::DeliveryState>>, Query, style = Form, explode = false,
            description = "In one of these states", example = json!(["bounced", "gave_up"])),
        ("run_id" = Option<String>, Query, format = "uuid", description = "Of one execution of the report"),
        ("recipient_id" = Option<String>, Query, format = "uuid", description = "To one user"),
        ("address" = Option<String>, Query, description = "To one address, in any case",
            example = "ann@harbour.example"),
        ("month" = Option<String>, Query, description = "Of days of this month", example = "2026-04"),
        ("from" = Option<String>, Query, example = "2026-05-01",
            description = "Made at this moment or day or later, UTC"),
        ("to" = Option<String>, Query, example = "2026-05-09T08:30:00Z",
            description = "Made before this moment, or up to the end of this day, UTC"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000, example = 100,
            description = "The most deliveries of a page; 100 where it is absent"),
        ("after" = Option<String>, Query,
            description = "The page behind the one that gave this; it stands for all the others but `limit`"),
    ),
    responses(
        (status = 200, description = "A page", body = DeliveriesBody),
        (status = 400, body = Envelope), (status = 401, body = Envelope),
        (status = 403, body = Envelope), (status = 404, body = Envelope), (status = 415, body = Envelope),
    ))]
async fn of_report(
    caller: Can<ReportReader>,
    State(app): State<App>,
    PathId(report): PathId<ReportId>,
    params: Params,
) -> Result<Json<DeliveriesBody>, Problem> {
    let (list, caller) = (format!("deliveries of report {report}"), &caller.0);
    let (cursor, asked, behind) = begin(&app, caller, &list, &params, &[])?;
    let page = deliveries::page_of_report(&app, caller, report, &asked, behind, params.limit()?).await?;
    answer(&app, caller, &list, cursor, page)
}

type Place = (Cursor, Asked, Option<deliveries::Position>);

fn begin(app: &App, caller: &Caller, list: &str, params: &Params, more: &[&str]) -> Result<Place, Error> {
    let cursor = if let Some(text) = params.get("after").filter(|text| !text.is_empty()) {
        params.only(&["after", "limit"])?;
        Cursor::open(app, caller, list, text)?
    } else {
        params.only(&[PARAMETERS.as_slice(), more].concat())?;
        Cursor::begin(params)?
    };
    let (asked, behind) = cursor.place();
    Ok((cursor, asked, behind))
}

fn answer(
    app: &App,
    caller: &Caller,
    list: &str,
    cursor: Cursor,
    page: Page,
) -> Result<Json<DeliveriesBody>, Problem> {
    Ok(Json(DeliveriesBody {
        items: page.deliveries.into_iter().map(DeliveryBody::from).collect(),
        after: page.next.map(|next| cursor.behind(next).seal(app, caller, list)).transpose()?,
    }))
}

/// One delivery.
#[utoipa::path(get, path = "/deliveries/{delivery_id}", tag = "deliveries",
    params(("delivery_id" = String, Path, format = "uuid")),
    responses(
        (status = 200, description = "The delivery", body = DeliveryBody),
        (status = 401, body = Envelope), (status = 403, body = Envelope), (status = 404, body = Envelope),
        (status = 415, body = Envelope),
    ))]
async fn get(
    caller: Can<ReportReader>,
    State(app): State<App>,
    PathId(id): PathId<DeliveryId>,
) -> Result<Json<DeliveryBody>, Problem> {
    Ok(Json(deliveries::get(&app, &caller.0, id).await?.into()))
}

/// Sends a mail again: the stored files as they are, to the recipient as it is now, under a Message-ID of its own.
///
/// Only the newest delivery of a recipient and run can be sent again, and only once it has ended; else the answer is 409, so
/// that a double click sends one mail. A recipient who left, is disabled or out of reach is `skipped`.
#[utoipa::path(post, path = "/deliveries/{delivery_id}/resend", tag = "deliveries",
    params(("delivery_id" = String, Path, format = "uuid")),
    request_body = Option<Nothing>,
    responses(
        (status = 201, description = "The new delivery", body = DeliveryBody),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope),
        (status = 404, body = Envelope), (status = 409, body = Envelope), (status = 415, body = Envelope),
    ))]
async fn resend(
    caller: Can<ReportWriter>,
    State(app): State<App>,
    PathId(id): PathId<DeliveryId>,
    Json(Nothing {}): Json<Nothing>,
) -> Result<(StatusCode, Json<DeliveryBody>), Problem> {
    let new = deliveries::resend(&app, &caller.0, id).await?;
    Ok((StatusCode::CREATED, Json(new.into())))
}

/// Sends again what did not arrive of a report: the newest delivery of each recipient and run that bounced or was given up.
///
/// Up to 200 at a time, the newest first; `more` says whether others are left. Asked twice, it finds nothing left to send.
#[utoipa::path(post, path = "/reports/{report_id}/deliveries/resend", tag = "deliveries",
    params(("report_id" = String, Path, format = "uuid")),
    request_body = Option<ResendFailedBody>,
    responses(
        (status = 201, description = "The new deliveries", body = ResentBody),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope),
        (status = 404, body = Envelope), (status = 415, body = Envelope),
    ))]
async fn resend_failed(
    caller: Can<ReportWriter>,
    State(app): State<App>,
    PathId(report): PathId<ReportId>,
    Json(body): Json<ResendFailedBody>,
) -> Result<(StatusCode, Json<ResentBody>), Problem> {
    let asked = Asked { run: body.run_id, states: body.states, ..Asked::default() };
    let resent = deliveries::resend_failed(&app, &caller.0, report, &asked).await?;
    let items = resent.deliveries.into_iter().map(DeliveryBody::from).collect();
    Ok((StatusCode::CREATED, Json(ResentBody { items, more: resent.is_more })))
}
