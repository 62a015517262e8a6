//! What binds a tenant into the tree, over time.

use crate::ids::TenantNo;
use crate::pricing::PricingMode;
use crate::tenant::TenantKind;
use crate::time::Instant;
use crate::timeline::Timeline;

/// What the fold over a whole channel needs of a tenant: whom it stood below on which day, and how it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twig {
    /// Its number.
    pub no: TenantNo,
    /// When it was made: its trial ends by itself one month later.
    pub created_at: Instant,
    /// Whether it is one user's personal tenant.
    pub is_personal: bool,
    /// Its parent; a root is its own.
    pub parent: Timeline<TenantNo>,
    /// What it is.
    pub kind: Timeline<TenantKind>,
    /// Whether it is deleted.
    pub deleted: Timeline<bool>,
    /// The mode as stored; the switch by itself is computed.
    pub pricing_mode: Timeline<PricingMode>,
}
