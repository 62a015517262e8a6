//! The drill: a server under load is backed up and killed, and its backup restored elsewhere. Everything that was
//! acknowledged before the backup began is there, and all of it is of one moment.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};
use testkit::{Client, Database, Directory};
use ureq::http::Method;

use crate::migrate_store::scene::moved;
use crate::process::channel::{Channel, id};
use crate::process::harness::{First, Serving, tidemark, wait_for};

/// Where an installation is: its data directory, and its database.
struct Installation {
    directory: Directory,
    database: Database,
}

impl Installation {
    async fn empty() -> Self {
        let directory = Directory::new();
        let database = Database::place(directory.path()).await;
        Self { directory, database }
    }

    fn command(&self, subcommand: &str) -> Command {
        let mut command = tidemark(subcommand);
        command.arg("--data-dir").arg(self.directory.path()).args(self.database.options());
        command
    }

    fn serve(&self, first: &First) -> Serving {
        let mut command = self.command("serve");
        command.args(["--listen", "127.0.0.1:0"]);
        Serving::start(command, first)
    }
}

/// What was acknowledged, each counted up by one client: the newest value of the item that is read first, of the one that
/// is read after it, and the newest version of the report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Acknowledged {
    vms: u64,
    workstations: u64,
    report: u64,
}

/// Reads one item and then the other, with the same value, until the server is gone.
fn read(ask: &Ask, channel: &Channel, acknowledged: &Mutex<Acknowledged>) {
    for value in 1_000.. {
        for item in ["vms", "workstations"] {
            let reading = json!({"tenant_id": channel.customer, "offering_item": item, "usage_value": value});
            let Some(answer) = ask.of(Method::PUT, "/tenants/usages", &json!({"items": [reading]})) else {
                return;
            };
            assert_eq!(answer["items"][0].get("error"), None, "{answer}");
            let mut acknowledged = acknowledged.lock().unwrap();
            let newest = if item == "vms" { &mut acknowledged.vms } else { &mut acknowledged.workstations };
            *newest = value;
        }
    }
}

/// Changes a report again and again, until the server is gone.
fn change(ask: &Ask, mut report: Value, acknowledged: &Mutex<Acknowledged>) {
    let path = format!("/reports/{}", id(&report));
    loop {
        let level = report["parameters"]["level"].clone();
        let other = if level == "accounts" { "itself" } else { "accounts" };
        report["parameters"]["level"] = json!(other);
        let Some(answer) = ask.of(Method::PUT, &path, &report) else { return };
        report = answer;
        acknowledged.lock().unwrap().report = report["version"].as_u64().expect("a version");
    }
}

/// Somebody who asks while a server lives.
struct Ask {
    client: Client,
    token: String,
    killed: AtomicBool,
}

impl Ask {
    fn of(&self, method: Method, path: &str, body: &Value) -> Option<Value> {
        let call = self.client.call(method, &format!("/api/2{path}")).bearer(&self.token).json(body.clone());
        let answer = call.try_send();
        if self.killed.load(Ordering::SeqCst) {
            return None;
        }
        let answer = answer.expect("an answer while the server lives");
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        Some(answer.json())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_backup_under_load_is_restored() {
    let (here, there) = (Installation::empty().await, Installation::empty().await);
    let mut init = here.command("init");
    let first: First = serde_json::from_str(&moved({
        init.arg("--json");
        init
    }))
    .unwrap();
    let serving = here.serve(&first);
    let channel = Channel::make(&serving, &first.tenant_id.to_string());
    let order = json!({"result_action": "save", "recipients": [], "schedule": {"type": "monthly"},
        "parameters": {"tenant_id": channel.partner, "level": "accounts", "kind": "usage_current",
            "formats": ["csv_v2_0"]}});
    let report = serving.post("/reports", &order);
    let ask = Ask {
        client: Client::new(serving.client.address()),
        token: serving.token.clone(),
        killed: AtomicBool::new(false),
    };
    let acknowledged = Mutex::new(Acknowledged::default());
    let file = here.directory.path().join("drill.tidemark");
    let before = thread::scope(|scope| {
        scope.spawn(|| read(&ask, &channel, &acknowledged));
        scope.spawn(|| change(&ask, report.clone(), &acknowledged));
        let newest = || *acknowledged.lock().unwrap();
        wait_for("a load", || Some(newest()).filter(|it| it.workstations > 1_010 && it.report > 10));
        let before = newest();
        let mut backup = here.command("backup");
        backup.arg(&file);
        moved(backup);
        wait_for("a load that goes on", || Some(newest()).filter(|it| it.vms > before.vms));
        ask.killed.store(true, Ordering::SeqCst);
        serving.kill();
        before
    });
    restore(&there, &here, &file);
    let serving = there.serve(&first);
    let (vms, workstations) = (channel.current(&serving, "vms"), channel.current(&serving, "workstations"));
    let version = serving.get(&format!("/reports/{}", id(&report)))["version"].as_u64().unwrap();
    let is_there = vms >= before.vms && workstations >= before.workstations && version >= before.report;
    assert!(is_there, "{vms}, {workstations}, {version}, and before the backup: {before:?}");
    assert!(vms == workstations || vms == workstations + 1, "of one moment: {vms}, {workstations}");
    // It goes on.
    channel.read(&serving, "vms", vms + 1);
    assert_eq!(channel.current(&serving, "vms"), vms + 1);
}

/// Restores the backup with the key file, and proves it.
fn restore(there: &Installation, here: &Installation, file: &Path) {
    let key = |of: &Installation| of.directory.path().join("secret.key");
    std::fs::copy(key(here), key(there)).unwrap();
    let mut restore = there.command("restore");
    restore.arg(file);
    let said = moved(restore);
    assert!(said.contains("opens its signing keys"), "{said}");
    let said = moved(there.command("verify"));
    assert!(said.trim_end().ends_with("all agrees"), "{said}");
}
