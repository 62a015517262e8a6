//! The device flow (RFC 8628; accounts-api, tier 3).

use app::App;
use app::auth::devices::{self, Question, Typed};
use app::auth::{Refusal, Scope};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::ids::{ClientId, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::form::Form;
use super::refusal::{Bearer, OAuthError, Refused, uncached};
use crate::json::{Body, Json, Unread};
use crate::params::Params;
use crate::problem::{Envelope, Problem};

/// The fields of a device's request.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the form, which is read field by field")]
#[schema(example = json!({"client_id": "3663410d-4b70-4860-860c-8db82bffab8e", "scope": "openid offline_access",
    "display_name": "Storage box 7"}))]
pub(super) struct DeviceForm {
    /// The client that the device runs.
    client_id: String,
    /// `openid`, `offline_access`, `urn:acronis.com:tenant-id:<uuid>`, separated by spaces.
    scope: String,
    /// What people know the device by; the client's name where it is missing.
    display_name: Option<String>,
}

/// The codes of a device.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"device_code": "7f0c", "user_code": "RDRD-WNDB",
    "verification_uri": "https://tide.example.com/device",
    "verification_uri_complete": "https://tide.example.com/device?user_code=RDRD-WNDB", "expires_in": 600,
    "interval": 5}))]
pub(super) struct DeviceAnswer {
    /// What the device asks for tokens with.
    device_code: String,
    /// What it shows.
    user_code: String,
    /// Where a person types that.
    verification_uri: String,
    /// The same with the code in it.
    verification_uri_complete: String,
    /// Seconds.
    expires_in: i64,
    /// Seconds between two questions.
    interval: i64,
}

/// Gives a device without a browser its codes.
#[utoipa::path(post, path = "/idp/device_authorization", tag = "idp", security(()),
    request_body(content = DeviceForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The codes", body = DeviceAnswer),
        (status = 400, body = OAuthError), (status = 401, body = OAuthError),
        (status = 429, description = "Too many from this address", body = OAuthError)))]
pub(super) async fn authorize(State(app): State<App>, form: Form) -> Result<Response, Refused> {
    let client_id = form.require("client_id")?;
    let scope = Scope::read(&form.require("scope")?)?;
    let begun = devices::begin(&app, &client_id, scope, form.get("display_name"), form.from).await?;
    let answer = DeviceAnswer {
        verification_uri_complete: format!("{}?user_code={}", begun.verification_uri, begun.user_code),
        device_code: begun.device_code,
        user_code: begun.user_code.to_string(),
        verification_uri: begun.verification_uri,
        expires_in: begun.expires_in,
        interval: begun.interval,
    };
    Ok(uncached(Json(answer).into_response()))
}

/// What a person is asked before a device is connected.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"client_id": "3663410d-4b70-4860-860c-8db82bffab8e", "display_name": "Storage box 7",
    "scope": ["openid"], "tenant_id": "f313ecf6-9256-4afd-9d47-72e032ee81d0", "tenant_name": "Harbour Ltd",
    "is_current_tenant": true}))]
pub(super) struct DeviceQuestion {
    #[schema(value_type = Uuid)]
    client_id: ClientId,
    display_name: String,
    scope: Vec<String>,
    /// The tenant that the device would reach, with all below.
    #[schema(value_type = Uuid)]
    tenant_id: TenantId,
    tenant_name: String,
    /// Whether that is the caller's own.
    is_current_tenant: bool,
}

impl From<Question> for DeviceQuestion {
    fn from(question: Question) -> Self {
        let Question { client_id, display_name, scope, tenant_id, tenant_name, is_current_tenant } = question;
        Self { client_id, display_name, scope, tenant_id, tenant_name, is_current_tenant }
    }
}

/// What the device that shows a code asks for. For people who use one; bearer only.
#[utoipa::path(get, path = "/idp/device_authorization/approval", tag = "idp", security(("bearer" = [])),
    params(("code" = String, Query, description = "What the device shows."),
        ("tenant_uuid" = Option<Uuid>, Query, description = "The tenant that it is to reach.")),
    responses((status = 200, description = "What the device asks for", body = DeviceQuestion),
        (status = 400, body = OAuthError), (status = 401, body = OAuthError), (status = 403, body = OAuthError),
        (status = 429, body = OAuthError)))]
pub(super) async fn look(
    State(app): State<App>,
    bearer: Bearer,
    params: Params,
) -> Result<Response, Refused> {
    bearer.require(domain::access::Permission::DeviceApprover)?;
    let code = params.get("code").unwrap_or("");
    let tenant = params.parsed("tenant_uuid").map_err(|error| Refusal::malformed(error.to_string()))?;
    let question = devices::look(&app, bearer.typed(code, tenant)).await?;
    Ok(uncached(Json(DeviceQuestion::from(question)).into_response()))
}

/// The device that is to be connected.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"code": "RDRD-WNDB"}))]
pub(super) struct ApprovalBody {
    /// What the device shows.
    code: String,
    /// The tenant that it is to reach; the caller's own reach where it is missing.
    #[schema(value_type = Option<Uuid>)]
    tenant_uuid: Option<TenantId>,
}

impl Body for ApprovalBody {}

/// Connects the device that shows a code.
#[utoipa::path(post, path = "/idp/device_authorization/approval", tag = "idp", security(("bearer" = [])),
    request_body = ApprovalBody,
    responses((status = 204, description = "The device gets its tokens when it asks next"),
        (status = 400, body = OAuthError), (status = 401, body = OAuthError), (status = 403, body = OAuthError),
        (status = 415, body = Envelope), (status = 429, body = OAuthError)))]
pub(super) async fn approve(
    State(app): State<App>,
    bearer: Bearer,
    body: Unread,
) -> Result<Response, Response> {
    let refuse = |refused: Refused| refused.into_response();
    bearer.require(domain::access::Permission::DeviceApprover).map_err(refuse)?;
    let body: ApprovalBody = body.decode().map_err(|problem| match problem {
        Problem::App(error) => refuse(Refusal::malformed(error.to_string()).into()),
        other => other.into_response(),
    })?;
    let typed = bearer.typed(&body.code, body.tenant_uuid);
    devices::approve(&app, typed).await.map_err(|refusal| refuse(refusal.into()))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl Bearer {
    fn typed<'a>(&'a self, code: &'a str, tenant: Option<TenantId>) -> Typed<'a> {
        Typed { caller: &self.caller, code, tenant, from: self.from }
    }
}
