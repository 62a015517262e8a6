//! Billing settings (accounts-api, 2.7).

mod settings;
pub mod wire;

use app::App;
use app::billing::{self, PeriodChange};
use axum::extract::State;
use domain::ids::TenantId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Can, TenantAdmin, TenantViewer};
use crate::json::Json;
use crate::params::PathId;
use crate::problem::{Envelope, Problem};
use crate::wire::Items;
use wire::{Billing, BillingPeriod, ItemPeriod, PutBilling, PutBillingPeriod, PutPeriods, period};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get, put))
        .routes(routes!(get_periods, put_periods))
        .merge(settings::routes())
}

/// The routes behind `/api/tidemark/1`.
pub fn own_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(put_billing_period))
}

/// A tenant's billing settings: stored, without effect.
#[utoipa::path(get, path = "/billing/tenants/{tenant_id}", tag = "billing",
    params(("tenant_id" = String, Path, format = "uuid")),
    responses(
        (status = 200, description = "The settings", body = Billing),
        (status = 401, body = Envelope), (status = 403, body = Envelope), (status = 404, body = Envelope),
    ))]
async fn get(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
) -> Result<Json<Billing>, Problem> {
    Ok(Json(billing::get(&app, &caller.0, tenant).await?.into()))
}

/// Changes a tenant's billing settings.
#[utoipa::path(put, path = "/billing/tenants/{tenant_id}", tag = "billing",
    params(("tenant_id" = String, Path, format = "uuid")),
    request_body = PutBilling,
    responses(
        (status = 200, description = "The settings after the change", body = Billing),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope),
        (status = 404, body = Envelope), (status = 409, body = Envelope), (status = 415, body = Envelope),
    ))]
async fn put(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
    Json(body): Json<PutBilling>,
) -> Result<Json<Billing>, Problem> {
    Ok(Json(billing::update(&app, &caller.0, tenant, body.into()).await?.into()))
}

/// The current billing periods of a tenant's items.
#[utoipa::path(get, path = "/billing/tenants/{tenant_id}/periods", tag = "billing",
    params(("tenant_id" = String, Path, format = "uuid")),
    responses(
        (status = 200, description = "The billing periods", body = Items<ItemPeriod>),
        (status = 401, body = Envelope), (status = 403, body = Envelope), (status = 404, body = Envelope),
    ))]
async fn get_periods(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
) -> Result<Json<Items<ItemPeriod>>, Problem> {
    let periods = billing::periods(&app, &caller.0, tenant).await?;
    Ok(Json(Items { items: periods.iter().map(period).collect() }))
}

/// Gives the named items billing periods of their own: all or nothing.
#[utoipa::path(put, path = "/billing/tenants/{tenant_id}/periods", tag = "billing",
    params(("tenant_id" = String, Path, format = "uuid")),
    request_body = PutPeriods,
    responses(
        (status = 200, description = "The billing periods after the change", body = Items<ItemPeriod>),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope),
        (status = 404, body = Envelope), (status = 415, body = Envelope),
    ))]
async fn put_periods(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
    Json(body): Json<PutPeriods>,
) -> Result<Json<Items<ItemPeriod>>, Problem> {
    let changes: Vec<PeriodChange> = body.items.into_iter().map(PeriodChange::from).collect();
    let periods = billing::set_periods(&app, &caller.0, tenant, &changes).await?;
    Ok(Json(Items { items: periods.iter().map(period).collect() }))
}

/// Sets the first day of a tenant's billing month, from now on.
#[utoipa::path(put, path = "/tenants/{tenant_id}/billing_period", tag = "billing",
    params(("tenant_id" = String, Path, format = "uuid")),
    request_body = PutBillingPeriod,
    responses(
        (status = 200, description = "The billing month", body = BillingPeriod),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope),
        (status = 404, body = Envelope), (status = 415, body = Envelope),
    ))]
async fn put_billing_period(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
    Json(body): Json<PutBillingPeriod>,
) -> Result<Json<BillingPeriod>, Problem> {
    let (day, current) = billing::set_day(&app, &caller.0, tenant, body.day).await?;
    Ok(Json(BillingPeriod { day: day.get(), current_period: current.into() }))
}
