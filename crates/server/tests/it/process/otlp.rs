//! Traces, as a collector gets them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use super::channel::Channel;
use super::harness::{Place, refusal, wait_for};

/// A collector that takes everything: the bodies of its requests.
fn collector() -> (String, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let (send, bodies) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            // A connection may bring several.
            loop {
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") {
                    if reader.read_line(&mut head).unwrap() == 0 {
                        break;
                    }
                }
                let head = head.to_ascii_lowercase();
                let Some(length) = head.lines().find_map(|line| line.strip_prefix("content-length: ")) else {
                    break;
                };
                assert!(
                    head.starts_with("post /v1/traces ") && head.contains("application/x-protobuf"),
                    "{head}"
                );
                let mut body = vec![0; length.parse().unwrap()];
                reader.read_exact(&mut body).unwrap();
                send.send(body).unwrap();
                reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
            }
        }
    });
    (url, bodies)
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn requests_go_on_with_the_callers_trace_and_jobs_begin_their_own() {
    let place = Place::new();
    let (url, bodies) = collector();
    let mut command = place.serve_command();
    command.env("TIDEMARK_LOG__OTLP", &url);
    let mut serving = place.serve_by(command);
    let channel = Channel::make(&serving, &place.first.tenant_id.to_string());
    serving.post("/reports", &channel.order("save"));
    serving.process.logged("the report is ready");
    let call = serving.client.get(&format!("/api/2/tenants/{}", place.first.tenant_id));
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    call.bearer(&serving.token).header("traceparent", parent).send().ok();
    serving.process.terminate();
    assert_eq!(serving.process.ended().code(), Some(0));

    let mut sent = Vec::new();
    while let Ok(body) = bodies.recv_timeout(Duration::from_millis(200)) {
        sent.extend(body);
    }
    // Texts stand in protobuf as they are, and ids as their bytes.
    for text in ["tidemark", "GET /api/2/tenants/{tenant_id}", "POST /api/2/reports", "scheduler", "run"] {
        assert!(holds(&sent, text.as_bytes()), "no {text}");
    }
    let trace = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes();
    let span = 0xb7ad_6b71_6920_3331_u64.to_be_bytes();
    assert!(holds(&sent, &trace) && holds(&sent, &span), "the caller's trace does not go on");
    // Spans are for traces: the log is as it was.
    assert!(!serving.process.whole_log().contains("otel"));
}

#[test]
fn a_collector_that_is_gone_holds_nothing_up() {
    let place = Place::new();
    let mut command = place.serve_command();
    command.env("TIDEMARK_LOG__OTLP", "http://127.0.0.1:9/v1/traces");
    let mut serving = place.serve_by(command);
    wait_for("an answer", || (serving.client.get("/readyz").send().status == 200).then_some(()));
    serving.process.terminate();
    assert_eq!(serving.process.ended().code(), Some(0));
}

#[test]
fn a_collector_far_away_is_refused() {
    let place = Place::new();
    let said = refusal(place.command("check-config").env("TIDEMARK_LOG__OTLP", "https://collector.example"));
    assert!(said.contains("log.otlp"), "{said}");
}
