//! Access policies: which roles a user holds on which tenants (accounts-api, 1.10).

use domain::access::{AccessPolicy, Permission, Role, TrusteeType};
use domain::ids::{PolicyId, TenantId, UserId};
use domain::time::Instant;
use store::Conn;

use crate::access::Deleted;
use crate::users::find;
use crate::{App, Caller, Error, Result, Rule};

/// A policy as a caller wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPolicy {
    /// The id of one to keep; `None`, or an id that the user has no policy with, for a new one.
    pub id: Option<PolicyId>,
    /// The version that the caller has seen of one to keep.
    pub version: Option<i64>,
    /// Whose it is said to be: the user's, where it is said.
    pub trustee_id: Option<UserId>,
    /// Where it reaches from.
    pub tenant_id: TenantId,
    /// What it gives.
    pub role: Role,
    /// `resource_server_id`, `resource_namespace`, `resource_path`.
    pub resource: [Option<String>; 3],
}

/// The policies of a user, and the moment they were read at.
#[derive(Debug, Clone)]
pub struct Policies {
    /// When.
    pub timestamp: Instant,
    /// The list.
    pub items: Vec<AccessPolicy>,
}

/// What whoever gives a role must hold of it. Approving devices is not among them: it is about the holder's own account, and
/// no administrator has it.
const PERMISSIONS: [Permission; 9] = [
    Permission::TenantViewer,
    Permission::TenantAdmin,
    Permission::UserAdmin,
    Permission::MfaAdmin,
    Permission::InfraAdmin,
    Permission::InfraViewer,
    Permission::ReportWriter,
    Permission::ReportReader,
    Permission::RootAdmin,
];

/// The policies of a user.
pub async fn get(app: &App, caller: &Caller, user: UserId) -> Result<Policies> {
    let (mut conn, timestamp) = app.read_at().await?;
    find(app, &mut conn, caller, Permission::TenantViewer, user, Deleted::Hidden).await?;
    let items = store::policies::of_user(&mut conn, user).await?;
    Ok(Policies { timestamp, items })
}

/// Replaces the whole set. 403 where a tenant or role lies beyond the caller's own rights, 1001 where a kept policy has
/// another version, 1027 where a role does not fit its tenant or a service would have two.
pub async fn replace(app: &App, caller: &Caller, user: UserId, items: Vec<NewPolicy>) -> Result<Policies> {
    if let Some(at) = items.iter().position(|item| item.trustee_id.is_some_and(|trustee| trustee != user)) {
        return Err(Error::invalid(format!("items[{at}].trustee_id"), "not this user"));
    }
    let mut tx = app.write(caller).await?;
    let found = find(app, &mut tx, caller, Permission::UserAdmin, user, Deleted::Hidden).await?;
    let old = store::policies::of_user(&mut tx, user).await?;
    let mut new: Vec<AccessPolicy> = Vec::with_capacity(items.len());
    let mut misfit = None;
    for (at, item) in items.into_iter().enumerate() {
        let granted = app.allow_inside(&mut tx, caller, Permission::UserAdmin, item.tenant_id).await?;
        may_give(&mut tx, caller, &item, granted.tenant().no).await?;
        if !item.role.fits(granted.tenant().kind) {
            let kind = granted.tenant().kind;
            misfit = Some(format!("items[{at}].role_id: {} does not fit a {kind}", item.role));
        }
        let kept = old.iter().find(|known| Some(known.id) == item.id);
        let kept = kept.filter(|known| new.iter().all(|taken| taken.id != known.id));
        new.push(policy(app, caller, user, &item, granted.tenant().no, kept)?);
    }
    misfit.map_or(Ok(()), |info| Err(Error::rule(Rule::Business, info)))?;
    one_role_per_service(&new)?;
    store::policies::replace(&mut tx, user, found.tenant, &old, &new).await?;
    let items = store::policies::of_user(&mut tx, user).await?;
    let timestamp = tx.stamp().await?;
    tx.commit().await?;
    Ok(Policies { timestamp, items })
}

/// Whoever gives a role must hold its [`PERMISSIONS`] on that tenant.
async fn may_give(
    conn: &mut Conn,
    caller: &Caller,
    item: &NewPolicy,
    tenant: domain::ids::TenantNo,
) -> Result<()> {
    let mut held = Vec::new();
    for grant in &caller.grants {
        let reach = store::tenants::reach(conn, grant.tenant, tenant).await?;
        if reach.is_some_and(|reach| reach.walls == 0) {
            held.push(grant.role);
        }
    }
    let asked = PERMISSIONS.into_iter().filter(|permission| item.role.permits(*permission));
    if asked.into_iter().all(|permission| held.iter().any(|role| role.permits(permission))) {
        return Ok(());
    }
    Err(Error::Forbidden)
}

fn policy(
    app: &App,
    caller: &Caller,
    user: UserId,
    item: &NewPolicy,
    tenant: domain::ids::TenantNo,
    kept: Option<&AccessPolicy>,
) -> Result<AccessPolicy> {
    let now = app.clock.now();
    let Some(kept) = kept else {
        return Ok(AccessPolicy {
            id: PolicyId(app.ids.other()?),
            version: 0,
            trustee_id: user,
            trustee_type: TrusteeType::User,
            issuer_id: caller.actor().id(),
            tenant,
            tenant_id: item.tenant_id,
            role: item.role,
            created_at: now,
            updated_at: now,
            resource: item.resource.clone(),
        });
    };
    if let Some(sent) = item.version.filter(|sent| *sent != kept.version) {
        return Err(Error::Stale { sent, current: kept.version });
    }
    let mut policy = kept.clone();
    (policy.tenant, policy.tenant_id) = (tenant, item.tenant_id);
    (policy.role, policy.resource) = (item.role, item.resource.clone());
    if policy != *kept {
        policy.version += 1;
        policy.updated_at = now;
    }
    Ok(policy)
}

/// One role per service and user; the same role on several tenants is one.
fn one_role_per_service(policies: &[AccessPolicy]) -> Result<()> {
    for (at, policy) in policies.iter().enumerate() {
        let earlier = policies.iter().take(at);
        let clash = earlier.clone().find(|other| {
            service(other.role) == service(policy.role)
                && (other.role != policy.role || other.tenant == policy.tenant)
        });
        if let Some(other) = clash {
            let info =
                format!("items[{at}].role_id: {} beside {} of the same service", policy.role, other.role);
            return Err(Error::rule(Rule::Business, info));
        }
    }
    Ok(())
}

/// The service that a role belongs to: the first word of its name, and the platform for those that administer tenants.
fn service(role: Role) -> &'static str {
    if role.is_admin() || role == Role::ReadonlyAdmin {
        return "platform";
    }
    match role {
        Role::ProtectionAdmin | Role::ProtectionRoAdmin | Role::RestoreOperator => "protection",
        Role::SyncShareAdmin | Role::SyncShareUser | Role::SyncShareGuest => "files_cloud",
        other => other.as_str().split('_').next().unwrap_or_default(),
    }
}
