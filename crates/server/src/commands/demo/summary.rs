//! What the demo prints.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::channel::{PARTNER, REPORT, USER};
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
        "files": files,
    })
}

/// A page for people.
pub fn for_people(shown: &Shown, serving: bool) -> Result<String> {
    let (readings, days) = shown.readings;
    let mut page = format!(
        "\nTidemark made a channel of 16 tenants and took {readings} readings over {days} days, all over HTTP.\n\n\
         1  POST /reports made the report of the published page, due on 2017-05-08:\n\n{}\n\
         2  PUT /reports/{REPORT} changed it before it ran. Sent:\n\n     {}\n\n   Answered, whole:\n\n     {}\n\n\
         3  Midnight passed. The report ran and was mailed, once:\n\n     {}\n\n\
         4  A second report was saved on the server and downloaded. North Partner in it, May 1 to 7:\n\n{}\n",
        report_table(&shown.created, &shown.updated)?,
        shown.change,
        shown.updated,
        shown.mail.display(),
        figures_table(&shown.csv)?,
    );
    page.push_str("Open these:\n\n");
    for file in &shown.files {
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

/// The subject's rows of the csv_v2_0 file: item, unit, level, change, cost.
fn figures_table(csv: &str) -> Result<String> {
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().context("the file has no header")?;
    let at = |name: &str| {
        header.iter().position(|column| *column == name).with_context(|| format!("no column {name}"))
    };
    let columns = [
        at("name")?,
        at("measurement_unit")?,
        at("usage.absolute.total")?,
        at("usage.delta.total")?,
        at("pricing.total_cost")?,
    ];
    let tenant = at("tenant.id")?;
    let mut table =
        format!("     {:<30} {:<8} {:>20} {:>18} {:>12}\n", "item", "unit", "at the end", "change", "cost");
    for line in lines.filter(|line| line.get(tenant).is_some_and(|id| *id == PARTNER.to_string())) {
        let [name, unit, level, change, cost] =
            columns.map(|column| line.get(column).copied().unwrap_or_default());
        writeln!(table, "     {name:<30} {unit:<8} {level:>20} {change:>18} {cost:>12}")?;
    }
    Ok(table)
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
         client_id      {id}\nclient_secret  {secret}\n\nCtrl-C stops it.\n\n",
        base = shown.base_url,
        id = shown.client_id,
        secret = shown.client_secret,
    )
}
