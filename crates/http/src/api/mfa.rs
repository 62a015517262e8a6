//! Second factors as administrators see them (accounts-api, tier 3).

use app::App;
use app::mfa::{self, TenantMfa};
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::{TenantId, UserId};
use domain::mfa::MfaStatus;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Can, MfaAdmin, TenantAdmin, TenantViewer};
use crate::json::{Body, Json};
use crate::params::PathId;
use crate::problem::{Envelope, Problem};
use crate::schema;
use crate::wire::lax_bool;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, put)).routes(routes!(put_of_user))
}

/// What a tenant demands of its own users, and how far they are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"mfa_status": "enabled", "users_count": 100, "users_with_totp_enabled_count": 20,
    "update_allowed": true}))]
pub struct TenantMfaStatus {
    /// `disabled` or `enabled`.
    #[schema(value_type = schema::MfaStatus)]
    mfa_status: MfaStatus,
    /// Users of the tenant itself.
    users_count: i64,
    /// Those of them who have set a second factor up.
    users_with_totp_enabled_count: i64,
    /// Whether the caller may change it.
    update_allowed: bool,
}

impl From<TenantMfa> for TenantMfaStatus {
    fn from(mfa: TenantMfa) -> Self {
        Self {
            mfa_status: mfa.status,
            users_count: mfa.users,
            users_with_totp_enabled_count: mfa.users_with_totp,
            update_allowed: mfa.update_allowed,
        }
    }
}

/// Whether a second factor is demanded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"enabled": true}))]
pub struct MfaBody {
    #[serde(deserialize_with = "lax_bool")]
    enabled: bool,
}

impl Body for MfaBody {
    const READ_ONLY: &'static [&'static str] =
        &["mfa_status", "users_count", "users_with_totp_enabled_count", "update_allowed"];
}

/// Whether a tenant demands second factors of its users.
#[utoipa::path(get, path = "/tenants/{tenant_id}/mfa/status", tag = "tenants",
    params(("tenant_id" = String, Path, format = Uuid)), responses(
    (status = 200, description = "The demand, and how far the users are", body = TenantMfaStatus),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied", body = Envelope),
    (status = 404, description = "1005 no such tenant", body = Envelope),
))]
async fn get(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    PathId(id): PathId<TenantId>,
) -> Result<Json<TenantMfaStatus>, Problem> {
    Ok(Json(mfa::of_tenant(&app, &caller.0, id).await?.into()))
}

/// Demands second factors of a tenant's own users, or no longer.
#[utoipa::path(put, path = "/tenants/{tenant_id}/mfa/status", tag = "tenants",
    params(("tenant_id" = String, Path, format = Uuid)), request_body = MfaBody, responses(
    (status = 200, description = "The demand, and how far the users are", body = TenantMfaStatus),
    (status = 400, description = "Malformed; 1027 a folder or unit", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied; 1012 locked", body = Envelope),
    (status = 404, description = "1005 no such tenant", body = Envelope),
    (status = 415, description = "Not JSON", body = Envelope),
))]
async fn put(
    caller: Can<MfaAdmin>,
    State(app): State<App>,
    PathId(id): PathId<TenantId>,
    Json(body): Json<MfaBody>,
) -> Result<Json<TenantMfaStatus>, Problem> {
    Ok(Json(mfa::set_of_tenant(&app, &caller.0, id, body.enabled).await?.into()))
}

/// Demands a second factor of one user, or lets it do without, whatever its tenant demands.
#[utoipa::path(put, path = "/users/{user_id}/mfa/status", tag = "users",
    params(("user_id" = String, Path, format = Uuid)), request_body = MfaBody, responses(
    (status = 200, description = "Done; the body is empty"),
    (status = 400, description = "Malformed; 1027 one's own second factor", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied", body = Envelope),
    (status = 404, description = "No such user", body = Envelope),
    (status = 415, description = "Not JSON", body = Envelope),
))]
async fn put_of_user(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    PathId(id): PathId<UserId>,
    Json(body): Json<MfaBody>,
) -> Result<StatusCode, Problem> {
    mfa::set_of_user(&app, &caller.0, id, body.enabled).await?;
    Ok(StatusCode::OK)
}
