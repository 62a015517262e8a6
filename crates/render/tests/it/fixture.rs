//! A small channel with everything in it that files trip over.

use std::sync::Arc;

use domain::brand::Look;
use domain::catalogue::Catalogue;
use domain::history::Cells;
use domain::ids::{InfraId, TenantId, TenantNo};
use domain::infra::BackendType;
use domain::pricing::{Currency, PricingMode, parse_price, total_cost};
use domain::report::{
    Figure, Figures, Heading, Kind, Label, Level, Row, RowInfra, RowPricing, RowTenant, Rows,
};
use domain::tenant::{Language, TenantKind};
use domain::time::{Day, Instant, Period};

pub(crate) const GB: i128 = 1 << 30;

/// Rows held in memory, with their heading.
pub(crate) struct Report {
    pub(crate) heading: Heading,
    pub(crate) rows: Vec<Row>,
}

impl Rows for Report {
    fn rows(&self) -> Box<dyn Iterator<Item = Row> + '_> {
        Box::new(self.rows.iter().cloned())
    }
}

pub(crate) fn item(name: &str) -> Label {
    Label::Item(Catalogue::embedded().item(name).unwrap())
}

pub(crate) fn day(text: &str) -> Day {
    text.parse().unwrap()
}

pub(crate) fn figure(production: i128, trial: i128) -> Figure {
    Figure { production, trial }
}

pub(crate) fn tenant(
    no: i64,
    id: &str,
    name: &str,
    kind: TenantKind,
    customer_id: Option<&str>,
) -> Arc<RowTenant> {
    let id: TenantId = id.parse().unwrap();
    let customer_id = customer_id.map(str::to_owned);
    Arc::new(RowTenant { no: TenantNo(no), id, name: name.to_owned(), kind, customer_id })
}

pub(crate) fn infra(id: &str, name: &str, owner: (i64, &str), backend: Option<BackendType>) -> Arc<RowInfra> {
    let id: InfraId = id.parse().unwrap();
    let (owner_no, owner_id) = (TenantNo(owner.0), owner.1.parse().unwrap());
    Arc::new(RowInfra { id, name: name.to_owned(), owner_id, owner_no, backend_type: backend })
}

/// What the fixture says of one meter: its level on the first day, its growth per day, and its terms.
struct Meter {
    label: Label,
    infra: Option<Arc<RowInfra>>,
    level: Figure,
    growth: Figure,
    quota: Option<i64>,
    price: Option<&'static str>,
    sku: Option<&'static str>,
}

impl Meter {
    fn new(label: Label, level: (i128, i128), growth: (i128, i128)) -> Self {
        let (level, growth) = (figure(level.0, level.1), figure(growth.0, growth.1));
        Self { label, infra: None, level, growth, quota: None, price: None, sku: None }
    }

    fn on(mut self, infra: &Arc<RowInfra>) -> Self {
        self.infra = Some(infra.clone());
        self
    }

    fn quota(mut self, quota: i64) -> Self {
        self.quota = Some(quota);
        self
    }

    fn priced(mut self, price: &'static str, sku: &'static str) -> Self {
        (self.price, self.sku) = (Some(price), Some(sku));
        self
    }

    fn row(&self, tenant: &Arc<RowTenant>, date: Day, days_grown: i32, span: i32) -> Row {
        let grown = |days: i32| {
            let days = i128::from(days);
            figure(self.growth.production * days, self.growth.trial * days)
        };
        let (absolute, delta) = (self.level + grown(days_grown), grown(span));
        let effective = if self.label.is_range() { delta } else { absolute };
        let pricing = self.price.map(|price| {
            let price = parse_price(price).unwrap();
            let cost = total_cost(price, effective.production, self.label.unit(), Currency::Eur);
            RowPricing { currency: Currency::Eur, mode: PricingMode::Production, price, total_cost: cost }
        });
        Row {
            tenant: tenant.clone(),
            label: self.label,
            infra: self.infra.clone(),
            date,
            figures: Figures { absolute, delta, effective },
            quota: self.quota,
            pricing,
            sku: self.sku.map(str::to_owned),
        }
    }

    fn rows(&self, tenant: &Arc<RowTenant>, period: Period, kind: Kind) -> Vec<Row> {
        let last = period.last().0 - period.start.0;
        if kind.is_per_day() {
            let days = period.days().zip(0..);
            days.map(|(date, grown)| self.row(tenant, date, grown, 1)).collect()
        } else {
            vec![self.row(tenant, period.last(), last, last)]
        }
    }
}

pub(crate) const PARTNER: (i64, &str) = (1_400_794, "ede9f834-70b3-476c-83d9-736f9f8c7dae");
const ROOT: (i64, &str) = (1, "8beef6be-c136-4ef6-a900-0e74c703ddcc");

pub(crate) fn heading(kind: Kind, language: &str) -> Heading {
    let subject = tenant(PARTNER.0, PARTNER.1, "North Partner & Söhne", TenantKind::Partner, Some("C-1000"));
    Heading {
        subject: subject.as_ref().clone(),
        period: Period::inclusive(day("2017-05-01"), day("2017-05-07")),
        kind,
        level: Level::Accounts,
        show_skus: false,
        leave_out_trial: false,
        cells: Cells { all: 217, carried: 3 },
        generated_at: "2017-05-08T00:00:00Z".parse::<Instant>().unwrap(),
        language: Language::from_code(language).unwrap(),
        look: Look::default(),
    }
}

/// The look of a brand, with a logo of three bars.
pub(crate) fn branded() -> Look {
    Look {
        name: Some("Küste & Söhne <IT>".to_owned()),
        color: Some("#8a2be2".parse().unwrap()),
        logo: Some(include_bytes!("../logo.png").as_slice().into()),
    }
}

/// Partner, customers and a unit; two editions, two storages of different owners, prices, quotas, trial, losses.
pub(crate) fn channel(kind: Kind, language: &str) -> Report {
    let heading = heading(kind, language);
    // Breakdowns are long: three days show all there is to see.
    let period = if kind.is_per_day() {
        Period::inclusive(day("2017-05-05"), day("2017-05-07"))
    } else {
        heading.period
    };
    let heading = Heading { period, ..heading };
    let tree = tree(Arc::new(heading.subject.clone()));
    let rows = tree
        .iter()
        .flat_map(|(tenant, meters)| meters.iter().flat_map(|meter| meter.rows(tenant, period, kind)));
    Report { rows: rows.collect(), heading }
}

/// Tenants in the order of rows, each with its meters in theirs.
fn tree(subject: Arc<RowTenant>) -> [(Arc<RowTenant>, Vec<Meter>); 5] {
    let eu2 = infra("019097a6-114f-4418-bd54-e01ef049f209", "EU2", ROOT, Some(BackendType::Acronis));
    let own = infra("5c1d3f0e-8d2b-4f8e-9d7c-0a4b6c2e1f33", "Köln, S3", PARTNER, Some(BackendType::AmazonS3));
    let site = infra("0f9b7f2e-77a1-4f5e-8d0e-4a51c0ffee00", "DR Frankfurt", ROOT, None);
    [
        (subject, partner_meters(&eu2, &own, &site)),
        (
            tenant(
                20,
                "11111111-0000-4000-8000-000000000020",
                "=cmd|'/c calc'!A1",
                TenantKind::Customer,
                None,
            ),
            vec![
                Meter::new(item("adv_workstations"), (0, 3), (0, 0)),
                Meter::new(item("storage"), (0, 25 * GB), (0, GB / 2)).on(&eu2),
                Meter::new(item("workstations"), (2, 0), (0, 0)),
            ],
        ),
        (
            tenant(
                21,
                "11111111-0000-4000-8000-000000000021",
                "Müller, \"Söhne\"",
                TenantKind::Customer,
                Some("-17"),
            ),
            vec![
                Meter::new(item("local_storage"), (7 * GB, 0), (1, 0)),
                Meter::new(item("o365_mailboxes"), (0, 0), (0, 0)),
                Meter::new(item("storage"), (0, 0), (0, 0)).on(&eu2),
                Meter::new(item("storage"), (1280 * GB + GB / 8, 0), (-3 * GB / 2, 0))
                    .on(&own)
                    .quota(2 << 40),
                Meter::new(item("workstations"), (41, 0), (-1, 0)).quota(50).priced("3.333", "WS-STD"),
            ],
        ),
        (
            tenant(22, "11111111-0000-4000-8000-000000000022", "Vertrieb", TenantKind::Unit, Some("+49 221")),
            vec![Meter::new(item("workstations"), (12, 0), (0, 0))],
        ),
        (
            tenant(23, "11111111-0000-4000-8000-000000000023", "北方", TenantKind::Customer, None),
            vec![
                Meter::new(item("compute_points"), (90_000, 0), (5_400, 0)).on(&site),
                Meter::new(item("fc_seats"), (9, 0), (0, 0)),
            ],
        ),
    ]
}

fn partner_meters(eu2: &Arc<RowInfra>, own: &Arc<RowInfra>, site: &Arc<RowInfra>) -> Vec<Meter> {
    vec![
        Meter::new(Label::Customers, (2, 1), (0, 0)),
        Meter::new(Label::Partners, (0, 0), (0, 0)),
        Meter::new(item("adv_workstations"), (0, 3), (0, 0)),
        Meter::new(item("compute_points"), (90_000, 0), (5_400, 0)).on(site).priced("0.20", "CP-1"),
        Meter::new(Label::CustomersWithLocalBackup, (1, 0), (0, 0)),
        Meter::new(item("local_storage"), (7 * GB, 0), (1, 0)),
        Meter::new(item("o365_mailboxes"), (0, 0), (0, 0)),
        Meter::new(item("storage"), (0, 25 * GB), (0, GB / 2)).on(eu2).priced("0.0500", "ST-EU2"),
        Meter::new(item("storage"), (1280 * GB + GB / 8, 0), (-3 * GB / 2, 0))
            .on(own)
            .priced("0.01", "ST-OWN"),
        Meter::new(item("workstations"), (43, 0), (-1, 0)).quota(100).priced("3.333", "WS-STD"),
        Meter::new(item("fc_seats"), (9, 0), (0, 0)),
    ]
}
