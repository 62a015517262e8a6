//! Two nodes on one PostgreSQL behind a balancer, restarted one after the other.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use serde_json::json;
use testkit::{Client, Database, Directory};

use super::Load;
use crate::process::harness::{First, Serving, tidemark, wait_for};

/// How often the balancer asks a node whether it is ready.
const CHECK_EVERY: Duration = Duration::from_millis(100);

/// An installation on PostgreSQL, with folders for its nodes.
struct Installation {
    directory: Directory,
    database: Database,
    first: First,
}

impl Installation {
    async fn new() -> Self {
        let directory = Directory::new();
        let database = Database::empty_on_server(directory.path()).await;
        let mut init = tidemark("init");
        init.arg("--data-dir").arg(directory.path().join("0")).args(database.options()).arg("--json");
        let output = init.output().expect("the binary under test");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let first = serde_json::from_slice(&output.stdout).expect("one line of JSON");
        Self { directory, database, first }
    }

    /// `serve` as this node.
    fn node(&self, number: usize, listen: &str) -> Command {
        let folder = self.directory.path();
        let mut command = tidemark("serve");
        command.arg("--data-dir").arg(folder.join(number.to_string())).args(self.database.options());
        command.arg("--secret-key-file").arg(folder.join("0/secret.key")).args(["--listen", listen]);
        // One name for both, as tokens are for it.
        command.args(["--public-url", "http://tide.example"]).env("TIDEMARK_SHUTDOWN_DELAY_SECONDS", "1");
        command
    }
}

/// A node as the balancer sees it.
struct Upstream {
    address: SocketAddr,
    is_ready: AtomicBool,
}

/// A thread that asks a node whether it is ready, until this is dropped.
struct Checks {
    _stop: Sender<()>,
}

impl Checks {
    fn of(node: &Arc<Upstream>) -> Self {
        let (stop, stopped) = channel();
        let node = node.clone();
        thread::spawn(move || {
            let client = Client::new(node.address);
            while stopped.recv_timeout(CHECK_EVERY) == Err(RecvTimeoutError::Timeout) {
                let is_ready = client.get("/readyz").try_send().is_some_and(|answer| answer.status == 200);
                node.is_ready.store(is_ready, Ordering::Relaxed);
            }
        });
        Self { _stop: stop }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_restarted_one_by_one_fail_no_request_on_postgres() {
    let installation = Installation::new().await;
    let mut nodes: Vec<Serving> = (0..2)
        .map(|number| Serving::start(installation.node(number, "127.0.0.1:0"), &installation.first))
        .collect();
    let upstream =
        |node: &Serving| Upstream { address: node.client.address(), is_ready: AtomicBool::new(true) };
    let upstreams: Vec<Arc<Upstream>> = nodes.iter().map(|node| Arc::new(upstream(node))).collect();
    let _checks: Vec<_> = upstreams.iter().map(Checks::of).collect();
    let (token, top) = (nodes[0].token.clone(), installation.first.tenant_id);
    let load = Load::begin(|_| {
        let (upstreams, token) = (upstreams.clone(), token.clone());
        let clients: Vec<Client> = upstreams.iter().map(|node| Client::new(node.address)).collect();
        move |number| {
            let ready = (number..number + 2).find(|at| upstreams[at % 2].is_ready.load(Ordering::Relaxed));
            let client = &clients[ready.expect("a node is always there") % 2];
            let call = if number.is_multiple_of(3) {
                client.put("/api/2/tenants/usages").json(json!({"items": []}))
            } else {
                client.get(&format!("/api/2/tenants/{top}"))
            };
            // No second try of any kind.
            call.bearer(&token).send().ok();
        }
    });
    for _ in 0..2 {
        for number in 0..2 {
            load.goes_on();
            let address = upstreams[number].address;
            nodes[number].process.terminate();
            assert_eq!(nodes[number].process.ended().code(), Some(0));
            nodes[number] =
                Serving::start(installation.node(number, &address.to_string()), &installation.first);
            wait_for("the balancer", || upstreams[number].is_ready.load(Ordering::Relaxed).then_some(()));
        }
    }
    load.goes_on();
    load.end();
}
