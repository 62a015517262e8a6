//! What a report is made from.

use rust_decimal::Decimal;

use super::{Kind, Level};
use crate::billing::BillingDay;
use crate::catalogue::{Item, ItemNumbers};
use crate::history::Twig;
use crate::ids::{InfraId, InfraNo, TenantId, TenantNo};
use crate::infra::BackendType;
use crate::pricing::{Currency, PricingMode};
use crate::tenant::TenantKind;
use crate::time::{Day, Instant, Period};
use crate::timeline::Timeline;

/// Everything a report says but for its figures, as known at one acceptance number.
#[derive(Debug)]
pub struct ReportInput {
    /// Whom it is about.
    pub subject: TenantNo,
    /// The days it reports.
    pub period: Period,
    /// What is counted.
    pub kind: Kind,
    /// Which descendants have rows.
    pub level: Level,
    /// Drop rows of nine zeros.
    pub hide_zero_usage: bool,
    /// Fill the SKU of rows.
    pub show_skus: bool,
    /// Monthly reports leave the usage of trial tenants out.
    pub leave_out_trial: bool,
    /// The day the report is made: switches to production after it are not known.
    pub as_known: Day,
    /// The subject, every tenant that was below it on any day the report reads (personal and deleted ones too), and
    /// the ancestors of the subject, which hold price lists. Further tenants do no harm. Any order.
    pub tenants: Vec<TenantTimeline>,
    /// The items of those tenants that were ever on. Any order.
    pub items: Vec<ItemTimeline>,
    /// The items by the numbers that meters name them with.
    pub numbers: ItemNumbers,
    /// Every storage that an item or a meter names. Any order.
    pub infras: Vec<InfraTimeline>,
}

/// A tenant over time.
#[derive(Debug, Clone)]
pub struct TenantTimeline {
    /// Its number.
    pub no: TenantNo,
    /// Its id.
    pub id: TenantId,
    /// When it was made: its trial ends by itself one month later.
    pub created_at: Instant,
    /// Whether it is one user's personal tenant.
    pub is_personal: bool,
    /// Its parent; a top tenant is its own.
    pub parent: Timeline<TenantNo>,
    /// Its display name.
    pub name: Timeline<String>,
    /// What it is; partners may become folders and back.
    pub kind: Timeline<TenantKind>,
    /// External id.
    pub customer_id: Timeline<Option<String>>,
    /// Whether administrators above may look inside.
    pub ancestral_access: Timeline<bool>,
    /// Whether it is deleted.
    pub deleted: Timeline<bool>,
    /// The mode as stored; the switch by itself is computed.
    pub pricing_mode: Timeline<PricingMode>,
    /// The currency of its prices.
    pub currency: Timeline<Option<Currency>>,
    /// The first day of its billing month.
    pub billing_day: Timeline<BillingDay>,
    /// Its price list's SKUs by offering item name; partners only.
    pub skus: Timeline<Vec<(String, String)>>,
}

impl TenantTimeline {
    /// What binds it into the tree.
    pub(super) fn twig(&self) -> Twig {
        Twig {
            no: self.no,
            created_at: self.created_at,
            is_personal: self.is_personal,
            parent: self.parent.clone(),
            kind: self.kind.clone(),
            deleted: self.deleted.clone(),
            pricing_mode: self.pricing_mode.clone(),
        }
    }
}

/// An offering item of a tenant over time.
#[derive(Debug, Clone)]
pub struct ItemTimeline {
    /// Whose.
    pub tenant: TenantNo,
    /// Which.
    pub item: &'static Item,
    /// On which storage; [`InfraNo::NONE`] where the item has none.
    pub infra: InfraNo,
    /// Whether it was on.
    pub enabled: Timeline<bool>,
    /// Its soft quota.
    pub quota: Timeline<Option<i64>>,
    /// Its price on this storage; a price without storage stands under [`InfraNo::NONE`] and serves every storage that
    /// has none of its own.
    pub price: Timeline<Option<Decimal>>,
    /// Its own billing day, where it has one.
    pub billing_day: Timeline<Option<BillingDay>>,
}

/// A storage over time.
#[derive(Debug, Clone)]
pub struct InfraTimeline {
    /// Its number.
    pub no: InfraNo,
    /// Its id.
    pub id: InfraId,
    /// Its name.
    pub name: Timeline<String>,
    /// Who owns it.
    pub owner: Timeline<(TenantNo, TenantId)>,
    /// Whose technology it stands on.
    pub backend_type: Timeline<Option<BackendType>>,
}
