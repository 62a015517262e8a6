//! What should have gone out and did not.

use app::deliveries::alerts::{self, Alert, Position};
use app::{App, cursor};
use axum::extract::State;
use axum::http::StatusCode;
use domain::delivery::AlertKind;
use domain::ids::{AlertId, ReportId, RunId, TenantId, UserId};
use domain::time::Instant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Can, ReportReader, ReportWriter};
use crate::json::{Body, Json};
use crate::params::{Params, PathId};
use crate::problem::{Envelope, Problem};
use crate::schema;
use crate::wire::Zulu;

/// The routes behind `/api/tidemark/1`.
pub fn own_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get)).routes(routes!(acknowledge))
}

/// What is outstanding, what was due first before.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeliveryAlerts)]
struct AlertsBody {
    items: Vec<AlertBody>,
    /// What the next page is asked for with; null where this is the last one.
    after: Option<String>,
}

/// A report or mail that should have gone out and did not.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeliveryAlert, example = json!({"kind": "mail_bounced", "id": "8b1d0a53-51a1-4a29-9a5e-0c7b5c1c6c1f",
    "due_at": "2026-05-02T00:00:00Z", "tenant_id": "dbcacdd4-17f5-4678-8175-f6c35c23fb2d",
    "report_id": "d0f1a2b3-54c3-4b7c-8a55-3c1b3a0d8f10", "run_id": "1f0a9d5c-7d0f-4d2b-8d36-52a7f1b1c0aa",
    "recipient_id": "ca451758-b48a-45d9-9ae6-8f1059f67619", "why": "RCPT: 550 no such user here"}))]
pub struct AlertBody {
    #[schema(value_type = schema::DeliveryAlertKind)]
    kind: AlertKind,
    /// Of a mail the delivery's, of a run the run's, of a run that is missing the report's.
    #[schema(value_type = String, format = "uuid")]
    id: AlertId,
    due_at: Zulu,
    /// Whom the report is about.
    #[schema(value_type = String, format = "uuid")]
    tenant_id: TenantId,
    #[schema(value_type = String, format = "uuid")]
    report_id: ReportId,
    /// Null where nothing has begun to make it.
    #[schema(value_type = Option<String>, format = "uuid")]
    run_id: Option<RunId>,
    /// Null where nothing went to anybody.
    #[schema(value_type = Option<String>, format = "uuid")]
    recipient_id: Option<UserId>,
    /// As far as known, and as the caller may see it.
    why: Option<String>,
}

impl From<Alert> for AlertBody {
    fn from(alert: Alert) -> Self {
        Self {
            kind: alert.kind,
            id: alert.id,
            due_at: Zulu(alert.due_at),
            tenant_id: alert.subject,
            report_id: alert.report,
            run_id: alert.run,
            recipient_id: alert.user,
            why: alert.why,
        }
    }
}

/// Where a page ended: when that was due, and its id.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Cursor(i64, AlertId);

/// What should have gone out of the reports on a tenant and on all below it, and did not.
///
/// Reports that are overdue, whether or not anything has begun to make them; runs that failed, or all of whose recipients
/// were skipped; mails that are late, bounced or were given up. Until it has gone out, is sent again, or is acknowledged.
#[utoipa::path(get, path = "/tenants/{tenant_id}/delivery-alerts", tag = "deliveries",
    params(
        ("tenant_id" = String, Path, format = "uuid", example = "53b471e1-50dd-4557-ae6d-f687946821d4"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000, example = 100,
            description = "The most of a page; 100 where it is absent"),
        ("after" = Option<String>, Query, description = "The page behind the one that gave this"),
    ),
    responses(
        (status = 200, description = "A page", body = AlertsBody),
        (status = 400, body = Envelope), (status = 401, body = Envelope),
        (status = 403, body = Envelope), (status = 404, body = Envelope), (status = 415, body = Envelope),
    ))]
async fn get(
    caller: Can<ReportReader>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
    params: Params,
) -> Result<Json<AlertsBody>, Problem> {
    params.only(&["limit", "after"])?;
    let list = format!("delivery alerts of {tenant}");
    let after = params.get("after").filter(|text| !text.is_empty());
    let behind = after.map(|text| cursor::open::<Cursor>(&app, &caller.0, &list, text)).transpose()?;
    let behind = behind.map(|Cursor(at, id)| Position { due_at: Instant(at), id });
    let page = alerts::page(&app, &caller.0, tenant, behind, params.limit()?).await?;
    let after = page.next.map(|at| cursor::seal(&app, &caller.0, &list, &Cursor(at.due_at.0, at.id)));
    Ok(Json(AlertsBody {
        items: page.alerts.into_iter().map(AlertBody::from).collect(),
        after: after.transpose()?,
    }))
}

/// Why it is all right.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Acknowledgement, example = json!({"reason": "told them on the telephone"}))]
struct AcknowledgeBody {
    /// Kept in the audit log.
    #[serde(default)]
    reason: Option<String>,
}

impl Body for AcknowledgeBody {
    const MAY_BE_MISSING: bool = true;
}

/// Says that a failure is known: a run that failed or went to nobody, a mail that bounced or was given up.
///
/// It is outstanding no more; the audit log keeps who said so. What is only late cannot be acknowledged, as it ends by
/// itself: 409, as is the answer for what is not outstanding.
#[utoipa::path(post, path = "/delivery-alerts/{alert_id}/acknowledge", tag = "deliveries",
    params(("alert_id" = String, Path, format = "uuid", description = "The id of the alert: of a delivery or a run")),
    request_body = Option<AcknowledgeBody>,
    responses(
        (status = 204, description = "It is known"),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope),
        (status = 404, body = Envelope), (status = 409, body = Envelope), (status = 415, body = Envelope),
    ))]
async fn acknowledge(
    caller: Can<ReportWriter>,
    State(app): State<App>,
    PathId(id): PathId<AlertId>,
    Json(body): Json<AcknowledgeBody>,
) -> Result<StatusCode, Problem> {
    alerts::acknowledge(&app, &caller.0, id, body.reason.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}
