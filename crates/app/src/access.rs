//! Who may do what: the only place where permission is decided.
//!
//! A [`Caller`] holds grants: roles on tenants, each reaching that tenant and all below. [`App::allow`] compares them with
//! the closure table and gives a [`Granted`], which cannot be made anywhere else: a use case that holds one may act on
//! that tenant, and its `root` bounds what may be listed.

use domain::access::{Actor, Grant, Permission};
use domain::ids::{TenantId, TenantNo};
use domain::tenant::Tenant;
use store::Conn;

use crate::{App, Error, Result, Rule};

/// How the caller proved who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A bearer token.
    Bearer,
    /// Login and password of a user.
    Basic,
    /// The cookie of a browser session.
    Cookie,
}

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// The tenant the client or user belongs to.
    pub tenant: TenantNo,
    /// That tenant's id.
    pub tenant_id: TenantId,
    /// What it may do where; for a narrowed token only what lies on its tenant and below.
    pub grants: Vec<Grant>,
    /// The tenant a narrowed token reaches, with all below.
    pub narrowed_to: Option<TenantId>,
    /// How it proved who it is.
    pub proof: Proof,
    /// A client of a top tenant, or one that carries an origin_id: may report usage (accounts-api, 1.7).
    pub reports_usage: bool,
    /// A client of a top tenant: may introspect tokens.
    pub introspects: bool,
    /// A client or user of a top tenant who may look at all of it: sees how the installation is doing.
    pub operates: bool,
}

impl Caller {
    /// Whose name a change bears.
    pub const fn actor(&self) -> Actor {
        self.actor
    }

    /// Whether any grant permits this somewhere: the check that comes before the body is looked at.
    pub fn has(&self, permission: Permission) -> bool {
        self.grants.iter().any(|grant| grant.role.permits(permission))
    }

    /// The tenants at and below which the caller may report usage; 403 where it may nowhere. What `ancestral_access`
    /// hides from people is metered all the same.
    pub fn reports_usage_below(&self) -> Result<Vec<TenantNo>> {
        let admin = |grant: &&Grant| grant.role.is_admin();
        let roots: Vec<TenantNo> = self.grants.iter().filter(admin).map(|grant| grant.tenant).collect();
        if self.reports_usage && !roots.is_empty() { Ok(roots) } else { Err(Error::Forbidden) }
    }

    /// The tenants at and below which the caller may view: what a list without a tenant of its own is bounded by. The one
    /// it belongs to comes first.
    pub fn viewed(&self) -> impl Iterator<Item = TenantNo> {
        let mut roots: Vec<TenantNo> = Vec::new();
        let viewer = |grant: &&Grant| grant.role.permits(Permission::TenantViewer);
        let (own, other): (Vec<_>, Vec<_>) =
            self.grants.iter().filter(viewer).map(|grant| grant.tenant).partition(|no| *no == self.tenant);
        for root in own.into_iter().chain(other) {
            if !roots.contains(&root) {
                roots.push(root);
            }
        }
        roots.into_iter()
    }

    /// Fails with 403 unless the caller runs the installation.
    pub const fn require_operator(&self) -> Result<()> {
        if self.operates { Ok(()) } else { Err(Error::Forbidden) }
    }

    /// Fails with 403 unless the caller is an API client.
    pub fn require_client(&self) -> Result<()> {
        if matches!(self.actor, Actor::Client(_)) { Ok(()) } else { Err(Error::Forbidden) }
    }

    /// As [`Caller::has`], as an error.
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.has(permission) { Ok(()) } else { Err(Error::Forbidden) }
    }
}

/// How far a permission reaches into a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The tenant's own properties.
    Own,
    /// Its users and children, which `ancestral_access` false hides from administrators above.
    Inside,
}

/// The permission to act on a tenant. Only [`App::allow`] makes one.
#[derive(Debug, Clone)]
pub struct Granted {
    tenant: Tenant,
    root: TenantNo,
    root_id: TenantId,
    walls: i64,
    /// Who holds the tenant's update lock, where the caller does not.
    locked_by: Option<TenantId>,
}

impl Granted {
    /// The tenant to act on, as it is now.
    pub const fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The tenant that the grant was given on: the root of what the caller may see here.
    pub const fn root(&self) -> TenantNo {
        self.root
    }

    /// That tenant's id.
    pub const fn root_id(&self) -> TenantId {
        self.root_id
    }

    /// Whether the caller may look inside the tenant, at its users and children.
    pub const fn may_look_inside(&self) -> bool {
        self.walls == 0 && (self.tenant.ancestral_access || self.tenant.no.0 == self.root.0)
    }

    /// Fails with 1012 while somebody else holds the tenant's update lock. Of an owner that is deleted those hold it who
    /// stand above its place: nobody else could lift it any more.
    pub fn check_lock(&self) -> Result<()> {
        match self.locked_by {
            Some(owner) => {
                Err(Error::rule(Rule::Locked, format!("tenant {} is locked by {owner}", self.tenant.id)))
            }
            None => Ok(()),
        }
    }
}

/// Whether a tenant that is deleted counts as there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// It does not: 404.
    Hidden,
    /// It does.
    Shown,
}

impl App {
    /// Whether the caller may do this on a live tenant's own properties; 404 (1005) where there is no such tenant, 403
    /// (1002) where it lies outside the caller's subtree.
    pub async fn allow(
        &self,
        conn: &mut Conn,
        caller: &Caller,
        permission: Permission,
        tenant: TenantId,
    ) -> Result<Granted> {
        self.allow_at(conn, caller, permission, tenant, Depth::Own, Deleted::Hidden).await
    }

    /// As [`App::allow`], for the tenant's users and children.
    pub async fn allow_inside(
        &self,
        conn: &mut Conn,
        caller: &Caller,
        permission: Permission,
        tenant: TenantId,
    ) -> Result<Granted> {
        self.allow_at(conn, caller, permission, tenant, Depth::Inside, Deleted::Hidden).await
    }

    /// As [`App::allow`], with all choices.
    pub async fn allow_at(
        &self,
        conn: &mut Conn,
        caller: &Caller,
        permission: Permission,
        tenant: TenantId,
        depth: Depth,
        deleted: Deleted,
    ) -> Result<Granted> {
        let found = store::tenants::by_id(conn, tenant).await?;
        let tenant = found
            .filter(|tenant| deleted == Deleted::Shown || tenant.deleted_at.is_none())
            .ok_or(Error::NotFound { what: "tenant" })?;
        let locked_by = match tenant.update_lock_owner {
            Some(owner) if !store::tenants::holds_lock(conn, caller.tenant, owner).await? => Some(owner),
            _ => None,
        };
        // Of several grants the one that reaches furthest counts.
        let mut outside = None;
        for grant in caller.grants.iter().filter(|grant| grant.role.permits(permission)) {
            let Some(reach) = store::tenants::reach(conn, grant.tenant, tenant.no).await? else { continue };
            if reach.walls > 0 {
                continue;
            }
            let granted = Granted {
                tenant: tenant.clone(),
                root: grant.tenant,
                root_id: grant.tenant_id,
                walls: reach.walls,
                locked_by,
            };
            if granted.may_look_inside() {
                return Ok(granted);
            }
            outside = outside.or(Some(granted));
        }
        outside.filter(|_| depth == Depth::Own).ok_or(Error::Forbidden)
    }
}
