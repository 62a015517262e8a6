//! One node behind a socket that its manager holds: connections wait there while it is restarted.

use std::net::TcpListener;

use serde_json::json;
use testkit::Client;

use super::Load;
use crate::process::harness::{Place, Serving};

#[test]
fn a_restart_behind_a_socket_fails_no_request_on_sqlite() {
    let place = Place::new();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let start = || Serving::start_behind(&socket, &place.serve_command(), &place.first);
    let mut serving = start();
    let address = socket.local_addr().unwrap();
    assert_eq!(serving.client.address(), address, "it serves on what it was handed");
    let (token, top) = (serving.token.clone(), place.first.tenant_id);
    let load = Load::begin(|_| {
        let (client, token) = (Client::new(address), token.clone());
        move |number| {
            let call = if number.is_multiple_of(3) {
                client.put("/api/2/tenants/usages").json(json!({"items": []}))
            } else {
                client.get(&format!("/api/2/tenants/{top}"))
            };
            // No second try of any kind.
            call.bearer(&token).send().ok();
        }
    });
    for _ in 0..3 {
        load.goes_on();
        serving.process.terminate();
        assert_eq!(serving.process.ended().code(), Some(0));
        serving = start();
    }
    load.goes_on();
    load.end();
}
