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

/// The schemes a storage's address may have (accounts-api, 2.4).
const SCHEMES: &[&str] = &["abgw", "ssfs", "s3", "amazon+s3", "microsoft+azure"];

/// The text is no address of a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Not `scheme://host...`.
    #[error("must be an address such as abgw://storage.example.com:44445")]
    Form,
    /// Another scheme.
    #[error("must begin with abgw, ssfs, s3, amazon+s3 or microsoft+azure")]
    Scheme,
}

/// Checks an address by the published pattern `^[a-z0-9\+]+:\/\/[^\s\/$.?#].[^\s]*`, taken as a whole, and by scheme.
pub fn check_url(url: &str) -> Result<(), BadUrl> {
    let (scheme, rest) = url.split_once("://").ok_or(BadUrl::Form)?;
    let is_plain = !url.chars().any(|c| c.is_whitespace() || c.is_control());
    let begins_well = rest.chars().next().is_some_and(|c| !"/$.?#".contains(c));
    if !is_plain || !begins_well || rest.chars().count() < 2 {
        return Err(BadUrl::Form);
    }
    if SCHEMES.contains(&scheme) { Ok(()) } else { Err(BadUrl::Scheme) }
}

/// The address as answers show it: without login and password.
pub fn shown_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return String::new() };
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(host_end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{tail}")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_follow_the_published_pattern() {
        for good in ["abgw://storage20.example.com:44445", "amazon+s3://ab", "microsoft+azure://u:p@x/y"] {
            assert_eq!(check_url(good), Ok(()), "{good}");
        }
        for bad in ["", "abgw", "abgw://", "abgw://x", "abgw:///x", "abgw://.x", "abgw://a b", "abgw://ab\n"]
        {
            assert_eq!(check_url(bad), Err(BadUrl::Form), "{bad}");
        }
        assert_eq!(check_url("https://example.com"), Err(BadUrl::Scheme));
        assert_eq!(check_url("ABGW://example.com"), Err(BadUrl::Scheme));
    }

    #[test]
    fn credentials_are_never_shown() {
        assert_eq!(shown_url("s3://key:se@cret@host:1/b@c?d"), "s3://host:1/b@c?d");
        assert_eq!(shown_url("abgw://host:44445"), "abgw://host:44445");
        assert_eq!(shown_url("abgw://u:p@host?q"), "abgw://host?q");
    }
}
