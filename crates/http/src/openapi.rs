//! The OpenAPI document, generated from the handlers.

use utoipa::OpenApi;

/// What stands above the paths.
#[derive(OpenApi)]
#[openapi(info(
    title = "Tidemark",
    description = "Usage metering and reporting for service providers. Wire-compatible with the Account Management API v2.",
    license(name = "Apache-2.0", identifier = "Apache-2.0")
))]
pub struct Document;
