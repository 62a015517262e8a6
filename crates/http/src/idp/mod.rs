//! The OAuth 2 endpoints: tokens, keys, discovery; signing in through a browser, on a device and once.

mod authorize;
mod browser;
mod device;
mod device_page;
mod discovery;
mod form;
mod login;
mod one_time;
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
        .routes(routes!(authorize::authorize))
        .routes(routes!(device::authorize))
        .routes(routes!(device::look, device::approve))
        .routes(routes!(one_time::create))
        .routes(routes!(one_time::login))
        .routes(routes!(one_time::external_login))
        .routes(routes!(login::sign_out))
}

/// The routes at the root of the host: discovery, where RFC 8414 and OpenID Connect look for it, the alias of the token
/// endpoint, and the pages that people sign in and connect devices on.
pub fn host_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(discovery::configuration))
        .routes(routes!(discovery::metadata))
        .routes(routes!(token::token_alias))
        .routes(routes!(login::form, login::sign_in))
        .routes(routes!(device_page::form, device_page::decide))
}
