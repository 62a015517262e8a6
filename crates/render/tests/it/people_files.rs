//! Files for people: what they must never do.

use std::cell::Cell;
use std::io;
use std::str::FromStr;

use crate::fixture::{Report, channel, infra, item};
use domain::catalogue::Unit;
use domain::ids::TenantId;
use domain::infra::BackendType;
use domain::report::{Format, Kind, Row, Rows};

fn bytes(format: Format, report: &Report) -> Vec<u8> {
    let mut bytes = Vec::new();
    render::write(format, &report.heading, report, &mut bytes).unwrap();
    bytes
}

fn text(format: Format, report: &Report) -> String {
    String::from_utf8(bytes(format, report)).unwrap()
}

fn table(report: &Report) -> Vec<csv::StringRecord> {
    let bytes = bytes(Format::Csv, report);
    let csv = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap());
    csv.into_records().map(Result::unwrap).collect()
}

#[test]
fn csv_has_a_mark_and_crlf_and_no_formula() {
    let report = channel(Kind::UsageBreakdown, "en");
    let all = text(Format::Csv, &report);
    assert_eq!(all.matches("\r\n").count(), all.matches('\n').count());
    for record in table(&report) {
        for cell in &record {
            let is_figure = cell.parse::<f64>().is_ok();
            assert!(is_figure || !cell.starts_with(['=', '+', '-', '@']), "{cell}");
        }
    }
    assert!(
        all.contains("'=cmd|'/c calc'!A1")
            && all.contains("\"Müller, \"\"Söhne\"\"\"")
            && all.contains("'-17")
    );
}

#[test]
fn there_is_a_line_for_each_tenant_and_day_and_a_column_for_each_item_and_storage() {
    let table = table(&channel(Kind::UsageBreakdown, "en"));
    assert_eq!(table.len(), 1 + 5 * 3);
    let heads: Vec<&str> = table[0].iter().collect();
    assert_eq!(heads[..4], ["Date", "Tenant", "Kind", "Customer ID"]);
    for label in [
        "Management Portal [Customers]",
        "Backup [Workstations] adv_workstations",
        "Backup [Workstations] workstations",
        "Backup [Backup storage (EU2)]",
        "Backup [Backup storage (Köln, S3)]",
        "Local backup [Local backup]",
        "File Sync & Share [Sync and share seats]",
    ] {
        assert!(heads.contains(&label), "{label} in {heads:?}");
        assert!(heads.contains(&format!("{label} change").as_str()), "{label}");
    }
}

#[test]
fn two_storages_of_one_name_stay_apart() {
    let mut report = channel(Kind::UsageSummary, "en");
    let twin = "0191aaaa-0000-4000-8000-000000000001";
    let mut row: Row = report.rows.iter().find(|row| row.label.name() == "storage").unwrap().clone();
    row.infra = Some(infra(twin, "EU2", crate::fixture::PARTNER, Some(BackendType::Google)));
    report.rows.insert(0, row);
    let table = table(&report);
    let heads: Vec<&str> = table[0].iter().filter(|head| head.contains("(EU2)")).collect();
    assert_eq!(
        heads,
        [
            "Backup [Backup storage (EU2)] storage 019097a6-114f-4418-bd54-e01ef049f209",
            "Backup [Backup storage (EU2)] storage 0191aaaa-0000-4000-8000-000000000001",
        ]
    );
}

#[test]
fn the_page_needs_nothing_from_outside_and_escapes_names() {
    let mut report = channel(Kind::UsageSummary, "en");
    let mut evil = report.rows[0].tenant.as_ref().clone();
    evil.name = "<script>alert(1)</script>".into();
    report.heading.subject = evil.clone();
    report.rows[0].tenant = evil.into();
    let page = text(Format::Html, &report);
    for banned in ["<script", "http://", "https://", "url(", "@import", "<link", "<img", "src="] {
        assert!(!page.contains(banned), "{banned}");
    }
}

/// Rows made on demand, as a document makes them.
struct Endless {
    row: Row,
    lines: i32,
}

impl Rows for Endless {
    fn rows(&self) -> Box<dyn Iterator<Item = Row> + '_> {
        let start = self.row.date;
        Box::new((0..self.lines).map(move |days| Row { date: start.plus(days), ..self.row.clone() }))
    }
}

#[test]
fn the_page_stops_at_2000_lines_and_points_to_the_csv() {
    let report = channel(Kind::UsageDaily, "en");
    let lines = |lines| {
        let rows = Endless { row: report.rows[0].clone(), lines };
        let mut page = Vec::new();
        render::write(Format::Html, &report.heading, &rows, &mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        (
            page.matches("<th scope=\"row\">").count(),
            page.contains("the csv file of this report has them all"),
        )
    };
    assert_eq!(lines(2000), (2000, false));
    assert_eq!(lines(2001), (2000, true));
}

/// Rows of ever new tenants that count how many were asked for.
struct Counted {
    row: Row,
    asked: Cell<i64>,
}

impl Rows for Counted {
    fn rows(&self) -> Box<dyn Iterator<Item = Row> + '_> {
        self.asked.set(0);
        Box::new((0..20_000_u128).map(|number| {
            self.asked.set(self.asked.get() + 1);
            let mut tenant = self.row.tenant.as_ref().clone();
            tenant.id = TenantId::from_str(&format!("00000000-0000-4000-8000-{number:012}")).unwrap();
            Row { tenant: tenant.into(), ..self.row.clone() }
        }))
    }
}

/// Notes how many rows had been asked for at the first byte of a row.
struct Watch<'a> {
    asked: &'a Cell<i64>,
    at_first: Option<i64>,
}

impl io::Write for Watch<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.at_first.get_or_insert(self.asked.get());
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn files_leave_while_rows_still_come() {
    let report = channel(Kind::UsageSummary, "en");
    for format in Format::ALL {
        let rows = Counted { row: report.rows[0].clone(), asked: Cell::new(0) };
        let mut watch = Watch { asked: &rows.asked, at_first: None };
        render::write(*format, &report.heading, &rows, &mut watch).unwrap();
        let at_first = watch.at_first.unwrap();
        assert!(at_first < 2_000, "{format}: {at_first}");
    }
}

#[test]
fn a_fault_of_the_writer_comes_back() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let report = channel(Kind::UsageSummary, "en");
    for format in Format::ALL {
        let fault = render::write(*format, &report.heading, &report, &mut Full).unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::StorageFull, "{format}");
    }
}

#[test]
fn attachments_are_named_by_tenant_and_period() {
    let heading = channel(Kind::UsageSummary, "en").heading;
    let names: Vec<String> = Format::ALL.iter().map(|format| render::file_name(*format, &heading)).collect();
    let stem = "usage-report-north-partner-s-hne-2017-05-01-2017-05-07";
    let expected =
        [".csv", ".html", "-v1.json", "-v2.csv", "-v2.json"].map(|suffix| format!("{stem}{suffix}"));
    assert_eq!(names, expected);
}

#[test]
fn hours_and_gigabytes_are_what_people_see() {
    assert_eq!(item("compute_points").unit(), Unit::Seconds);
    let table = table(&channel(Kind::UsageSummary, "en"));
    let at = |head: &str| table[0].iter().position(|cell| cell == head).unwrap();
    let north = table.iter().find(|line| &line[1] == "北方").unwrap();
    // Six days of an hour and a half.
    assert_eq!(&north[at("Backup [Compute points (DR Frankfurt)]")], "9.00");
    let mueller = table.iter().find(|line| line[1].starts_with("Müller")).unwrap();
    // 1,280.125 GB less six days of 1.5 GB: half goes to even.
    assert_eq!(&mueller[at("Backup [Backup storage (Köln, S3)]")], "1271.12");
    assert_eq!(&mueller[at("Local backup [Local backup]")], "7.00");
    assert_eq!(&mueller[at("File Sync & Share [Sync and share seats]")], "");
}
