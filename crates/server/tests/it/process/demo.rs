//! `tidemark demo` on a fresh machine: what it prints, and what its files look like to the programs that open them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use testkit::Directory;

use super::harness::{refusal, tidemark};

/// The columns of a csv_v2_0 file with SKUs (reports-api, 11).
const COLUMNS: &str = "application.id,application.name,date,infra.backend_type,infra.id,infra.name,infra.owner_id,\
    is_range,measurement_unit,name,pricing.currency,pricing.mode,pricing.price,pricing.total_cost,quota.value,\
    tenant.customer_id,tenant.id,tenant.kind,tenant.name,usage.absolute.production,usage.absolute.total,\
    usage.absolute.trial,usage.delta.production,usage.delta.total,usage.delta.trial,usage.effective.production,\
    usage.effective.total,usage.effective.trial,edition,sku";

fn demo(folder: &Path) -> Command {
    let mut command = tidemark("demo");
    command.arg("--json").arg("--dir").arg(folder);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The page as Chromium has it after loading.
fn dom(page: &Path, profile: &Path) -> String {
    let chromium = std::env::var_os("TIDEMARK_TEST_CHROMIUM").unwrap_or_else(|| "/usr/bin/chromium".into());
    let mut command = Command::new(&chromium);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    command.arg(format!("--user-data-dir={}", profile.display()));
    command.arg("--dump-dom").arg(format!("file://{}", page.display()));
    let output = command.output().unwrap_or_else(|why| panic!("{}: {why}", chromium.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn files(printed: &Value) -> Vec<PathBuf> {
    let files = printed["files"].as_array().unwrap().iter();
    files.map(|file| PathBuf::from(file.as_str().unwrap())).collect()
}

fn with_ending<'a>(files: &'a [PathBuf], ending: &str) -> &'a Path {
    let mut found = files.iter().filter(|file| file.to_string_lossy().ends_with(ending));
    let file = found.next().unwrap_or_else(|| panic!("no {ending} in {files:?}"));
    assert!(found.next().is_none(), "one {ending}");
    file
}

#[test]
fn two_demos_leave_equal_files_that_chromium_and_a_csv_reader_open() {
    let directory = Directory::new();
    let folders = ["one", "two"].map(|name| directory.path().join(name));
    let running = folders.each_ref().map(|folder| demo(folder).spawn().unwrap());
    let printed = running.map(|child| {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.trim_end().lines().count(), 1, "{text}");
        serde_json::from_str::<Value>(&text).unwrap()
    });
    let [one, two] = &printed;
    members(one);
    let (of_one, of_two) = (files(one), files(two));
    let (page, data) = (with_ending(&of_one, ".html"), with_ending(&of_one, "-v2.csv"));
    page_in_chromium(&dom(page, &directory.path().join("profile")));
    data_file(data);
    mail(with_ending(&of_one, ".eml"));
    assert_eq!(figures(&of_one), figures(&of_two), "the demo is the same every time");
}

fn members(printed: &Value) {
    let members: BTreeSet<_> = printed.as_object().unwrap().keys().map(String::as_str).collect();
    let wanted =
        ["base_url", "client_id", "client_secret", "data_dir", "files", "report_id", "tenant_id", "user_id"];
    assert_eq!(members, BTreeSet::from(wanted));
    assert!(printed["base_url"].as_str().unwrap().ends_with("/api/2"));
    assert_eq!(printed["tenant_id"], "ede9f834-70b3-476c-83d9-736f9f8c7dae");
    assert_eq!(printed["user_id"], "ca451758-b48a-45d9-9ae6-8f1059f67619");
    assert_eq!(printed["report_id"], "20dffb36-d77b-45c6-b2fa-39276e98d5fc");
}

fn page_in_chromium(dom: &str) {
    let title = dom.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next()).expect("a title");
    assert!(!title.trim().is_empty() && title.contains("North Partner"), "{title}");
    let body = dom.split("<body").nth(1).expect("a body");
    for shown in ["North Partner", "2017-05-01", "2017-05-07", "<table", "Virtual machines"] {
        assert!(body.contains(shown), "no {shown} in the page");
    }
    assert!(!dom.contains("http://") && !dom.contains("https://"), "nothing comes from outside");
}

fn data_file(file: &Path) {
    let mut reader = csv::Reader::from_path(file).unwrap();
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), COLUMNS.split(',').collect::<Vec<_>>());
    // The reader refuses a row whose number of columns is another.
    let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    let shown: BTreeSet<_> = rows.iter().map(|row| row["tenant.name"].as_str()).collect();
    for name in
        ["North Partner", "Müller Maschinenbau GmbH", "Reed & Partners, Lawyers", "Harbour Ltd", "Quayside"]
    {
        assert!(shown.contains(name), "{name} is below the partner");
    }
    for name in ["South Partner", "Vineyard SA"] {
        assert!(!shown.contains(name), "{name} is not below the partner");
    }
    assert!(rows.iter().any(|row| row["sku"] == "NP-VM" && !row["pricing.total_cost"].is_empty()));
    assert!(rows.iter().any(|row| row["usage.delta.total"].parse::<i64>().unwrap() != 0), "readings move");
}

fn mail(file: &Path) {
    let mail = fs::read_to_string(file).unwrap();
    for shown in ["To: ", "ann@north.example", "Message-ID: <", "multipart/mixed"] {
        assert!(mail.contains(shown), "no {shown} in the mail");
    }
}

/// The rows of the csv files without the ids that are drawn anew each time, and so without the order that follows them.
fn figures(files: &[PathBuf]) -> BTreeMap<String, Vec<BTreeMap<String, String>>> {
    const DRAWN: [&str; 3] = ["infra.id", "infra.owner_id", "tenant.id"];
    let csv = files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "csv"));
    let rows = |file: &PathBuf| {
        let rows = csv::Reader::from_path(file).unwrap().into_deserialize().map(|row| {
            let mut row: BTreeMap<String, String> = row.unwrap();
            row.retain(|column, _| !DRAWN.contains(&column.as_str()));
            row
        });
        let mut rows: Vec<_> = rows.collect();
        rows.sort();
        assert!(!rows.is_empty());
        (file.file_name().unwrap().to_string_lossy().into_owned(), rows)
    };
    let files: BTreeMap<_, _> = csv.map(rows).collect();
    assert_eq!(files.len(), 2, "the mailed one and the saved one");
    files
}

#[test]
fn the_demo_overwrites_nothing() {
    let directory = Directory::new();
    fs::write(directory.path().join("mine.txt"), "mine").unwrap();
    let said = refusal(&mut demo(directory.path()));
    assert!(said.contains("--dir") && said.contains("not empty"), "{said}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}
