//! `json_v2_0` and `json_v1`: one line of `params` and `tenants` (reports-api, section 12).
//!
//! Both carry what csv_v2_0 carries, one object per row; they differ in two ids only. The members stand in alphabetical
//! order, as in the published example.

use std::io::{self, Write};

use domain::catalogue::{Catalogue, Edition};
use domain::ids::{ApplicationId, InfraId, TenantId, TenantNo};
use domain::infra::BackendType;
use domain::pricing::{Currency, PricingMode};
use domain::report::{Figure, Heading, Row, RowInfra, Rows};
use domain::tenant::TenantKind;
use domain::time::Day;
use serde::Serialize;

/// How tenants are named.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ids {
    /// By UUID: json_v2_0.
    Uuids,
    /// By numeric v1 id: json_v1.
    Numbers,
}

impl Ids {
    const fn of(self, id: TenantId, no: TenantNo) -> Id {
        match self {
            Self::Uuids => Id::Uuid(id),
            Self::Numbers => Id::Number(no),
        }
    }
}

/// Writes the file.
pub(crate) fn write(ids: Ids, heading: &Heading, rows: &dyn Rows, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"{\"params\":")?;
    serde_json::to_writer(&mut *out, &Params::of(heading))?;
    out.write_all(b",\"tenants\":[")?;
    let mut separator: &[u8] = b"";
    for row in rows.rows() {
        out.write_all(separator)?;
        serde_json::to_writer(&mut *out, &Record::of(&row, ids, heading.show_skus))?;
        separator = b",";
    }
    out.write_all(b"]}")
}

/// What `infra.backend_type` shows: the platform's own technology counts as none (reports-api, section 11).
pub(crate) fn backend_type(infra: &RowInfra) -> Option<&'static str> {
    infra.backend_type.filter(|backend| *backend != BackendType::Acronis).map(BackendType::as_str)
}

#[derive(Serialize)]
struct Params<'a> {
    kind: u8,
    gen_date: i64,
    begin_date: i64,
    end_date: i64,
    group_id: TenantNo,
    name: &'a str,
    report_level: u8,
    report_type: u8,
}

impl<'a> Params<'a> {
    fn of(heading: &'a Heading) -> Self {
        Self {
            kind: heading.kind.number(),
            gen_date: heading.generated_at.unix_seconds(),
            begin_date: heading.period.start.start().unix_seconds(),
            end_date: heading.period.last().last_second().unix_seconds(),
            group_id: heading.subject.no,
            name: &heading.subject.name,
            report_level: heading.level.number(),
            report_type: heading.kind.number(),
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Id {
    Uuid(TenantId),
    Number(TenantNo),
}

#[derive(Serialize)]
struct Record<'a> {
    application: Application,
    date: Day,
    edition: Option<Edition>,
    infra: Infra<'a>,
    is_range: bool,
    measurement_unit: Option<&'static str>,
    name: &'static str,
    pricing: Pricing,
    quota: Quota,
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<Sku<'a>>,
    tenant: Tenant<'a>,
    usage: Usage,
}

#[derive(Serialize)]
struct Application {
    id: ApplicationId,
    name: &'static str,
}

#[derive(Serialize)]
struct Infra<'a> {
    backend_type: Option<&'static str>,
    id: Option<InfraId>,
    name: Option<&'a str>,
    owner_id: Option<Id>,
}

#[derive(Serialize)]
struct Pricing {
    currency: Option<Currency>,
    mode: Option<PricingMode>,
    price: Option<String>,
    total_cost: Option<String>,
}

#[derive(Serialize)]
struct Quota {
    value: Option<i64>,
}

/// Null where the price list has none; the member itself is there only where the report shows SKUs.
#[derive(Serialize)]
struct Sku<'a>(Option<&'a str>);

#[derive(Serialize)]
struct Tenant<'a> {
    customer_id: Option<&'a str>,
    id: Id,
    kind: TenantKind,
    name: &'a str,
}

#[derive(Serialize)]
struct Usage {
    absolute: Split,
    delta: Split,
    effective: Split,
}

#[derive(Serialize)]
struct Split {
    production: i128,
    total: i128,
    trial: i128,
}

impl From<Figure> for Split {
    fn from(figure: Figure) -> Self {
        Self { production: figure.production, total: figure.total(), trial: figure.trial }
    }
}

impl<'a> Record<'a> {
    fn of(row: &'a Row, ids: Ids, show_skus: bool) -> Self {
        let service = row.label.service();
        let infra = row.infra.as_deref();
        let pricing = row.pricing.as_ref();
        let unit = row.label.unit().in_reports();
        Self {
            application: Application {
                id: Catalogue::embedded().application_id(service),
                name: service.as_str(),
            },
            date: row.date,
            edition: row.label.edition(),
            infra: Infra {
                backend_type: infra.and_then(backend_type),
                id: infra.map(|infra| infra.id),
                name: infra.map(|infra| infra.name.as_str()),
                owner_id: infra.map(|infra| ids.of(infra.owner_id, infra.owner_no)),
            },
            is_range: row.label.is_range(),
            measurement_unit: (!unit.is_empty()).then_some(unit),
            name: row.label.name(),
            pricing: Pricing {
                currency: pricing.map(|pricing| pricing.currency),
                mode: pricing.map(|pricing| pricing.mode),
                price: pricing.map(|pricing| pricing.price.to_string()),
                total_cost: pricing.and_then(|pricing| Some(pricing.total_cost?.to_string())),
            },
            quota: Quota { value: row.quota },
            sku: show_skus.then_some(Sku(row.sku.as_deref())),
            tenant: Tenant {
                customer_id: row.tenant.customer_id.as_deref(),
                id: ids.of(row.tenant.id, row.tenant.no),
                kind: row.tenant.kind,
                name: &row.tenant.name,
            },
            usage: Usage {
                absolute: row.figures.absolute.into(),
                delta: row.figures.delta.into(),
                effective: row.figures.effective.into(),
            },
        }
    }
}
