//! OTLP over HTTP, in protobuf (OpenTelemetry protocol 1.x), and W3C's traceparent.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use anyhow::Result;
use app::SPANS;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use opentelemetry::context::FutureExt as _;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use ureq::Agent;
use ureq::http;

use super::BoxedLayer;

/// How long the collector may take for a batch of spans.
const PATIENCE: Duration = Duration::from_secs(5);

/// What sends the spans. Dropped, it sends those that are left.
#[derive(Debug)]
pub struct Traces(Option<SdkTracerProvider>);

impl Drop for Traces {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.as_ref().map(|provider| provider.shutdown_with_timeout(PATIENCE)) {
            tracing::warn!(%error, "the last spans could not be sent");
        }
    }
}

/// Sends spans to this collector, from a thread of its own; `None`: to nobody.
pub fn begin(collector: Option<&str>) -> Result<(Traces, Option<BoxedLayer>)> {
    let Some(collector) = collector else { return Ok((Traces(None), None)) };
    let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
    let client = Collector(config.build().into());
    let exporter = SpanExporter::builder().with_http().with_http_client(client).with_endpoint(collector);
    let resource = Resource::builder().with_service_name("tidemark").build();
    let provider =
        SdkTracerProvider::builder().with_batch_exporter(exporter.build()?).with_resource(resource);
    let provider = provider.build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("tidemark"));
    let ours = Targets::new().with_target(SPANS, LevelFilter::TRACE);
    Ok((Traces(Some(provider)), Some(layer.with_filter(ours).boxed())))
}

/// The router, whose requests go on with the trace that they name.
pub fn taking_over(router: Router) -> Router {
    router.layer(middleware::from_fn(take_over))
}

async fn take_over(request: Request, next: Next) -> Response {
    let context = TraceContextPropagator::new().extract(&HeaderExtractor(request.headers()));
    next.run(request).with_context(context).await
}

/// The collector, by the HTTP client that is here anyway.
struct Collector(Agent);

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

type Sent<'s> = Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, HttpError>> + Send + 's>>;

impl HttpClient for Collector {
    // It is called on the exporter's own thread, which may wait.
    fn send_bytes<'s, 'sent>(&'s self, request: http::Request<Bytes>) -> Sent<'sent>
    where
        's: 'sent,
        Self: 'sent,
    {
        Box::pin(async move {
            let answer = self.0.run(request.map(|body| body.to_vec()))?;
            let (parts, mut body) = answer.into_parts();
            Ok(http::Response::from_parts(parts, body.read_to_vec()?.into()))
        })
    }
}
