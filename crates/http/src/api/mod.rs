//! `/api/2` and `/api/tidemark/1`: one module per noun, each with its routes.

pub mod access_policies;
pub mod activations;
pub mod applications;
pub mod billing;
pub mod bindings;
pub mod brands;
pub mod changes;
pub mod clients;
pub mod completeness;
pub mod contact;
pub mod deliveries;
pub mod delivery_alerts;
pub mod email_changes;
pub mod history;
pub mod infra;
pub mod lists;
pub mod mfa;
pub mod nodes;
pub mod offering_items;
pub mod passwords;
pub mod pricing;
pub mod readings;
pub mod report_links;
pub mod reports;
pub mod search;
pub mod subscriptions;
pub mod tenants;
pub mod totp;
pub mod usages;
pub mod users;
pub mod versions;

use app::App;
use utoipa_axum::router::OpenApiRouter;

/// Every route behind `/api/2`, with its part of the OpenAPI document.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(access_policies::routes())
        .merge(activations::routes())
        .merge(applications::routes())
        .merge(billing::routes())
        .merge(bindings::routes())
        .merge(brands::routes())
        .merge(clients::routes())
        .merge(infra::routes())
        .merge(lists::routes())
        .merge(mfa::routes())
        .merge(offering_items::routes())
        .merge(passwords::routes())
        .merge(pricing::routes())
        .merge(reports::routes())
        .merge(search::routes())
        .merge(subscriptions::routes())
        .merge(tenants::routes())
        .merge(usages::routes())
        .merge(users::routes())
        .merge(versions::routes())
}

/// Every route behind `/api/tidemark/1`: what Tidemark has beyond the compatible API.
pub fn own_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(activations::own_routes())
        .merge(billing::own_routes())
        .merge(changes::own_routes())
        .merge(completeness::own_routes())
        .merge(deliveries::own_routes())
        .merge(delivery_alerts::own_routes())
        .merge(email_changes::own_routes())
        .merge(history::own_routes())
        .merge(report_links::own_routes())
        .merge(nodes::own_routes())
        .merge(reports::own_routes())
        .merge(totp::own_routes())
}
