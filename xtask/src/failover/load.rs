//! Several clients that send readings and order reports, and remember what was acknowledged.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::call::{call, get, token};
use super::patroni::wait_for;

/// How many send at once.
const CLIENTS: usize = 4;
/// A report is ordered after as many readings.
const REPORT_EVERY: u64 = 25;
/// The service of the items that are read (accounts-api, 1.11).
const BACKUP: &str = "6e6d758d-8e74-3ae3-ac84-50eb0dff12eb";
/// How long a new primary may take.
const PATIENCE: Duration = Duration::from_mins(3);
/// How long a report may take: a claim whose answer was lost with the primary runs out after ten minutes.
const LEASE: Duration = Duration::from_mins(12);

/// What was acknowledged so far.
#[derive(Default)]
struct Progress {
    /// The readings by key: the reading as it was sent.
    readings: BTreeMap<String, Value>,
    reports: Vec<String>,
    /// Calls that were refused or not answered.
    failed: u64,
    newest: Option<Instant>,
    longest_gap: Duration,
}

impl Progress {
    fn acknowledged(&mut self) {
        let now = now();
        if let Some(newest) = self.newest {
            self.longest_gap = self.longest_gap.max(now.duration_since(newest));
        }
        self.newest = Some(now);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a chore measures how long something took, and nothing depends on it"
)]
fn now() -> Instant {
    Instant::now()
}

/// Clients at work.
pub(super) struct Load {
    progress: Arc<Mutex<Progress>>,
    over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
    token: String,
}

impl Load {
    /// Makes a customer for each client, and lets them begin.
    pub(super) fn begin(bases: &[String], first: &Value) -> Result<Self> {
        let text = |name: &str| first.get(name).and_then(Value::as_str).context("init's answer");
        let base = bases.first().context("a node")?;
        let token = token(base, text("client_id")?, text("client_secret")?).context("a token")?;
        let make = |method: &str, path: &str, body: &Value| {
            let (status, answer) = call(base, method, path, Some(&token), Some(body)).context("an answer")?;
            ensure!((200..300).contains(&status), "{path}: {status} {answer}");
            Ok(answer)
        };
        let mut load = Self {
            progress: Arc::default(),
            over: Arc::default(),
            clients: Vec::new(),
            token: token.clone(),
        };
        for client in 0..CLIENTS {
            let tenant = json!({"name": format!("Customer {client}"), "kind": "customer", "parent_id": text("tenant_id")?});
            let tenant = make("POST", "/api/2/tenants", &tenant)?;
            let id = tenant.get("id").and_then(Value::as_str).context("an id")?.to_owned();
            let item = json!({"application_id": BACKUP, "name": "vms", "status": 1});
            let items = json!({"offering_items": [item]});
            make("PUT", &format!("/api/2/tenants/{id}/offering_items"), &items)?;
            let worker = Client {
                base: bases.get(client % bases.len()).context("a node")?.clone(),
                token: token.clone(),
                number: client,
                customer: id,
                progress: Arc::clone(&load.progress),
                over: Arc::clone(&load.over),
            };
            load.clients.push(thread::spawn(move || worker.work()));
        }
        Ok(load)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Measures from here on; gives how many readings were acknowledged.
    pub(super) fn forget_gaps(&self) -> usize {
        let mut progress = self.progress();
        progress.longest_gap = Duration::ZERO;
        progress.readings.len()
    }

    /// The longest time in which nothing was acknowledged to anybody.
    pub(super) fn longest_gap(&self) -> Duration {
        self.progress().longest_gap
    }

    /// Waits until readings are acknowledged again.
    pub(super) fn await_more(&self, than: usize) -> Result<()> {
        let enough = than + 20 * CLIENTS;
        wait_for("acknowledged readings", PATIENCE, || {
            Ok((self.progress().readings.len() > enough).then_some(()))
        })
    }

    /// Stops the clients; gives what was acknowledged.
    pub(super) fn end(mut self) -> Result<Acknowledged> {
        self.over.store(true, Ordering::SeqCst);
        for client in self.clients.drain(..) {
            if client.join().is_err() {
                bail!("a client has failed");
            }
        }
        let progress = std::mem::take(&mut *self.progress());
        Ok(Acknowledged { progress, token: self.token })
    }
}

struct Client {
    base: String,
    token: String,
    number: usize,
    customer: String,
    progress: Arc<Mutex<Progress>>,
    over: Arc<AtomicBool>,
}

impl Client {
    fn work(&self) {
        for value in 1.. {
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            let key = format!("client-{}-{value}", self.number);
            let reading =
                json!({"tenant_id": self.customer, "offering_item": "vms", "value": value, "key": key});
            let body = json!({"readings": [&reading]});
            let answer = self.post("/api/tidemark/1/readings", &body);
            let accepted = answer.and_then(|answer| answer.get("accepted")?.as_u64()) == Some(1);
            let report = (accepted && value % REPORT_EVERY == 0).then(|| self.order()).flatten();
            let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
            progress.reports.extend(report);
            if accepted {
                progress.acknowledged();
                progress.readings.insert(key, reading);
            } else {
                progress.failed += 1;
                drop(progress);
                thread::sleep(Duration::from_millis(100));
            }
        }
    }

    fn order(&self) -> Option<String> {
        let parameters = json!({"tenant_id": self.customer, "level": "itself", "kind": "usage_current",
            "formats": ["csv_v2_0"]});
        let order = json!({"parameters": parameters, "schedule": {"type": "once"}, "result_action": "save"});
        Some(self.post("/api/2/reports", &order)?.get("id")?.as_str()?.to_owned())
    }

    fn post(&self, path: &str, body: &Value) -> Option<Value> {
        let (status, answer) = call(&self.base, "POST", path, Some(&self.token), Some(body))?;
        (200..300).contains(&status).then_some(answer)
    }
}

/// What was acknowledged, when the clients had stopped.
pub(super) struct Acknowledged {
    progress: Progress,
    token: String,
}

impl Acknowledged {
    /// Sends every acknowledged reading once more, of which none may be new, and waits for every acknowledged report.
    pub(super) fn check(&self, bases: &[String]) -> Result<()> {
        let base = bases.last().context("a node")?;
        let readings: Vec<&Value> = self.progress.readings.values().collect();
        for some in readings.chunks(500) {
            let body = json!({"readings": some});
            let answer = call(base, "POST", "/api/tidemark/1/readings", Some(&self.token), Some(&body));
            let (_, answer) = answer.context("an answer")?;
            let absorbed = answer.get("absorbed").and_then(Value::as_u64);
            ensure!(absorbed == Some(some.len() as u64), "acknowledged readings are missing: {answer}");
        }
        for report in &self.progress.reports {
            let path = format!("/api/2/reports/{report}/stored");
            wait_for("a report", LEASE, || {
                let answer = get(base, &path, Some(&self.token));
                let items = answer.as_ref().and_then(|(_, answer)| answer.get("items")?.as_array());
                let is_saved = |item: &Value| item.get("status").and_then(Value::as_str) == Some("saved");
                Ok(items.is_some_and(|items| !items.is_empty() && items.iter().all(is_saved)).then_some(()))
            })
            .with_context(|| format!("the report {report}"))?;
        }
        Ok(())
    }
}

impl fmt::Display for Acknowledged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Progress { readings, reports, failed, .. } = &self.progress;
        write!(
            f,
            "{} readings and {} reports were acknowledged, and all are there; {failed} calls were refused or unanswered",
            readings.len(),
            reports.len()
        )
    }
}
