//! Without the feature there are none.

use anyhow::Result;
use axum::Router;

use super::BoxedLayer;

/// Nothing that would have to be sent.
#[derive(Debug)]
pub struct Traces;

/// No collector can be set: the settings refuse one.
#[expect(clippy::unnecessary_wraps, reason = "as where traces are sent")]
pub const fn begin(_collector: Option<&str>) -> Result<(Traces, Option<BoxedLayer>)> {
    Ok((Traces, None))
}

/// The router as it is.
pub const fn taking_over(router: Router) -> Router {
    router
}
