//! What every answer tells browsers and caches, whoever made it.

use app::App;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;

use crate::serve::DOCS;

/// A year: what has once been asked for over https is not asked for over http any more (RFC 6797).
const STRICT_TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// What is no page shows nothing, runs nothing, and is not framed, also where a browser is led to it.
const NO_PAGE: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The documentation runs the scripts that it brings; its style sheets come with them, some as attributes.
const DOCUMENTATION: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// These routes, with the headers on all that they answer.
pub fn on_all(routes: Router, app: App) -> Router {
    routes.layer(middleware::from_fn_with_state(app, complete))
}

/// Sets each header that a handler has not set itself.
async fn complete(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_documentation = request.uri().path().starts_with(DOCS);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: HeaderValue| {
        headers.entry(name).or_insert(value);
    };
    set(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    set(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    set(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if is_documentation {
        set(header::CONTENT_SECURITY_POLICY, DOCUMENTATION);
    } else {
        set(header::CONTENT_SECURITY_POLICY, NO_PAGE);
        // Nearly all of it is somebody's figures, name or token; what may be kept says so itself.
        set(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if app.settings.is_https() {
        set(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT);
    }
    response
}
