//! `tidemark changes`: the audit log from the command line, beside a server and without one.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::Answer;
use ureq::http::Method;

use super::harness::{Place, Serving, refusal};

fn printed(place: &Place, options: &[&str]) -> String {
    let output = place.command("changes").args(options).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn objects(place: &Place, options: &[&str]) -> Vec<Value> {
    let lines = printed(place, &[&["--format", "ndjson"], options].concat());
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn over_http(serving: &Serving, tenant: &str) -> Vec<Value> {
    let path = format!("/api/tidemark/1/tenants/{tenant}/changes?limit=1000");
    let answer: Answer = serving.client.get(&path).bearer(&serving.token).send();
    answer.ok()["items"].as_array().unwrap().clone()
}

/// A partner "=North", renamed.
fn partner(place: &Place, serving: &Serving) -> String {
    let new = json!({"name": "North", "kind": "partner", "parent_id": place.first.tenant_id});
    let id = serving.post("/tenants", &new)["id"].as_str().unwrap().to_owned();
    serving.put(&format!("/tenants/{id}"), &json!({"version": 1, "name": "=North"}));
    id
}

#[test]
fn it_says_what_the_api_says_beside_a_server_and_without_one() {
    let place = Place::new();
    let serving = place.serve();
    let id = partner(&place, &serving);
    let told = over_http(&serving, &id);
    assert!(told.len() > 5);
    assert_eq!(objects(&place, &["--tenant", &id]), told);
    serving.kill();
    assert_eq!(objects(&place, &["--tenant", &id]), told);
    assert_eq!(objects(&place, &["--tenant", &id, "--limit", "2"]), told[..2]);
    let names = objects(&place, &["--object", "tenant", "--field", "name", "--object-id", &id]);
    let became: Vec<&Value> = names.iter().map(|change| &change["new"]).collect();
    assert_eq!(became, ["=North", "North"]);
    let client = place.first.client_id.to_string();
    let by_client = objects(&place, &["--actor", &client, "--all"]);
    assert!(by_client.iter().all(|change| change["actor"]["id"] == *client) && by_client.len() == told.len());
    assert_eq!(objects(&place, &["--to", "2020-01-01"]), Vec::<Value>::new());
    assert_eq!(objects(&place, &["--from", "2020-01-01", "--all"]), objects(&place, &["--all"]));
}

#[test]
fn a_table_is_for_people_and_csv_for_spreadsheets() {
    let place = Place::new();
    let serving = place.serve();
    let id = partner(&place, &serving);
    serving.ask(Method::GET, "/users/me", None);
    let table = printed(&place, &["--tenant", &id, "--field", "name"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(lines[0].contains("when") && lines[0].ends_with("field: old -> new"), "{table}");
    assert!(lines[1].contains("First client") && lines[1].ends_with("name: North -> =North"), "{table}");
    let csv = printed(&place, &["--all", "--format", "csv"]);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let columns: BTreeSet<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert!(columns.contains("actor.name") && columns.contains("valid_from") && columns.len() == 13);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), objects(&place, &["--all"]).len());
    assert!(rows.iter().any(|row| row.iter().any(|cell| cell == "'=North")), "no value becomes a formula");
}

#[test]
fn what_is_no_question_is_refused() {
    let place = Place::new();
    let unknown = "00000000-0000-0000-0000-000000000009";
    let said = refusal(place.command("changes").args(["--tenant", unknown]));
    assert!(said.contains("no such tenant"), "{said}");
    let said = refusal(place.command("changes").args(["--from", "2026-05-09", "--to", "2026-05-08"]));
    assert!(said.contains("to: lies before from"), "{said}");
    for [option, value] in [["--object", "nonsense"], ["--actor", "ann"], ["--from", "yesterday"]] {
        let output = place.command("changes").args([option, value]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(option), "{said}");
    }
}
