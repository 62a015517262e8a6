//! The router with everything around the handlers: request ids, limits, time-outs, caught panics, compression.

use std::time::Duration;

use app::App;
use axum::Router;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, Version, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use futures_util::{StreamExt as _, stream};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate as _};
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;
use tracing::{Instrument as _, field};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

use crate::{api, headers, idp, lenient, openapi, origin, problem};

/// The largest body, after decompression (wire-conventions, 5.2).
const BODY_LIMIT_BYTES: usize = 16 * 1024 * 1024;
/// Bodies up to this are taken off the connection before anything is decided.
const SMALL_BODY_BYTES: usize = 64 * 1024;
/// How long one request may take to be answered.
const TIME_LIMIT: Duration = Duration::from_mins(1);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Where the documentation's pages lie; its own addresses end in a slash.
pub(crate) const DOCS: &str = "/api/2/docs";

/// The routes by how their bodies come.
pub struct Routes {
    /// Those that take a body of bounded size as a whole, within a bounded time.
    pub whole: Router<App>,
    /// Those that read it while it comes, and have limits of their own.
    pub streamed: Router<App>,
}

/// The routes and the OpenAPI document.
pub fn documented() -> (Routes, utoipa::openapi::OpenApi) {
    let (whole, mut document) = OpenApiRouter::with_openapi(openapi::Document::openapi())
        .nest("/api/2", api::routes().merge(idp::routes()))
        .nest("/api/1", api::passwords::older_routes())
        .nest("/api/tidemark/1", api::own_routes())
        .merge(idp::host_routes())
        .split_for_parts();
    let (streamed, further) =
        OpenApiRouter::new().nest("/api/tidemark/1", api::readings::routes()).split_for_parts();
    document.merge(further);
    openapi::name_operations(&mut document);
    openapi::add_limits(&mut document);
    openapi::take_out_null_bodies(&mut document);
    openapi::describe_responses(&mut document);
    (Routes { whole, streamed }, document)
}

/// Marks an answer that is sent as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incompressible;

fn may_be_compressed(_: StatusCode, _: Version, _: &HeaderMap, extensions: &Extensions) -> bool {
    extensions.get::<Incompressible>().is_none()
}

/// The whole HTTP side.
pub fn router(app: App) -> Router {
    router_with(app, Router::new())
}

/// The whole HTTP side, with routes of the process itself beside the API.
#[expect(
    clippy::disallowed_methods,
    reason = "whether the process is up is asked beside the API, by anybody"
)]
pub fn router_with(app: App, further: Router<App>) -> Router {
    let (Routes { whole, streamed }, document) = documented();
    let whole = whole
        .route("/healthz", get(|| async { StatusCode::OK }))
        .route("/readyz", get(ready))
        .merge(further)
        .merge(SwaggerUi::new(DOCS).url("/api/2/openapi.json", document));
    around(Routes { whole, streamed }, app)
}

/// These routes with everything that stands around handlers.
pub fn around(Routes { whole, streamed }: Routes, app: App) -> Router {
    let whole = whole.layer(
        ServiceBuilder::new()
            .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, TIME_LIMIT))
            .layer(middleware::from_fn(take_small_body))
            .layer(middleware::map_request(lenient::forget_nothing))
            .layer(middleware::map_request(lenient::name_codings))
            .layer(CompressionLayer::new().compress_when(DefaultPredicate::new().and(may_be_compressed)))
            .layer(RequestDecompressionLayer::new())
            .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES)),
    );
    let streamed = streamed.layer(
        ServiceBuilder::new()
            .layer(middleware::from_fn(take_small_body))
            .layer(middleware::map_request(lenient::name_codings)),
    );
    let routes = whole
        .merge(streamed)
        .layer(
            ServiceBuilder::new()
                .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
                .layer(PropagateRequestIdLayer::new(REQUEST_ID))
                .layer(middleware::from_fn_with_state(app.clone(), part))
                .layer(middleware::from_fn_with_state(app.clone(), observe))
                .layer(middleware::map_request_with_state(app.clone(), origin::see_through_proxies))
                .layer(middleware::from_fn(problem::complete))
                .layer(CatchPanicLayer::new()),
        )
        .with_state(app.clone());
    // A layer of a router runs after its routing, so that the one that changes paths stands around another router.
    let routes = Router::new().fallback_service(routes);
    headers::on_all(routes.layer(middleware::map_request(without_trailing_slash)), app)
}

/// `/tenants/{id}/` is the same route as `/tenants/{id}`, with or without a query (wire-conventions, section 1).
async fn without_trailing_slash(mut request: Request) -> Request {
    let path = request.uri().path();
    if path.len() < 2 || !path.ends_with('/') || path.starts_with(DOCS) {
        return request;
    }
    let path = path.trim_end_matches('/');
    let path = if path.is_empty() { "/" } else { path };
    let target = request.uri().query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = request.uri().clone().into_parts();
    if let Ok(target) = target.parse() {
        parts.path_and_query = Some(target);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

/// A request that is refused before its body was read leaves the connection in the middle of it, and it has to be closed:
/// the client's next request on it would fail. So a small body is taken whole, whatever becomes of the request; of one that
/// does not say its length, the beginning.
async fn take_small_body(request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length: Option<usize> = length.and_then(|length| length.to_str().ok()?.parse().ok());
    if request.body().is_end_stream() || length.is_some_and(|length| length > SMALL_BODY_BYTES) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let (mut rest, mut taken, mut bytes) = (body.into_data_stream(), Vec::new(), 0);
    let taking = async {
        while bytes < SMALL_BODY_BYTES {
            let Some(piece) = rest.next().await else { break };
            bytes += piece.as_ref().map_or(SMALL_BODY_BYTES, Bytes::len);
            taken.push(piece);
        }
    };
    // What comes more slowly, or not at all, is for the handler to wait for.
    let waited = tokio::time::timeout(TIME_LIMIT, taking).await;
    let is_empty = waited.is_ok() && taken.is_empty();
    let body = if is_empty { Body::empty() } else { Body::from_stream(stream::iter(taken).chain(rest)) };
    next.run(Request::from_parts(parts, body)).await
}

/// Whether to send requests here: the process stays, the database is there and the first setup is done.
async fn ready(State(app): State<App>) -> StatusCode {
    if app.leaving.is_cancelled() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let Ok(mut conn) = app.read().await else { return StatusCode::SERVICE_UNAVAILABLE };
    match app::setup::is_done(&mut conn).await {
        Ok(true) => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// A process that is going to stop takes leave of its clients with each answer: their next request is on another
/// connection, which leads to another process, rather than on one that is closed as it is sent.
async fn part(State(app): State<App>, request: Request, next: Next) -> Response {
    // HTTP/2 has no such header: there the connection itself says goodbye.
    let may_say = request.version() <= Version::HTTP_11;
    let mut response = next.run(request).await;
    if may_say && app.leaving.is_cancelled() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Counts and logs each request by its route's template: queries may hold tokens and are never logged.
async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let method = request.method().as_str().to_owned();
    let id = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or("").to_owned();
    let begun = app.clock.now();
    let span = tracing::trace_span!(
        target: app::SPANS, "request", otel.name = %format_args!("{method} {route}"), otel.kind = "server",
        http.request.method = method, http.route = route, http.response.status_code = field::Empty,
    );
    let response = next.run(request).instrument(span.clone()).await;
    let took = begun.until(app.clock.now());
    let status = response.status().as_u16();
    span.record("http.response.status_code", status);
    tracing::info!(request_id = id, method, route, status, millis = took.as_millis(), "answered");
    let labels = [("method", method), ("route", route), ("status", status.to_string())];
    metrics::counter!("tidemark_http_requests_total", &labels).increment(1);
    metrics::histogram!("tidemark_http_request_seconds", &labels).record(took.as_secs_f64());
    response
}
