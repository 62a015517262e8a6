//! `tidemark health`.

use std::net::TcpListener;

use super::harness::{Place, refusal, wait_for};

#[test]
fn health_is_what_the_server_says_of_itself() {
    let place = Place::new();
    let mut command = place.serve_command();
    command.env("TIDEMARK_SHUTDOWN_DELAY_SECONDS", "3600");
    let mut serving = place.serve_by(command);
    let address = serving.client.address().to_string();
    let health = || {
        let mut command = place.command("health");
        command.env("TIDEMARK_LISTEN", &address);
        command
    };
    let output = health().output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty());
    serving.process.terminate();
    wait_for("503", || (serving.client.get("/readyz").send().status == 503).then_some(()));
    assert!(refusal(&mut health()).contains("is not ready: it answers 503"));
    serving.process.terminate();
    serving.process.ended();
    assert!(refusal(&mut health()).contains(&format!("http://{address} does not answer")));
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for_for_ever() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    assert!(refusal(Place::new().command("health").args(["--url", &url])).contains("does not answer"));
}
