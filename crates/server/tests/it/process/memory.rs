//! Rendering streams: the process does not grow with the file that it writes.

use domain::catalogue::{Catalogue, ItemType};
use serde_json::{Value, json};

use super::channel::{id, saved_files};
use super::harness::{Place, Serving};

/// Every enabled item gives a row a day, read or not: 60 x 40 x 60 rows.
const CUSTOMERS: usize = 60;
const ITEMS: usize = 40;
const PERIOD: (&str, &str) = ("2026-03-01", "2026-04-29");

/// The most memory the process has ever had, in bytes (proc(5), VmHWM).
pub(super) fn peak_bytes(serving: &Serving) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", serving.process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<usize>().unwrap() * 1024
}

fn make_channel(serving: &Serving, top: &str) -> String {
    let counted = Catalogue::embedded().items().iter().filter(|item| item.item_type() == ItemType::Count);
    let items: Vec<Value> = counted
        .take(ITEMS)
        .map(|item| json!({"application_id": Catalogue::embedded().application_id(item.service), "name": item.name, "status": 1}))
        .collect();
    let items = json!({"offering_items": items});
    let tenant = |name: &str, kind: &str, parent: &str| {
        let tenant = id(&serving.post("/tenants", &json!({"name": name, "kind": kind, "parent_id": parent})));
        serving.put(&format!("/tenants/{tenant}/offering_items"), &items);
        tenant
    };
    let partner = tenant("North Partner", "partner", top);
    for n in 0..CUSTOMERS {
        tenant(&format!("Customer {n}"), "customer", &partner);
    }
    partner
}

#[test]
fn a_large_file_is_made_in_a_fraction_of_its_size() {
    let place = Place::rehearsing("2026-05-08T10:00:00Z");
    let mut command = place.serve_command();
    command.args(["--clock-start", "2026-05-08T10:00:00Z"]);
    let serving = place.serve_by(command);
    let partner = make_channel(&serving, &place.first.tenant_id.to_string());
    let before = peak_bytes(&serving);
    let at_once = serving.raw_file(&format!(
        "/api/tidemark/1/tenants/{partner}/report?level=all_customers&kind=usage_daily&format=json_v2_0&start={}&end={}",
        PERIOD.0, PERIOD.1
    ));
    assert!(at_once.head.starts_with("HTTP/1.1 200 "), "{}", at_once.head);
    told(at_once.body.len(), peak_bytes(&serving) - before);
    let report = serving.post(
        "/reports",
        &json!({"result_action": "save", "schedule": {"type": "once"}, "parameters": {"tenant_id": partner,
            "level": "all_customers", "kind": "usage_daily", "formats": ["json_v2_0"],
            "period": {"start": PERIOD.0, "end": PERIOD.1}}}),
    );
    let files = saved_files(&serving, &id(&report));
    told(files[0].len(), peak_bytes(&serving) - before);
}

fn told(file: usize, grown: usize) {
    println!("a file of {file} bytes; the process grew by {grown}");
    assert!(file > 60 << 20, "{file} bytes are too few to tell");
    assert!(grown < file / 3, "a file of {file} bytes made the process grow by {grown}");
}

/// So many mebibytes of nothing, in a thousandth of that.
fn bomb(mebibytes: usize) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let blank = vec![b' '; 1 << 20];
    for _ in 0..mebibytes {
        encoder.write_all(&blank).unwrap();
    }
    encoder.finish().unwrap()
}

#[test]
fn a_bomb_costs_no_more_than_what_a_body_may_be() {
    const READINGS: &str = "/api/tidemark/1/readings";
    let place = Place::new();
    let serving = place.serve();
    let post = |path: &str, coding: &str, kind: &str, bomb: &[u8]| {
        let call = serving.client.post(path).bearer(&serving.token).header("Content-Encoding", coding);
        call.raw(kind, bomb).try_send()
    };
    // Small ones are taken off the connection whole, so that the answer is heard for sure.
    let small = bomb(40);
    assert!(small.len() < 60_000, "{}", small.len());
    for (path, coding, kind, status) in [
        ("/api/2/tenants", "gzip", "application/json", 413),
        ("/api/2/tenants", "gzip, gzip", "application/json", 415),
        (READINGS, "gzip, gzip", "application/json", 415),
    ] {
        post(path, coding, kind, &small).unwrap().expect(status);
    }
    let form = serving.client.post("/api/2/idp/token").header("Content-Encoding", "gzip");
    let form = form.raw("application/x-www-form-urlencoded", small).send();
    assert_eq!(form.status, 413, "{}", form.text());

    let (before, large) = (peak_bytes(&serving), bomb(512));
    for path in ["/api/2/tenants", "/api/2/users", READINGS] {
        if let Some(answer) = post(path, "gzip", "application/json", &large) {
            assert!((400..500).contains(&answer.status), "{path}: {}", answer.text());
        }
    }
    // Linux counts each processor's part of it now and then, so that the same peak may read as a little less.
    let grown = peak_bytes(&serving).saturating_sub(before);
    assert!(grown < 128 << 20, "the process grew by {grown} bytes");
    serving.get(&format!("/tenants/{}", place.first.tenant_id));
}
