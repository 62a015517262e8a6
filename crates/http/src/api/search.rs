//! Search (accounts-api, 2.1).

use app::search::{self, Found, Hit, Search};
use app::{App, Error};
use axum::extract::State;
use domain::ids::TenantId;
use domain::tenant::TenantKind;
use domain::text::NAME_MAX_CHARS;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::caller::{Can, TenantViewer};
use crate::json::Json;
use crate::params::Params;
use crate::problem::{Envelope, Problem};
use crate::schema;
use crate::wire::{Items, Zulu, digits};

const DEFAULT: i64 = 10;
const MOST: i64 = 300;
const FEWEST_CHARS: usize = 3;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(find))
}

/// A tenant or user that was found.
#[derive(Debug, Serialize, ToSchema)]
struct SearchResult {
    /// `tenant` or `user`.
    obj_type: &'static str,
    /// Of tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::TenantKind>)]
    kind: Option<TenantKind>,
    id: Uuid,
    /// The tenant above; of a user the one it belongs to.
    #[schema(value_type = String, format = Uuid)]
    parent_id: TenantId,
    /// The names from the searched tenant down to the one with `parent_id`.
    path: Vec<String>,
    /// Of tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Of users.
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    deleted_at: Option<Zulu>,
}

impl From<(Found, Vec<String>)> for SearchResult {
    fn from((found, path): (Found, Vec<String>)) -> Self {
        let (obj_type, kind, id, parent_id, name, login) = match found.hit {
            Hit::Tenant { id, parent_id, kind, name } => {
                ("tenant", Some(kind), id.0, parent_id, Some(name), None)
            }
            Hit::User { id, tenant_id, login } => ("user", None, id.0, tenant_id, None, Some(login)),
        };
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        Self {
            obj_type,
            kind,
            id,
            parent_id,
            path,
            name,
            login,
            first_name: filled(found.firstname),
            last_name: filled(found.lastname),
            deleted_at: found.deleted_at.map(Zulu),
        }
    }
}

fn query(params: &Params) -> Result<Search, Error> {
    let tenant = params.parsed("tenant")?.ok_or_else(|| Error::invalid("tenant", "required"))?;
    let text = params.get("text").unwrap_or_default().trim();
    if !(FEWEST_CHARS..=NAME_MAX_CHARS).contains(&text.chars().count()) {
        let why = format!("must have {FEWEST_CHARS} to {NAME_MAX_CHARS} characters");
        return Err(Error::invalid("text", why));
    }
    let limit = params.get("limit").filter(|limit| !limit.is_empty());
    let limit = limit.map_or(Some(DEFAULT), digits).filter(|limit| (1..=MOST).contains(limit));
    let limit =
        limit.ok_or_else(|| Error::invalid("limit", format!("must be an integer from 1 to {MOST}")))?;
    let deleted_too = params.flag("allow_deleted")?.unwrap_or(false);
    Ok(Search { tenant, text: text.to_owned(), limit, deleted_too })
}

/// The tenants and users from a tenant down that have a value with words that begin as those of the text do.
///
/// Of tenants the name, the customer_id and the contact's name and address are looked at, of users the login, the name and
/// the address, in any case and script. What stands behind a closed tenant is not found.
#[utoipa::path(get, path = "/search", tag = "tenants",
    params(
        ("tenant" = String, Query, format = "uuid", description = "Where to search: in this tenant and all below it"),
        ("text" = String, Query, min_length = 3, max_length = 256,
            description = "3 to 256 characters", example = "harb"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 300, description = "The most found; 10 where it is absent"),
        ("allow_deleted" = Option<bool>, Query, description = "Deleted ones too"),
    ),
    responses(
        (status = 200, description = "What was found, the searched tenant first, then by level",
            body = Items<SearchResult>, example = json!({"items": [{"obj_type": "tenant", "kind": "customer",
            "id": "bfe40b45-7d3f-4183-a655-afa62b59b383", "parent_id": "0ef03214-6e47-4e50-87f2-a5955ba6095c",
            "path": ["North Partner"], "name": "Harbour Ltd", "first_name": null, "last_name": null,
            "deleted_at": null}]})),
        (status = 400, description = "Malformed", body = Envelope),
        (status = 401, description = "No valid credentials", body = Envelope),
        (status = 403, description = "1002 access denied", body = Envelope),
        (status = 404, description = "1005 no such tenant", body = Envelope),
        (status = 415, description = "`Accept` excludes JSON", body = Envelope),
    ))]
async fn find(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    params: Params,
) -> Result<Json<Items<SearchResult>>, Problem> {
    let found = search::search(&app, &caller.0, &query(&params)?).await?;
    Ok(Json(Items { items: found.into_iter().map(Into::into).collect() }))
}
