//! The router with everything around the handlers: request ids, limits, time-outs, caught panics, compression.

use std::time::Duration;

use app::App;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Router, middleware};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

use crate::{api, idp, openapi, problem};

/// The largest body, after decompression (wire-conventions, 5.2).
const BODY_LIMIT_BYTES: usize = 16 * 1024 * 1024;
/// How long one request may take.
const TIME_LIMIT: Duration = Duration::from_mins(1);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The routes and the OpenAPI document.
pub fn documented() -> (Router<App>, utoipa::openapi::OpenApi) {
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .nest("/api/2", api::routes().merge(idp::routes()))
        .nest("/api/tidemark/1", api::own_routes())
        .merge(idp::host_routes())
        .split_for_parts()
}

/// The whole HTTP side.
pub fn router(app: App) -> Router {
    let (routes, _document) = documented();
    routes
        .route("/healthz", get(|| async { StatusCode::OK.into_response() }))
        .layer(
            ServiceBuilder::new()
                .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
                .layer(PropagateRequestIdLayer::new(REQUEST_ID))
                .layer(middleware::from_fn(problem::complete))
                .layer(CatchPanicLayer::new())
                .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, TIME_LIMIT))
                .layer(CompressionLayer::new())
                .layer(RequestDecompressionLayer::new())
                .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES)),
        )
        .with_state(app)
}
