//! Tenants as JSON (accounts-api, 1.8).

use app::tenants::{Details, NewTenant, TenantChange};
use domain::ids::{TenantId, UserId};
use domain::mfa::MfaStatus;
use domain::pricing::PricingMode;
use domain::tenant::{CustomerType, ExternalOperation, Language, TenantKind};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::contact::{Contact, ContactBody, TenantContact};
use crate::json::Body;
use crate::schema;
use crate::wire::{Patch, Zulu, language_option, lax_bool, lax_bool_option, lax_int, uuid_option};

/// A tenant.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Tenant {
    #[schema(value_type = String, format = Uuid)]
    id: TenantId,
    version: i64,
    created_at: Zulu,
    updated_at: Zulu,
    deleted_at: Option<Zulu>,
    name: String,
    #[schema(value_type = schema::CustomerType)]
    customer_type: CustomerType,
    #[schema(value_type = String, format = Uuid)]
    parent_id: TenantId,
    #[schema(value_type = schema::TenantKind)]
    kind: TenantKind,
    contact: Contact,
    /// Empty but in lists `with_contacts`.
    contacts: Vec<TenantContact>,
    enabled: bool,
    customer_id: Option<String>,
    brand_id: i64,
    #[schema(value_type = String, format = Uuid)]
    brand_uuid: uuid::Uuid,
    brand_enabled: bool,
    internal_tag: Option<String>,
    #[schema(value_type = schema::Language)]
    language: &'static str,
    #[schema(value_type = Option<String>, format = Uuid)]
    owner_id: Option<UserId>,
    has_children: bool,
    #[schema(value_type = String, format = Uuid)]
    default_idp_id: uuid::Uuid,
    update_lock: UpdateLock,
    ancestral_access: bool,
    #[schema(value_type = schema::MfaStatus)]
    mfa_status: MfaStatus,
    #[schema(value_type = schema::PricingMode)]
    pricing_mode: PricingMode,
    production_start_date: Option<Zulu>,
    #[schema(value_type = Option<schema::ExternalOperation>)]
    external_operation_status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<uuid::Uuid>>)]
    path: Option<Vec<TenantId>>,
}

/// Who alone may write a tenant.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UpdateLock {
    enabled: bool,
    #[schema(value_type = Option<String>, format = Uuid)]
    owner_id: Option<TenantId>,
}

impl Tenant {
    /// With its contacts, as lists show it.
    pub(crate) fn with_contacts(mut self, contacts: Vec<TenantContact>) -> Self {
        self.contacts = contacts;
        self
    }
}

impl From<Details> for Tenant {
    fn from(details: Details) -> Self {
        let tenant = details.tenant;
        Self {
            id: tenant.id,
            version: tenant.version,
            created_at: tenant.created_at.into(),
            updated_at: tenant.updated_at.into(),
            deleted_at: tenant.deleted_at.map(Zulu),
            name: tenant.name,
            customer_type: tenant.customer_type,
            parent_id: tenant.parent_id,
            kind: tenant.kind,
            contact: Contact::of_tenant(&details.contact),
            contacts: Vec::new(),
            enabled: tenant.enabled,
            customer_id: tenant.customer_id,
            brand_id: tenant.brand.id,
            brand_uuid: tenant.brand.uuid,
            brand_enabled: tenant.brand.is_own,
            internal_tag: tenant.internal_tag,
            language: tenant.language.code(),
            owner_id: tenant.owner_id,
            has_children: tenant.has_children,
            default_idp_id: tenant.default_idp_id,
            update_lock: UpdateLock {
                enabled: tenant.update_lock_owner.is_some(),
                owner_id: tenant.update_lock_owner,
            },
            ancestral_access: tenant.ancestral_access,
            mfa_status: MfaStatus::of_tenant(tenant.mfa_demanded),
            pricing_mode: details.pricing_mode,
            production_start_date: details.production_start.map(Zulu),
            external_operation_status: match tenant.external_operation {
                ExternalOperation::None => None,
                running => Some(running.as_str()),
            },
            path: details.path,
        }
    }
}

/// Whether the caller's tenant alone may write the tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateLockBody {
    #[serde(deserialize_with = "lax_bool")]
    enabled: bool,
    #[serde(default, rename = "owner_id")]
    #[schema(ignore)]
    _owner_id: IgnoredAny,
}

/// Settings of a new tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsBody {
    #[serde(default, deserialize_with = "lax_bool_option")]
    enhanced_security: Option<bool>,
}

/// A new tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTenantBody {
    #[schema(min_length = 1)]
    name: String,
    #[schema(value_type = String, format = Uuid)]
    parent_id: TenantId,
    #[schema(value_type = schema::TenantKind)]
    kind: TenantKind,
    contact: Option<ContactBody>,
    company_billing_contact: Option<ContactBody>,
    #[serde(default, deserialize_with = "lax_bool_option")]
    enabled: Option<bool>,
    customer_id: Option<String>,
    #[schema(max_length = 256)]
    internal_tag: Option<String>,
    #[serde(default, deserialize_with = "language_option")]
    #[schema(value_type = Option<schema::Language>)]
    language: Option<Language>,
    #[serde(default, deserialize_with = "uuid_option")]
    #[schema(value_type = Option<String>, format = Uuid)]
    default_idp_id: Option<uuid::Uuid>,
    update_lock: Option<UpdateLockBody>,
    #[serde(default, deserialize_with = "lax_bool_option")]
    ancestral_access: Option<bool>,
    settings: Option<SettingsBody>,
    #[serde(default, deserialize_with = "lax_bool_option")]
    enhanced_security: Option<bool>,
}

impl Body for NewTenantBody {}

impl From<NewTenantBody> for NewTenant {
    fn from(body: NewTenantBody) -> Self {
        let secured = body.settings.and_then(|settings| settings.enhanced_security);
        Self {
            name: body.name,
            parent_id: body.parent_id,
            kind: body.kind,
            contact: body.contact.map(Into::into).unwrap_or_default(),
            company_billing_contact: body.company_billing_contact.map(Into::into),
            enabled: body.enabled.unwrap_or(true),
            customer_id: body.customer_id,
            internal_tag: body.internal_tag,
            language: body.language.unwrap_or(Language::ENGLISH),
            default_idp_id: body.default_idp_id,
            update_lock: body.update_lock.is_some_and(|lock| lock.enabled),
            ancestral_access: body.ancestral_access.unwrap_or(true),
            enhanced_security: secured.or(body.enhanced_security).unwrap_or(false),
        }
    }
}

/// A change of a tenant: what is not sent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantBody {
    #[serde(deserialize_with = "lax_int")]
    version: i64,
    #[schema(min_length = 1)]
    name: Option<String>,
    #[schema(value_type = Option<schema::CustomerType>)]
    customer_type: Option<CustomerType>,
    #[schema(value_type = Option<String>, format = Uuid)]
    parent_id: Option<TenantId>,
    #[schema(value_type = Option<schema::TenantKind>)]
    kind: Option<TenantKind>,
    contact: Option<ContactBody>,
    #[serde(default, deserialize_with = "lax_bool_option")]
    enabled: Option<bool>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    customer_id: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 256)]
    internal_tag: Patch<String>,
    #[serde(default, deserialize_with = "language_option")]
    #[schema(value_type = Option<schema::Language>)]
    language: Option<Language>,
    #[serde(default, deserialize_with = "uuid_option")]
    #[schema(value_type = Option<String>, format = Uuid)]
    default_idp_id: Option<uuid::Uuid>,
    update_lock: Option<UpdateLockBody>,
    #[serde(default, deserialize_with = "lax_bool_option")]
    ancestral_access: Option<bool>,
    #[schema(value_type = Option<schema::ExternalOperation>)]
    external_operation_status: Option<ExternalOperation>,
}

impl Body for TenantBody {
    const READ_ONLY: &'static [&'static str] = &[
        "id",
        "created_at",
        "updated_at",
        "deleted_at",
        "contacts",
        "brand_id",
        "brand_uuid",
        "brand_enabled",
        "owner_id",
        "has_children",
        "barrier",
        "mfa_status",
        "pricing_mode",
        "production_start_date",
        "path",
        "offering_items",
    ];
}

impl From<TenantBody> for TenantChange {
    fn from(body: TenantBody) -> Self {
        Self {
            version: body.version,
            name: body.name,
            customer_type: body.customer_type,
            parent_id: body.parent_id,
            kind: body.kind,
            contact: body.contact.map(Into::into),
            enabled: body.enabled,
            customer_id: body.customer_id.into_option(),
            internal_tag: body.internal_tag.into_option(),
            language: body.language,
            default_idp_id: body.default_idp_id,
            update_lock: body.update_lock.map(|lock| lock.enabled),
            ancestral_access: body.ancestral_access,
            external_operation: body.external_operation_status,
        }
    }
}
