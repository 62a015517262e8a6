//! Processes that start at the same moment on one PostgreSQL.

use std::process::{Command, Stdio};

use store::{Db, Postgres, args};
use testkit::{Database, Directory};

use crate::process::harness::{First, Process, Serving, tidemark};

const NODES: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn three_processes_at_once_migrate_and_set_up_once_on_postgres() {
    let directory = Directory::new();
    let database = Database::empty_on_server(directory.path()).await;
    let node = |subcommand: &str, number: usize| {
        let mut command = tidemark(subcommand);
        command.arg("--data-dir").arg(directory.path().join(number.to_string())).args(database.options());
        command
    };
    let inits: Vec<_> = (0..NODES)
        .map(|number| {
            let mut init = node("init", number);
            init.arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut firsts = Vec::new();
    for (number, init) in inits.into_iter().enumerate() {
        let output = init.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        match serde_json::from_slice::<First>(&output.stdout) {
            Ok(first) => firsts.push((number, first)),
            Err(_) => assert!(said.contains("is initialised already; nothing was changed"), "{said}"),
        }
    }
    let [(winner, first)] = &firsts[..] else { panic!("{} first setups", firsts.len()) };

    let Database::Server { server, name } = &database else { panic!("not on PostgreSQL") };
    let db = Db::open_postgres(&Postgres::at(&format!("{server}/{name}")).unwrap()).await.unwrap();
    let mut conn = db.read().await.unwrap();
    assert_eq!(conn.count("SELECT COUNT(*) AS n FROM tenants", args![]).await.unwrap(), 1);
    drop(conn);

    let key = directory.path().join(winner.to_string()).join("secret.key");
    let serve = |number| -> Command {
        let mut command = node("serve", number);
        command.args(["--listen", "127.0.0.1:0"]).arg("--secret-key-file").arg(&key);
        command
    };
    // All are started before the first is waited for.
    let processes: Vec<Process> = (0..NODES).map(|number| Process::start(&mut serve(number))).collect();
    for process in processes {
        let serving = Serving::ready(process, first);
        assert_eq!(serving.client.get("/readyz").send().status, 200);
    }
}
