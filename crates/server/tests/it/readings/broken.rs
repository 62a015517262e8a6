//! Uploads that are refused as a whole store nothing.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use serde_json::json;

use super::forms::gzip;
use super::{Bulk, PATH, counts, why};

const NDJSON: &str = "application/x-ndjson";

#[tokio::test]
async fn a_broken_upload_names_line_and_reason_and_stores_nothing() {
    let bulk = Bulk::new().await;
    let good = bulk.lines("vms", 1..=3);
    let first = good.lines().next().unwrap();
    let tenant = bulk.customer;
    let json = "application/json";
    let whole = gzip(&good);
    let zst = zstd::encode_all(good.as_bytes(), 3).unwrap();
    let encoded = |bytes: &[u8], by| bulk.post(NDJSON, bytes).header("Content-Encoding", by);
    let mut garbled = whole.clone();
    garbled[whole.len() / 2] ^= 0x55;
    let long = "k".repeat(70_000);
    let header = "tenant_id,offering_item,value";
    for (call, line, reason) in [
        (bulk.post(NDJSON, format!("{first}\n{{\"tenant_id\":\n{first}")), 2, "not JSON: EOF"),
        (
            bulk.post(NDJSON, format!("{first}\n{{\"key\":\"{long}\"}}\n")),
            2,
            "a reading is longer than 65536",
        ),
        (bulk.post(NDJSON, b"{\"key\":\"\xff\"}".as_slice()), 1, "not JSON: invalid unicode"),
        (bulk.post(json, format!("[{first},{first}")), 3, "not readings in JSON: EOF"),
        (bulk.post(json, format!("[{first},{{\"key\":\"{long}\"}}]")), 2, "a reading is longer than 65536"),
        (bulk.post(json, format!("[{first}] x")), 2, "not readings in JSON: trailing"),
        (bulk.post(json, format!("{{\"readings\":[{first}],\"more\":1}}")), 2, "unknown member \"more\""),
        (bulk.post(json, "{\"reason\":\"x\"}"), 1, "missing field `readings`"),
        (bulk.post(json, "7"), 1, "expected an array of readings"),
        (bulk.post(json, ""), 1, "EOF"),
        (bulk.post("text/csv", ""), 1, "a header is required"),
        (bulk.post("text/csv", format!("{header},price\n")), 1, "unknown member \"price\""),
        (bulk.post("text/csv", format!("{header},value\n")), 1, "names value twice"),
        (
            bulk.post("text/csv", format!("{header}\n{tenant},vms,1\n{tenant},vms\n")),
            3,
            "another number of cells",
        ),
        (bulk.post("text/csv", format!("{header}\n{tenant},vms,1,\n")), 2, "another number of cells"),
        (bulk.post("text/csv", format!("{header}\n{tenant},\"vms,1\n")), 2, "a quote is not closed"),
        // Cut within the checksum: all lines were read. Of the stream itself the last byte may be a part of line 3.
        (encoded(&whole[..whole.len() - 4], "gzip"), 4, "cannot be read to its end"),
        // What was garbled shows in the text or, at the latest, in the checksum.
        (encoded(&garbled, "gzip"), 0, ""),
        (encoded(&zst[..zst.len() - 1], "zstd"), 0, "cannot be read to its end"),
        (encoded(good.as_bytes(), "gzip"), 1, "invalid gzip header"),
        (encoded(good.as_bytes(), "zstd"), 1, "cannot be read to its end"),
    ] {
        let said = why(&call.await, 400);
        let at = if line == 0 { "line ".to_owned() } else { format!("line {line}: ") };
        assert!(said.starts_with(&at) && said.contains(reason), "{reason} at {at}: {said}");
    }
    assert_eq!(bulk.stored().await, 0);
    let answer = bulk.server.post(&format!("{PATH}?reason=a")).bearer(&bulk.token);
    let answer = answer.json(json!({"readings": [], "reason": "b"})).await;
    assert_eq!(why(&answer, 400), "reason: given twice");
    for (name, kind) in [("Content-Encoding", "br"), ("Content-Encoding", "gzip, gzip")] {
        assert_eq!(bulk.post(NDJSON, good.as_str()).header(name, kind).await.status, 415);
    }
    assert_eq!(bulk.post("application/xml", good.as_str()).await.status, 415);
    assert_eq!(counts(&bulk.post(NDJSON, good).await.ok()), [3, 0, 0]);
}

#[tokio::test]
async fn a_connection_that_is_lost_stores_nothing() {
    let bulk = Bulk::new().await;
    let lines = bulk.lines("vms", 1..=1000);
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: {NDJSON}\r\n",
        bulk.token
    );
    let address = bulk.server.address();
    let body_of = |length: usize| format!("{head}Content-Length: {length}\r\n\r\n{lines}");
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{lines}\r\n", lines.len());
    for request in [body_of(lines.len() + 1), chunked] {
        let ended = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer);
            answer
        });
        let answer = ended.await.unwrap();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    assert_eq!(bulk.stored().await, 0);
}

#[tokio::test]
async fn limits_count_after_decompression() {
    let bulk = Bulk::with(|uploads| {
        uploads.max_bytes = 100_000;
        uploads.max_readings = 50;
    })
    .await;
    let lines = bulk.lines("vms", 1..=50);
    assert_eq!(counts(&bulk.post(NDJSON, lines.as_str()).await.ok()), [50, 0, 0]);
    let before = bulk.stored().await;
    let one_more = bulk.lines("vms", 1..=50) + "{}";
    let said = why(&bulk.post(NDJSON, one_more).await, 413);
    assert_eq!(said, "an upload has at most 50 readings");
    let bytes = "an upload has at most 100000 bytes, counted before and after decompression";
    let blank = "\n".repeat(100_001);
    assert_eq!(why(&bulk.post(NDJSON, blank.as_str()).await, 413), bytes);
    // Ten mebibytes in a few kilobytes: cut off after the first 100,000.
    let bomb = " ".repeat(1 << 10) + "\n";
    let bomb = bomb.repeat(10 << 10);
    let gz = bulk.post(NDJSON, gzip(&bomb)).header("Content-Encoding", "gzip").await;
    assert_eq!(why(&gz, 413), bytes);
    let zst = zstd::encode_all(bomb.as_bytes(), 3).unwrap();
    let zst = bulk.post("application/json", zst).header("Content-Encoding", "zstd").await;
    assert_eq!(why(&zst, 413), bytes);
    assert_eq!(bulk.stored().await, before);
}
