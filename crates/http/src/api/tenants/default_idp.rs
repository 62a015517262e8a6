//! The identity provider of a tenant, and of all below it (accounts-api, tier 3).

use app::App;
use app::tenants::{self, DefaultIdpChange};
use axum::extract::State;
use domain::ids::TenantId;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::Tenant;
use crate::caller::{Can, TenantAdmin};
use crate::json::{Body, Json};
use crate::params::PathId;
use crate::problem::{Envelope, Problem};
use crate::wire::{lax_bool, lax_int};

/// Another identity provider.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"version": 3, "idp_id": "11111111-1111-1111-1111-111111111111",
    "apply_to_children": false}))]
pub struct DefaultIdpBody {
    #[serde(deserialize_with = "lax_int")]
    version: i64,
    /// Opaque to Tidemark.
    #[serde(deserialize_with = "uuid")]
    #[schema(value_type = String, format = Uuid)]
    idp_id: Uuid,
    /// Whether all tenants below get it, too.
    #[serde(deserialize_with = "lax_bool")]
    apply_to_children: bool,
}

impl Body for DefaultIdpBody {}

fn uuid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uuid, D::Error> {
    let text = String::deserialize(deserializer)?;
    domain::ids::parse_uuid(&text).map_err(serde::de::Error::custom)
}

/// Gives a tenant an identity provider, and all below it where that is asked for.
#[utoipa::path(put, path = "/tenants/{tenant_id}/default_idp", tag = "tenants",
    params(("tenant_id" = String, Path, format = Uuid)), request_body = DefaultIdpBody, responses(
    (status = 200, description = "The tenant after the change", body = Tenant),
    (status = 400, description = "Malformed", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied; 1012 locked, or one below is", body = Envelope),
    (status = 404, description = "1005 no such tenant", body = Envelope),
    (status = 409, description = "1001 version mismatch", body = Envelope),
    (status = 415, description = "Not JSON", body = Envelope),
))]
pub(super) async fn put(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    PathId(id): PathId<TenantId>,
    Json(body): Json<DefaultIdpBody>,
) -> Result<Json<Tenant>, Problem> {
    let DefaultIdpBody { version, idp_id, apply_to_children } = body;
    let change = DefaultIdpChange { version, idp_id, apply_to_children };
    Ok(Json(tenants::set_default_idp(&app, &caller.0, id, change).await?.into()))
}
