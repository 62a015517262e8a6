//! What the demo prints.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::channel::{PARTNER, REPORT, USER, channel_size};
use super::walk::Shown;

/// One line for programs.
pub fn as_json(shown: &Shown) -> Value {
    let files: Vec<String> =
        shown.files.iter().chain([&shown.mail]).map(|file| file.display().to_string()).collect();
    json!({
        "base_url": shown.base_url,
        "client_id": shown.client_id,
        "client_secret": shown.client_secret,
        "tenant_id": PARTNER,
        "user_id": USER,
        "report_id": REPORT,
        "data_dir": shown.directory,
        "files": files,
    })
}

/// A page for people.
pub fn for_people(shown: &Shown, serving: bool) -> Result<String> {
    let (readings, days) = shown.readings;
    let tenants = channel_size();
    let mut page = format!(
        "\nTidemark made a channel of {tenants} tenants and took {readings} readings over {days} days, all over HTTP.\n\n\
         1  POST /reports made the report of the published page, due on 2017-05-08:\n\n{}\n\
         2  PUT /reports/{REPORT} changed it before it ran. Sent:\n\n     {}\n\n   Answered, whole:\n\n     {}\n\n\
         3  Midnight passed. The report ran and was mailed, once:\n\n     {}\n\n\
         4  A second report was saved on the server and downloaded. Its rows of North Partner,\n   \
            the same figures as in the mail (change: since the 1st, when its billing period began):\n\n{}\n",
        report_table(&shown.created, &shown.updated)?,
        shown.change,
        shown.updated,
        shown.mail.display(),
        figures_table(&shown.csv)?,
    );
    page.push_str("Open these, the mail first; the first two files were attached to it:\n\n");
    for file in std::iter::once(&shown.mail).chain(&shown.files) {
        writeln!(page, "     {}", file.display())?;
    }
    page.push_str(&next_steps(shown, serving));
    Ok(page)
}

fn report_table(created: &Value, updated: &Value) -> Result<String> {
    let mut table = format!("     {:<24} {:<26} {}\n", "", "after POST", "after PUT");
    for (label, pointer) in [
        ("version", "/version"),
        ("parameters.kind", "/parameters/kind"),
        ("parameters.level", "/parameters/level"),
        ("generation_date", "/generation_date"),
    ] {
        let show = |report: &Value| match report.pointer(pointer) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        writeln!(table, "     {label:<24} {:<26} {}", show(created), show(updated))?;
    }
    Ok(table)
}

/// The subject's rows of the csv_v2_0 file: item with its storage, level, change, cost.
fn figures_table(csv: &str) -> Result<String> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers()?.clone();
    let mut table = format!("     {:<38} {:>16} {:>12} {:>10}\n", "item", "usage", "change", "cost");
    for record in reader.records() {
        let record = record?;
        let cell = |name: &str| {
            let at = header.iter().position(|column| column == name);
            at.and_then(|at| record.get(at)).with_context(|| format!("no column {name}"))
        };
        if cell("tenant.id")? != PARTNER.to_string() {
            continue;
        }
        let item = match cell("infra.name")? {
            "" => cell("name")?.to_owned(),
            storage => format!("{} ({storage})", cell("name")?),
        };
        let unit = cell("measurement_unit")?;
        let level = figure(cell("usage.effective.total")?, unit)?;
        let change = figure(cell("usage.delta.total")?, unit)?;
        writeln!(table, "     {item:<38} {level:>16} {change:>12} {:>10}", cell("pricing.total_cost")?)?;
    }
    Ok(table)
}

/// Raw units as the mail shows them: GB of 1024^3 and hours, two decimals.
fn figure(raw: &str, unit: &str) -> Result<String> {
    let raw = Decimal::from_i128_with_scale(raw.parse()?, 0);
    Ok(match unit {
        "bytes" => format!("{:.2} GB", (raw / Decimal::from(1_u64 << 30)).round_dp(2)),
        "seconds" => format!("{:.2} hours", (raw / Decimal::from(3600)).round_dp(2)),
        _ => raw.to_string(),
    })
}

fn next_steps(shown: &Shown, serving: bool) -> String {
    if !serving {
        return "\nNext: tidemark demo --serve keeps the server running, so that you can go on by hand.\n\n"
            .to_owned();
    }
    format!(
        "\nThe server goes on at {base}, its clock from 2017-05-08. Try:\n\n     \
         token=$(curl -s {base}/idp/token -u {id}:{secret} -d grant_type=client_credentials | sed 's/.*\"access_token\":\"\\([^\"]*\\).*/\\1/')\n     \
         curl -s {base}/tenants/{PARTNER} -H \"Authorization: Bearer $token\"\n     \
         curl -s {base}/tenants/{PARTNER}/usages -H \"Authorization: Bearer $token\"\n     \
         {base}/docs/  in a browser\n\n\
         client_id      {id}\nclient_secret  {secret}\n\n\
         Tokens are of 2017, too: libraries that hold them against their own clock refuse them. For the present:\n\n     \
         tidemark init --data-dir DIR && tidemark serve --data-dir DIR\n\nCtrl-C stops it.\n\n",
        base = shown.base_url,
        id = shown.client_id,
        secret = shown.client_secret,
    )
}
