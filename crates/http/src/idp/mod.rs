//! The OAuth 2 endpoints: tokens, keys, discovery.

use app::App;
use utoipa_axum::router::OpenApiRouter;

/// Every route behind `/api/2/idp`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}
