//! The OpenAPI document, generated from the handlers.

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

/// What stands above the paths.
#[derive(OpenApi)]
#[openapi(security(("bearer" = []), ("basic" = [])), modifiers(&Credentials), info(
    title = "Tidemark",
    description = "Usage metering and reporting for service providers. Wire-compatible with the Account Management API v2.",
    license(name = "Apache-2.0", identifier = "Apache-2.0")
))]
pub struct Document;

/// How callers prove who they are (wire-conventions, section 4).
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        for (name, scheme) in [("bearer", HttpAuthScheme::Bearer), ("basic", HttpAuthScheme::Basic)] {
            components.add_security_scheme(name, SecurityScheme::Http(Http::new(scheme)));
        }
    }
}

/// Gives every operation an id of its own, from its method and path: `get_reports_report_id`.
pub fn name_operations(document: &mut utoipa::openapi::OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let path = path.trim_start_matches("/api/2/").replace(['/', '-', '.'], "_").replace(['{', '}'], "");
        let operations = [
            ("get", &mut item.get),
            ("put", &mut item.put),
            ("post", &mut item.post),
            ("delete", &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                operation.operation_id = Some(format!("{method}_{}", path.trim_start_matches('_')));
            }
        }
    }
}
