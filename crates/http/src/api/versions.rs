//! What this server is, and which editions it knows (accounts-api, 2.6).

use domain::catalogue::Edition;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Anyone, Can};
use crate::json::Json;
use crate::problem::Envelope;
use crate::schema;
use crate::wire::Items;

/// The version of the compatible API's platform: known readers refuse a major one below 8.
const PLATFORM_VERSION: &str = "8.0.0";

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<app::App> {
    OpenApiRouter::new().routes(routes!(versions)).routes(routes!(editions))
}

/// The versions of a server.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "application": {"name": "tidemark", "edition": "cloud", "version": "8.0.0"},
    "components": [{"name": "tidemark", "version": "0.1.0"}]}))]
struct Versions {
    application: PlatformVersion,
    components: Vec<ComponentVersion>,
}

/// The platform that the API is compatible with.
#[derive(Debug, Serialize, ToSchema)]
struct PlatformVersion {
    name: &'static str,
    edition: &'static str,
    version: &'static str,
}

/// A part of the server.
#[derive(Debug, Serialize, ToSchema)]
struct ComponentVersion {
    name: &'static str,
    version: &'static str,
}

/// The versions of this server.
#[utoipa::path(get, path = "/versions", tag = "applications", security(()),
    responses((status = 200, description = "The versions", body = Versions)))]
async fn versions() -> Json<Versions> {
    let name = "tidemark";
    Json(Versions {
        application: PlatformVersion { name, edition: "cloud", version: PLATFORM_VERSION },
        components: vec![ComponentVersion { name, version: env!("CARGO_PKG_VERSION") }],
    })
}

/// Every edition, also those whose items are sold no longer.
#[utoipa::path(get, path = "/editions", tag = "applications", responses(
    (status = 200, description = "The editions", body = Items<schema::Edition>),
    (status = 401, body = Envelope),
))]
async fn editions(_: Can<Anyone>) -> Json<Items<&'static str>> {
    Json(Items { items: Edition::ALL.iter().map(|edition| edition.as_str()).collect() })
}
