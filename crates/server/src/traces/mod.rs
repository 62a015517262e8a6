//! Traces of requests and jobs, for an OpenTelemetry collector; with the feature `otlp` alone.

#[cfg(not(feature = "otlp"))]
mod off;
#[cfg(feature = "otlp")]
mod otlp;

use tracing_subscriber::{Layer, Registry};

#[cfg(not(feature = "otlp"))]
pub use off::{Traces, begin, taking_over};
#[cfg(feature = "otlp")]
pub use otlp::{Traces, begin, taking_over};

/// One of those that are told of spans and events.
pub type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;
