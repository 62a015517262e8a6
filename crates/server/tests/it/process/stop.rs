//! SIGTERM: what is under way is answered, then the process ends.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use serde_json::json;
use ureq::http::Method;

use super::channel::Channel;
use super::harness::{Place, Serving, rest, wait_for};

const GO_ON: &str = "HTTP/1.1 100 Continue\r\n\r\n";

/// A request whose body has not all been sent: the server must wait for the rest.
struct Half {
    stream: TcpStream,
    missing: String,
}

fn half_a_request(serving: &Serving) -> Half {
    let body = json!({"items": []}).to_string();
    let (begin, missing) = body.split_at(body.len() / 2);
    let address = serving.client.address();
    let token = &serving.token;
    let length = body.len();
    let mut stream = serving.connect(&format!(
        "PUT /api/2/tenants/usages HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    ));
    // The server asks for the body once the request is with its handler.
    let mut go_on = [0; GO_ON.len()];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(String::from_utf8_lossy(&go_on), GO_ON);
    stream.write_all(begin.as_bytes()).unwrap();
    Half { stream, missing: missing.to_owned() }
}

impl Half {
    fn finish(mut self) -> String {
        self.stream.write_all(self.missing.as_bytes()).unwrap();
        rest(self.stream)
    }
}

#[test]
fn a_request_under_way_is_answered_and_the_exit_code_is_0() {
    let place = Place::new();
    let mut serving = place.serve();
    let half = half_a_request(&serving);
    serving.process.terminate();
    serving.process.logged("stopping");
    let answer = half.finish();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(serving.process.ended().code(), Some(0));
    let address = serving.client.address();
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn idle_connections_do_not_hold_the_process_up() {
    let place = Place::new();
    let mut serving = place.serve();
    let _idle = serving.connect("");
    let _kept = serving.connect("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    serving.get(&format!("/tenants/{}", place.first.tenant_id));
    serving.process.terminate();
    assert_eq!(serving.process.ended().code(), Some(0));
    assert!(!serving.process.log().contains("before everything"), "{}", serving.process.log());
}

#[test]
fn patience_has_an_end() {
    let place = Place::new();
    let mut command = place.serve_command();
    command.env("TIDEMARK_SHUTDOWN_SECONDS", "1");
    let mut serving = place.serve_by(command);
    let _half = half_a_request(&serving);
    serving.process.terminate();
    serving.process.logged("stopped before everything under way had finished");
    assert_eq!(serving.process.ended().code(), Some(0));
}

#[test]
fn a_second_signal_stops_at_once() {
    let place = Place::new();
    let mut serving = place.serve();
    let _half = half_a_request(&serving);
    serving.process.terminate();
    serving.process.logged("stopping");
    serving.process.terminate();
    assert_eq!(serving.process.ended().code(), Some(1));
}

#[test]
fn a_server_that_is_leaving_says_so_and_answers_until_the_delay_is_over() {
    let place = Place::new();
    let mut command = place.serve_command();
    command.env("TIDEMARK_SHUTDOWN_DELAY_SECONDS", "3600");
    let mut serving = place.serve_by(command);
    let top = format!("/tenants/{}", place.first.tenant_id);
    assert_eq!(serving.client.get("/readyz").send().status, 200);
    assert_eq!(serving.ask(Method::GET, &top, None).header("connection"), "");
    serving.process.terminate();
    wait_for("503", || (serving.client.get("/readyz").send().status == 503).then_some(()));
    // On a new connection each, as the answer before was the last on its own.
    for _ in 0..2 {
        let answer = serving.ask(Method::GET, &top, None);
        assert_eq!((answer.status, answer.header("connection")), (200, "close"));
    }
    assert_eq!(serving.client.get("/healthz").send().status, 200, "it lives");
    serving.process.terminate();
    assert_eq!(serving.process.ended().code(), Some(1));
}

/// A server whose jobs have stopped for ever in the middle of a run, on a thread that nothing can end.
fn stuck(place: &Place) -> Serving {
    stuck_by(place, place.serve_command())
}

/// As [`stuck`], by this command.
pub(super) fn stuck_by(place: &Place, mut command: Command) -> Serving {
    command.env("TIDEMARK_SHUTDOWN_SECONDS", "1").env("TIDEMARK_TEST_STOP_AT", "after-pin");
    let serving = place.serve_by(command);
    let channel = Channel::make(&serving, &place.first.tenant_id.to_string());
    serving.post("/reports", &channel.order("save"));
    assert_eq!(serving.process.line(), "stopped at after-pin");
    serving
}

#[test]
fn patience_ends_with_a_thread_that_does_not() {
    let place = Place::new();
    let mut serving = stuck(&place);
    serving.process.terminate();
    serving.process.logged("stopped before everything under way had finished");
    assert_eq!(serving.process.ended().code(), Some(0));
}

#[test]
fn a_second_signal_does_not_wait_for_a_thread_either() {
    let place = Place::new();
    let mut serving = stuck(&place);
    serving.process.terminate();
    serving.process.logged("stopping");
    serving.process.terminate();
    assert_eq!(serving.process.ended().code(), Some(1));
}
