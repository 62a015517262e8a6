//! New users, with their personal tenants.

use domain::access::Permission;
use domain::ids::{ContactId, DEFAULT_IDP, TenantId, TenantNo, UserId};
use domain::tenant::{Language, Tenant, TenantKind};
use domain::text::check_text;
use domain::time::Instant;
use domain::user::{BusinessType, Notification, User};
use store::Write;

use super::{checked_login, distinct, login_taken};
use crate::contacts::ContactChange;
use crate::ids::Noun;
use crate::tenants::first_mode;
use crate::{App, Caller, Error, Result, Rule};

/// The mails that a user wants unless it says otherwise.
pub(super) const DEFAULT_NOTIFICATIONS: &[Notification] =
    &[Notification::Quota, Notification::Reports, Notification::BackupDailyReport];

/// What a new user is asked to be.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The tenant it belongs to.
    pub tenant_id: TenantId,
    /// Its login; the e-mail address of the contact where absent.
    pub login: Option<String>,
    /// An id elsewhere.
    pub external_id: Option<String>,
    /// The identity provider; the default one where absent.
    pub idp_id: Option<uuid::Uuid>,
    /// Name, e-mail and the rest.
    pub contact: ContactChange,
    /// Whether it may sign in.
    pub enabled: bool,
    /// Language of its mails; that of its tenant where absent.
    pub language: Option<Language>,
    /// Business roles.
    pub business_types: Vec<BusinessType>,
    /// The mails it wants; three of them where absent.
    pub notifications: Option<Vec<Notification>>,
    /// Where it came from.
    pub origin_id: Option<String>,
    /// Its id there.
    pub origin_external_id: Option<String>,
    /// When it stops being able to sign in.
    pub disable_after: Option<Instant>,
}

/// Makes a user in a tenant that the caller administers and may look into; in a customer or unit with a personal tenant
/// that holds its usage. 1033 where the login is none or taken.
pub async fn create(app: &App, caller: &Caller, new: NewUser) -> Result<User> {
    check_form(&new)?;
    let mut tx = app.write(caller).await?;
    let granted = app.allow_inside(&mut tx, caller, Permission::TenantAdmin, new.tenant_id).await?;
    let tenant = granted.tenant();
    if tenant.owner_id.is_some() {
        return Err(Error::rule(Rule::Business, "tenant_id: a personal tenant has no users"));
    }
    let login = checked_login(new.login.as_deref().or(new.contact.text("email")).unwrap_or_default())?;
    let id = UserId(app.ids.fresh(Noun::User)?);
    let row = store::users::NewUser {
        id,
        tenant: tenant.no,
        personal_tenant: personal_tenant(app, &mut tx, tenant, id, &login).await?,
        login,
        password_hash: None,
        contact: new.contact.new_contact(app, &[])?,
        activated: false,
        enabled: new.enabled && !is_over(new.disable_after, tx.now()),
        language: new.language.unwrap_or(tenant.language),
        idp_id: new.idp_id.unwrap_or(DEFAULT_IDP),
        external_id: new.external_id,
        business_types: new.business_types,
        notifications: distinct(
            Notification::ALL,
            new.notifications.as_deref().unwrap_or(DEFAULT_NOTIFICATIONS),
        ),
        origin_id: new.origin_id,
        origin_external_id: new.origin_external_id,
        disable_after: new.disable_after,
    };
    store::users::insert(&mut tx, &row).await.map_err(|error| login_taken(error, &row.login))?;
    let user = store::users::by_id(&mut tx, id).await?.ok_or(Error::NotFound { what: "user" })?;
    tx.commit().await?;
    if user.disable_after.is_some() {
        app.work.notify_waiters();
    }
    Ok(user)
}

/// Whether a user's time is over.
pub(super) fn is_over(disable_after: Option<Instant>, now: Instant) -> bool {
    disable_after.is_some_and(|end| end <= now)
}

fn check_form(new: &NewUser) -> Result<()> {
    new.contact.check("contact")?;
    if new.contact.text("email").is_none() {
        return Err(Error::invalid("contact.email", "required"));
    }
    for (field, value) in [
        ("external_id", &new.external_id),
        ("origin_id", &new.origin_id),
        ("origin_external_id", &new.origin_external_id),
    ] {
        let checked = value.as_deref().map_or(Ok(()), check_text);
        checked.map_err(|why| Error::invalid(field, why.to_string()))?;
    }
    Ok(())
}

/// The unit below the user's own tenant that holds its quotas and usage; only users of customers and units have one.
async fn personal_tenant(
    app: &App,
    tx: &mut Write,
    home: &Tenant,
    owner: UserId,
    login: &str,
) -> Result<Option<TenantNo>> {
    if !matches!(home.kind, TenantKind::Customer | TenantKind::Unit) {
        return Ok(None);
    }
    let (id, contact) = (TenantId(app.ids.other()?), ContactId(app.ids.other()?));
    let unit = store::tenants::NewTenant {
        language: home.language,
        owner_id: Some(owner),
        pricing_mode: first_mode(tx, TenantKind::Unit, home.no).await?,
        ..store::tenants::NewTenant::plain(id, contact, Some(home.no), login.to_owned(), TenantKind::Unit)
    };
    let no = store::tenants::insert(tx, &unit).await?;
    crate::offering_items::follow_parent(tx, no, home.no).await?;
    Ok(Some(no))
}
