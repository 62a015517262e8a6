//! `/api/2` and `/api/tidemark/1`: one module per noun, each with its routes.

use app::App;
use utoipa_axum::router::OpenApiRouter;

/// Every route behind `/api/2`, with its part of the OpenAPI document.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}
