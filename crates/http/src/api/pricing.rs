//! Pricing modes and prices (accounts-api, 1.13).

use app::App;
use app::pricing::{self, Change, ItemPrice, PriceChange};
use axum::extract::State;
use domain::catalogue::Catalogue;
use domain::ids::{ApplicationId, InfraId, TenantId};
use domain::pricing::{Currency, PricingMode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Can, TenantAdmin, TenantViewer};
use crate::json::{Body, Json};
use crate::params::PathId;
use crate::problem::{Envelope, Problem};
use crate::schema;
use crate::wire::{Items, Patch, Zulu, id_option, lax_int, lax_int_option};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, put)).routes(routes!(get_prices, put_prices))
}

/// How a tenant is billed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pricing {
    /// Where it stands between trial and production.
    #[schema(value_type = schema::PricingMode)]
    pub mode: PricingMode,
    /// ISO 4217, or null.
    #[schema(value_type = Option<schema::Currency>)]
    pub currency: Option<Currency>,
    /// What a change must name.
    pub version: i64,
    /// When trial ends by itself, or ended.
    pub production_start_date: Zulu,
}

impl From<pricing::Pricing> for Pricing {
    fn from(pricing: pricing::Pricing) -> Self {
        Self {
            mode: pricing.mode,
            currency: pricing.currency,
            version: pricing.version,
            production_start_date: Zulu(pricing.production_start),
        }
    }
}

/// A change of pricing: closed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutPricing {
    /// The version that is replaced.
    #[serde(deserialize_with = "lax_int")]
    #[schema(value_type = i64)]
    pub version: i64,
    /// The new mode.
    #[schema(value_type = Option<schema::PricingMode>)]
    pub mode: Option<PricingMode>,
    /// The new currency; null clears it.
    #[serde(default)]
    #[schema(value_type = Option<schema::Currency>)]
    pub currency: Patch<Currency>,
}

impl Body for PutPricing {
    const READ_ONLY: &'static [&'static str] = &["production_start_date"];
}

impl From<PutPricing> for Change {
    fn from(body: PutPricing) -> Self {
        Self { version: body.version, mode: body.mode, currency: body.currency.into_option() }
    }
}

/// What an item costs.
#[derive(Debug, Serialize, ToSchema)]
pub struct Price {
    /// The service of the item.
    #[schema(value_type = String, format = "uuid")]
    pub application_id: ApplicationId,
    /// Full name, with edition prefix.
    pub name: &'static str,
    /// Absent: for every storage without a price of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    pub infra_id: Option<InfraId>,
    /// Decimal text.
    pub price: String,
    /// What a change may name.
    pub version: i64,
}

/// A price on the wire.
pub fn price(price: ItemPrice) -> Price {
    Price {
        application_id: Catalogue::embedded().application_id(price.item.service),
        name: &price.item.name,
        infra_id: price.infra_id,
        price: price.price,
        version: price.version,
    }
}

/// Prices to set; others stay. Closed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutPrices {
    /// The prices.
    pub items: Vec<PutPrice>,
}

impl Body for PutPrices {}

/// A price to set: closed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutPrice {
    /// The service of the item.
    #[schema(value_type = String, format = "uuid")]
    pub application_id: ApplicationId,
    /// Full name, with edition prefix.
    pub name: String,
    /// The storage.
    #[serde(default, deserialize_with = "id_option")]
    #[schema(value_type = Option<String>, format = "uuid")]
    pub infra_id: Option<InfraId>,
    /// Decimal text.
    #[schema(pattern = r"^[0-9]+(\.[0-9]+)?$")]
    pub price: String,
    /// The version that is replaced; absent: any.
    #[serde(default, deserialize_with = "lax_int_option")]
    #[schema(value_type = Option<i64>)]
    pub version: Option<i64>,
}

impl From<PutPrice> for PriceChange {
    fn from(PutPrice { application_id, name, infra_id, price, version }: PutPrice) -> Self {
        Self { application_id, name, infra_id, price, version }
    }
}

/// How the tenant is billed; a unit as its customer.
#[utoipa::path(get, path = "/tenants/{tenant_id}/pricing", tag = "pricing",
    params(("tenant_id" = String, Path, format = "uuid")),
    responses(
        (status = 200, description = "How the tenant is billed", body = Pricing),
        (status = 401, body = Envelope), (status = 403, body = Envelope), (status = 404, body = Envelope),
    ))]
async fn get(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
) -> Result<Json<Pricing>, Problem> {
    Ok(Json(pricing::get(&app, &caller.0, tenant).await?.into()))
}

/// Changes mode and currency.
#[utoipa::path(put, path = "/tenants/{tenant_id}/pricing", tag = "pricing",
    params(("tenant_id" = String, Path, format = "uuid")),
    request_body = PutPricing,
    responses(
        (status = 200, description = "Mode and currency after the change", body = Pricing),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope),
        (status = 404, body = Envelope), (status = 409, body = Envelope), (status = 415, body = Envelope),
    ))]
async fn put(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
    Json(body): Json<PutPricing>,
) -> Result<Json<Pricing>, Problem> {
    Ok(Json(pricing::update(&app, &caller.0, tenant, body.into()).await?.into()))
}

/// The prices set at a tenant.
#[utoipa::path(get, path = "/tenants/{tenant_id}/offering_items/pricing", tag = "pricing",
    params(("tenant_id" = String, Path, format = "uuid")),
    responses(
        (status = 200, description = "The prices", body = Items<Price>),
        (status = 401, body = Envelope), (status = 403, body = Envelope), (status = 404, body = Envelope),
    ))]
async fn get_prices(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
) -> Result<Json<Items<Price>>, Problem> {
    let prices = pricing::prices(&app, &caller.0, tenant).await?;
    Ok(Json(Items { items: prices.into_iter().map(price).collect() }))
}

/// Sets the named prices: all or nothing.
#[utoipa::path(put, path = "/tenants/{tenant_id}/offering_items/pricing", tag = "pricing",
    params(("tenant_id" = String, Path, format = "uuid")),
    request_body = PutPrices,
    responses(
        (status = 200, description = "All prices of the tenant after the change", body = Items<Price>),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope),
        (status = 404, body = Envelope), (status = 409, body = Envelope), (status = 415, body = Envelope),
    ))]
async fn put_prices(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
    Json(body): Json<PutPrices>,
) -> Result<Json<Items<Price>>, Problem> {
    let changes: Vec<_> = body.items.into_iter().map(PriceChange::from).collect();
    let prices = pricing::set_prices(&app, &caller.0, tenant, &changes).await?;
    Ok(Json(Items { items: prices.into_iter().map(price).collect() }))
}
