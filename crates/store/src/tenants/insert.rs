//! New tenants.

use domain::ids::{ContactId, DEFAULT_IDP, TenantId, TenantNo, UserId};
use domain::pricing::PricingMode;
use domain::tenant::{Language, TenantKind};
use domain::user::ContactType;

use super::{closure, numbers};
use crate::audit::{Change, Object};
use crate::contacts::{self, NewContact, Owner};
use crate::{Result, Write, args, lists, search};

/// What a new tenant starts with.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Its id.
    pub id: TenantId,
    /// Its parent; `None` for a top tenant, which is its own.
    pub parent: Option<TenantNo>,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: TenantKind,
    /// Its legal contact.
    pub contact: NewContact,
    /// Whether its people may sign in.
    pub enabled: bool,
    /// External id.
    pub customer_id: Option<String>,
    /// Opaque.
    pub internal_tag: Option<String>,
    /// Language of its files.
    pub language: Language,
    /// The user whose personal tenant it is.
    pub owner_id: Option<UserId>,
    /// The identity provider.
    pub default_idp_id: uuid::Uuid,
    /// Who alone may write it.
    pub update_lock_owner: Option<TenantId>,
    /// Whether administrators above may look inside.
    pub ancestral_access: bool,
    /// Stored as sent.
    pub enhanced_security: bool,
    /// How it is billed.
    pub pricing_mode: PricingMode,
}

impl NewTenant {
    /// A tenant of which nothing further is told: enabled, open to those above, in English, in production.
    pub fn plain(
        id: TenantId,
        contact: ContactId,
        parent: Option<TenantNo>,
        name: String,
        kind: TenantKind,
    ) -> Self {
        Self {
            id,
            parent,
            name,
            kind,
            contact: NewContact::empty(contact, vec![ContactType::Legal]),
            enabled: true,
            customer_id: None,
            internal_tag: None,
            language: Language::ENGLISH,
            owner_id: None,
            default_idp_id: DEFAULT_IDP,
            update_lock_owner: None,
            ancestral_access: true,
            enhanced_security: false,
            pricing_mode: PricingMode::Production,
        }
    }
}

/// Inserts a tenant with its legal contact, its place in the closure table and the lists, its words and the first version of its fields in the
/// change log.
pub async fn insert(tx: &mut Write, new: &NewTenant) -> Result<TenantNo> {
    let (now, stamp) = (tx.now(), tx.stamp().await?);
    let no = numbers::draw(tx, new.parent).await?;
    let parent = new.parent.unwrap_or(no);
    let id = new.id.to_string();
    // A unit follows its customer.
    let trial = new.pricing_mode == PricingMode::Trial && new.kind != TenantKind::Unit;
    contacts::insert(tx, Owner::tenant(&id, no), &new.contact).await?;
    tx.run(
        "INSERT INTO tenants (no, id, version, created_at, updated_at, parent_no, name, kind, contact_id, customer_type,
         enabled, customer_id, internal_tag, language, owner_id, default_idp_id, update_lock_owner_id, ancestral_access,
         enhanced_security, external_operation, pricing_mode, pricing_switched_at, pricing_version, currency, billing_day,
         billing_mode, usage_calculation_mode, billing_version, trial_ends_at)
         VALUES ($1, $2, 1, $3, $20, $4, $5, $6, $7, 'default', $8, $9, $10, $11, $12, $13, $14, $15, $16, 'no_operation',
         $17, $18, $19, NULL, 1, 'internal', 'last_day', $19, $21)",
        args![
            no,
            new.id,
            now,
            parent,
            new.name.as_str(),
            new.kind.as_str(),
            new.contact.id,
            new.enabled,
            new.customer_id.clone(),
            new.internal_tag.clone(),
            new.language.code(),
            new.owner_id,
            new.default_idp_id,
            new.update_lock_owner,
            new.ancestral_access,
            new.enhanced_security,
            new.pricing_mode.as_str(),
            (new.pricing_mode != PricingMode::Trial).then_some(now),
            now.unix_millis(),
            stamp,
            trial.then(|| now.plus_one_month())
        ],
    )
    .await?;
    closure::place_below(tx, no, new.parent).await?;
    lists::insert_tenant(tx, no).await?;
    search::insert_tenant(tx, no, new).await?;
    log_first_version(tx, (&id, no), parent, new).await?;
    Ok(no)
}

/// What reports read has a first version always; the rest where it is not what every new tenant has.
async fn log_first_version(
    tx: &mut Write,
    (id, no): (&str, TenantNo),
    parent: TenantNo,
    new: &NewTenant,
) -> Result<()> {
    let always = [
        ("parent", Some(parent.to_string())),
        ("name", Some(new.name.clone())),
        ("kind", Some(new.kind.to_string())),
        ("enabled", Some(new.enabled.to_string())),
        ("customer_id", new.customer_id.clone()),
        ("language", Some(new.language.to_string())),
        ("ancestral_access", Some(new.ancestral_access.to_string())),
        ("pricing_mode", Some(new.pricing_mode.to_string())),
        ("deleted", Some(false.to_string())),
    ];
    let special = [
        ("internal_tag", new.internal_tag.clone()),
        ("owner_id", new.owner_id.map(|owner| owner.to_string())),
        ("default_idp_id", (new.default_idp_id != DEFAULT_IDP).then(|| new.default_idp_id.to_string())),
        ("update_lock", new.update_lock_owner.map(|owner| owner.to_string())),
        ("enhanced_security", new.enhanced_security.then(|| true.to_string())),
    ];
    let special = special.into_iter().filter(|(_, value)| value.is_some());
    let change = |(field, new)| Change { object: Object::Tenant, id, tenant: no, field, old: None, new };
    tx.log_all_first(always.into_iter().chain(special).map(change).collect()).await
}
