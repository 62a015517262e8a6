//! The bodies of locations and storages.

use app::infra::{InfraChange, NewInfra, Seen};
use domain::ids::{InfraId, LocationId, TenantId};
use domain::infra::{BackendType, Capability, shown_url};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::Body;
use crate::schema;
use crate::wire::{Patch, lax_int};

/// A location.
#[derive(Debug, Serialize, ToSchema)]
pub struct Location {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub id: LocationId,
    /// Who owns it.
    #[schema(value_type = String, format = "uuid")]
    pub owner_tenant_id: TenantId,
    /// Whether a top tenant does.
    pub platform_owned: bool,
    /// Its name.
    pub name: String,
    /// What a change must name.
    pub version: i64,
    /// Whether an ancestor of the caller owns it.
    pub readonly: bool,
}

impl From<Seen<domain::infra::Location>> for Location {
    fn from(Seen { object, readonly }: Seen<domain::infra::Location>) -> Self {
        Self {
            id: object.id,
            owner_tenant_id: object.owner_id,
            platform_owned: object.platform_owned,
            name: object.name,
            version: object.version,
            readonly,
        }
    }
}

/// A location to make: closed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostLocation {
    /// Who will own it.
    #[schema(value_type = String, format = "uuid")]
    pub owner_tenant_id: TenantId,
    /// Its name.
    #[schema(min_length = 1)]
    pub name: String,
}

impl Body for PostLocation {}

/// A change of a location: closed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutLocation {
    /// The new name.
    #[schema(min_length = 1)]
    pub name: String,
    /// The version that is replaced.
    #[serde(deserialize_with = "lax_int")]
    #[schema(value_type = i64)]
    pub version: i64,
}

impl Body for PutLocation {
    const READ_ONLY: &'static [&'static str] = &["id", "owner_tenant_id", "platform_owned", "readonly"];
}

/// A storage.
#[derive(Debug, Serialize, ToSchema)]
pub struct Infra {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub id: InfraId,
    /// Who owns it.
    #[schema(value_type = String, format = "uuid")]
    pub owner_tenant_id: TenantId,
    /// Where it stands.
    #[schema(value_type = String, format = "uuid")]
    pub location_id: LocationId,
    /// Whether a top tenant owns it.
    pub platform_owned: bool,
    /// Its name.
    pub name: String,
    /// How to reach it, without credentials.
    pub url: String,
    /// What it can be used for.
    #[schema(value_type = Vec<schema::Capability>)]
    pub capabilities: Vec<Capability>,
    /// Address of its content for browsers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_url: Option<String>,
    /// Address of its content for mobiles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_mobile_url: Option<String>,
    /// Whose technology it stands on.
    #[schema(value_type = Option<schema::BackendType>)]
    pub backend_type: Option<BackendType>,
    /// What a change must name.
    pub version: i64,
    /// Whether an ancestor of the caller owns it.
    pub readonly: bool,
}

impl From<Seen<domain::infra::Infra>> for Infra {
    fn from(Seen { object, readonly }: Seen<domain::infra::Infra>) -> Self {
        Self {
            id: object.id,
            owner_tenant_id: object.owner_id,
            location_id: object.location_id,
            platform_owned: object.platform_owned,
            name: object.name,
            url: shown_url(&object.url),
            capabilities: object.capabilities,
            content_url: object.content_url,
            content_mobile_url: object.content_mobile_url,
            backend_type: object.backend_type,
            version: object.version,
            readonly,
        }
    }
}

/// A storage to make: closed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostInfra {
    /// Who will own it.
    #[schema(value_type = String, format = "uuid")]
    pub owner_tenant_id: TenantId,
    /// Its name.
    #[schema(min_length = 1)]
    pub name: String,
    /// How to reach it.
    #[schema(pattern = r"^[a-z0-9+]+://[^\s/$.?#].[^\s]*")]
    pub url: String,
    /// What it can be used for.
    #[schema(value_type = Vec<schema::Capability>, min_items = 1)]
    pub capabilities: Vec<Capability>,
    /// Where it stands; absent: in the owner's first location.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub location_id: Option<LocationId>,
    /// Address of its content for browsers.
    pub content_url: Option<String>,
    /// Address of its content for mobiles.
    pub content_mobile_url: Option<String>,
    /// Whose technology it stands on.
    #[schema(value_type = Option<schema::BackendType>)]
    pub backend_type: Option<BackendType>,
}

impl Body for PostInfra {}

impl From<PostInfra> for NewInfra {
    fn from(body: PostInfra) -> Self {
        Self {
            owner_id: body.owner_tenant_id,
            location_id: body.location_id,
            name: body.name,
            url: body.url,
            capabilities: body.capabilities,
            content_url: body.content_url,
            content_mobile_url: body.content_mobile_url,
            backend_type: body.backend_type,
        }
    }
}

/// A change of a storage: closed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutInfra {
    /// The version that is replaced.
    #[serde(deserialize_with = "lax_int")]
    #[schema(value_type = i64)]
    pub version: i64,
    /// Its name.
    #[schema(min_length = 1)]
    pub name: Option<String>,
    /// Where it stands.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub location_id: Option<LocationId>,
    /// How to reach it; as answers show it: stays, credentials and all.
    #[schema(pattern = r"^[a-z0-9+]+://[^\s/$.?#].[^\s]*")]
    pub url: Option<String>,
    /// What it can be used for.
    #[schema(value_type = Option<Vec<schema::Capability>>, min_items = 1)]
    pub capabilities: Option<Vec<Capability>>,
    /// Address of its content for browsers; null clears it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub content_url: Patch<String>,
    /// Address of its content for mobiles; null clears it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub content_mobile_url: Patch<String>,
    /// Whose technology it stands on; null clears it.
    #[serde(default)]
    #[schema(value_type = Option<schema::BackendType>)]
    pub backend_type: Patch<BackendType>,
}

impl Body for PutInfra {
    const READ_ONLY: &'static [&'static str] = &["id", "owner_tenant_id", "platform_owned", "readonly"];
}

impl From<PutInfra> for InfraChange {
    fn from(body: PutInfra) -> Self {
        Self {
            version: body.version,
            name: body.name,
            location_id: body.location_id,
            url: body.url,
            capabilities: body.capabilities,
            content_url: body.content_url.into_option(),
            content_mobile_url: body.content_mobile_url.into_option(),
            backend_type: body.backend_type.into_option(),
        }
    }
}

/// Ids of locations.
#[derive(Debug, Serialize, ToSchema)]
pub struct Locations {
    /// The ids.
    #[schema(value_type = Vec<uuid::Uuid>)]
    pub locations: Vec<LocationId>,
}

/// Ids of storages.
#[derive(Debug, Serialize, ToSchema)]
pub struct Infras {
    /// The ids.
    #[schema(value_type = Vec<uuid::Uuid>)]
    pub infras: Vec<InfraId>,
}
