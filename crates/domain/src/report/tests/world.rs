//! A small channel to write cases with. Day 1 is 2026-05-01; the period is all of May unless a case sets it.

use uuid::Uuid;

use crate::billing::BillingDay;
use crate::catalogue::{Catalogue, Item, ItemNumbers};
use crate::history::{Archive, Series};
use crate::ids::{InfraId, InfraNo, ItemNo, TenantId, TenantNo};
use crate::pricing::PricingMode;
use crate::report::{
    Document, InfraTimeline, ItemTimeline, Kind, Level, ReportInput, Row, Rows, TenantTimeline,
};
use crate::tenant::TenantKind;
use crate::time::{Day, Period};
use crate::timeline::Timeline;
use crate::usage::MeterKey;

/// The n-th of May 2026; 0 is the last of April.
pub(super) fn day(n: i32) -> Day {
    Day::from_ymd(2026, 5, 1).unwrap().plus(n - 1)
}

pub(super) fn item(name: &str) -> &'static Item {
    Catalogue::embedded().item(name).unwrap()
}

pub(super) fn tenant_id(no: i64) -> TenantId {
    TenantId(Uuid::from_u128(u128::try_from(no).unwrap()))
}

/// A property that changes once.
pub(super) fn change<T>(first: T, from: Day, then: T) -> Timeline<T> {
    let mut timeline = Timeline::always(first);
    timeline.push(from, then);
    timeline
}

/// An input and what its archive is made from.
pub(super) struct World(pub(super) ReportInput, Vec<(MeterKey, Series)>);

/// All items of the catalogue, numbered from 1.
pub(super) fn numbers() -> ItemNumbers {
    (1..).map(ItemNo).zip(Catalogue::embedded().items()).collect()
}

impl World {
    /// No tenant yet; a summary of all levels.
    pub(super) fn about(subject: i64) -> Self {
        let input = ReportInput {
            subject: TenantNo(subject),
            period: Period::inclusive(day(1), day(31)),
            kind: Kind::UsageSummary,
            level: Level::Accounts,
            hide_zero_usage: false,
            show_skus: false,
            leave_out_trial: false,
            as_known: day(32),
            tenants: Vec::new(),
            items: Vec::new(),
            numbers: numbers(),
            infras: Vec::new(),
        };
        Self(input, Vec::new())
    }

    /// Root 1; partners 2 and 5 below it; customer 3 below partner 2, with unit 4.
    pub(super) fn channel(subject: i64) -> Self {
        let mut world = Self::about(subject);
        world.tenant(1, 1, TenantKind::Root);
        world.tenant(2, 1, TenantKind::Partner);
        world.tenant(3, 2, TenantKind::Customer);
        world.tenant(4, 3, TenantKind::Unit);
        world.tenant(5, 1, TenantKind::Partner);
        world
    }

    /// A tenant that never changes, in production, named after its number.
    pub(super) fn tenant(&mut self, no: i64, parent: i64, kind: TenantKind) -> &mut TenantTimeline {
        self.0.tenants.push(TenantTimeline {
            no: TenantNo(no),
            id: tenant_id(no),
            created_at: "2020-01-01T00:00:00Z".parse().unwrap(),
            is_personal: false,
            parent: Timeline::always(TenantNo(parent)),
            name: Timeline::always(format!("T{no}")),
            kind: Timeline::always(kind),
            customer_id: Timeline::always(None),
            ancestral_access: Timeline::always(true),
            deleted: Timeline::always(false),
            pricing_mode: Timeline::always(PricingMode::Production),
            currency: Timeline::always(None),
            billing_day: Timeline::always(BillingDay::CALENDAR),
            skus: Timeline::always(Vec::new()),
        });
        self.0.tenants.last_mut().unwrap()
    }

    /// A tenant made before.
    pub(super) fn of(&mut self, no: i64) -> &mut TenantTimeline {
        self.0.tenants.iter_mut().find(|tenant| tenant.no == TenantNo(no)).unwrap()
    }

    /// An item that is always on, without quota and price.
    pub(super) fn item(&mut self, tenant: i64, name: &str, infra: i64) -> &mut ItemTimeline {
        self.0.items.push(ItemTimeline {
            tenant: TenantNo(tenant),
            item: item(name),
            infra: InfraNo(infra),
            enabled: Timeline::always(true),
            quota: Timeline::always(None),
            price: Timeline::always(None),
            billing_day: Timeline::always(None),
        });
        self.0.items.last_mut().unwrap()
    }

    /// Readings by day of May.
    pub(super) fn reads(&mut self, tenant: i64, name: &str, infra: i64, levels: &[(i32, i64)]) {
        let mut series = Series::default();
        for (on, level) in levels {
            series.push(day(*on), *level);
        }
        let item = self.0.numbers.no(name).unwrap();
        self.1.push((MeterKey { tenant: TenantNo(tenant), item, infra: InfraNo(infra) }, series));
    }

    /// A storage of the root.
    pub(super) fn infra(&mut self, no: i64, id: u128) -> &mut InfraTimeline {
        self.0.infras.push(InfraTimeline {
            no: InfraNo(no),
            id: InfraId(Uuid::from_u128(id)),
            name: Timeline::always(format!("S{no}")),
            owner: Timeline::always((TenantNo(1), tenant_id(1))),
            backend_type: Timeline::always(None),
        });
        self.0.infras.last_mut().unwrap()
    }

    /// The input with its archive.
    pub(super) fn parts(self) -> (ReportInput, Archive) {
        let period = self.0.period;
        let first = period.start.previous().min(period.last().plus(-32));
        (self.0, Archive::of_series(first, period.last(), self.1))
    }

    pub(super) fn document(self) -> Option<Document> {
        let (input, archive) = self.parts();
        Document::new(input, archive).unwrap()
    }

    pub(super) fn rows(self) -> Vec<Row> {
        let document = self.document().unwrap();
        let rows: Vec<Row> = document.rows().collect();
        assert_eq!(rows.len(), document.rows().count(), "rows can be had again");
        rows
    }

    /// The rows that count one of `names`.
    pub(super) fn lines_of(self, names: &[&str]) -> Vec<String> {
        self.rows().iter().filter(|row| names.contains(&row.label.name())).map(line).collect()
    }

    /// The tenants that have rows, each once, in their order.
    pub(super) fn tenants_with_rows(self) -> Vec<String> {
        let mut names: Vec<String> = self.rows().iter().map(|row| row.tenant.name.clone()).collect();
        names.dedup();
        names
    }
}

/// `T3 storage@S1 05-31: 7+0 4+0 7+0`: absolute, delta and effective, each as production + trial.
pub(super) fn line(row: &Row) -> String {
    let infra = row.infra.as_ref().map(|infra| format!("@{}", infra.name)).unwrap_or_default();
    let figures = [row.figures.absolute, row.figures.delta, row.figures.effective]
        .map(|figure| format!("{}+{}", figure.production, figure.trial))
        .join(" ");
    let date = row.date.to_string();
    format!("{} {}{infra} {}: {figures}", row.tenant.name, row.label.name(), &date[5..])
}
