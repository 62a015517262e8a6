//! `tidemark export`: what DuckDB reads in the file is what was sent in.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::Command;

use domain::access::Actor;
use domain::ids::RANGE_TENANTS;
use domain::time::{Day, Instant, Period};
use serde_json::{Value, json};
use store::{Db, args};
use ureq::http::Method;

use super::channel::{BACKUP, id};
use super::harness::{Place, Serving, refusal, tidemark};
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

/// The columns and their types.
const COLUMNS: [(&str, &str); 9] = [
    ("date", "DATE"),
    ("tenant_id", "VARCHAR"),
    ("parent_id", "VARCHAR"),
    ("tenant_kind", "VARCHAR"),
    ("offering_item", "VARCHAR"),
    ("measurement_unit", "VARCHAR"),
    ("infra_id", "VARCHAR"),
    ("value", "BIGINT"),
    ("reported", "BOOLEAN"),
];

/// What DuckDB reads: what it says of the file, and the rows in order.
fn read(file: &Path) -> (Value, Vec<Value>) {
    let output = Command::new(python()).arg("-c").arg(include_str!("rows.py")).arg(file).output();
    let output = output.expect("an interpreter");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    (lines.next().expect("a head"), lines.collect())
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
    fn rows<'a>(&'a self, days: Period, held: impl Fn(&'a str, Day) -> Option<&'a str>) -> Vec<Value> {
        let mut rows = Vec::new();
        for day in days.days() {
            for ((tenant, item, infra), readings) in &self.sent {
                let last = readings.range(..=day).next_back();
                let Some(((on, value), parent)) = last.zip(held(tenant, day)) else { continue };
                let unit = if *item == "storage" { "bytes" } else { "quantity" };
                rows.push(json!([
                    day.to_string(),
                    tenant,
                    parent,
                    "customer",
                    item,
                    unit,
                    infra,
                    value,
                    *on == day
                ]));
            }
        }
        rows
    }
}

/// The numbers of the first range of tenants are gone.
fn fill_range(place: &Place) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let db = Db::open(&place.data().join("tidemark.db")).await.unwrap();
        let mut tx = db.write(Actor::System, || Instant(0)).await.unwrap();
        let fill = "UPDATE number_ranges SET next_no = $1 WHERE range_no = 0";
        tx.run(fill, args![RANGE_TENANTS]).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
    });
}

fn change(serving: &Serving, tenant: &str, member: &str, value: &Value) -> i64 {
    let path = format!("/tenants/{tenant}");
    let version = &serving.get(&path)["version"];
    let changed = serving.put(&path, &json!({"version": version, member: value}));
    changed["version"].as_i64().unwrap()
}

/// Who there is.
struct People {
    infra: String,
    north: String,
    south: String,
    mover: String,
    stayer: String,
    leaver: String,
    newcomer: String,
}

impl People {
    fn vms(tenant: &str) -> Meter {
        (tenant.to_owned(), "vms", None)
    }

    fn storage(&self, tenant: &str) -> Meter {
        (tenant.to_owned(), "storage", Some(self.infra.clone()))
    }

    /// Who held the tenant on the day.
    fn holder(&self, tenant: &str, day: Day) -> Option<&str> {
        let (holder, is_there) = match tenant {
            it if it == self.mover && day < october(10) => (&self.north, true),
            it if it == self.stayer => (&self.north, true),
            it if it == self.leaver => (&self.south, day < october(20)),
            _ => (&self.south, true),
        };
        is_there.then_some(holder)
    }
}

/// A tenant that counts virtual machines and what is stored on this storage.
fn tenant(serving: &Serving, infra: &str, name: &str, kind: &str, parent: &str) -> String {
    let made = id(&serving.post("/tenants", &json!({"name": name, "kind": kind, "parent_id": parent})));
    let items = json!([{"application_id": BACKUP, "name": "vms", "status": 1},
        {"application_id": BACKUP, "name": "storage", "infra_id": infra, "status": 1}]);
    serving.put(&format!("/tenants/{made}/offering_items"), &json!({"offering_items": items}));
    made
}

/// Up to October 20: a customer moves on the 10th, and one is deleted on the 20th.
fn made() -> (History, People) {
    let place = Place::rehearsing("2026-09-20T08:00:00Z");
    let top = place.first.tenant_id.to_string();
    let mut history = History { place, sent: BTreeMap::new() };

    let serving = history.serve("2026-09-20");
    let items = serving.get(&format!("/tenants/{top}/offering_items"));
    let storage = items["items"].as_array().unwrap().iter().find(|item| item["name"] == "storage").unwrap();
    let infra = storage["infra_id"].as_str().unwrap().to_owned();
    let partner = |name| tenant(&serving, &infra, name, "partner", &top);
    let (north, south) = (partner("North"), partner("South"));
    let customer = |name, parent| tenant(&serving, &infra, name, "customer", parent);
    let (mover, stayer, leaver) =
        (customer("Mover", &north), customer("Stayer", &north), customer("Leaver", &south));
    let september = Day::from_ymd(2026, 9, 20).unwrap();
    let readings = [(&People::vms(&mover), Some(5)), (&People::vms(&leaver), Some(40))];
    history.send(&serving, september, &readings);
    serving.kill();
    fill_range(&history.place);

    let serving = history.serve("2026-10-10");
    let newcomer = tenant(&serving, &infra, "Newcomer", "customer", &south);
    let people = People { infra, north, south, mover, stayer, leaver, newcomer };
    let large = 9_007_199_254_740_991;
    history.send(
        &serving,
        october(10),
        &[
            (&People::vms(&people.mover), Some(7)),
            (&people.storage(&people.stayer), Some(large)),
            (&People::vms(&people.newcomer), Some(2)),
        ],
    );
    change(&serving, &people.mover, "parent_id", &json!(people.south));
    serving.kill();

    let serving = history.serve("2026-10-20");
    let readings = [(&People::vms(&people.leaver), Some(41)), (&People::vms(&people.stayer), Some(1))];
    history.send(&serving, october(20), &readings);
    let version = change(&serving, &people.leaver, "enabled", &json!(false));
    let gone = serving.ask(Method::DELETE, &format!("/tenants/{}?version={version}", people.leaver), None);
    assert_eq!(gone.status, 204);
    (history, people)
}

#[test]
fn duckdb_reads_what_was_sent_in_late_and_moved_and_taken_back() {
    let (mut history, people) = made();
    // Late: before anything of the meter, between, once more the same, corrected, taken back, and to zero.
    let serving = history.serve("2026-11-03");
    let (mover, stayer) = (People::vms(&people.mover), People::vms(&people.stayer));
    let stored = people.storage(&people.stayer);
    history.send(&serving, october(3), &[(&mover, Some(6)), (&stayer, Some(3))]);
    history.send(&serving, october(12), &[(&mover, Some(7)), (&stored, Some(120))]);
    history.send(&serving, october(12), &[(&stored, Some(110))]);
    history.send(&serving, october(20), &[(&stayer, None)]);
    history.send(&serving, october(31), &[(&stayer, Some(0))]);
    history.send(&serving, october(34), &[(&mover, Some(99))]);

    let whole = |days| history.rows(days, |tenant, day| people.holder(tenant, day));
    let north = |tenant: &str, day| people.holder(tenant, day).filter(|holder| *holder == people.north);
    let month = Period::inclusive(october(1), october(31));
    let check = |state: &str| {
        let file = history.place.beside().join(format!("{state}.parquet"));
        let said = export(&history.place, "2026-10", &[], &file);
        let (head, rows) = read(&file);
        assert_eq!(head, json!({"columns": COLUMNS.map(|(name, kind)| [name, kind]), "groups": 2}));
        assert_eq!(rows, whole(month), "{state}");
        let summary = format!("2026-10-01 - 2026-10-31, {} rows, as known at ", rows.len());
        assert!(said.contains(&summary), "{said}");

        export(&history.place, "2026-10", &["--force", "--tenant", &people.north], &file);
        assert_eq!(read(&file).1, history.rows(month, north), "{state}");
        // Of the month that runs, the days that are over.
        export(&history.place, "2026-11", &["--force"], &file);
        assert_eq!(read(&file).1, whole(Period::inclusive(october(32), october(33))), "{state}");
    };
    check("served");
    serving.kill();
    check("killed");
    let mut serving = history.serve("2026-11-03");
    serving.process.terminate();
    assert!(serving.process.ended().success());
    check("stopped");
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
    let nobody = "3f9a9c5e-0c36-4b4f-8a5e-25a1e64e0b0e";
    for (command, why) in [
        (&mut try_month("2026-11", &[]), "month: no day of it is over"),
        (&mut try_month("2026-10", &["--tenant", nobody]), "no such tenant"),
        (
            tidemark("export").args(["--data-dir", "nowhere", "--month", "2026-10"]).arg(&file),
            "nowhere holds no database",
        ),
    ] {
        let said = refusal(command);
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
    std::fs::write(&part, vec![b'x'; 100_000]).unwrap();
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
