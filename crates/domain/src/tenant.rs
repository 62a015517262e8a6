//! Tenants: the nodes of the partner channel.

use std::fmt;

use crate::brand::BrandRef;
use crate::ids::{TenantId, TenantNo, UserId};
use crate::time::Instant;

/// Defines an enum with its wire words, both ways.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every value, in the order of the specification.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word the wire and the database use.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The value with this word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::tenant::ValueNotAllowed;
            fn from_str(word: &str) -> Result<Self, Self::Err> {
                Self::from_word(word).ok_or($crate::tenant::ValueNotAllowed)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = String::deserialize(deserializer)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use words;

/// The word is none of the enum's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("value not allowed")]
pub struct ValueNotAllowed;

words! {
    /// What a tenant is in the channel (accounts-api, 1.8).
    TenantKind {
        /// The top of the tree, its own parent.
        Root = "root",
        /// Sells to partners and customers.
        Partner = "partner",
        /// Groups tenants of a partner.
        Folder = "folder",
        /// Buys for itself.
        Customer = "customer",
        /// A part of a customer, or one user's personal tenant.
        Unit = "unit",
    }
}

impl TenantKind {
    /// Whether a tenant of this kind may stand below one of kind `parent`.
    pub const fn may_stand_below(self, parent: Self) -> bool {
        use TenantKind::{Customer, Folder, Partner, Root, Unit};
        match self {
            Root => false,
            Partner | Folder | Customer => matches!(parent, Root | Partner | Folder),
            Unit => matches!(parent, Customer | Unit),
        }
    }

    /// Whether tenants of this kind are billed as sellers rather than as buyers.
    pub const fn sells(self) -> bool {
        matches!(self, Self::Root | Self::Partner | Self::Folder)
    }
}

words! {
    /// The published customer types; stored, without effect on figures.
    CustomerType {
        /// Any.
        Default = "default",
        /// A large customer.
        Enterprise = "enterprise",
        /// A person.
        Consumer = "consumer",
        /// A small office.
        SmallOffice = "small_office",
        /// A unified one.
        TiUnified = "ti_unified",
    }
}

words! {
    /// An operation on the tenant that runs outside Tidemark; answers show none as null.
    ExternalOperation {
        /// Nothing runs.
        None = "no_operation",
        /// Being deleted elsewhere.
        Deleting = "deleting",
        /// Being recovered elsewhere.
        Recovering = "recovering",
    }
}

/// The languages of accounts-api 1.14.
pub const LANGUAGES: &[&str] = &[
    "bg", "zh", "zh-TW", "cs", "da", "nl", "en", "en-US", "fi", "fr", "de", "hu", "id", "it", "ja", "ko",
    "ms", "nb", "pl", "pt", "pt-BR", "ru", "sr", "es", "es-419", "sv", "tr",
];

/// A language code of accounts-api 1.14.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Language(&'static str);

impl Language {
    /// English, the default.
    pub const ENGLISH: Self = Self("en");

    /// The language with this code; `_` counts as `-`.
    pub fn from_code(code: &str) -> Option<Self> {
        let code = code.replace('_', "-");
        LANGUAGES.iter().find(|known| **known == code).map(|known| Self(known))
    }

    /// Its code.
    pub const fn code(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A tenant as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its number, which is also its v1 id.
    pub no: TenantNo,
    /// Its id on the wire.
    pub id: TenantId,
    /// 1 at creation, +1 per change of the object.
    pub version: i64,
    /// When it was made.
    pub created_at: Instant,
    /// When the object changed last.
    pub updated_at: Instant,
    /// When it was deleted, if it was.
    pub deleted_at: Option<Instant>,
    /// The parent; a top tenant is its own.
    pub parent: TenantNo,
    /// The parent's id.
    pub parent_id: TenantId,
    /// Display name.
    pub name: String,
    /// What it is.
    pub kind: TenantKind,
    /// The published type of customer.
    pub customer_type: CustomerType,
    /// Whether its people may sign in.
    pub enabled: bool,
    /// External id for reporting.
    pub customer_id: Option<String>,
    /// Opaque to Tidemark.
    pub internal_tag: Option<String>,
    /// Language of its files.
    pub language: Language,
    /// The user whose personal tenant this is.
    pub owner_id: Option<UserId>,
    /// The identity provider, opaque to Tidemark.
    pub default_idp_id: uuid::Uuid,
    /// The tenant whose people alone may write this one, where the lock is on.
    pub update_lock_owner: Option<TenantId>,
    /// Whether administrators above may look inside.
    pub ancestral_access: bool,
    /// Stored as sent, without effect.
    pub enhanced_security: bool,
    /// Whether it demands a second factor of its own users.
    pub mfa_demanded: bool,
    /// An operation elsewhere.
    pub external_operation: ExternalOperation,
    /// 0 at the top.
    pub level: i64,
    /// Whether a live tenant other than a personal one stands below.
    pub has_children: bool,
    /// The brand it shows: its own, or that of the nearest tenant above which has one.
    pub brand: BrandRef,
}

impl Tenant {
    /// Whether the tenant is the top of the tree.
    pub fn is_top(&self) -> bool {
        self.parent == self.no
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_table_of_the_specification() {
        use TenantKind::{Customer, Folder, Partner, Root, Unit};
        let allowed = |child: TenantKind| -> Vec<TenantKind> {
            TenantKind::ALL.iter().copied().filter(|parent| child.may_stand_below(*parent)).collect()
        };
        assert_eq!(allowed(Partner), [Root, Partner, Folder]);
        assert_eq!(allowed(Folder), [Root, Partner, Folder]);
        assert_eq!(allowed(Customer), [Root, Partner, Folder]);
        assert_eq!(allowed(Unit), [Customer, Unit]);
        assert_eq!(allowed(Root), []);
    }
}
