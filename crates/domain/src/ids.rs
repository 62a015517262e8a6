//! Identifiers. Every one is a newtype, so that a user's id cannot be passed where a tenant's is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

/// The text was not a UUID of 36 characters (wire-conventions, section 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID")]
pub struct NotAUuid;

/// Reads the 36-character form, in either case; braces, URNs and the 32-digit form are refused.
pub fn parse_uuid(text: &str) -> Result<Uuid, NotAUuid> {
    if text.len() != 36 {
        return Err(NotAUuid);
    }
    Uuid::try_parse(text).map_err(|_| NotAUuid)
}

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAUuid;
            fn from_str(text: &str) -> Result<Self, NotAUuid> {
                parse_uuid(text).map(Self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

id! {
    /// A tenant: root, partner, folder, customer or unit.
    TenantId;
    /// A user of a tenant.
    UserId;
    /// An API client.
    ClientId;
    /// A service of the catalogue.
    ApplicationId;
    /// A place that storages stand in.
    LocationId;
    /// A storage or another infrastructure component.
    InfraId;
    /// A report, that is the order to make one.
    ReportId;
    /// One execution of a report.
    RunId;
    /// One file of a run: what the wire calls a stored report.
    ArtefactId;
    /// What a file holds, stored once.
    ContentId;
    /// One mail to one recipient.
    DeliveryId;
    /// A process that serves a database.
    NodeId;
    /// Something that should have gone out and did not: the id of the report, run or delivery.
    AlertId;
    /// One access policy.
    PolicyId;
    /// A legal or other contact of a tenant or user.
    ContactId;
}

macro_rules! number {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

number! {
    /// A tenant's number: assigned once, above 0, never reused. It is also the numeric v1 id of the wire.
    TenantNo;
    /// A range of [`RANGE_TENANTS`] tenant numbers, whose history is stored together.
    RangeNo;
    /// The stable number of an offering item's name in this database.
    ItemNo;
    /// The stable number of a storage; [`InfraNo::NONE`] for items without one.
    InfraNo;
    /// The acceptance number: changes become visible in its order, also with many nodes.
    Seq;
}

/// How many tenant numbers a range has.
pub const RANGE_TENANTS: i64 = 4096;

impl TenantNo {
    /// The top tenant, the first one of every database.
    pub const TOP: Self = Self(1);

    /// The range it lies in.
    pub const fn range(self) -> RangeNo {
        RangeNo(self.0.div_euclid(RANGE_TENANTS))
    }
}

impl RangeNo {
    /// The lowest number in it.
    pub const fn first(self) -> TenantNo {
        TenantNo(self.0.saturating_mul(RANGE_TENANTS))
    }
}

impl InfraNo {
    /// Stands for "no storage" in keys, so that keys need no null.
    pub const NONE: Self = Self(0);
}

/// The identity provider that every tenant and user starts with (accounts-api, 1.8).
pub const DEFAULT_IDP: Uuid = Uuid::from_u128(0x1111_1111_1111_1111_1111_1111_1111_1111);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hyphenated_form_is_a_uuid_and_upper_case_is_lowered() {
        let id: TenantId = "EDE9F834-70B3-476C-83D9-736F9F8C7DAE".parse().unwrap();
        assert_eq!(id.to_string(), "ede9f834-70b3-476c-83d9-736f9f8c7dae");
        assert_eq!("ede9f83470b3476c83d9736f9f8c7dae".parse::<TenantId>(), Err(NotAUuid));
        assert_eq!("{ede9f834-70b3-476c-83d9-736f9f8c7da}".parse::<TenantId>(), Err(NotAUuid));
    }
}
