//! `cargo xtask bench nodes`: runs of reports a second by 1, 2 and 4 nodes on one PostgreSQL.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::{Value, json};
use testkit::Client;

use crate::fresh::{Fresh, partners};
use crate::serving::{Serving, word};

const REPORTS: usize = 600;
const PARTNERS: usize = 20;

/// Measures; prints a line for each number of nodes.
pub fn run(tidemark: &Path, folder: &Path, database_url: &str) -> Result<()> {
    let fresh = Fresh::make(tidemark, folder, Some(database_url))?;
    let mut nodes = vec![fresh.serve(None)?];
    let first = nodes.first().context("a node")?;
    let subjects = partners(first, &fresh.top(), PARTNERS)?;
    batch(&nodes, &subjects)?;
    println!("| nodes | runs/s |\n|---|---|");
    for count in [1, 2, 4] {
        while nodes.len() < count {
            nodes.push(fresh.join(nodes.len())?);
        }
        let mut rates = (0..3).map(|_| batch(&nodes, &subjects)).collect::<Result<Vec<f64>>>()?;
        rates.sort_by(f64::total_cmp);
        println!("| {count} | {:.0} |", rates.get(1).context("a rate")?);
    }
    Ok(())
}

/// Orders reports of all nodes at once and waits for their files: the runs a second from the first order on.
fn batch(nodes: &[Serving], subjects: &[String]) -> Result<f64> {
    let begun = Instant::now();
    let share = REPORTS / nodes.len();
    let mut reports = Vec::with_capacity(REPORTS);
    thread::scope(|scope| {
        let order = |node: &Serving| {
            let (client, token) = (node.client.clone(), node.token.clone());
            scope.spawn(move || (0..share).map(|at| order(&client, &token, subjects, at)).collect())
        };
        let orders: Vec<_> = nodes.iter().map(order).collect();
        for order in orders {
            let ordered: Result<Vec<String>> = order.join().map_err(|_| anyhow!("an order failed"))?;
            reports.extend(ordered?);
        }
        anyhow::Ok(())
    })?;
    let first = nodes.first().context("a node")?;
    for report in &reports {
        wait_for(first, report)?;
    }
    #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
    let runs = reports.len() as f64;
    Ok(runs / begun.elapsed().as_secs_f64())
}

fn order(client: &Client, token: &str, subjects: &[String], at: usize) -> Result<String> {
    let subject = subjects.get(at % subjects.len()).context("a subject")?;
    let body = json!({
        "parameters": {"tenant_id": subject, "kind": "usage_current", "level": "all_customers", "formats": ["csv_v2_0"]},
        "schedule": {"type": "once"}, "result_action": "save"});
    let made = client.post("/api/2/reports").bearer(token).json(body).send().ok();
    Ok(word(&made, "id"))
}

fn wait_for(node: &Serving, report: &str) -> Result<()> {
    let path = format!("/api/2/reports/{report}/stored");
    loop {
        let stored = node.client.get(&path).bearer(&node.token).send().ok();
        let status = stored.pointer("/items/0/status").and_then(Value::as_str).context("a file")?;
        if status != "in_progress" {
            ensure!(status == "saved", "{report}: {status}");
            return Ok(());
        }
        thread::sleep(Duration::from_millis(10));
    }
}
