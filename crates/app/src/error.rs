//! How a use case can fail, free of HTTP.
//!
//! The texts are for the client. What only the log may see is the source of [`Error::Internal`].

use std::borrow::Cow;

/// What every use case gives back.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of a use case.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Credentials missing, wrong or no longer valid.
    #[error("{why}")]
    Unauthenticated {
        /// Why, in words that help no attacker.
        why: Cow<'static, str>,
    },
    /// The right is missing, or the object lies outside the caller's subtree.
    #[error("access denied")]
    Forbidden,
    /// There is no such object.
    #[error("no such {what}")]
    NotFound {
        /// The noun, such as `tenant` or `report`.
        what: &'static str,
    },
    /// The form of the input is wrong.
    #[error("{field}: {why}")]
    Invalid {
        /// Dotted path or query parameter.
        field: Cow<'static, str>,
        /// What is wrong with it.
        why: Cow<'static, str>,
    },
    /// A business rule of wire-conventions 5.3 forbids it.
    #[error("{info}")]
    Rule {
        /// Which rule.
        rule: Rule,
        /// What exactly, naming the field where there is one.
        info: Cow<'static, str>,
    },
    /// A tenant is to be deleted that is enabled: 1006.
    #[error("Tenant {tenant} is enabled")]
    StillEnabled {
        /// Which one.
        tenant: domain::ids::TenantNo,
    },
    /// Offering items are missing that the call needs: 1021 with a list.
    #[error("{info}")]
    ItemsMissing {
        /// For what.
        info: String,
        /// Which.
        missing: Vec<crate::offering_items::MissingItem>,
    },
    /// The version sent is not the current one.
    #[error("version {sent} was sent, the current one is {current}")]
    Stale {
        /// What was sent.
        sent: i64,
        /// What is stored.
        current: i64,
    },
    /// Another object stands in the way.
    #[error("{why}")]
    InTheWay {
        /// Which one.
        why: &'static str,
    },
    /// A quota version sent is not the current one.
    #[error("{info}")]
    StaleQuota {
        /// Which item.
        info: String,
    },
    /// More items than one call may have.
    #[error("{why}")]
    TooMany {
        /// The limit.
        why: Cow<'static, str>,
    },
    /// Throttled, such as after failed sign-ins.
    #[error("too many tries")]
    Throttled {
        /// When to come back.
        retry_after_seconds: i64,
    },
    /// More requests than the operator lets one caller make (wire-conventions, 5.2).
    #[error("too many requests")]
    TooOften {
        /// When to come back.
        retry_after_seconds: i64,
    },
    /// The usage history needed is not closed yet.
    #[error("the usage history is not ready yet")]
    NotReady {
        /// When it should be; `None` when it should have been long ago.
        retry_after_seconds: Option<i64>,
    },
    /// The database is busy, the disk is full, or the object store away: nothing was changed, and a later try may do.
    #[error("temporarily unavailable")]
    Unavailable(#[source] store::Error),
    /// A fault of Tidemark or below. The client is told a request id only.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// A field whose form is wrong.
    pub fn invalid(field: impl Into<Cow<'static, str>>, why: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid { field: field.into(), why: why.into() }
    }

    /// A broken business rule.
    pub fn rule(rule: Rule, info: impl Into<Cow<'static, str>>) -> Self {
        Self::Rule { rule, info: info.into() }
    }

    /// A fault that should not happen.
    pub fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }

    /// Credentials missing, wrong or no longer valid.
    pub fn unauthenticated(why: impl Into<Cow<'static, str>>) -> Self {
        Self::Unauthenticated { why: why.into() }
    }
}

/// A damaged block is named in the log; its figures are not guessed.
impl From<domain::history::Damaged> for Error {
    fn from(error: domain::history::Damaged) -> Self {
        Self::internal(error)
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Busy | store::Error::Full | store::Error::Away(_) => Self::Unavailable(error),
            other => Self::Internal(Box::new(other)),
        }
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $message:literal;)*) => {
        /// The business rules of wire-conventions 5.3 that Tidemark checks, with their published numbers.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Rule { $($(#[$doc])* $name,)* }

        impl Rule {
            /// The published number.
            pub const fn code(self) -> u16 {
                match self { $(Self::$name => $code,)* }
            }

            /// The rule in words.
            pub const fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)* }
            }
        }
    };
}

rules! {
    /// The parent is disabled.
    ParentDisabled = 1003, "The parent tenant is disabled";
    /// An equal name stands in the way.
    NameConflict = 1004, "Tenant name conflict";
    /// Disable before delete.
    NotDisabled = 1006, "The tenant must be disabled first";
    /// A move under its own child.
    MoveUnderChild = 1007, "A tenant cannot be moved under its own child";
    /// A move inside a customer.
    MoveInsideCustomer = 1008, "A tenant cannot be moved inside a customer";
    /// The storage is in use.
    StorageInUse = 1009, "The storage is in use";
    /// Only the locking tenant's people may write.
    Locked = 1012, "The tenant is locked";
    /// A move under a disabled tenant.
    MoveUnderDisabled = 1013, "A tenant cannot be moved under a disabled tenant";
    /// The target lacks what the tenant uses.
    MoveItemsUnavailable = 1014, "The target lacks offering items of the tenant";
    /// The parent does not have the item on, or there is none.
    ItemUnavailable = 1021, "Offering item not available";
    /// A hard quota is used up.
    HardQuota = 1022, "Hard quota exceeded";
    /// An item depends on another.
    ItemDependency = 1023, "Offering item dependency error";
    /// The SMTP settings of a brand are wrong.
    BadSmtp = 1025, "SMTP settings wrong";
    /// The service cannot be switched on.
    ServiceUnavailable = 1026, "The service cannot be enabled";
    /// Any other rule.
    Business = 1027, "The request violates business rules";
    /// The target lies outside of the tenant that holds the lock.
    MoveOutOfLock = 1032, "The target hierarchy lacks the locking tenant";
    /// The login has characters that logins do not have.
    BadLogin = 1033, "Invalid login";
    /// The login is another user's.
    LoginTaken = 1033, "The login is taken";
}
