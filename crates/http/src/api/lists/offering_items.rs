//! `GET /tenants/offering_items`.

use app::lists::{self, ItemQuery};
use app::{App, Error};
use axum::extract::State;

use super::{Page, Paging, ask, common, limit, some};
use crate::api::offering_items::wire::{Item, item};
use crate::caller::{Can, TenantViewer};
use crate::json::Json;
use crate::params::Params;
use crate::problem::{Envelope, Problem};

fn query(params: &Params) -> Result<ItemQuery, Error> {
    let root = params.parsed("subtree_root_tenant_id")?;
    Ok(ItemQuery {
        root: root.ok_or_else(|| Error::invalid("subtree_root_tenant_id", "required"))?,
        common: common(params)?,
        usage_names: some(params, "usage_names")?.unwrap_or_default(),
        editions: some(params, "editions")?.unwrap_or_default(),
        names: some(params, "offering_items")?.unwrap_or_default(),
    })
}

/// The offering items that a tenant and those below it have or once had on, page by page: by level and id of the tenant.
#[utoipa::path(get, path = "/tenants/offering_items", tag = "offering items",
    params(
        ("subtree_root_tenant_id" = String, Query, format = "uuid", description = "This tenant and all below it"),
        ("usage_names" = Option<String>, Query, description = "Usage names without edition prefix, comma separated",
            example = "storage,vms"),
        ("editions" = Option<String>, Query,
            description = "Editions, comma separated; items without one are always listed"),
        ("offering_items" = Option<String>, Query, description = "Full names, comma separated"),
        ("after" = Option<String>, Query,
            description = "The page behind the one that gave this cursor; it stands for all the others but `limit`"),
        ("limit" = Option<i64>, Query, minimum = 1,
            description = "The most items of a page; 5000 where it is absent or larger"),
        ("updated_since" = Option<String>, Query, format = DateTime,
            description = "Items that changed later", example = "2026-05-08T10:58:53Z"),
        ("allow_deleted" = Option<bool>, Query, description = "Those of deleted tenants too"),
    ),
    responses(
        (status = 200, description = "A page", body = Page<Item>, example = json!({"timestamp": "2026-05-08T10:58:53Z",
            "items": [{"application_id": "6e6d758d-8e74-3ae3-ac84-50eb0dff12eb", "name": "vms", "edition": "standard",
            "usage_name": "vms", "tenant_id": "f313ecf6-9256-4afd-9d47-72e032ee81d0", "updated_at": "2026-05-08T10:58:53Z",
            "deleted_at": null, "status": 1, "locked": false, "type": "count", "measurement_unit": "quantity",
            "quota": {"value": 10, "overage": 10, "version": 1_778_237_933_000_i64}}], "paging": {"cursors": {}}})),
        (status = 400, description = "Malformed", body = Envelope),
        (status = 401, description = "No valid credentials", body = Envelope),
        (status = 403, description = "1002 access denied", body = Envelope),
        (status = 404, description = "1005 no such tenant", body = Envelope),
        (status = 415, description = "`Accept` excludes JSON", body = Envelope),
    ))]
pub(super) async fn list(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    params: Params,
) -> Result<Json<Page<Item>>, Problem> {
    let (limit, ask) = (limit(&params)?, ask(&params, query)?);
    let page = lists::offering_items(&app, &caller.0, ask, limit).await?;
    Ok(Json(Page {
        timestamp: page.timestamp.with_z(),
        items: page.items.iter().map(item).collect(),
        paging: Paging::to(page.after),
    }))
}
