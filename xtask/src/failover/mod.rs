//! `cargo xtask failover`: three PostgreSQL nodes under Patroni, the primary killed under load, round by round.
//!
//! What must hold: Tidemark finds the new primary by itself, every acknowledged reading is there, every acknowledged report is
//! made, and `tidemark verify` is clean.

mod call;
mod load;
mod patroni;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use self::load::Load;
use self::patroni::Patroni;
use crate::needs::Machine;
use crate::workspace::{Workspace, output, run as run_command};

/// Rounds where the command line names no other number.
const ROUNDS: &str = "5";
/// The seed where the command line names no other.
const SEED: &str = "1";
/// Nodes of Tidemark.
const NODES: usize = 2;

/// Runs the drill: `args` are the number of rounds, and the seed.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    let number = |at: usize, default: &str| {
        let text = args.get(at).map_or(default, String::as_str);
        text.parse::<u64>().with_context(|| format!("{text:?} is no number"))
    };
    let (rounds, mut seed) = (number(0, ROUNDS)?, number(1, SEED)?);
    println!("failover: {rounds} rounds, seed {seed}");
    Machine::of(workspace)?.prepare_failover()?;
    run_command(&mut workspace.cargo(&["build", "--package", "tidemark"]))?;
    let tidemark = workspace.target()?.join("debug/tidemark");
    let mut cluster = Patroni::start()?;
    let nodes = Nodes::start(&tidemark, &cluster)?;
    let load = Load::begin(&nodes.bases, &nodes.first)?;
    for round in 1..=rounds {
        // Knuth's MMIX: the pause before the kill, between one second and nine.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        thread::sleep(Duration::from_millis(1_000 + (seed >> 33) % 8_000));
        let since = load.forget_gaps();
        let killed = cluster.kill_primary()?;
        let primary = cluster.await_primary(Some(killed))?;
        load.await_more(since)?;
        println!(
            "round {round}: killed node {killed}, node {primary} took over, {:.1} s without an acknowledged write",
            load.longest_gap().as_secs_f64()
        );
        cluster.restart(killed)?;
        cluster.await_whole()?;
    }
    let acknowledged = load.end()?;
    acknowledged.check(&nodes.bases)?;
    let mut verify = Command::new(&tidemark);
    verify.arg("verify").args(&nodes.options);
    println!("{}", output(&mut verify)?.trim());
    println!("{acknowledged}");
    Ok(())
}

/// Nodes of Tidemark on one database. Killed when dropped.
struct Nodes {
    processes: Vec<Child>,
    /// Their addresses, such as <http://127.0.0.1:4711>.
    bases: Vec<String>,
    /// What `init --json` printed.
    first: Value,
    options: Vec<String>,
}

impl Nodes {
    fn start(tidemark: &Path, cluster: &Patroni) -> Result<Self> {
        let folder = |node: usize| cluster.folder().join(format!("tidemark-{node}"));
        let options = |node: usize| {
            let folder = folder(node).display().to_string();
            vec!["--data-dir".to_owned(), folder, "--database-url".to_owned(), cluster.address()]
        };
        let mut init = Command::new(tidemark);
        let first = serde_json::from_str(&output(init.arg("init").args(options(0)).arg("--json"))?)?;
        let mut nodes = Self { processes: Vec::new(), bases: Vec::new(), first, options: options(0) };
        for node in 0..NODES {
            if node > 0 {
                std::fs::create_dir_all(folder(node))?;
                std::fs::copy(folder(0).join("secret.key"), folder(node).join("secret.key"))?;
            }
            let port = patroni::free_port()?;
            let log = std::fs::File::create(cluster.folder().join(format!("tidemark-{node}.log")))?;
            let mut serve = Command::new(tidemark);
            serve.arg("serve").args(options(node)).args(["--listen", &format!("127.0.0.1:{port}")]);
            serve.args(["--public-url", "http://tide.example.com"]);
            nodes.processes.push(serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?);
            nodes.bases.push(format!("http://127.0.0.1:{port}"));
        }
        for base in &nodes.bases {
            let ready = patroni::wait_for("a node of Tidemark", Duration::from_mins(1), || {
                Ok(call::get(base, "/readyz", None).is_some_and(|(status, _)| status == 200).then_some(()))
            });
            ready?;
        }
        ensure!(nodes.processes.iter_mut().all(|it| matches!(it.try_wait(), Ok(None))), "a node has ended");
        Ok(nodes)
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
