//! What a run says of itself.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::time::Duration;

use crate::checks::Verdict;
use crate::load::Told;
use crate::machine::Machine;
use crate::options::Setting;

/// Faults that are shown.
const SHOWN: usize = 20;

/// What is done, and how to do it again.
pub fn head(setting: &Setting) -> String {
    let shape = &setting.shape;
    let database = if shape.on_postgres { "postgres" } else { "sqlite" };
    let disk = if shape.fills_disk { "" } else { "; no disk is filled, as this process may not mount one" };
    format!(
        "torture: seed {}, {} kills, {} nodes on {database}{disk}\nagain with: {}",
        setting.seed,
        shape.kills,
        shape.nodes,
        again(setting)
    )
}

fn again(setting: &Setting) -> String {
    let shape = &setting.shape;
    let database = if shape.on_postgres { "postgres" } else { "sqlite" };
    let nodes = if shape.on_postgres { format!(" --nodes {}", shape.nodes) } else { String::new() };
    format!("cargo xtask torture --on {database}{nodes} --seed {} --kills {}", setting.seed, shape.kills)
}

/// Where a run is.
pub fn progress(machine: &Machine, elapsed: Duration) -> String {
    let (nodes, postgres) = machine.kills;
    let mails = machine.sink.memory().taken.len();
    format!(
        "{:>3} min: {nodes} kills of nodes, {postgres} of PostgreSQL; {mails} mails; the clocks show {}; {} faults",
        elapsed.as_secs() / 60,
        machine.clocks.now(),
        machine.faults.len()
    )
}

/// What was done and seen.
pub fn of(machine: &Machine, told: &Told, verdict: &Verdict, elapsed: Duration) -> String {
    let (nodes, postgres) = machine.kills;
    let mut text = format!(
        "{} s; {} kills: {nodes} of nodes, {postgres} of PostgreSQL\n",
        elapsed.as_secs(),
        nodes + postgres
    );
    let mut relay: BTreeMap<&str, u64> = BTreeMap::new();
    for manner in &machine.sink.memory().manners {
        *relay.entry(manner).or_default() += 1;
    }
    let _ = writeln!(text, "faults: {}", list(&machine.done));
    let _ = writeln!(
        text,
        "the nodes' logs: taken over {}, held back {}",
        machine.logged("are taken over"),
        machine.logged("was held back")
    );
    let _ = writeln!(text, "the relay's conversations: {}", list(&relay));
    let _ = writeln!(text, "answers by status (0: none): {}", list(&told.statuses));
    let _ = writeln!(text, "looked at: {}", list(&verdict.seen));
    let _ = write!(text, "mails that came twice, by cause: {}", list(&verdict.repeated));
    text
}

/// What is wrong, and how to see it again.
pub fn failure(setting: &Setting, faults: &[String]) -> String {
    let mut text = format!("FAILED: {} faults\n", faults.len());
    for fault in faults.iter().take(SHOWN) {
        let _ = writeln!(text, "  {fault}");
    }
    if faults.len() > SHOWN {
        let _ = writeln!(text, "  and {} more", faults.len() - SHOWN);
    }
    let _ = write!(text, "seed {}; again with: {}", setting.seed, again(setting));
    text
}

fn list<K: Display>(counts: &BTreeMap<K, u64>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    counts.iter().map(|(what, count)| format!("{what} {count}")).collect::<Vec<_>>().join(", ")
}
