//! A row of a report: one csv_v2_0 line.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::{Figures, Kind, Level};
use crate::brand::Look;
use crate::catalogue::{Edition, Item, Service, Unit};
use crate::history::Cells;
use crate::ids::{InfraId, TenantId, TenantNo};
use crate::infra::BackendType;
use crate::pricing::{Currency, PricingMode};
use crate::tenant::{Language, TenantKind};
use crate::time::{Day, Instant, Period};

/// What a row counts: an offering item or a platform metric.
#[derive(Debug, Clone, Copy)]
pub enum Label {
    /// An offering item of the catalogue.
    Item(&'static Item),
    /// `euc_count`: customers below, each from the day it was made on.
    Customers,
    /// `reseller_count`: partners below, likewise.
    Partners,
    /// `euc_with_local_backup_count`: customers below with local backup, likewise.
    CustomersWithLocalBackup,
}

impl Label {
    /// The platform metrics, which rows of root, partner and folder tenants have.
    pub const METRICS: [Self; 3] = [Self::Customers, Self::Partners, Self::CustomersWithLocalBackup];

    /// The column `name`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Item(item) => &item.name,
            Self::Customers => "euc_count",
            Self::Partners => "reseller_count",
            Self::CustomersWithLocalBackup => "euc_with_local_backup_count",
        }
    }

    /// The English name for people, before it passes the language boundary.
    pub const fn for_people(&self) -> &'static str {
        match self {
            Self::Item(item) => item.label,
            Self::Customers => "Customers",
            Self::Partners => "Partners",
            Self::CustomersWithLocalBackup => "Customers with local backup",
        }
    }

    /// The service the row belongs to.
    pub const fn service(&self) -> Service {
        match self {
            Self::Item(item) => item.service,
            Self::Customers | Self::Partners => Service::Platform,
            Self::CustomersWithLocalBackup => Service::Backup,
        }
    }

    /// What it is counted in.
    pub const fn unit(&self) -> Unit {
        match self {
            Self::Item(item) => item.unit,
            _ => Unit::Quantity,
        }
    }

    /// The edition, where there is one.
    pub const fn edition(&self) -> Option<Edition> {
        match self {
            Self::Item(item) => item.edition,
            _ => None,
        }
    }

    /// Whether it accumulates.
    pub fn is_range(&self) -> bool {
        matches!(self, Self::Item(item) if item.is_range())
    }
}

/// The tenant of a row. Shared by all its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowTenant {
    /// Its number: the numeric v1 id.
    pub no: TenantNo,
    /// Its id.
    pub id: TenantId,
    /// The latest name within the period.
    pub name: String,
    /// What it is.
    pub kind: TenantKind,
    /// External id.
    pub customer_id: Option<String>,
}

/// The storage of a row. Shared by all its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowInfra {
    /// Its id.
    pub id: InfraId,
    /// Its name.
    pub name: String,
    /// The tenant owning it.
    pub owner_id: TenantId,
    /// That tenant's numeric v1 id.
    pub owner_no: TenantNo,
    /// Whose technology it stands on.
    pub backend_type: Option<BackendType>,
}

/// The price of a row; there only when a price is set for the item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPricing {
    /// The tenant's currency.
    pub currency: Currency,
    /// The tenant's mode.
    pub mode: PricingMode,
    /// Per piece, GB or hour.
    pub price: Decimal,
    /// price x effective.production, rounded to the currency's digits; `None` beyond what a decimal holds.
    pub total_cost: Option<Decimal>,
}

/// A row of a report.
#[derive(Debug, Clone)]
pub struct Row {
    /// Whose.
    pub tenant: Arc<RowTenant>,
    /// What.
    pub label: Label,
    /// On which storage.
    pub infra: Option<Arc<RowInfra>>,
    /// The day of the figures.
    pub date: Day,
    /// The figures.
    pub figures: Figures,
    /// Soft quota; `None` when unlimited.
    pub quota: Option<i64>,
    /// The price, where one is set.
    pub pricing: Option<RowPricing>,
    /// The SKU of the partner's price list, where rows show SKUs and it has one.
    pub sku: Option<String>,
}

/// Rows in the order of the files, as often as asked for. [`super::Document`] folds them anew each time, so that no
/// report is ever held whole.
pub trait Rows {
    /// The rows from the first to the last.
    fn rows(&self) -> Box<dyn Iterator<Item = Row> + '_>;
}

impl Rows for [Row] {
    fn rows(&self) -> Box<dyn Iterator<Item = Row> + '_> {
        Box::new(self.iter().cloned())
    }
}

/// What stands above the rows.
#[derive(Debug, Clone)]
pub struct Heading {
    /// Whom the report is about.
    pub subject: RowTenant,
    /// The days it reports.
    pub period: Period,
    /// What is counted.
    pub kind: Kind,
    /// Which descendants have rows.
    pub level: Level,
    /// Whether data files have the SKU column.
    pub show_skus: bool,
    /// Whether the usage of trial tenants is left out, which people are told.
    pub leave_out_trial: bool,
    /// The cells of the subject and all below it, which say how much of the figures was reported.
    pub cells: Cells,
    /// When it was made.
    pub generated_at: Instant,
    /// The language of the files: the subject's.
    pub language: Language,
    /// How pages and mails look.
    pub look: Look,
}
