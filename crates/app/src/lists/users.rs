//! `GET /users`.

use std::collections::HashMap;

use domain::access::{AccessPolicy, Permission, Role};
use domain::ids::{TenantId, UserId};
use domain::tenant::TenantKind;
use domain::user::User;
use serde::{Deserialize, Serialize};
use store::Conn;
use store::lists::{
    Holding, Place, of_organization, of_tenant, users_below, visible_users, with_external_ids,
};

use super::tenants::inside;
use super::{Ask, Common, List, Lod, Page, in_order};
use crate::access::Depth;
use crate::tenants::shown;
use crate::users::grand_children;
use crate::{App, Caller, Error, Result};

const LIST: List = List { name: "users", page: 2000 };

/// Which users.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum WhichUsers {
    /// These; what the caller cannot see is left out.
    These(Vec<UserId>),
    /// Those of a tenant with one of these external ids.
    WithExternalIds(TenantId, Vec<String>),
    /// Those of a tenant.
    Of(TenantId),
    /// Those of a tenant and all below it; `None`: of the tenant that the caller reaches from.
    Below(Option<TenantId>),
    /// Those of an organization.
    Inside(Organization),
}

/// The users of a tenant and its own parts: the units of a customer, or the folders of anything else (`inside_organization`).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Organization {
    /// The tenant.
    pub root: TenantId,
    /// Those with one of these roles (`access_policies`); empty: all.
    pub roles: Vec<Role>,
    /// Those of tenants of these kinds (`tenant_kinds`); empty: all.
    pub kinds: Vec<TenantKind>,
    /// Those with a role on this tenant (`target_tenant_id`).
    pub on: Option<TenantId>,
}

/// What a list of users is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UserQuery {
    /// Which users.
    pub which: WhichUsers,
    /// What every list is asked.
    pub common: Common,
    /// How much of each.
    pub lod: Lod,
    /// Those with this `origin_id`.
    pub origin_id: Option<String>,
    /// `with_access_policies`.
    pub policies: bool,
}

/// A user of the list.
#[derive(Debug, Clone)]
pub struct ListedUser {
    /// The user.
    pub user: User,
    /// Its access policies, where they were asked for.
    pub policies: Vec<AccessPolicy>,
}

type Turn = super::Turn<UserQuery, (i64, UserId)>;

/// A page of users.
pub async fn users(
    app: &App,
    caller: &Caller,
    ask: Ask<UserQuery>,
    limit: Option<usize>,
) -> Result<Page<UserQuery, ListedUser>> {
    let (turn, mut conn): (Turn, Conn) = LIST.turn(app, caller, ask, limit).await?;
    let mut keys = keys(app, &mut conn, caller, &turn).await?;
    let last = turn.cut(&mut keys).map(|place| (place.depth, place.id));
    let ids: Vec<UserId> = keys.into_iter().map(|place| place.id).collect();
    let items = listed(&mut conn, &turn.query, &ids).await?;
    LIST.end(app, caller, turn, last, items)
}

async fn keys(app: &App, conn: &mut Conn, caller: &Caller, turn: &Turn) -> Result<Vec<Place<UserId>>> {
    let query = &turn.query;
    let (wanted, origin) = (query.common.wanted(turn.timestamp), query.origin_id.as_deref());
    let after = turn.after.map(|(depth, id)| Place { depth, id });
    let behind = |place: &Place<UserId>| after.is_none_or(|after| *place > after);
    let (limit, deleted_too) = (turn.keys(), wanted.deleted_too);
    Ok(match &query.which {
        WhichUsers::These(ids) => {
            let mut found = Vec::new();
            for root in caller.viewed() {
                found.extend(visible_users(conn, root, ids, wanted, origin).await?);
            }
            in_order(found, behind)
        }
        WhichUsers::WithExternalIds(tenant, ids) => {
            let tenant = inside(app, conn, caller, *tenant, deleted_too).await?;
            in_order(with_external_ids(conn, tenant, ids, wanted, origin).await?, behind)
        }
        WhichUsers::Of(tenant) => {
            let tenant = inside(app, conn, caller, *tenant, deleted_too).await?;
            of_tenant(conn, tenant, wanted, origin, after, limit).await?
        }
        WhichUsers::Below(root) => {
            let root = match root {
                Some(root) => inside(app, conn, caller, *root, deleted_too).await?,
                None => caller.viewed().next().ok_or(Error::Forbidden)?,
            };
            users_below(conn, root, wanted, origin, after, limit).await?
        }
        WhichUsers::Inside(organization) => {
            let (root, holding) = allowed(app, conn, caller, organization, deleted_too).await?;
            of_organization(conn, root, wanted, origin, &holding, after, limit).await?
        }
    })
}

/// An organization that the caller may look into, and the kind of tenants that are its parts.
async fn allowed(
    app: &App,
    conn: &mut Conn,
    caller: &Caller,
    organization: &Organization,
    deleted_too: bool,
) -> Result<((domain::ids::TenantNo, TenantKind), Holding)> {
    let (viewer, deleted) = (Permission::TenantViewer, shown(deleted_too));
    let root = app.allow_at(conn, caller, viewer, organization.root, Depth::Inside, deleted).await?;
    if let Some(on) = organization.on {
        app.allow(conn, caller, viewer, on).await?;
    }
    let Organization { roles, kinds, on, .. } = organization.clone();
    let tenant = root.tenant();
    Ok(((tenant.no, grand_children(tenant)), Holding { roles, on, kinds }))
}

/// The users in the order of the ids given, with what was asked of them.
async fn listed(conn: &mut Conn, query: &UserQuery, ids: &[UserId]) -> Result<Vec<ListedUser>> {
    let mut policies: HashMap<UserId, Vec<AccessPolicy>> = HashMap::new();
    if query.policies {
        for policy in store::policies::of_users(conn, ids).await? {
            policies.entry(policy.trustee_id).or_default().push(policy);
        }
    }
    let found = store::users::by_ids(conn, ids).await?;
    let mut found: HashMap<UserId, User> = found.into_iter().map(|user| (user.id, user)).collect();
    let user = |id: &UserId| {
        let user = found.remove(id)?;
        Some(ListedUser { user, policies: policies.remove(id).unwrap_or_default() })
    };
    Ok(ids.iter().filter_map(user).collect())
}
