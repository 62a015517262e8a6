//! The OpenAPI document, generated from the handlers.

use axum::http::StatusCode;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{Schema, SchemaType, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, OpenApi as OpenApiDocument, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi};

/// What stands above the paths.
#[derive(OpenApi)]
#[openapi(security(("bearer" = []), ("basic" = [])), modifiers(&Credentials), tags(
    (name = "reports", description = "Usage reports, their files and who gets them by mail."),
    (name = "nodes", description = "The processes that serve the installation."),
    (name = "deliveries", description = "Which mail went to whom, what did not arrive, and how it is sent again."),
    (name = "tenants", description = "The nodes of the partner channel: partners, folders, customers and units."),
    (name = "brands", description = "How tenants look to those below them."),
    (name = "users", description = "The people of a tenant."),
    (name = "access policies", description = "Which roles a user has, and on which tenants."),
    (name = "clients", description = "API clients: programs with credentials of their own."),
    (name = "applications", description = "The services that are metered."),
    (name = "offering items", description = "What a tenant may use of the services, and how much."),
    (name = "usages", description = "What tenants use now, and the readings that say so."),
    (name = "pricing", description = "Trial and production, currencies and prices."),
    (name = "billing", description = "Billing modes, periods and settings of services."),
    (name = "infra", description = "Locations and the storages in them."),
    (name = "changes", description = "The audit log: who changed what, when and why."),
    (name = "idp", description = "Tokens: getting, revoking and checking them."),
), info(
    title = "Tidemark",
    description = "Usage metering and reporting for service providers. Wire-compatible with the Account Management API v2.",
    license(name = "Apache-2.0", identifier = "Apache-2.0")
))]
pub struct Document;

/// How callers prove who they are (wire-conventions, section 4).
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut OpenApiDocument) {
        let components = document.components.get_or_insert_default();
        for (name, scheme) in [("bearer", HttpAuthScheme::Bearer), ("basic", HttpAuthScheme::Basic)] {
            components.add_security_scheme(name, SecurityScheme::Http(Http::new(scheme)));
        }
    }
}

/// Gives every operation an id of its own, from its method and path: `get_reports_report_id`. What the host has outside
/// `/api/2` too, is told from that by a word in front: `get_host_well_known_openid_configuration`.
pub fn name_operations(document: &mut OpenApiDocument) {
    for (path, item) in &mut document.paths.paths {
        let path = path.replace("/api/2/", "").replace("/.well-known/", "/host/well-known/");
        let path = path.replace(['/', '-', '.'], "_").replace(['{', '}'], "");
        for (method, operation) in operations(item) {
            operation.operation_id = Some(format!("{method}_{}", path.trim_start_matches('_')));
        }
    }
}

/// Adds what stands before every handler: 413 to what has a body, and 429 to what has a caller (wire-conventions, 5.2).
pub fn add_limits(document: &mut OpenApiDocument) {
    let envelope = || {
        let content = Content::new(Some(Ref::from_schema_name("Envelope")));
        RefOr::T(ResponseBuilder::new().content("application/json", content).build())
    };
    for (_, operation) in document.paths.paths.values_mut().flat_map(operations) {
        let is_public =
            operation.security.as_ref().is_some_and(|security| security.contains(&<_>::default()));
        let responses = &mut operation.responses.responses;
        if operation.request_body.is_some() {
            responses.entry("413".to_owned()).or_insert_with(envelope);
        }
        if !is_public {
            responses.entry("429".to_owned()).or_insert_with(envelope);
        }
    }
}

/// Says of a body that may be missing just that: of an `Option` utoipa makes one that may be null, too.
pub fn take_out_null_bodies(document: &mut OpenApiDocument) {
    let is_null = |schema: &RefOr<Schema>| match schema {
        RefOr::T(Schema::Object(object)) => object.schema_type == SchemaType::Type(Type::Null),
        _ => false,
    };
    let operations = document.paths.paths.values_mut().flat_map(operations);
    let bodies = operations.filter_map(|(_, operation)| match operation.request_body.as_mut() {
        Some(RefOr::T(body)) => Some(body),
        _ => None,
    });
    for content in bodies.flat_map(|body| body.content.values_mut()) {
        let RefOr::T(content) = content else { continue };
        let Some(RefOr::T(Schema::OneOf(choice))) = &content.schema else { continue };
        let mut kept = choice.items.iter().filter(|schema| !is_null(schema));
        if let (Some(only), None) = (kept.next(), kept.next()) {
            content.schema = Some(only.clone());
        }
    }
}

/// Describes every response that its handler does not, with the standard phrase of its status.
pub fn describe_responses(document: &mut OpenApiDocument) {
    for item in document.paths.paths.values_mut() {
        let responses = operations(item).flat_map(|(_, operation)| &mut operation.responses.responses);
        for (status, response) in responses {
            let phrase = status.parse().ok().and_then(|status: StatusCode| status.canonical_reason());
            if let (RefOr::T(response), Some(phrase)) = (response, phrase)
                && response.description.is_empty()
            {
                phrase.clone_into(&mut response.description);
            }
        }
    }
}

/// The operations of a path by their methods, as far as Tidemark uses these.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let by_method = [
        ("get", &mut item.get),
        ("put", &mut item.put),
        ("post", &mut item.post),
        ("delete", &mut item.delete),
    ];
    by_method.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}
