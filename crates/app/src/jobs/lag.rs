//! How far behind the nodes are: what is due and not begun, jobs that do not look, nodes that give no sign of life.

use std::collections::BTreeMap;

use domain::node::NodeStatus;
use domain::time::Instant;
use metrics::{describe_gauge, gauge};
use store::Conn;

use crate::{App, Result};

const NODES: &str = "tidemark_nodes";
const SILENCE: &str = "tidemark_node_silence_seconds";
const RUNS: &str = "tidemark_runs_lag_seconds";
const DELIVERIES: &str = "tidemark_deliveries_lag_seconds";
const JOBS: &str = "tidemark_job_idle_seconds";

const MICROS: f64 = 1_000_000.0;

pub(super) fn describe() {
    describe_gauge!(NODES, "Nodes of the last week, by how they are");
    describe_gauge!(
        SILENCE,
        "How long ago the newest node of a place gave its last sign; 0 where it has stopped"
    );
    describe_gauge!(RUNS, "For how long the oldest run is due that has not begun");
    describe_gauge!(DELIVERIES, "For how long the oldest mail is due that nobody is sending");
    describe_gauge!(JOBS, "How long ago a job of this process last began to look for work");
}

pub(super) async fn measure(app: &App, conn: &mut Conn) -> Result<()> {
    let now = app.clock.now();
    gauge!(RUNS).set(behind(now, store::runs::oldest_due(conn, now).await?));
    gauge!(DELIVERIES).set(behind(now, store::deliveries::oldest_due(conn, now).await?));
    for (job, looked) in app.jobs.looks() {
        gauge!(JOBS, "job" => job).set(looked.age().as_secs_f64());
    }
    let nodes = store::nodes::all(conn).await?;
    for status in NodeStatus::ALL {
        let count = u32::try_from(nodes.iter().filter(|node| node.status == *status).count());
        gauge!(NODES, "status" => status.as_str()).set(f64::from(count.unwrap_or(u32::MAX)));
    }
    // By place rather than by id: a node has a new id at each start. The newest comes last.
    let places: BTreeMap<_, _> = nodes
        .into_iter()
        .map(|node| ((node.about.host, node.about.address), (node.status, node.silence_micros)))
        .collect();
    for ((host, address), (status, silence)) in places {
        let silence = if status == NodeStatus::Stopped { 0.0 } else { seconds(silence) };
        gauge!(SILENCE, "host" => host, "address" => address.unwrap_or_default()).set(silence);
    }
    Ok(())
}

fn behind(now: Instant, due: Option<Instant>) -> f64 {
    due.map_or(0.0, |due| seconds(now.0 - due.0))
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, which is 285 years")]
fn seconds(micros: i64) -> f64 {
    micros as f64 / MICROS
}
