//! Uploads stream: the process does not grow with them.

use std::fmt::Write as _;

use super::harness::Place;
use super::memory::peak_bytes;

/// Beside them, what their chunks take is little: some 40 MB.
const READINGS: usize = 400_000;

#[test]
fn four_hundred_thousand_readings_are_taken_in_a_fraction_of_their_size() {
    let place = Place::new();
    let serving = place.serve();
    let top = place.first.tenant_id;
    let mut body = String::new();
    for n in 0..READINGS {
        // Long keys make long readings; most values are known, as in what is sent over and over.
        let value = n / 1000;
        writeln!(body, r#"{{"tenant_id":"{top}","offering_item":"vms","value":{value},"key":"{n:0256}"}}"#)
            .unwrap();
    }
    let upload = |body: &str| {
        let call = serving.client.post("/api/tidemark/1/readings").bearer(&serving.token);
        call.raw("application/x-ndjson", body).send().ok()
    };
    // Most of what a chunk needs is there after a tenth.
    let tenth = body[..body.len() / 10].rfind('\n').unwrap();
    upload(&body[..tenth]);
    let before = peak_bytes(&serving);
    let summary = upload(&body);
    let grown = peak_bytes(&serving) - before;
    println!("an upload of {} bytes; the process grew by {grown}", body.len());
    assert_eq!(
        summary["accepted"].as_u64().unwrap() + summary["absorbed"].as_u64().unwrap(),
        READINGS as u64
    );
    assert_eq!(summary["refused_count"], 0);
    assert!(grown < body.len() / 2, "an upload of {} bytes made the process grow by {grown}", body.len());
    // What was spooled has no name, and is gone.
    assert_eq!(std::fs::read_dir(place.data().join("spool")).unwrap().count(), 0);
}
