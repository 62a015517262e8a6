//! `GET /users`.

use app::lists::{self, ListedUser, Lod, Organization, UserQuery, WhichUsers};
use app::{App, Error};
use axum::extract::State;
use domain::access::Role;
use domain::ids::{TenantId, UserId};
use domain::tenant::TenantKind;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Page, Paging, ask, common, few, flag, limit, lod, shapes, some};
use crate::api::access_policies::AccessPolicy;
use crate::api::users::body::User;
use crate::caller::{Can, TenantViewer};
use crate::json::Json;
use crate::params::Params;
use crate::problem::{Envelope, Problem};
use crate::wire::Zulu;

shapes! {
    /// A user of a list.
    UserOfList { Full(User), Basic(UserBasics), Stamps(UserStamps), }
}

/// What tells whether a user changed (`lod=stamps`).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserStamps {
    #[schema(value_type = String, format = Uuid)]
    id: UserId,
    version: i64,
    #[schema(value_type = String, format = Uuid)]
    tenant_id: TenantId,
    created_at: Zulu,
    updated_at: Zulu,
    deleted_at: Option<Zulu>,
    /// Empty unless asked for.
    access_policies: Vec<AccessPolicy>,
    origin_id: Option<String>,
    origin_external_id: Option<String>,
    disable_after: Option<Zulu>,
}

/// A user with its login and status (`lod=basic`).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserBasics {
    #[serde(flatten)]
    stamps: UserStamps,
    #[schema(value_type = Option<String>, format = Uuid)]
    personal_tenant_id: Option<TenantId>,
    login: String,
    enabled: bool,
    /// `passed_or_not_required`: no session waits for a second factor here.
    session_mfa_status: &'static str,
    /// How mails reach it: `email`.
    delivery_channel: Option<&'static str>,
}

impl UserOfList {
    fn new(lod: Lod, listed: ListedUser) -> Self {
        let user = listed.user;
        let access_policies: Vec<AccessPolicy> = listed.policies.into_iter().map(Into::into).collect();
        if matches!(lod, Lod::Full | Lod::FullWithoutContacts) {
            return Self::Full(Box::new(User::from(user).with_access_policies(access_policies)));
        }
        let stamps = UserStamps {
            id: user.id,
            version: user.version,
            tenant_id: user.tenant_id,
            created_at: user.created_at.into(),
            updated_at: user.updated_at.into(),
            deleted_at: user.deleted_at.map(Zulu),
            access_policies,
            origin_id: user.origin_id,
            origin_external_id: user.origin_external_id,
            disable_after: user.disable_after.map(Zulu),
        };
        if lod == Lod::Stamps {
            return Self::Stamps(Box::new(stamps));
        }
        Self::Basic(Box::new(UserBasics {
            stamps,
            personal_tenant_id: user.personal_tenant_id,
            login: user.login,
            enabled: user.enabled,
            session_mfa_status: "passed_or_not_required",
            delivery_channel: Some("email"),
        }))
    }
}

fn query(params: &Params) -> Result<UserQuery, Error> {
    let origin_id = params.get("origin_id").filter(|id| !id.is_empty()).map(str::to_owned);
    Ok(UserQuery {
        which: which(params)?,
        common: common(params)?,
        lod: lod(params, false)?,
        origin_id,
        policies: flag(params, "with_access_policies")?,
    })
}

fn which(params: &Params) -> Result<WhichUsers, Error> {
    let uuids = few(params, "uuids")?;
    let external_ids = few(params, "external_ids")?;
    let tenant = params.parsed("tenant_id")?;
    let root = params.parsed("subtree_root_tenant_id")?;
    let inside = organization(params, root)?;
    match (uuids, external_ids, tenant, root) {
        (Some(ids), None, None, None) => Ok(WhichUsers::These(ids)),
        (None, Some(ids), Some(tenant), None) => Ok(WhichUsers::WithExternalIds(tenant, ids)),
        (None, Some(_), None, None) => Err(Error::invalid("tenant_id", "required with external_ids")),
        (None, None, Some(tenant), None) => Ok(WhichUsers::Of(tenant)),
        (None, None, None, root) => Ok(inside.map_or(WhichUsers::Below(root), WhichUsers::Inside)),
        _ => {
            let filters = "one of uuids, external_ids with tenant_id, tenant_id or subtree_root_tenant_id";
            Err(Error::invalid("uuids", format!("{filters}, not several")))
        }
    }
}

/// `inside_organization` and what comes with it.
fn organization(params: &Params, root: Option<TenantId>) -> Result<Option<Organization>, Error> {
    let roles: Option<Vec<Role>> = some(params, "access_policies")?;
    let kinds: Option<Vec<TenantKind>> = some(params, "tenant_kinds")?;
    let on = params.parsed("target_tenant_id")?;
    if flag(params, "inside_organization")? {
        let missing = || Error::invalid("subtree_root_tenant_id", "required with inside_organization");
        let root = root.ok_or_else(missing)?;
        let (roles, kinds) = (roles.unwrap_or_default(), kinds.unwrap_or_default());
        return Ok(Some(Organization { root, roles, kinds, on }));
    }
    let sent = [
        ("access_policies", roles.is_some()),
        ("tenant_kinds", kinds.is_some()),
        ("target_tenant_id", on.is_some()),
    ];
    match sent.into_iter().find(|(_, sent)| *sent) {
        Some((name, _)) => Err(Error::invalid(name, "taken with inside_organization alone")),
        None => Ok(None),
    }
}

/// Users by id, of a tenant, or of a tenant and all below it, page by page; without any filter those of the caller's tenant
/// and below.
///
/// Those of a subtree come by the level of their tenant and then by id, others by id. Those behind a closed tenant do not
/// come.
#[utoipa::path(get, path = "/users", tag = "users",
    params(
        ("uuids" = Option<String>, Query,
            description = "Up to 100 ids, comma separated; unknown and foreign ones are left out"),
        ("external_ids" = Option<String>, Query, description = "Up to 100, comma separated; with `tenant_id`"),
        ("tenant_id" = Option<String>, Query, format = "uuid", description = "The users of this tenant"),
        ("subtree_root_tenant_id" = Option<String>, Query, format = "uuid",
            description = "The users of this tenant and of all below it"),
        ("after" = Option<String>, Query,
            description = "The page behind the one that gave this cursor; it stands for all the others but `limit`"),
        ("limit" = Option<i64>, Query, minimum = 1,
            description = "The most users of a page; 2000 where it is absent or larger"),
        ("updated_since" = Option<String>, Query, format = DateTime,
            description = "Users that changed later", example = "2026-05-08T10:58:53Z"),
        ("lod" = Option<String>, Query, pattern = "^(stamps|basic|full)$",
            description = "stamps, basic or full (default)"),
        ("origin_id" = Option<String>, Query, description = "Users with this one"),
        ("with_access_policies" = Option<bool>, Query, description = "Fills `access_policies`"),
        ("inside_organization" = Option<bool>, Query, description = "Of the subtree only the tenant itself and its own parts: \
            the units of a customer, the folders of anything else"),
        ("access_policies" = Option<String>, Query,
            description = "Roles, comma separated, with `inside_organization`: users with one of them"),
        ("tenant_kinds" = Option<String>, Query,
            description = "Kinds, comma separated, with `inside_organization`: users of tenants of these kinds"),
        ("target_tenant_id" = Option<String>, Query, format = "uuid",
            description = "With `inside_organization`: users with a role on this tenant"),
        ("allow_deleted" = Option<bool>, Query, description = "Deleted ones too"),
    ),
    responses(
        (status = 200, description = "A page", body = Page<UserOfList>, example = json!({
            "timestamp": "2026-05-08T10:58:53Z", "items": [{"id": "948efcf2-b740-4c40-bb2d-4e4a46adfd87", "version": 1,
            "tenant_id": "0ef03214-6e47-4e50-87f2-a5955ba6095c", "created_at": "2026-05-08T10:58:53Z",
            "updated_at": "2026-05-08T10:58:53Z", "deleted_at": null, "access_policies": [], "origin_id": null,
            "origin_external_id": null, "disable_after": null}], "paging": {"cursors": {}}})),
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
) -> Result<Json<Page<UserOfList>>, Problem> {
    let (limit, ask) = (limit(&params)?, ask(&params, query)?);
    let page = lists::users(&app, &caller.0, ask, limit).await?;
    let lod = page.query.lod;
    Ok(Json(Page {
        timestamp: page.timestamp.with_z(),
        items: page.items.into_iter().map(|listed| UserOfList::new(lod, listed)).collect(),
        paging: Paging::to(page.after),
    }))
}
