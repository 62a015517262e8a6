//! Report subscriptions (accounts-api, 2.8).

use app::App;
use app::reports::subscriptions;
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::{ReportId, UserId};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::reports::{Id, Report};
use crate::caller::{AnyToken, Can};
use crate::json::{Body, Json};
use crate::params::{PathId, PathIds};
use crate::problem::{Envelope, Problem};
use crate::wire::Items;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, post)).routes(routes!(delete))
}

/// Which report to join.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostSubscription {
    #[schema(value_type = String, format = "uuid")]
    report_id: ReportId,
}

impl Body for PostSubscription {}

/// The reports that list the user as a recipient.
#[utoipa::path(get, path = "/users/{user_id}/report-subscriptions", tag = "reports",
    params(("user_id" = String, Path, format = "uuid")),
    responses(
        (status = 200, description = "Ids of reports", body = Items<Id>),
        (status = 401, body = Envelope), (status = 403, body = Envelope), (status = 404, body = Envelope),
    ))]
async fn list(
    caller: Can<AnyToken>,
    State(app): State<App>,
    PathId(user): PathId<UserId>,
) -> Result<Json<Items<Id>>, Problem> {
    let ids = subscriptions::list(&app, &caller.0, user).await?;
    Ok(Json(Items { items: ids.into_iter().map(Id).collect() }))
}

/// Adds the user to the recipients of a report.
#[utoipa::path(post, path = "/users/{user_id}/report-subscriptions", tag = "reports",
    params(("user_id" = String, Path, format = "uuid")),
    request_body = PostSubscription,
    responses(
        (status = 201, description = "The report after the change", body = Report),
        (status = 400, body = Envelope), (status = 401, body = Envelope),
        (status = 403, body = Envelope), (status = 404, body = Envelope), (status = 415, body = Envelope),
    ))]
async fn post(
    caller: Can<AnyToken>,
    State(app): State<App>,
    PathId(user): PathId<UserId>,
    Json(body): Json<PostSubscription>,
) -> Result<(StatusCode, Json<Report>), Problem> {
    let shown = subscriptions::add(&app, &caller.0, user, body.report_id).await?;
    Ok((StatusCode::CREATED, Json(shown.into())))
}

/// Takes the user off the recipients of a report.
#[utoipa::path(delete, path = "/users/{user_id}/report-subscriptions/{report_id}", tag = "reports",
    params(("user_id" = String, Path, format = "uuid"), ("report_id" = String, Path, format = "uuid")),
    responses(
        (status = 204, description = "Taken off"),
        (status = 400, body = Envelope), (status = 401, body = Envelope),
        (status = 403, body = Envelope), (status = 404, body = Envelope),
    ))]
async fn delete(
    caller: Can<AnyToken>,
    State(app): State<App>,
    PathIds(user, report): PathIds<UserId, ReportId>,
) -> Result<StatusCode, Problem> {
    subscriptions::remove(&app, &caller.0, user, report).await?;
    Ok(StatusCode::NO_CONTENT)
}
