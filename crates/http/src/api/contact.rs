//! The contact object of tenants and users (accounts-api, 1.8, 1.9).

use app::contacts::ContactChange;
use domain::ids::{ContactId, TenantId};
use domain::user::ContactType;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;
use crate::wire::{Patch, Zulu};

/// A contact in the list of a tenant's.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TenantContact {
    #[serde(flatten)]
    contact: Contact,
    #[schema(value_type = String, format = Uuid)]
    tenant_id: TenantId,
    /// Always null: the contact of a user is not its tenant's.
    user_id: Option<uuid::Uuid>,
    /// Always null.
    deleted_at: Option<Zulu>,
    /// Always null: nobody looks into it.
    email_domain_type: Option<String>,
}

impl TenantContact {
    /// A contact of this tenant.
    pub fn new(tenant_id: TenantId, contact: &domain::user::Contact) -> Self {
        let contact = Contact::of_tenant(contact);
        Self { contact, tenant_id, user_id: None, deleted_at: None, email_domain_type: None }
    }
}

/// Defines what is written of a contact and what is read of one, member by member.
macro_rules! contact {
    ($($member:ident,)*) => {
        /// A contact.
        #[derive(Debug, Clone, Serialize, ToSchema)]
        pub struct Contact {
            #[schema(value_type = String, format = Uuid)]
            id: ContactId,
            created_at: Zulu,
            updated_at: Zulu,
            #[schema(value_type = Vec<schema::ContactType>)]
            types: Vec<ContactType>,
            email: Option<String>,
            $($member: Option<String>,)*
            email_confirmed: Option<bool>,
        }

        impl Contact {
            /// The contact of a tenant: what is missing is null.
            pub fn of_tenant(contact: &domain::user::Contact) -> Self {
                Self::with(contact, |text| text.map(str::to_owned))
            }

            /// The contact of a user: what is missing is `""`.
            pub fn of_user(contact: &domain::user::Contact) -> Self {
                Self::with(contact, |text| Some(text.unwrap_or_default().to_owned()))
            }

            fn with(contact: &domain::user::Contact, text: impl Fn(Option<&str>) -> Option<String>) -> Self {
                Self {
                    id: contact.id,
                    created_at: contact.created_at.into(),
                    updated_at: contact.updated_at.into(),
                    types: contact.types.clone(),
                    email: text(contact.text("email")),
                    $($member: text(contact.text(stringify!($member))),)*
                    email_confirmed: contact.email_confirmed,
                }
            }
        }

        contact_body! {
            /// The members of a contact to write; null clears one. Those of a fetched contact that cannot be written are
            /// ignored, others refused.
            ContactBody, serde(deny_unknown_fields), false, { $($member,)* }
        }

        contact_body! {
            /// The contact of a new user: members that it does not have are ignored.
            OpenContactBody, serde(), true, { $($member,)* }
        }
    };
}

macro_rules! contact_body {
    ($(#[$attribute:meta])* $name:ident, $serde:meta, $needs_email:literal, { $($member:ident,)* }) => {
        $(#[$attribute])*
        #[derive(Debug, Deserialize, ToSchema)]
        #[$serde]
        pub struct $name {
            #[serde(default)]
            #[schema(value_type = Option<String>, required = $needs_email, pattern = r"^(\S+@\S+)?$")]
            email: Patch<String>,
            $(#[serde(default)]
            #[schema(value_type = Option<String>)]
            $member: Patch<String>,)*
            #[serde(default)]
            #[schema(value_type = Vec<schema::ContactType>)]
            types: Option<Vec<ContactType>>,
            #[serde(default, rename = "id")]
            #[schema(ignore)]
            _id: IgnoredAny,
            #[serde(default, rename = "created_at")]
            #[schema(ignore)]
            _created_at: IgnoredAny,
            #[serde(default, rename = "updated_at")]
            #[schema(ignore)]
            _updated_at: IgnoredAny,
            #[serde(default, rename = "email_confirmed")]
            #[schema(ignore)]
            _email_confirmed: IgnoredAny,
            #[serde(default, rename = "tenant_id")]
            #[schema(ignore)]
            _tenant_id: IgnoredAny,
            #[serde(default, rename = "user_id")]
            #[schema(ignore)]
            _user_id: IgnoredAny,
            #[serde(default, rename = "deleted_at")]
            #[schema(ignore)]
            _deleted_at: IgnoredAny,
            #[serde(default, rename = "email_domain_type")]
            #[schema(ignore)]
            _email_domain_type: IgnoredAny,
        }

        impl From<$name> for ContactChange {
            fn from(body: $name) -> Self {
                let sent = [
                    ("email", body.email.into_option()),
                    $((stringify!($member), body.$member.into_option()),)*
                ];
                let texts = sent.into_iter().filter_map(|(member, value)| Some((member, value?))).collect();
                Self { texts, types: body.types }
            }
        }
    };
}

contact! {
    firstname, lastname, address1, address2, country, state, city, zipcode, phone, title, website, industry,
    organization_size, aan, fax, language,
}
