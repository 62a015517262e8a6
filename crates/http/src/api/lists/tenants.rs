//! `GET /tenants`.

use app::lists::{self, Embedded, ListedTenant, Lod, TenantQuery, WhichTenants};
use app::{App, Error};
use axum::extract::State;
use domain::ids::TenantId;
use domain::tenant::TenantKind;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Page, Paging, ask, common, few, flag, limit, lod, shapes};
use crate::api::contact::TenantContact;
use crate::api::offering_items::wire::{Item, item};
use crate::api::tenants::body::Tenant;
use crate::caller::{Can, TenantViewer};
use crate::json::Json;
use crate::params::Params;
use crate::problem::{Envelope, Problem};
use crate::schema;
use crate::wire::Zulu;

shapes! {
    /// A tenant of a list.
    TenantOfList { Full(TenantInFull), Basic(TenantBasics), Stamps(TenantStamps), }
}

/// What tells whether a tenant changed (`lod=stamps`).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TenantStamps {
    #[schema(value_type = String, format = Uuid)]
    id: TenantId,
    #[schema(value_type = String, format = Uuid)]
    parent_id: TenantId,
    version: i64,
    created_at: Zulu,
    updated_at: Zulu,
    deleted_at: Option<Zulu>,
    /// Empty unless asked for.
    contacts: Vec<TenantContact>,
    /// Empty unless asked for.
    offering_items: Vec<Item>,
}

/// A tenant with its name and status (`lod=basic`).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TenantBasics {
    #[serde(flatten)]
    stamps: TenantStamps,
    name: String,
    #[schema(value_type = schema::TenantKind)]
    kind: TenantKind,
    enabled: bool,
}

/// A whole tenant (`lod=full`).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TenantInFull {
    #[serde(flatten)]
    tenant: Tenant,
    /// 0 where administrators above may look inside, else the tenant's own level.
    barrier: i64,
    /// Empty unless asked for.
    offering_items: Vec<Item>,
}

impl TenantOfList {
    fn new(lod: Lod, listed: ListedTenant) -> Self {
        let (barrier, tenant) = (listed.barrier(), &listed.details.tenant);
        let of_tenant = |contact| TenantContact::new(tenant.id, contact);
        let contacts = listed.contacts.iter().map(of_tenant).collect();
        let offering_items = listed.items.iter().map(item).collect();
        if matches!(lod, Lod::Full | Lod::FullWithoutContacts) {
            let tenant = Tenant::from(listed.details).with_contacts(contacts);
            return Self::Full(Box::new(TenantInFull { tenant, barrier, offering_items }));
        }
        let stamps = TenantStamps {
            id: tenant.id,
            parent_id: tenant.parent_id,
            version: tenant.version,
            created_at: tenant.created_at.into(),
            updated_at: tenant.updated_at.into(),
            deleted_at: tenant.deleted_at.map(Zulu),
            contacts,
            offering_items,
        };
        if lod == Lod::Stamps {
            return Self::Stamps(Box::new(stamps));
        }
        let tenant = listed.details.tenant;
        let (name, kind, enabled) = (tenant.name, tenant.kind, tenant.enabled);
        Self::Basic(Box::new(TenantBasics { stamps, name, kind, enabled }))
    }
}

fn query(params: &Params) -> Result<TenantQuery, Problem> {
    let these = few(params, "uuids")?.map(WhichTenants::These);
    let children = params.parsed("parent_id")?.map(WhichTenants::ChildrenOf);
    let below = params.parsed("subtree_root_id")?.map(WhichTenants::Below);
    let mut which = [these, children, below].into_iter().flatten();
    let filters = "one of uuids, parent_id, subtree_root_id or after";
    let first = which.next();
    let first = first.ok_or_else(|| Problem::Word {
        code: "ParameterMalformed",
        info: format!("{filters} is required"),
    })?;
    if which.next().is_some() {
        return Err(Error::invalid("uuids", format!("{filters}, not several")).into());
    }
    let all = flag(params, "with_offering_items")? | flag(params, "expand_offering_items")?;
    let infra = flag(params, "with_infra_offering_items")?;
    Ok(TenantQuery {
        which: first,
        common: common(params)?,
        lod: lod(params, true)?,
        contacts: flag(params, "with_contacts")?,
        items: match (all, infra) {
            (true, _) => Embedded::All,
            (false, true) => Embedded::Infra,
            (false, false) => Embedded::Nothing,
        },
        path: flag(params, "include_relative_path")?,
    })
}

/// Tenants by id, the children of one, or one and all below it, page by page.
///
/// A subtree comes by level and then by id, others by id. Personal tenants come by id alone; what stands behind a closed
/// tenant does not come.
#[utoipa::path(get, path = "/tenants", tag = "tenants",
    params(
        ("uuids" = Option<String>, Query, description = "Up to 100 ids, comma separated; unknown and foreign ones are left out",
            example = "f313ecf6-9256-4afd-9d47-72e032ee81d0"),
        ("parent_id" = Option<String>, Query, format = "uuid", description = "The children of this tenant"),
        ("subtree_root_id" = Option<String>, Query, format = "uuid", description = "This tenant and all below it"),
        ("after" = Option<String>, Query,
            description = "The page behind the one that gave this cursor; it stands for all the others but `limit`"),
        ("limit" = Option<i64>, Query, minimum = 1, description = "The most tenants of a page; 5000 where it is absent or larger"),
        ("updated_since" = Option<String>, Query, format = DateTime,
            description = "Tenants that changed later", example = "2026-05-08T10:58:53Z"),
        ("lod" = Option<String>, Query, pattern = "^(stamps|basic|full|full_without_contacts)$",
            description = "stamps, basic, full (default) or full_without_contacts"),
        ("with_contacts" = Option<bool>, Query, description = "Fills `contacts`"),
        ("with_offering_items" = Option<bool>, Query, description = "Fills `offering_items`"),
        ("with_infra_offering_items" = Option<bool>, Query, description = "Fills `offering_items` with those of type infra"),
        ("expand_offering_items" = Option<bool>, Query, description = "As `with_offering_items`"),
        ("include_relative_path" = Option<bool>, Query,
            description = "With `uuids`: adds the tenants from the caller's down to them"),
        ("allow_deleted" = Option<bool>, Query, description = "Deleted ones too"),
    ),
    responses(
        (status = 200, description = "A page", body = Page<TenantOfList>, example = json!({
            "timestamp": "2026-05-08T10:58:53", "items": [{"id": "f313ecf6-9256-4afd-9d47-72e032ee81d0",
            "parent_id": "fa6859a9-f5e1-4faf-a56c-5a0ae866dc4f", "version": 1, "created_at": "2026-05-08T10:58:53Z",
            "updated_at": "2026-05-08T10:58:53Z", "deleted_at": null, "contacts": [], "offering_items": [],
            "name": "Harbour Ltd", "kind": "customer", "enabled": true}], "paging": {"cursors": {}}})),
        (status = 400, description = "Malformed; `ParameterMalformed` without any filter", body = Envelope),
        (status = 401, description = "No valid credentials", body = Envelope),
        (status = 403, description = "1002 access denied", body = Envelope),
        (status = 404, description = "1005 no such tenant", body = Envelope),
        (status = 415, description = "`Accept` excludes JSON", body = Envelope),
    ))]
pub(super) async fn list(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    params: Params,
) -> Result<Json<Page<TenantOfList>>, Problem> {
    let (limit, ask) = (limit(&params)?, ask(&params, query)?);
    let page = lists::tenants(&app, &caller.0, ask, limit).await?;
    let lod = page.query.lod;
    Ok(Json(Page {
        timestamp: page.timestamp.without_zone(),
        items: page.items.into_iter().map(|listed| TenantOfList::new(lod, listed)).collect(),
        paging: Paging::to(page.after),
    }))
}
