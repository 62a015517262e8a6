//! What a service manager is told, on a socket as systemd makes one.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use std::time::Duration;

use super::harness::Place;
use super::stop::stuck_by;

const READY: &str = "READY=1";
const STOPPING: &str = "STOPPING=1";
const ALIVE: &str = "WATCHDOG=1";
/// How long the manager of these tests waits for a sign of life.
const WATCHDOG: Duration = Duration::from_secs(4);

/// The manager's end.
struct Manager {
    socket: UnixDatagram,
    name: String,
}

impl Manager {
    fn of(place: &Place) -> Self {
        let path = place.beside().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        Self { socket, name: path.to_str().unwrap().to_owned() }
    }

    fn serve(&self, place: &Place) -> Command {
        let mut command = place.serve_command();
        command.env("NOTIFY_SOCKET", &self.name);
        command
    }

    /// What comes next, and nothing longer than that; `None` where nothing comes within this time.
    fn within(&self, time: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(time)).unwrap();
        let mut bytes = [0; 64];
        let length = self.socket.recv(&mut bytes).ok()?;
        Some(String::from_utf8(bytes[..length].to_vec()).unwrap())
    }

    fn next(&self) -> String {
        self.within(Duration::from_mins(1)).expect("a datagram")
    }
}

#[test]
fn it_is_ready_once_it_listens_and_says_when_it_stops() {
    let place = Place::new();
    let manager = Manager::of(&place);
    let mut serving = place.serve_by(manager.serve(&place));
    assert_eq!(manager.next(), READY);
    assert_eq!(serving.client.get("/readyz").send().status, 200);
    serving.process.terminate();
    assert_eq!(manager.next(), STOPPING);
    assert_eq!(serving.process.ended().code(), Some(0));
    assert_eq!(manager.within(Duration::from_millis(1)), None, "no watchdog was asked for");
}

#[test]
fn it_is_never_ready_where_it_cannot_start() {
    let place = Place::new();
    let manager = Manager::of(&place);
    std::fs::remove_file(place.data().join("secret.key")).unwrap();
    super::harness::refusal(&mut manager.serve(&place));
    assert_eq!(manager.within(Duration::from_millis(1)), None);
}

#[test]
fn an_abstract_socket_is_found() {
    let place = Place::new();
    let name = format!("tidemark-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let manager = Manager { socket: UnixDatagram::bind_addr(&address).unwrap(), name: format!("@{name}") };
    let _serving = place.serve_by(manager.serve(&place));
    assert_eq!(manager.next(), READY);
}

#[test]
fn the_watchdog_hears_of_a_process_that_lives_and_of_none_whose_jobs_are_stuck() {
    let place = Place::new();
    let manager = Manager::of(&place);
    let watched = || {
        let mut command = manager.serve(&place);
        command.env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
        command
    };
    let mut serving = place.serve_by(watched());
    assert_eq!(manager.next(), READY);
    for _ in 0..6 {
        assert_eq!(manager.within(WATCHDOG).as_deref(), Some(ALIVE), "jobs that wait are well");
    }
    serving.process.terminate();
    serving.process.ended();
    while manager.next() != STOPPING {}

    let serving = stuck_by(&place, watched());
    let mut signs = 0;
    while manager.within(WATCHDOG).is_some() {
        signs += 1;
        assert!(signs < 20, "signs of life of a process that does nothing");
    }
    assert_eq!(serving.client.get("/readyz").send().status, 200, "requests are answered, and yet");
    serving.process.logged("jobs have made no step since the last look stuck=[(\"builder\"");
}

#[test]
fn a_watchdog_of_another_process_is_none_of_its_business() {
    let place = Place::new();
    let manager = Manager::of(&place);
    let mut command = manager.serve(&place);
    command.env("WATCHDOG_USEC", "1000").env("WATCHDOG_PID", "1");
    let mut serving = place.serve_by(command);
    serving.process.terminate();
    serving.process.ended();
    assert_eq!([manager.next(), manager.next()], [READY, STOPPING]);
}
