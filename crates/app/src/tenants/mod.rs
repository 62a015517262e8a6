//! Tenants: made, read, changed, deleted and listed (accounts-api, 1.8).

mod create;
mod default_idp;
mod lists;
mod restore;
mod update;

use domain::access::Permission;
use domain::ids::{ApplicationId, TenantId, TenantNo};
use domain::pricing::{PricingMode, mode_at};
use domain::tenant::Tenant;
use domain::text::{check_name, check_text};
use domain::time::Instant;
use domain::user::Contact;
use store::Conn;

use crate::access::{Deleted, Depth};
use crate::{App, Caller, Error, Result, Rule};

pub(crate) use create::first_mode;
pub use create::{NewTenant, create};
pub use default_idp::{DefaultIdpChange, set_default_idp};
pub use lists::{Order, OrderBy, UnknownOrder, children, children_in_full};
pub(crate) use lists::{is_meant, usage_order};
pub use restore::restore;
pub(crate) use update::check_version;
pub use update::{MAX_DELETED, TenantChange, delete, delete_all, update};

/// A tenant with what an answer shows beside its own row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// The tenant.
    pub tenant: Tenant,
    /// Its legal contact.
    pub contact: Contact,
    /// How it is billed now.
    pub pricing_mode: PricingMode,
    /// In trial: the moment of the coming switch; else that of the switch.
    pub production_start: Option<Instant>,
    /// The tenants above it, the nearest first, where they were asked for.
    pub path: Option<Vec<TenantId>>,
}

impl Details {
    pub(crate) fn at(now: Instant, stored: store::tenants::Details) -> Self {
        let mode = mode_at(stored.pricing_mode, stored.pricing_created_at, now);
        let by_itself = stored.pricing_created_at.plus_one_month();
        let start = match stored.pricing_mode {
            PricingMode::Trial => Some(by_itself),
            PricingMode::Production | PricingMode::Suspended => stored.pricing_switched_at,
        };
        Self {
            tenant: stored.tenant,
            contact: stored.contact,
            pricing_mode: mode,
            production_start: start,
            path: None,
        }
    }
}

/// What a read of one tenant may add.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// `embed_path`.
    pub path: bool,
    /// `allow_deleted`.
    pub deleted_too: bool,
}

/// A tenant, for whoever may view it.
pub async fn get(app: &App, caller: &Caller, id: TenantId, options: Options) -> Result<Details> {
    let mut conn = app.read().await?;
    let granted = app
        .allow_at(&mut conn, caller, Permission::TenantViewer, id, Depth::Own, shown(options.deleted_too))
        .await?;
    let mut details = load(app, &mut conn, granted.tenant().no).await?;
    if options.path {
        details.path = Some(store::tenants::path(&mut conn, granted.tenant().no).await?);
    }
    Ok(details)
}

/// The services that are on at a tenant, in the catalogue's order; the platform always is.
pub async fn applications(app: &App, caller: &Caller, id: TenantId) -> Result<Vec<ApplicationId>> {
    let mut conn = app.read().await?;
    let granted = app.allow(&mut conn, caller, Permission::TenantViewer, id).await?;
    let services = store::catalogue::services(&mut conn, granted.tenant().no).await?;
    Ok(services.into_iter().map(|service| app.catalogue().application_id(service)).collect())
}

pub(crate) async fn load(app: &App, conn: &mut Conn, no: TenantNo) -> Result<Details> {
    let stored = store::tenants::details(conn, no).await?.ok_or(Error::NotFound { what: "tenant" })?;
    Ok(Details::at(app.clock.now(), stored))
}

pub(crate) const fn shown(deleted_too: bool) -> Deleted {
    if deleted_too { Deleted::Shown } else { Deleted::Hidden }
}

fn checked_name(name: &str) -> Result<()> {
    check_name(name).map_err(|why| Error::invalid("name", why.to_string()))
}

fn checked_text(field: &'static str, text: Option<&String>) -> Result<()> {
    let checked = text.map_or(Ok(()), |text| check_text(text));
    checked.map_err(|why| Error::invalid(field, why.to_string()))
}

/// Fails with 1027 where a personal tenant would get children of its own, or be changed apart from its user.
fn not_personal(tenant: &Tenant, what: &str) -> Result<()> {
    if tenant.owner_id.is_some() {
        return Err(Error::rule(
            Rule::Business,
            format!("tenant {} is a personal tenant: {what}", tenant.id),
        ));
    }
    Ok(())
}

fn closable(kind: domain::tenant::TenantKind, ancestral_access: bool) -> Result<()> {
    if kind == domain::tenant::TenantKind::Unit && !ancestral_access {
        return Err(Error::rule(Rule::Business, "ancestral_access: a unit cannot be closed"));
    }
    Ok(())
}
