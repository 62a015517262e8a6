//! Access policies (accounts-api, 1.10).

use app::App;
use app::policies::{self, NewPolicy, Policies};
use axum::extract::State;
use domain::access::{Role, TrusteeType};
use domain::ids::{PolicyId, TenantId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::caller::{Can, TenantViewer, UserAdmin};
use crate::json::{Body, Json};
use crate::params::{Params, PathId};
use crate::problem::{Envelope, Problem};
use crate::schema;
use crate::wire::{Zulu, id_option, lax_int_option};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, replace))
}

/// A role given to a user on a tenant.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AccessPolicy {
    #[schema(value_type = String, format = Uuid)]
    id: PolicyId,
    version: i64,
    #[schema(value_type = String, format = Uuid)]
    trustee_id: UserId,
    #[schema(value_type = schema::TrusteeType)]
    trustee_type: TrusteeType,
    #[schema(value_type = String, format = Uuid)]
    issuer_id: Uuid,
    #[schema(value_type = String, format = Uuid)]
    tenant_id: TenantId,
    #[schema(value_type = schema::Role)]
    role_id: Role,
    created_at: Zulu,
    updated_at: Zulu,
    deleted_at: Option<Zulu>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_server_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_path: Option<String>,
}

impl From<domain::access::AccessPolicy> for AccessPolicy {
    fn from(policy: domain::access::AccessPolicy) -> Self {
        let [resource_server_id, resource_namespace, resource_path] = policy.resource;
        Self {
            id: policy.id,
            version: policy.version,
            trustee_id: policy.trustee_id,
            trustee_type: policy.trustee_type,
            issuer_id: policy.issuer_id,
            tenant_id: policy.tenant_id,
            role_id: policy.role,
            created_at: policy.created_at.into(),
            updated_at: policy.updated_at.into(),
            deleted_at: None,
            resource_server_id,
            resource_namespace,
            resource_path,
        }
    }
}

/// The whole set of a user's policies.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AccessPolicies {
    timestamp: Zulu,
    items: Vec<AccessPolicy>,
}

impl From<Policies> for AccessPolicies {
    fn from(policies: Policies) -> Self {
        Self {
            timestamp: policies.timestamp.into(),
            items: policies.items.into_iter().map(Into::into).collect(),
        }
    }
}

/// A policy to keep, with its id, or a new one, with none or all zeros; further members are ignored.
#[derive(Debug, Deserialize, ToSchema)]
pub struct AccessPolicyBody {
    #[schema(value_type = String, format = Uuid)]
    tenant_id: TenantId,
    #[schema(value_type = schema::Role)]
    role_id: Role,
    #[serde(default, deserialize_with = "id_option")]
    #[schema(value_type = Option<String>, format = Uuid)]
    id: Option<PolicyId>,
    #[serde(default, deserialize_with = "lax_int_option")]
    version: Option<i64>,
    #[serde(default, deserialize_with = "id_option")]
    #[schema(value_type = Option<String>, format = Uuid)]
    trustee_id: Option<UserId>,
    resource_server_id: Option<String>,
    resource_namespace: Option<String>,
    resource_path: Option<String>,
}

/// The set that replaces the one there is.
#[derive(Debug, Deserialize, ToSchema)]
pub struct AccessPoliciesBody {
    items: Vec<AccessPolicyBody>,
}

impl Body for AccessPoliciesBody {}

impl From<AccessPolicyBody> for NewPolicy {
    fn from(body: AccessPolicyBody) -> Self {
        Self {
            id: body.id.filter(|id| !id.0.is_nil()),
            version: body.version,
            trustee_id: body.trustee_id.filter(|id| !id.0.is_nil()),
            tenant_id: body.tenant_id,
            role: body.role_id,
            resource: [body.resource_server_id, body.resource_namespace, body.resource_path],
        }
    }
}

impl From<AccessPoliciesBody> for Vec<NewPolicy> {
    fn from(body: AccessPoliciesBody) -> Self {
        body.items.into_iter().map(Into::into).collect()
    }
}

/// The policies of a user.
#[utoipa::path(get, path = "/users/{user_id}/access_policies", tag = "access policies", params(
    ("user_id" = String, Path, format = Uuid),
    ("includeUserGroupPolicies" = Option<bool>, Query, description = "Without effect: there are no user groups"),
), responses(
    (status = 200, description = "The policies", body = AccessPolicies),
    (status = 400, description = "`includeUserGroupPolicies` is no boolean", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 access denied", body = Envelope),
    (status = 404, description = "No such user", body = Envelope),
))]
async fn get(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    PathId(id): PathId<UserId>,
    params: Params,
) -> Result<Json<AccessPolicies>, Problem> {
    params.flag("includeUserGroupPolicies")?;
    Ok(Json(policies::get(&app, &caller.0, id).await?.into()))
}

/// Replaces the whole set of a user's policies.
#[utoipa::path(put, path = "/users/{user_id}/access_policies", tag = "access policies",
    params(("user_id" = String, Path, format = Uuid)), request_body = AccessPoliciesBody, responses(
    (status = 200, description = "The new set, with its ids", body = AccessPolicies),
    (status = 400, description = "Malformed; 1027 the role does not fit", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 beyond the caller's own rights", body = Envelope),
    (status = 404, description = "No such user; 1005 no such tenant", body = Envelope),
    (status = 409, description = "1001 version mismatch", body = Envelope),
    (status = 415, description = "Not JSON", body = Envelope),
))]
async fn replace(
    caller: Can<UserAdmin>,
    State(app): State<App>,
    PathId(id): PathId<UserId>,
    Json(body): Json<AccessPoliciesBody>,
) -> Result<Json<AccessPolicies>, Problem> {
    Ok(Json(policies::replace(&app, &caller.0, id, body.into()).await?.into()))
}
