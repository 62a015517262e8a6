//! Changes, moves and deletion of tenants.

use domain::access::Permission;
use domain::ids::{TenantId, TenantNo};
use domain::tenant::{CustomerType, ExternalOperation, Language, Tenant, TenantKind};
use domain::user::ContactType;
use store::contacts::Owner;
use store::{Conn, Write};

use super::create::kind_fits;
use super::{Details, checked_name, checked_text, closable, load, not_personal};
use crate::contacts::ContactChange;
use crate::{App, Caller, Error, Result, Rule};

/// The members of a tenant that a body carries; the others stay as they are.
#[derive(Debug, Clone, Default)]
pub struct TenantChange {
    /// The version that the caller has seen.
    pub version: i64,
    /// Display name.
    pub name: Option<String>,
    /// The published type of customer.
    pub customer_type: Option<CustomerType>,
    /// The tenant above: another one moves it.
    pub parent_id: Option<TenantId>,
    /// Partner to folder and back.
    pub kind: Option<TenantKind>,
    /// Members of the legal contact.
    pub contact: Option<ContactChange>,
    /// Whether its people may sign in.
    pub enabled: Option<bool>,
    /// External id; `Some(None)` clears.
    pub customer_id: Option<Option<String>>,
    /// Opaque; `Some(None)` clears.
    pub internal_tag: Option<Option<String>>,
    /// Language of its files.
    pub language: Option<Language>,
    /// The identity provider.
    pub default_idp_id: Option<uuid::Uuid>,
    /// Whether the caller's tenant alone may write it.
    pub update_lock: Option<bool>,
    /// Whether administrators above may look inside.
    pub ancestral_access: Option<bool>,
    /// An operation elsewhere.
    pub external_operation: Option<ExternalOperation>,
}

impl TenantChange {
    fn check(&self) -> Result<()> {
        self.name.as_deref().map_or(Ok(()), checked_name)?;
        checked_text("customer_id", self.customer_id.as_ref().and_then(Option::as_ref))?;
        checked_text("internal_tag", self.internal_tag.as_ref().and_then(Option::as_ref))?;
        self.contact.as_ref().map_or(Ok(()), |contact| contact.check("contact"))
    }

    /// The tenant after the change, still below its old parent. The lock goes to the caller's tenant: nobody else's is in
    /// the way here.
    fn apply(&self, old: &Tenant, caller: &Caller) -> Tenant {
        let mut new = old.clone();
        new.name = self.name.clone().unwrap_or(new.name);
        new.customer_type = self.customer_type.unwrap_or(new.customer_type);
        new.kind = self.kind.unwrap_or(new.kind);
        new.enabled = self.enabled.unwrap_or(new.enabled);
        new.customer_id = self.customer_id.clone().unwrap_or(new.customer_id);
        new.internal_tag = self.internal_tag.clone().unwrap_or(new.internal_tag);
        new.language = self.language.unwrap_or(new.language);
        new.default_idp_id = self.default_idp_id.unwrap_or(new.default_idp_id);
        new.ancestral_access = self.ancestral_access.unwrap_or(new.ancestral_access);
        new.external_operation = self.external_operation.unwrap_or(new.external_operation);
        new.update_lock_owner = match self.update_lock {
            None => new.update_lock_owner,
            Some(false) => None,
            Some(true) => Some(caller.tenant_id),
        };
        new
    }
}

/// Changes a tenant: 1001 with another version than the current one, 1012 while another tenant holds its lock. Only those
/// inside a closed tenant open it again (403).
pub async fn update(app: &App, caller: &Caller, id: TenantId, change: TenantChange) -> Result<Details> {
    change.check()?;
    let mut tx = app.write(caller).await?;
    let granted = app.allow(&mut tx, caller, Permission::TenantAdmin, id).await?;
    granted.check_lock()?;
    let old = granted.tenant();
    if change.ancestral_access == Some(true) && !old.ancestral_access && !granted.may_look_inside() {
        // A wall that those outside could take down would be none.
        return Err(Error::Forbidden);
    }
    let target = new_parent(app, &mut tx, caller, old, change.parent_id).await?;
    check_version(change.version, old.version)?;
    let mut new = change.apply(old, caller);
    let regrouped = |kind| matches!(kind, TenantKind::Partner | TenantKind::Folder);
    if new.kind != old.kind && !(regrouped(new.kind) && regrouped(old.kind)) {
        return Err(Error::rule(
            Rule::Business,
            format!("kind: a {} cannot become a {}", old.kind, new.kind),
        ));
    }
    closable(new.kind, new.ancestral_access)?;
    if let Some(target) = target {
        check_move(&mut tx, &new, &target).await?;
        store::policies::end_crossing(&mut tx, old.no, target.no).await?;
        new.parent = target.no;
    }
    store::tenants::update(&mut tx, old, &new).await?;
    if let Some(contact) = &change.contact {
        save_contact(app, &mut tx, old, contact).await?;
    }
    let details = load(app, &mut tx, old.no).await?;
    tx.commit().await?;
    Ok(details)
}

async fn save_contact(app: &App, tx: &mut Write, tenant: &Tenant, change: &ContactChange) -> Result<()> {
    let stored = load(app, tx, tenant.no).await?.contact;
    let changed = change.apply(&stored, &[ContactType::Legal]);
    if changed != stored {
        let id = tenant.id.to_string();
        store::contacts::update(tx, Owner::tenant(&id, tenant.no), &stored, &changed).await?;
    }
    Ok(())
}

/// The parent that a move goes to; the caller must administer both parents from inside.
async fn new_parent(
    app: &App,
    conn: &mut Conn,
    caller: &Caller,
    tenant: &Tenant,
    parent_id: Option<TenantId>,
) -> Result<Option<Tenant>> {
    let Some(parent_id) = parent_id.filter(|parent| *parent != tenant.parent_id) else { return Ok(None) };
    app.allow_inside(conn, caller, Permission::TenantAdmin, tenant.parent_id).await?;
    let granted = app.allow_inside(conn, caller, Permission::TenantAdmin, parent_id).await?;
    Ok(Some(granted.tenant().clone()))
}

/// The rules of a move (accounts-api, tier 3).
async fn check_move(conn: &mut Conn, tenant: &Tenant, target: &Tenant) -> Result<()> {
    let refused = |rule, why: &str| Err(Error::rule(rule, format!("parent_id: {why}")));
    if store::tenants::reach(conn, tenant.no, target.no).await?.is_some() {
        return refused(Rule::MoveUnderChild, "the target lies below the tenant");
    }
    if tenant.kind == TenantKind::Unit {
        return refused(Rule::MoveInsideCustomer, "a unit stays where it is");
    }
    if matches!(target.kind, TenantKind::Customer | TenantKind::Unit) {
        return refused(Rule::MoveInsideCustomer, "the target is, or lies in, a customer");
    }
    if !target.enabled {
        return refused(Rule::MoveUnderDisabled, "the target is disabled");
    }
    kind_fits(tenant.kind, target)?;
    if !store::tenants::offers_all(conn, tenant.no, target.no).await? {
        return refused(
            Rule::MoveItemsUnavailable,
            "the target lacks an item, storage or service that is on",
        );
    }
    if let Some(owner) = store::tenants::lock_left_behind(conn, tenant.no, target.no).await? {
        let info =
            format!("parent_id: the target does not lie below {owner}, which holds a lock of what moves");
        return Err(Error::rule(Rule::MoveOutOfLock, info));
    }
    Ok(())
}

/// Deletes a tenant softly with everything below it, its users and its clients: 1006 while it is enabled, 1001 with
/// another version than the current one, 1012 while another tenant holds its lock or one below.
pub async fn delete(app: &App, caller: &Caller, id: TenantId, version: i64) -> Result<()> {
    delete_all(app, caller, &[(id, version)]).await
}

/// The most tenants of one call; each takes all below it along.
pub const MAX_DELETED: usize = 1_000;

/// As [`delete`], for several tenants: all or none. All are looked at before the first goes, so that a tenant may be named
/// together with one above it. [`Error::TooMany`] over [`MAX_DELETED`].
pub async fn delete_all(app: &App, caller: &Caller, tenants: &[(TenantId, i64)]) -> Result<()> {
    if tenants.len() > MAX_DELETED {
        return Err(Error::TooMany { why: format!("at most {MAX_DELETED} items in one call").into() });
    }
    let mut tx = app.write(caller).await?;
    let mut going = Vec::with_capacity(tenants.len());
    for (id, version) in tenants {
        going.push(deletable(app, &mut tx, caller, *id, *version).await?);
    }
    for no in going {
        store::tenants::delete_below(&mut tx, no).await?;
    }
    Ok(tx.commit().await?)
}

async fn deletable(
    app: &App,
    tx: &mut Write,
    caller: &Caller,
    id: TenantId,
    version: i64,
) -> Result<TenantNo> {
    let granted = app.allow(tx, caller, Permission::TenantAdmin, id).await?;
    granted.check_lock()?;
    let tenant = granted.tenant();
    if let Some(owner) = store::tenants::lock_below(tx, tenant.no, caller.tenant).await? {
        return Err(Error::rule(Rule::Locked, format!("a tenant below {id} is locked by {owner}")));
    }
    check_version(version, tenant.version)?;
    if tenant.enabled {
        return Err(Error::StillEnabled { tenant: tenant.no });
    }
    if tenant.is_top() {
        return Err(Error::rule(Rule::Business, "the top tenant cannot be deleted"));
    }
    not_personal(tenant, "it goes with its user")?;
    Ok(tenant.no)
}

pub(crate) const fn check_version(sent: i64, current: i64) -> Result<()> {
    if sent == current { Ok(()) } else { Err(Error::Stale { sent, current }) }
}
