//! Readings that rise, each sent again until it is acknowledged: with keys, several at once; and without, one at a time.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::http::Method;

use super::caller::{Body, Caller};
use super::channel::{KEYED, PLAIN};

/// Readings of one upload.
const AT_ONCE: usize = 4;
/// Between two acknowledged calls.
const PAUSE: Duration = Duration::from_millis(60);

/// What a client was told of one meter.
#[derive(Debug, Clone)]
pub struct Meter {
    /// Whose it is.
    pub tenant: String,
    /// What it counts.
    pub item: &'static str,
    /// Every value up to here was acknowledged, from 1 on.
    pub acknowledged: u64,
    /// The last one that was sent.
    pub sent: u64,
    /// Values of which a try was not answered: one may be taken much later than it was sent.
    pub unanswered: BTreeSet<u64>,
}

impl Meter {
    fn of(tenant: &str, item: &'static str) -> Self {
        let tenant = tenant.to_owned();
        Self { tenant, item, acknowledged: 0, sent: 0, unanswered: BTreeSet::new() }
    }
}

/// Sends readings with keys, for these tenants, until the caller is to end.
pub fn keyed(caller: &mut Caller, tenants: &[String]) -> Vec<Meter> {
    let mut meters: Vec<Meter> = tenants.iter().map(|tenant| Meter::of(tenant, KEYED)).collect();
    while !caller.is_over() {
        let first = caller.random.place(meters.len());
        let chosen: Vec<usize> = (0..AT_ONCE).map(|no| (first + no) % meters.len()).collect();
        let mut lines = String::new();
        for meter in chosen.iter().filter_map(|no| meters.get(*no)) {
            let (Meter { tenant, item, .. }, value) = (meter, meter.acknowledged + 1);
            let reading = json!({"tenant_id": tenant, "offering_item": item, "value": value,
                "key": format!("{tenant}/{value}")});
            let _ = writeln!(lines, "{reading}");
        }
        let body = Body::Lines(lines);
        let answer = until_over(caller, &Method::POST, "/api/tidemark/1/readings", &body);
        for meter in &mut meters {
            meter.sent = meter.sent.max(meter.acknowledged);
        }
        for no in &chosen {
            if let Some(meter) = meters.get_mut(*no) {
                meter.sent = meter.acknowledged + 1;
                meter.acknowledged += u64::from(answer.is_some());
            }
        }
        let Some(answer) = answer else { break };
        let count = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or(0);
        if count("accepted") + count("absorbed") != AT_ONCE as u64 {
            caller.faults.push(format!("readings with keys: {answer}"));
        }
        if caller.random.percent(20)
            && let Some(meter) = meters.get(first)
        {
            is_seen(caller, meter);
        }
        thread::sleep(PAUSE);
    }
    meters
}

/// Sends readings without keys.
pub fn plain(caller: &mut Caller, tenants: &[String]) -> Vec<Meter> {
    let mut meters: Vec<Meter> = tenants.iter().map(|tenant| Meter::of(tenant, PLAIN)).collect();
    while !caller.is_over() {
        let no = caller.random.place(meters.len());
        let Some(meter) = meters.get_mut(no) else { break };
        let value = meter.acknowledged + 1;
        let reading = json!({"tenant_id": meter.tenant, "offering_item": PLAIN, "usage_value": value});
        let body = Body::Json(json!({"items": [reading]}));
        meter.sent = value;
        while !caller.is_over() && meter.acknowledged < value {
            match caller.ask(&Method::PUT, "/api/2/tenants/usages", Some(&body)) {
                Some(answer) if answer.status == 200 && answer.json().pointer("/items/0/error").is_none() => {
                    meter.acknowledged = value;
                }
                Some(answer) => {
                    caller.faults.push(format!("a reading: {} {}", answer.status, answer.text()));
                    return meters;
                }
                None => {
                    meter.unanswered.insert(value);
                }
            }
        }
        thread::sleep(PAUSE);
    }
    meters
}

/// Asks again and again until somebody answers that it is done; `None` where the caller is to end before.
fn until_over(caller: &mut Caller, method: &Method, path: &str, body: &Body) -> Option<Value> {
    while !caller.is_over() {
        match caller.ask(method, path, Some(body)) {
            Some(answer) if answer.status == 200 => return Some(answer.json()),
            Some(answer) => {
                caller.faults.push(format!("{method} {path}: {} {}", answer.status, answer.text()));
                return None;
            }
            None => {}
        }
    }
    None
}

/// What one node has acknowledged every node shows.
fn is_seen(caller: &mut Caller, meter: &Meter) {
    let path = format!("/api/2/tenants/{}/usages?usage_names={}", meter.tenant, meter.item);
    if let Some(answer) = caller.ask(&Method::GET, &path, None) {
        let shown = answer.json().pointer("/items/0/value").and_then(Value::as_u64);
        if shown != Some(meter.acknowledged) {
            let (tenant, value) = (&meter.tenant, meter.acknowledged);
            caller.faults.push(format!("{tenant} stands at {value}, and a node shows {shown:?}"));
        }
    }
}
