//! Locations and storages.

use crate::ids::{InfraId, InfraNo, LocationId, TenantId, TenantNo};
use crate::tenant::words;

words! {
    /// What a storage can be used for.
    Capability {
        /// Backups.
        Backup = "backup",
        /// Disaster recovery.
        DisasterRecovery = "disaster_recovery",
        /// File sync and share.
        FilesCloud = "files_cloud",
        /// vCloud Director.
        Vcd = "vcd",
    }
}

words! {
    /// Whose technology a storage stands on.
    BackendType {
        /// The platform's own.
        Acronis = "acronis",
        /// Google Cloud Storage.
        Google = "google",
        /// Azure Blob Storage.
        Azure = "azure",
        /// Amazon S3.
        AmazonS3 = "amazon_s3",
    }
}

/// A place that storages stand in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Its id.
    pub id: LocationId,
    /// The tenant that owns it.
    pub owner: TenantNo,
    /// That tenant's id.
    pub owner_id: TenantId,
    /// Whether the owner is a top tenant.
    pub platform_owned: bool,
    /// Its name.
    pub name: String,
    /// 1 at creation, +1 per change.
    pub version: i64,
}

/// A storage or another infrastructure component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Infra {
    /// Its stable number in keys of readings.
    pub no: InfraNo,
    /// Its id.
    pub id: InfraId,
    /// The tenant that owns it.
    pub owner: TenantNo,
    /// That tenant's id.
    pub owner_id: TenantId,
    /// Where it stands.
    pub location_id: LocationId,
    /// Whether the owner is a top tenant.
    pub platform_owned: bool,
    /// Its name.
    pub name: String,
    /// How to reach it, credentials and all; answers hide those.
    pub url: String,
    /// What it can be used for.
    pub capabilities: Vec<Capability>,
    /// Address of its content for browsers.
    pub content_url: Option<String>,
    /// Address of its content for mobiles.
    pub content_mobile_url: Option<String>,
    /// Whose technology it stands on.
    pub backend_type: Option<BackendType>,
    /// 1 at creation, +1 per change.
    pub version: i64,
}
