//! The OAuth 2 endpoints: tokens, keys, discovery.

use app::App;
use utoipa_axum::router::OpenApiRouter;

/// Every route behind `/api/2/idp`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}

/// The routes at the host root: discovery, and the older address of the token endpoint.
pub fn root_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}
