//! Nodes as processes on one PostgreSQL database: what becomes of the work of one that is killed, or stopped for a while.

use std::process::Command;

use testkit::{Database, Directory, Fault, SmtpSink};

use super::channel::{Channel, RECIPIENTS, id, saved_files};
use super::harness::{Place, Serving, wait_for};

/// A place on a database of its own, which goes with it.
async fn place() -> (Place, Database, Directory) {
    let directory = Directory::new();
    let database = Database::empty_on_server(directory.path()).await;
    (Place::on(&database), database, directory)
}

fn start(command: Command, place: &Place) -> Serving {
    Serving::start(command, &place.first)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_run_of_a_killed_node_is_taken_over_on_postgres() {
    let (place, _database, _directory) = place().await;
    let mut command = place.serve_command();
    command.env("TIDEMARK_TEST_STOP_AT", "after-chunk");
    let killed = start(command, &place);
    let channel = Channel::make(&killed, &place.first.tenant_id.to_string());
    let report = id(&killed.post("/reports", &channel.order("save")));
    assert_eq!(killed.process.line(), "stopped at after-chunk");
    killed.kill();
    let other = start(place.node_command("other"), &place);
    // Its lease would have lasted for ten minutes.
    assert_eq!(saved_files(&other, &report).len(), 2);
    other.process.logged("are taken over");
}

/// A node that waits for the relay's answer to `verb` is stopped until another has sent the mail; then it goes on.
async fn a_stopped_node_sends_no_mail(verb: &'static str) {
    let (place, _database, _directory) = place().await;
    let relay = SmtpSink::failing([Fault::Wait(verb)]).await;
    let through = |mut command: Command| {
        command.env("TIDEMARK_SMTP__HOST", "127.0.0.1").env("TIDEMARK_SMTP__PORT", relay.port().to_string());
        command.env("TIDEMARK_SMTP__SECURITY", "none").env("TIDEMARK_SMTP__TIMEOUT_SECONDS", "300");
        start(command, &place)
    };
    let stopped = through(place.serve_command());
    let channel = Channel::make(&stopped, &place.first.tenant_id.to_string());
    stopped.post("/reports", &channel.order("send"));
    wait_for("a mail under way", || relay.is_waiting().then_some(()));
    stopped.process.signal("-STOP");
    let other = through(place.node_command("other"));
    // One mail is the stopped node's; the other may be sent at once.
    wait_for("mails", || (relay.mails().len() == RECIPIENTS.len()).then_some(()));
    relay.go_on();
    stopped.process.signal("-CONT");
    stopped.process.logged("a mail was held back");
    assert_eq!(relay.mails().len(), RECIPIENTS.len(), "each was sent once");
    other.process.logged("are taken over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_stopped_before_data_sends_no_mail_on_postgres() {
    a_stopped_node_sends_no_mail("RCPT").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_stopped_before_the_relay_says_go_on_sends_no_mail_on_postgres() {
    a_stopped_node_sends_no_mail("DATA").await;
}
