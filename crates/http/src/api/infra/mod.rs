//! Locations and storages (accounts-api, 2.4).

mod locations;
mod storages;
pub mod wire;

use app::App;
use utoipa_axum::router::OpenApiRouter;

/// The routes of these nouns.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(locations::routes()).merge(storages::routes())
}
