//! New tenants.

use domain::access::Permission;
use domain::ids::{DEFAULT_IDP, TenantId, TenantNo};
use domain::pricing::PricingMode;
use domain::tenant::{Language, Tenant, TenantKind};
use domain::user::ContactType;
use store::Conn;
use store::contacts::Owner;

use super::{Details, checked_name, checked_text, closable, load, not_personal};
use crate::contacts::ContactChange;
use crate::ids::Noun;
use crate::{App, Caller, Error, Result, Rule};

/// What a new tenant is asked to be.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Display name.
    pub name: String,
    /// The tenant above.
    pub parent_id: TenantId,
    /// What it is.
    pub kind: TenantKind,
    /// Its legal contact.
    pub contact: ContactChange,
    /// A further contact, for the company's invoices.
    pub company_billing_contact: Option<ContactChange>,
    /// Whether its people may sign in.
    pub enabled: bool,
    /// External id.
    pub customer_id: Option<String>,
    /// Opaque.
    pub internal_tag: Option<String>,
    /// Language of its files.
    pub language: Language,
    /// The identity provider; the default one where absent.
    pub default_idp_id: Option<uuid::Uuid>,
    /// Whether the caller's tenant alone may write it.
    pub update_lock: bool,
    /// Whether administrators above may look inside.
    pub ancestral_access: bool,
    /// Stored as sent.
    pub enhanced_security: bool,
}

impl NewTenant {
    fn check(&self) -> Result<()> {
        checked_name(&self.name)?;
        checked_text("customer_id", self.customer_id.as_ref())?;
        checked_text("internal_tag", self.internal_tag.as_ref())?;
        self.contact.check("contact")?;
        self.company_billing_contact
            .as_ref()
            .map_or(Ok(()), |contact| contact.check("company_billing_contact"))
    }
}

/// Makes a tenant below one that the caller administers and may look into. 1003 below a disabled parent; 1027 where the
/// kind does not fit.
pub async fn create(app: &App, caller: &Caller, new: NewTenant) -> Result<Details> {
    new.check()?;
    let mut tx = app.write(caller).await?;
    let granted = app.allow_inside(&mut tx, caller, Permission::TenantAdmin, new.parent_id).await?;
    let parent = granted.tenant();
    if !parent.enabled {
        return Err(Error::rule(
            Rule::ParentDisabled,
            format!("parent_id: tenant {} is disabled", parent.id),
        ));
    }
    kind_fits(new.kind, parent)?;
    not_personal(parent, "nothing can stand below it")?;
    closable(new.kind, new.ancestral_access)?;
    let row = store::tenants::NewTenant {
        id: TenantId(app.ids.fresh(Noun::Tenant)?),
        parent: Some(parent.no),
        name: new.name,
        kind: new.kind,
        contact: new.contact.new_contact(app, &[ContactType::Legal])?,
        enabled: new.enabled,
        customer_id: new.customer_id,
        internal_tag: new.internal_tag,
        language: new.language,
        owner_id: None,
        default_idp_id: new.default_idp_id.unwrap_or(DEFAULT_IDP),
        update_lock_owner: new.update_lock.then_some(caller.tenant_id),
        ancestral_access: new.ancestral_access,
        enhanced_security: new.enhanced_security,
        pricing_mode: first_mode(&mut tx, new.kind, parent.no).await?,
    };
    let no = store::tenants::insert(&mut tx, &row).await?;
    if let Some(contact) = new.company_billing_contact {
        let contact = contact.new_contact(app, &[ContactType::CompanyBilling])?;
        let id = row.id.to_string();
        store::contacts::insert(&mut tx, Owner::company_billing(&id, no), &contact).await?;
    }
    let details = load(app, &mut tx, no).await?;
    tx.commit().await?;
    Ok(details)
}

/// Fails with 1027 where a tenant of this kind cannot stand below the parent.
pub(super) fn kind_fits(kind: TenantKind, parent: &Tenant) -> Result<()> {
    if kind.may_stand_below(parent.kind) {
        return Ok(());
    }
    Err(Error::rule(Rule::Business, format!("kind: a {kind} cannot stand below a {}", parent.kind)))
}

/// Sellers are in production from the start, a customer in trial; a unit follows its customer (accounts-api, 1.13).
pub(crate) async fn first_mode(conn: &mut Conn, kind: TenantKind, parent: TenantNo) -> Result<PricingMode> {
    if kind.sells() {
        return Ok(PricingMode::Production);
    }
    if kind == TenantKind::Customer {
        return Ok(PricingMode::Trial);
    }
    let above = store::tenants::details(conn, parent).await?;
    Ok(above.map_or(PricingMode::Trial, |above| above.pricing_mode))
}
