//! An object store that others wrote: moto, in a process of its own; and a way to it that fails as it is told.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use app::settings::Storage;
use domain::report::Place;
use store::Objects;
use store::objects::Address;
use testkit::Client;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::process::harness::Lines;
use crate::process::python::python;

pub(super) const BUCKET: &str = "reports";

/// The object store; ends when it is dropped.
pub(super) struct Peer {
    child: Child,
    pub(super) address: SocketAddr,
    pub(super) way: Way,
}

impl Peer {
    /// Starts one, with an empty bucket.
    pub(super) async fn start() -> Self {
        let mut command = Command::new(python());
        command.arg("-c").arg(include_str!("peer.py"));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("an interpreter");
        let port = Lines::of(child.stdout.take().unwrap()).next().expect("a port; is moto installed?");
        let address: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
        let made = Client::new(address).put(&format!("/{BUCKET}")).await;
        assert_eq!(made.status, 200, "{}", made.text());
        Self { child, address, way: Way::to(address).await }
    }

    /// The object store by a way that can fail.
    pub(super) fn storage(&self) -> Storage {
        Storage { new_in: Place::S3, objects: Some(objects(self.way.address)), kept_days: None }
    }

    /// The keys of all objects.
    pub(super) async fn keys(&self) -> Vec<String> {
        let listed = Client::new(self.address).get(&format!("/{BUCKET}?list-type=2")).await.text();
        listed.split("<Key>").skip(1).map(|key| key.split("</Key>").next().unwrap().to_owned()).collect()
    }

    /// How many uploads in parts are under way.
    pub(super) async fn uploads(&self) -> usize {
        let listed = Client::new(self.address).get(&format!("/{BUCKET}?uploads")).await;
        assert_eq!(listed.status, 200, "{}", listed.text());
        listed.text().matches("<UploadId>").count()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The object store at an address.
pub(super) fn objects(address: SocketAddr) -> Objects {
    let endpoint = format!("http://{address}");
    let address = Address {
        endpoint: &endpoint,
        bucket: BUCKET,
        region: "us-east-1",
        prefix: "tide",
        keys: Some(("key", "s3cret")),
        path_style: true,
        timeout: Duration::from_millis(500),
        ..Address::default()
    };
    Objects::at(&address).unwrap()
}

/// What becomes of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// They lead to the object store.
    Open,
    /// They are closed at once.
    Closed,
    /// Every request is answered 500.
    Failing,
    /// Nothing is ever answered.
    Silent,
    /// They are closed after so many bytes of answers.
    Cut(u64),
}

/// A way to the object store; a change of mode ends the connections there are.
pub(super) struct Way {
    pub(super) address: SocketAddr,
    mode: watch::Sender<Mode>,
    _serving: JoinSet<()>,
}

impl Way {
    async fn to(peer: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, modes) = watch::channel(Mode::Open);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            let modes = Arc::new(modes);
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let mut modes = watch::Receiver::clone(&modes);
                let mode = *modes.borrow_and_update();
                connections.spawn(async move {
                    tokio::select! {
                        () = lead(stream, peer, mode) => {}
                        _ = modes.changed() => {}
                    }
                });
            }
        });
        Self { address, mode, _serving: serving }
    }

    pub(super) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

async fn lead(mut stream: TcpStream, peer: SocketAddr, mode: Mode) {
    match mode {
        Mode::Closed => {}
        Mode::Silent => std::future::pending().await,
        Mode::Failing => {
            let _ = stream.read(&mut [0; 4096]).await;
            let answer =
                "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes()).await;
        }
        Mode::Open => {
            let mut there = TcpStream::connect(peer).await.unwrap();
            let _ = copy_bidirectional(&mut stream, &mut there).await;
        }
        Mode::Cut(bytes) => {
            let (mut from, mut to) = TcpStream::connect(peer).await.unwrap().into_split();
            let (mut asked, mut answered) = stream.into_split();
            let answers = async {
                let mut some = (&mut from).take(bytes);
                let _ = tokio::io::copy(&mut some, &mut answered).await;
            };
            tokio::select! { () = answers => {}, _ = tokio::io::copy(&mut asked, &mut to) => {} }
        }
    }
}
