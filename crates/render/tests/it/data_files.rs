//! Files for programs: the published bytes, and that any reader gets back what went in.

use crate::fixture::{GB, PARTNER, Report, channel, day, figure, heading, infra, item, tenant};
use domain::infra::BackendType;
use domain::report::{Figure, Figures, Format, Heading, Kind, Label, Level, Row};
use domain::tenant::TenantKind;
use domain::time::Period;

const HEADER: &str = "application.id,application.name,date,infra.backend_type,infra.id,infra.name,infra.owner_id,is_range,\
    measurement_unit,name,pricing.currency,pricing.mode,pricing.price,pricing.total_cost,quota.value,\
    tenant.customer_id,tenant.id,tenant.kind,tenant.name,usage.absolute.production,usage.absolute.total,\
    usage.absolute.trial,usage.delta.production,usage.delta.total,usage.delta.trial,usage.effective.production,\
    usage.effective.total,usage.effective.trial,edition";

fn text(format: Format, report: &Report) -> String {
    let mut bytes = Vec::new();
    render::write(format, &report.heading, report, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn plain_row(label: Label, figures: Figures) -> Row {
    let id = "53b471e1-50dd-4557-ae6d-f687946821d4";
    Row {
        tenant: tenant(7, id, "North Partner", TenantKind::Partner, None),
        label,
        infra: None,
        date: day("2020-03-03"),
        figures,
        quota: None,
        pricing: None,
        sku: None,
    }
}

/// reports-api, section 11: the rows observed in 2020.
#[test]
fn csv_v2_rows_are_those_observed() {
    let zero = Figure::default();
    let mut storage = plain_row(item("storage"), Figures::default());
    let owner = (1, "8beef6be-c136-4ef6-a900-0e74c703ddcc");
    let backend = Some(BackendType::Acronis);
    storage.infra =
        Some(infra("019097a6-114f-4418-bd54-e01ef049f209", "eu3.storage.example.com", owner, backend));
    let one = figure(1, 0);
    let report = Report {
        heading: heading(Kind::UsageCurrent, "en"),
        rows: vec![
            plain_row(Label::Customers, Figures { absolute: zero, delta: figure(-1, 0), effective: zero }),
            plain_row(Label::Partners, Figures { absolute: one, delta: zero, effective: one }),
            storage,
        ],
    };
    let rows = "\
7459244f-68f3-3bf4-9f53-5f63ecc1d91f,platform,2020-03-03,,,,,False,,euc_count,,,,,,,53b471e1-50dd-4557-ae6d-f687946821d4,partner,North Partner,0,0,0,-1,-1,0,0,0,0,
7459244f-68f3-3bf4-9f53-5f63ecc1d91f,platform,2020-03-03,,,,,False,,reseller_count,,,,,,,53b471e1-50dd-4557-ae6d-f687946821d4,partner,North Partner,1,1,0,0,0,0,1,1,0,
6e6d758d-8e74-3ae3-ac84-50eb0dff12eb,backup,2020-03-03,,019097a6-114f-4418-bd54-e01ef049f209,eu3.storage.example.com,8beef6be-c136-4ef6-a900-0e74c703ddcc,False,bytes,storage,,,,,,,53b471e1-50dd-4557-ae6d-f687946821d4,partner,North Partner,0,0,0,0,0,0,0,0,0,standard
";
    assert_eq!(text(Format::CsvV2, &report), format!("{HEADER}\n{rows}"));
}

#[test]
fn the_header_is_there_without_rows_and_sku_is_its_last_column() {
    let mut report = Report { heading: heading(Kind::UsageCurrent, "en"), rows: Vec::new() };
    assert_eq!(text(Format::CsvV2, &report), format!("{HEADER}\n"));
    report.heading.show_skus = true;
    assert_eq!(text(Format::CsvV2, &report), format!("{HEADER},sku\n"));
}

/// reports-api, section 12: the published example.
#[test]
fn json_v2_is_that_of_the_example() {
    let mut row = plain_row(
        item("vms"),
        Figures { absolute: figure(4, 1), delta: figure(1, 1), effective: figure(4, 1) },
    );
    row.tenant = tenant(PARTNER.0, PARTNER.1, "North Partner", TenantKind::Partner, None);
    (row.date, row.quota) = (day("2017-05-07"), Some(10));
    let heading = Heading {
        subject: row.tenant.as_ref().clone(),
        period: Period::inclusive(day("2017-05-01"), day("2017-05-07")),
        level: Level::DirectPartners,
        ..heading(Kind::UsageSummary, "en")
    };
    let v2 = r#"{"params":{"kind":5,"gen_date":1494201600,"begin_date":1493596800,"end_date":1494201599,"group_id":1400794,"name":"North Partner","report_level":1,"report_type":5},"tenants":[{"application":{"id":"6e6d758d-8e74-3ae3-ac84-50eb0dff12eb","name":"backup"},"date":"2017-05-07","edition":"standard","infra":{"backend_type":null,"id":null,"name":null,"owner_id":null},"is_range":false,"measurement_unit":null,"name":"vms","pricing":{"currency":null,"mode":null,"price":null,"total_cost":null},"quota":{"value":10},"tenant":{"customer_id":null,"id":"ede9f834-70b3-476c-83d9-736f9f8c7dae","kind":"partner","name":"North Partner"},"usage":{"absolute":{"production":4,"total":5,"trial":1},"delta":{"production":1,"total":2,"trial":1},"effective":{"production":4,"total":5,"trial":1}}}]}"#;
    let report = Report { heading, rows: vec![row] };
    assert_eq!(text(Format::JsonV2, &report), v2);
    let v1 = v2.replace(r#""ede9f834-70b3-476c-83d9-736f9f8c7dae""#, "1400794");
    assert_eq!(text(Format::JsonV1, &report), v1);
}

/// Every dotted column of csv_v2_0 is a path into the objects of json_v2_0 that leads to the same value.
#[test]
fn csv_and_json_carry_the_same() {
    for (kind, show_skus) in [(Kind::UsageSummary, true), (Kind::UsageBreakdown, false)] {
        let mut report = channel(kind, "en");
        report.heading.show_skus = show_skus;
        let json: serde_json::Value = serde_json::from_str(&text(Format::JsonV2, &report)).unwrap();
        let objects = json["tenants"].as_array().unwrap();
        let csv_text = text(Format::CsvV2, &report);
        let mut csv = csv::Reader::from_reader(csv_text.as_bytes());
        let header = csv.headers().unwrap().clone();
        let records: Vec<_> = csv.records().map(Result::unwrap).collect();
        assert_eq!((records.len(), objects.len()), (report.rows.len(), report.rows.len()));
        for (record, object) in records.iter().zip(objects) {
            for (column, field) in header.iter().zip(record) {
                let pointer = format!("/{}", column.replace('.', "/"));
                let value = object.pointer(&pointer).unwrap_or_else(|| panic!("{column}"));
                let as_text = match value {
                    serde_json::Value::Null => String::new(),
                    serde_json::Value::Bool(true) => "True".into(),
                    serde_json::Value::Bool(false) => "False".into(),
                    serde_json::Value::String(text) => text.clone(),
                    number => number.to_string(),
                };
                assert_eq!(as_text, field, "{column}");
            }
        }
    }
}

#[test]
fn names_and_figures_read_back() {
    let report = channel(Kind::UsageSummary, "en");
    let csv_text = text(Format::CsvV2, &report);
    let mut csv = csv::Reader::from_reader(csv_text.as_bytes());
    let header = csv.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    for (record, row) in csv.records().map(Result::unwrap).zip(&report.rows) {
        assert_eq!(&record[at("tenant.name")], row.tenant.name);
        assert_eq!(&record[at("infra.name")], row.infra.as_ref().map_or("", |infra| &infra.name));
        for (name, figure) in [
            ("absolute", row.figures.absolute),
            ("delta", row.figures.delta),
            ("effective", row.figures.effective),
        ] {
            let read = |part: &str| record[at(&format!("usage.{name}.{part}"))].parse::<i128>().unwrap();
            assert_eq!((read("production"), read("trial")), (figure.production, figure.trial));
            assert_eq!(read("total"), figure.total());
        }
    }
}

#[test]
fn sums_beyond_64_bits_stay_exact() {
    let large = figure(i128::MAX / 2, -GB);
    let row = plain_row(item("local_storage"), Figures { absolute: large, delta: large, effective: large });
    let report = Report { heading: heading(Kind::UsageSummary, "en"), rows: vec![row] };
    let production = (i128::MAX / 2).to_string();
    for format in [Format::CsvV2, Format::JsonV1, Format::JsonV2] {
        assert_eq!(text(format, &report).matches(&production).count(), 3, "{format}");
    }
}
