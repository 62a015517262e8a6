//! Services (accounts-api, 1.11).

use app::{App, Error};
use axum::extract::State;
use domain::ids::ApplicationId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Anyone, Can};
use crate::json::Json;
use crate::params::PathId;
use crate::problem::{Envelope, Problem};
use crate::schema;
use crate::wire::Items;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
}

/// A service on the wire.
#[derive(Debug, Serialize, ToSchema)]
pub struct Application {
    /// The same in every installation.
    #[schema(value_type = String, format = "uuid")]
    pub id: ApplicationId,
    /// Its name for people.
    pub name: &'static str,
    /// Such as `backup`.
    #[serde(rename = "type")]
    #[schema(value_type = schema::Service)]
    pub service: &'static str,
    /// The usage names it knows.
    pub usages: Vec<&'static str>,
    /// Where its own API would be.
    pub api_base_url: &'static str,
}

/// A service of the catalogue on the wire.
pub fn application(known: &'static domain::catalogue::Application) -> Application {
    Application {
        id: known.id,
        name: known.name,
        service: known.service.as_str(),
        usages: known.usages.clone(),
        api_base_url: known.api_base_url,
    }
}

/// Every service.
#[utoipa::path(get, path = "/applications", tag = "applications", responses(
    (status = 200, description = "The services", body = Items<Application>),
    (status = 401, body = Envelope),
))]
async fn list(_: Can<Anyone>, State(app): State<App>) -> Json<Items<Application>> {
    Json(Items { items: app.catalogue().applications().iter().map(application).collect() })
}

/// One service.
#[utoipa::path(get, path = "/applications/{application_id}", tag = "applications",
    params(("application_id" = String, Path, format = "uuid")),
    responses(
        (status = 200, description = "The service", body = Application),
        (status = 401, body = Envelope),
        (status = 404, body = Envelope),
    ))]
async fn get(
    _: Can<Anyone>,
    State(app): State<App>,
    PathId(id): PathId<ApplicationId>,
) -> Result<Json<Application>, Problem> {
    let known = app.catalogue().application(id).ok_or(Error::NotFound { what: "application" })?;
    Ok(Json(application(known)))
}
