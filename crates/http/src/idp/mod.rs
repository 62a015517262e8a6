//! The OAuth 2 endpoints: tokens, keys, discovery.

mod discovery;
mod form;
mod refusal;
mod revocation;
mod token;

use app::App;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Every route behind `/api/2`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(discovery::configuration))
        .routes(routes!(discovery::keys))
        .routes(routes!(token::token))
        .routes(routes!(revocation::revoke))
        .routes(routes!(revocation::introspect))
}

/// The routes at the root of the host: discovery, where RFC 8414 and OpenID Connect look for it, and the alias of the
/// token endpoint.
pub fn host_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(discovery::configuration))
        .routes(routes!(discovery::metadata))
        .routes(routes!(token::token_alias))
}
