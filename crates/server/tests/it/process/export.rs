//! `tidemark export`: what DuckDB reads in the file is what was sent in.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::Command;

use domain::time::{Day, Period};
use serde_json::{Value, json};
use ureq::http::Method;

use super::channel::{BACKUP, id};
use super::harness::{Place, Serving, refusal};
use super::python::python;

fn october(day: i32) -> Day {
    Day::from_ymd(2026, 10, 1).unwrap().plus(day - 1)
}

/// Exports; what it said.
#[track_caller]
fn export(place: &Place, month: &str, more: &[&str], file: &Path) -> String {
    let mut command = place.command("export");
    command.args(["--month", month, "--clock-start", "2026-11-03T10:00:00Z"]).args(more).arg(file);
    let output = command.output().expect("the binary under test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What DuckDB reads: the columns, and the rows in order.
fn read(file: &Path) -> (Value, Vec<Value>) {
    let output = Command::new(python()).arg("-c").arg(include_str!("rows.py")).arg(file).output();
    let output = output.expect("an interpreter");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    (lines.next().expect("columns"), lines.collect())
}

/// A meter: tenant, item, storage.
type Meter = (String, &'static str, Option<String>);

/// A channel with what was sent in. Its server starts anew for every day on which something happens.
struct History {
    place: Place,
    sent: BTreeMap<Meter, BTreeMap<Day, i64>>,
}

impl History {
    fn serve(&self, on: &str) -> Serving {
        let mut command = self.place.serve_command();
        command.args(["--clock-start", &format!("{on}T09:00:00Z")]);
        self.place.serve_by(command)
    }

    /// Sends readings of a day, late or not; no value takes the day's back.
    #[track_caller]
    fn send(&mut self, serving: &Serving, day: Day, readings: &[(&Meter, Option<i64>)]) {
        let as_json = |((tenant, item, infra), value): &(&Meter, Option<i64>)| {
            let mut reading = json!({"tenant_id": tenant, "offering_item": item, "date": day.to_string()});
            let members = reading.as_object_mut().unwrap();
            members.extend(infra.as_ref().map(|infra| ("infra_id".to_owned(), json!(infra))));
            members.extend([match value {
                Some(value) => ("value".to_owned(), json!(value)),
                None => ("retract".to_owned(), json!(true)),
            }]);
            reading
        };
        let body: Vec<Value> = readings.iter().map(as_json).collect();
        let call = serving.client.post("/api/tidemark/1/readings").bearer(&serving.token);
        let summary = call.json(json!(body)).send().ok();
        assert_eq!(summary["refused_count"], 0, "{summary}");
        for (meter, value) in readings {
            let of_meter = self.sent.entry((*meter).clone()).or_default();
            match value {
                Some(value) => of_meter.insert(day, *value),
                None => of_meter.remove(&day),
            };
        }
    }

    /// The rows that these days should have: `held` says by whom a tenant was held on a day, if it was there.
    fn rows(&self, days: Period, held: impl Fn(&str, Day) -> Option<String>) -> Vec<Value> {
        let mut rows = Vec::new();
        for day in days.days() {
            let mut of_day = Vec::new();
            for ((tenant, item, infra), readings) in &self.sent {
                let last = readings.range(..=day).next_back();
                if let Some(((on, value), parent)) = last.zip(held(tenant, day)) {
                    let unit = if *item == "storage" { "bytes" } else { "quantity" };
                    let kind = "customer";
                    of_day.push(json!([
                        day.to_string(),
                        tenant,
                        parent,
                        kind,
                        item,
                        unit,
                        infra,
                        value,
                        *on == day
                    ]));
                }
            }
            rows.extend(of_day);
        }
        rows
    }
}

fn change(serving: &Serving, tenant: &str, member: &str, value: &Value) -> i64 {
    let path = format!("/tenants/{tenant}");
    let version = &serving.get(&path)["version"];
    let changed = serving.put(&path, &json!({"version": version, member: value}));
    changed["version"].as_i64().unwrap()
}

#[test]
fn duckdb_reads_what_was_sent_in_late_and_moved_and_taken_back() {
    let place = Place::rehearsing("2026-09-20T08:00:00Z");
    let top = place.first.tenant_id.to_string();
    let mut history = History { place, sent: BTreeMap::new() };

    let serving = history.serve("2026-09-20");
    let items = serving.get(&format!("/tenants/{top}/offering_items"));
    let storage = items["items"].as_array().unwrap().iter().find(|item| item["name"] == "storage").unwrap();
    let infra = storage["infra_id"].as_str().unwrap().to_owned();
    let tenant = |name: &str, kind: &str, parent: &str| {
        let body = json!({"name": name, "kind": kind, "parent_id": parent});
        let made = id(&serving.post("/tenants", &body));
        let items = json!([{"application_id": BACKUP, "name": "vms", "status": 1},
            {"application_id": BACKUP, "name": "storage", "infra_id": infra, "status": 1}]);
        serving.put(&format!("/tenants/{made}/offering_items"), &json!({"offering_items": items}));
        made
    };
    let (north, south) = (tenant("North", "partner", &top), tenant("South", "partner", &top));
    let (mover, stayer, leaver) = (
        tenant("Mover", "customer", &north),
        tenant("Stayer", "customer", &north),
        tenant("Leaver", "customer", &south),
    );
    let vms = |tenant: &String| (tenant.clone(), "vms", None);
    let (of_mover, of_stayer, of_leaver) = (vms(&mover), vms(&stayer), vms(&leaver));
    let stored = (stayer.clone(), "storage", Some(infra));
    let september = Day::from_ymd(2026, 9, 20).unwrap();
    history.send(&serving, september, &[(&of_mover, Some(5)), (&of_leaver, Some(40))]);
    serving.process.terminate();
    drop(serving);

    let serving = history.serve("2026-10-10");
    let large = 9_007_199_254_740_991;
    history.send(&serving, october(10), &[(&of_mover, Some(7)), (&stored, Some(large))]);
    change(&serving, &mover, "parent_id", &json!(south));
    serving.kill();

    let serving = history.serve("2026-10-20");
    history.send(&serving, october(20), &[(&of_leaver, Some(41)), (&of_stayer, Some(1))]);
    let version = change(&serving, &leaver, "enabled", &json!(false));
    let gone = serving.ask(Method::DELETE, &format!("/tenants/{leaver}?version={version}"), None);
    assert_eq!(gone.status, 204);
    serving.kill();

    // Late: before anything of the meter, between, once more the same, corrected, taken back, and to zero.
    let serving = history.serve("2026-11-03");
    history.send(&serving, october(3), &[(&of_mover, Some(6)), (&of_stayer, Some(3))]);
    history.send(&serving, october(12), &[(&of_mover, Some(7)), (&stored, Some(120))]);
    history.send(&serving, october(12), &[(&stored, Some(110))]);
    history.send(&serving, october(20), &[(&of_stayer, None)]);
    history.send(&serving, october(31), &[(&of_stayer, Some(0))]);
    history.send(&serving, october(34), &[(&of_mover, Some(99))]);

    let holder = |tenant: &str, day: Day| match tenant {
        it if it == mover => Some(if day < october(10) { &north } else { &south }),
        it if it == stayer => Some(&north),
        _ => (day < october(20)).then_some(&south),
    };
    let whole = |days| history.rows(days, |tenant, day| holder(tenant, day).cloned());
    let of_north = |days| {
        let at_north = |tenant: &str, day| holder(tenant, day).filter(|parent| **parent == north).cloned();
        history.rows(days, at_north)
    };
    let october_days = Period::inclusive(october(1), october(31));
    let beside = history.place.beside();
    let served = beside.join("served.parquet");
    let said = export(&history.place, "2026-10", &[], &served);
    let (columns, rows) = read(&served);
    assert_eq!(
        columns,
        json!([
            ["date", "DATE"],
            ["tenant_id", "VARCHAR"],
            ["parent_id", "VARCHAR"],
            ["tenant_kind", "VARCHAR"],
            ["offering_item", "VARCHAR"],
            ["measurement_unit", "VARCHAR"],
            ["infra_id", "VARCHAR"],
            ["value", "BIGINT"],
            ["reported", "BOOLEAN"]
        ])
    );
    assert_eq!(rows, whole(october_days));
    assert!(said.contains(&format!("2026-10-01 - 2026-10-31, {} rows, as known at ", rows.len())), "{said}");

    let of_partner = beside.join("north.parquet");
    export(&history.place, "2026-10", &["--tenant", &north], &of_partner);
    assert_eq!(read(&of_partner).1, of_north(october_days));

    // Of the month that runs, the days that are over; and all that again when nobody serves.
    for is_served in [true, false] {
        let running = beside.join(format!("running-{is_served}.parquet"));
        export(&history.place, "2026-11", &[], &running);
        assert_eq!(read(&running).1, whole(Period::inclusive(october(32), october(33))));
        let again = beside.join(format!("again-{is_served}.parquet"));
        export(&history.place, "2026-10", &[], &again);
        assert_eq!(read(&again).1, rows);
        serving.process.terminate();
        // Whoever has the lock now is alone.
        let lock = File::open(history.place.data().join("lock")).unwrap();
        lock.lock().unwrap();
    }
}

#[test]
fn a_file_is_there_when_it_is_whole_and_what_is_there_stays() {
    let place = Place::rehearsing("2026-10-20T08:00:00Z");
    let file = place.beside().join("2026-10.parquet");
    let part = place.beside().join("2026-10.parquet.part");
    let try_month = |month: &str, more: &[&str]| {
        let mut command = place.command("export");
        command.args(["--month", month, "--clock-start", "2026-10-25T08:00:00Z"]).args(more).arg(&file);
        command
    };
    for (month, more, why) in [
        ("2026-11", vec![], "month: no day of it is over"),
        ("2026-10", vec!["--tenant", "3f9a9c5e-0c36-4b4f-8a5e-25a1e64e0b0e"], "no such tenant"),
        ("2026-10", vec!["--data-dir", "nowhere"], "nowhere holds no database"),
    ] {
        let mut command = try_month(month, &[]);
        if more.first() == Some(&"--data-dir") {
            command = super::harness::tidemark("export");
            command.args(["--month", month]).arg(&file);
        }
        let said = refusal(command.args(more));
        assert!(said.contains(why), "{said}");
    }
    assert!(!file.exists() && !part.exists());

    // Another is at it.
    let held = File::create(&part).unwrap();
    held.lock().unwrap();
    let said = refusal(&mut try_month("2026-10", &[]));
    assert!(said.contains("2026-10.parquet.part is being written by another tidemark"), "{said}");
    assert!(part.exists() && !file.exists());
    drop(held);

    // What one that was killed has left is no hindrance, longer though it be.
    std::fs::write(&part, [b'x'; 100_000]).unwrap();
    let said = export(&place, "2026-10", &[], &file);
    assert!(said.contains("2026-10-01 - 2026-10-31, 0 rows"), "{said}");
    assert_eq!(read(&file).1, Vec::<Value>::new());
    assert!(!part.exists());

    std::fs::write(&file, "mine").unwrap();
    let said = refusal(&mut try_month("2026-10", &[]));
    assert!(said.contains("is there already; --force replaces it"), "{said}");
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
    export(&place, "2026-10", &["--force"], &file);
    assert_eq!(read(&file).1, Vec::<Value>::new());
    assert!(!part.exists());
}
