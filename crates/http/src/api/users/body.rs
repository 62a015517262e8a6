//! Users as JSON (accounts-api, 1.9).

use app::users::{Me, Myself, NewUser, UserChange};
use domain::ids::{ContactId, TenantId};
use domain::mfa::MfaStatus;
use domain::pricing::PricingMode;
use domain::tenant::{Language, TenantKind};
use domain::user::{BusinessType, CONTACT_TEXTS, Notification};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::access_policies::AccessPolicy;
use crate::api::contact::{Contact, ContactBody, OpenContactBody};
use crate::json::Body;
use crate::schema;
use crate::wire::{Patch, Zulu, language_option, lax_bool_option, lax_int, uuid_option};

/// A user.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct User {
    #[schema(value_type = String, format = Uuid)]
    id: Uuid,
    version: i64,
    #[schema(value_type = String, format = Uuid)]
    tenant_id: TenantId,
    login: String,
    contact: Contact,
    activated: bool,
    enabled: bool,
    terms_accepted: bool,
    created_at: Zulu,
    updated_at: Zulu,
    deleted_at: Option<Zulu>,
    #[schema(value_type = schema::Language)]
    language: &'static str,
    #[schema(value_type = String, format = Uuid)]
    idp_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    #[schema(value_type = Option<String>, format = Uuid)]
    personal_tenant_id: Option<TenantId>,
    #[schema(value_type = Vec<schema::BusinessType>)]
    business_types: Vec<BusinessType>,
    #[schema(value_type = Vec<schema::Notification>)]
    notifications: Vec<Notification>,
    #[schema(value_type = schema::MfaStatus)]
    mfa_status: MfaStatus,
    /// Empty but in lists `with_access_policies`.
    access_policies: Vec<AccessPolicy>,
    origin_id: Option<String>,
    origin_external_id: Option<String>,
    disable_after: Option<Zulu>,
    #[schema(value_type = Option<schema::ExternalOperation>)]
    external_operation_status: Option<&'static str>,
}

impl User {
    /// With its access policies, as lists show it.
    pub(crate) fn with_access_policies(mut self, policies: Vec<AccessPolicy>) -> Self {
        self.access_policies = policies;
        self
    }
}

impl From<domain::user::User> for User {
    fn from(user: domain::user::User) -> Self {
        Self {
            id: user.id.0,
            version: user.version,
            tenant_id: user.tenant_id,
            login: user.login,
            contact: Contact::of_user(&user.contact),
            activated: user.activated,
            enabled: user.enabled,
            terms_accepted: false,
            created_at: user.created_at.into(),
            updated_at: user.updated_at.into(),
            deleted_at: user.deleted_at.map(Zulu),
            language: user.language.code(),
            idp_id: user.idp_id,
            external_id: user.external_id,
            personal_tenant_id: user.personal_tenant_id,
            business_types: user.business_types,
            notifications: user.notifications,
            mfa_status: user.mfa_status,
            access_policies: Vec::new(),
            origin_id: user.origin_id,
            origin_external_id: user.origin_external_id,
            disable_after: user.disable_after.map(Zulu),
            external_operation_status: None,
        }
    }
}

/// The caller as a user, with facts of its tenant.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CurrentUser {
    #[serde(flatten)]
    user: User,
    login_totp_time: Option<Zulu>,
    #[schema(value_type = schema::TenantKind)]
    tenant_kind: TenantKind,
    #[schema(value_type = schema::PricingMode)]
    tenant_pricing_model: PricingMode,
    #[schema(value_type = String, format = Uuid)]
    brand_id: Uuid,
}

impl From<Me> for CurrentUser {
    fn from(me: Me) -> Self {
        let (tenant_kind, tenant_pricing_model) = (me.tenant.kind, me.tenant_pricing_mode);
        let brand_id = me.tenant.brand.uuid;
        let mut login_totp_time = None;
        let user = match me.myself {
            Myself::User { user, login_totp_time: last } => {
                login_totp_time = last;
                User::from(*user)
            }
            Myself::Client { id, name, enabled, created_at } => {
                client_as_user(id.0, name, enabled, created_at, &me.tenant)
            }
        };
        let login_totp_time = login_totp_time.map(Zulu);
        Self { user, login_totp_time, tenant_kind, tenant_pricing_model, brand_id }
    }
}

/// An API client has no contact of its own: the object that stands in its place is empty and bears the client's id.
fn client_as_user(
    id: Uuid,
    login: String,
    enabled: bool,
    created_at: domain::time::Instant,
    tenant: &domain::tenant::Tenant,
) -> User {
    let contact = domain::user::Contact {
        id: ContactId(id),
        created_at,
        updated_at: created_at,
        types: Vec::new(),
        texts: vec![None; CONTACT_TEXTS.len()],
        email_confirmed: Some(false),
    };
    User {
        id,
        version: 1,
        tenant_id: tenant.id,
        login,
        contact: Contact::of_user(&contact),
        activated: true,
        enabled,
        terms_accepted: false,
        created_at: created_at.into(),
        updated_at: created_at.into(),
        deleted_at: None,
        language: tenant.language.code(),
        idp_id: domain::ids::DEFAULT_IDP,
        external_id: None,
        personal_tenant_id: None,
        business_types: Vec::new(),
        notifications: Vec::new(),
        mfa_status: MfaStatus::Disabled,
        access_policies: Vec::new(),
        origin_id: None,
        origin_external_id: None,
        disable_after: None,
        external_operation_status: None,
    }
}

/// A new user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUserBody {
    #[schema(value_type = String, format = Uuid)]
    tenant_id: TenantId,
    #[schema(min_length = 3, pattern = r"^\s*[A-Za-z0-9.@_\-+:!#$%^*={}'/?`]{3,}\s*$")]
    login: Option<String>,
    external_id: Option<String>,
    #[serde(default, deserialize_with = "uuid_option")]
    #[schema(value_type = Option<String>, format = Uuid)]
    idp_id: Option<Uuid>,
    contact: OpenContactBody,
    #[serde(default, deserialize_with = "lax_bool_option")]
    enabled: Option<bool>,
    #[serde(default, deserialize_with = "language_option")]
    #[schema(value_type = Option<schema::Language>)]
    language: Option<Language>,
    #[schema(value_type = Option<Vec<schema::BusinessType>>)]
    business_types: Option<Vec<BusinessType>>,
    #[schema(value_type = Option<Vec<schema::Notification>>)]
    notifications: Option<Vec<Notification>>,
    /// Without effect: identities elsewhere are not known.
    #[serde(default, deserialize_with = "lax_bool_option", rename = "use_existing_identity")]
    _use_existing_identity: Option<bool>,
    origin_id: Option<String>,
    origin_external_id: Option<String>,
    disable_after: Option<Zulu>,
}

impl Body for NewUserBody {}

impl From<NewUserBody> for NewUser {
    fn from(body: NewUserBody) -> Self {
        Self {
            tenant_id: body.tenant_id,
            login: body.login,
            external_id: body.external_id,
            idp_id: body.idp_id,
            contact: body.contact.into(),
            enabled: body.enabled.unwrap_or(true),
            language: body.language,
            business_types: body.business_types.unwrap_or_default(),
            notifications: body.notifications,
            origin_id: body.origin_id,
            origin_external_id: body.origin_external_id,
            disable_after: body.disable_after.map(|at| at.0),
        }
    }
}

/// A change of a user: what is not sent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserBody {
    #[serde(deserialize_with = "lax_int")]
    version: i64,
    #[schema(min_length = 3, pattern = r"^\s*[A-Za-z0-9.@_\-+:!#$%^*={}'/?`]{3,}\s*$")]
    login: Option<String>,
    external_id: Option<String>,
    #[serde(default, deserialize_with = "uuid_option")]
    #[schema(value_type = Option<String>, format = Uuid)]
    idp_id: Option<Uuid>,
    contact: Option<ContactBody>,
    #[serde(default, deserialize_with = "lax_bool_option")]
    enabled: Option<bool>,
    #[serde(default, deserialize_with = "language_option")]
    #[schema(value_type = Option<schema::Language>)]
    language: Option<Language>,
    #[schema(value_type = Option<Vec<schema::BusinessType>>)]
    business_types: Option<Vec<BusinessType>>,
    #[schema(value_type = Option<Vec<schema::Notification>>)]
    notifications: Option<Vec<Notification>>,
    #[serde(default)]
    #[schema(value_type = Option<Zulu>)]
    disable_after: Patch<Zulu>,
}

impl Body for UserBody {
    const READ_ONLY: &'static [&'static str] = &[
        "id",
        "tenant_id",
        "activated",
        "terms_accepted",
        "created_at",
        "updated_at",
        "deleted_at",
        "personal_tenant_id",
        "mfa_status",
        "access_policies",
        "origin_id",
        "origin_external_id",
        "external_operation_status",
        "session_mfa_status",
        "delivery_channel",
        "login_totp_time",
        "tenant_kind",
        "tenant_pricing_model",
        "brand_id",
    ];
}

impl From<UserBody> for UserChange {
    fn from(body: UserBody) -> Self {
        Self {
            version: body.version,
            login: body.login,
            external_id: body.external_id,
            idp_id: body.idp_id,
            contact: body.contact.map(Into::into),
            enabled: body.enabled,
            language: body.language,
            business_types: body.business_types,
            notifications: body.notifications,
            disable_after: body.disable_after.into_option().map(|at| at.map(|at| at.0)),
        }
    }
}
