//! `/api/2` and `/api/tidemark/1`: one module per noun, each with its routes.

pub mod access_policies;
pub mod applications;
pub mod billing;
pub mod brands;
pub mod clients;
pub mod completeness;
pub mod contact;
pub mod email_changes;
pub mod history;
pub mod infra;
pub mod lists;
pub mod offering_items;
pub mod pricing;
pub mod readings;
pub mod reports;
pub mod search;
pub mod subscriptions;
pub mod tenants;
pub mod usages;
pub mod users;

use app::App;
use utoipa_axum::router::OpenApiRouter;

/// Every route behind `/api/2`, with its part of the OpenAPI document.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(access_policies::routes())
        .merge(applications::routes())
        .merge(billing::routes())
        .merge(brands::routes())
        .merge(clients::routes())
        .merge(infra::routes())
        .merge(lists::routes())
        .merge(offering_items::routes())
        .merge(pricing::routes())
        .merge(reports::routes())
        .merge(search::routes())
        .merge(subscriptions::routes())
        .merge(tenants::routes())
        .merge(usages::routes())
        .merge(users::routes())
}

/// Every route behind `/api/tidemark/1`: what Tidemark has beyond the compatible API.
pub fn own_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(billing::own_routes())
        .merge(completeness::own_routes())
        .merge(email_changes::own_routes())
        .merge(history::own_routes())
        .merge(reports::own_routes())
}
