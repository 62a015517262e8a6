//! Settings of services at tenants, the partner's price list among them.

use app::billing::{self, Setting};
use app::{App, Error};
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use domain::ids::{ApplicationId, TenantId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::wire::{PutSetting, SettingOut};
use crate::caller::{Can, TenantAdmin, TenantViewer};
use crate::json::Json;
use crate::params;
use crate::problem::{Envelope, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, put, delete))
}

/// Service, tenant and name in the path; malformed ids are answered 404.
struct Key {
    application: ApplicationId,
    tenant: TenantId,
    name: String,
}

impl FromRequestParts<App> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let path = params::path(parts, app).await?;
        let key = match path.as_slice() {
            [application, tenant, name] => {
                application.parse().ok().zip(tenant.parse().ok()).map(|ids| (ids, name))
            }
            _ => None,
        };
        let ((application, tenant), name) = key.ok_or(Error::NotFound { what: "setting" })?;
        Ok(Self { application, tenant, name: name.clone() })
    }
}

impl Key {
    fn answer(self, own: Option<Setting>) -> Json<SettingOut> {
        let own = own.map(Into::into);
        Json(SettingOut { name: self.name, application_id: self.application, own, effective: None })
    }
}

/// A setting of a service at a partner.
#[utoipa::path(get, path = "/applications/{application_id}/settings/tenants/{tenant_id}/{name}", tag = "billing",
    params(
        ("application_id" = String, Path, format = "uuid"),
        ("tenant_id" = String, Path, format = "uuid"),
        ("name" = String, Path),
    ),
    responses(
        (status = 200, description = "The setting", body = SettingOut),
        (status = 401, body = Envelope), (status = 403, body = Envelope), (status = 404, body = Envelope),
    ))]
async fn get(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    key: Key,
) -> Result<Json<SettingOut>, Problem> {
    let own = billing::setting(&app, &caller.0, key.application, key.tenant, &key.name).await?;
    Ok(key.answer(own))
}

/// Sets a setting of a service at a partner.
#[utoipa::path(put, path = "/applications/{application_id}/settings/tenants/{tenant_id}/{name}", tag = "billing",
    params(
        ("application_id" = String, Path, format = "uuid"),
        ("tenant_id" = String, Path, format = "uuid"),
        ("name" = String, Path),
    ),
    request_body = PutSetting,
    responses(
        (status = 200, description = "The setting after the change", body = SettingOut),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope),
        (status = 404, body = Envelope), (status = 415, body = Envelope),
    ))]
async fn put(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    key: Key,
    Json(body): Json<PutSetting>,
) -> Result<Json<SettingOut>, Problem> {
    let new = Setting::from(body);
    billing::set_setting(&app, &caller.0, key.application, key.tenant, &key.name, &new).await?;
    Ok(key.answer(Some(new)))
}

/// Unsets a setting of a service at a partner.
#[utoipa::path(delete, path = "/applications/{application_id}/settings/tenants/{tenant_id}/{name}", tag = "billing",
    params(
        ("application_id" = String, Path, format = "uuid"),
        ("tenant_id" = String, Path, format = "uuid"),
        ("name" = String, Path),
    ),
    responses(
        (status = 204, description = "No longer set at the tenant"),
        (status = 401, body = Envelope), (status = 403, body = Envelope), (status = 404, body = Envelope),
    ))]
async fn delete(caller: Can<TenantAdmin>, State(app): State<App>, key: Key) -> Result<StatusCode, Problem> {
    billing::unset_setting(&app, &caller.0, key.application, key.tenant, &key.name).await?;
    Ok(StatusCode::NO_CONTENT)
}
