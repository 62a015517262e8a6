//! Reports: ordered once and monthly, mailed and stored, and changed with their versions.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::http::Method;

use super::caller::{Body, Caller};
use super::channel::{Channel, id};
use super::resends;

/// Monthly reports that a client keeps.
const MONTHLY: usize = 8;
/// Between two calls.
const PAUSE: Duration = Duration::from_millis(250);

/// A report, as far as its client was told.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its id.
    pub id: String,
    /// Whether it is never disabled.
    pub is_steady: bool,
    /// What the last acknowledged call answered.
    pub told: Value,
    /// What was sent since and not answered.
    pub pending: Option<Value>,
}

impl Order {
    /// The version that was told.
    pub fn version(&self) -> u64 {
        version(&self.told)
    }

    /// Whether the report is as it was told, or as the call that nobody answered would have made it.
    pub fn is(&self, now: &Value) -> bool {
        if version(now) == self.version() {
            return lasting(now) == lasting(&self.told);
        }
        version(now) == self.version() + 1
            && self
                .pending
                .as_ref()
                .is_some_and(|pending| lasting(now) == lasting(&changed(&self.told, pending)))
    }
}

/// The version of a report.
pub fn version(report: &Value) -> u64 {
    report.get("version").and_then(Value::as_u64).unwrap_or(0)
}

/// What time does not change of a report, by name.
fn lasting(report: &Value) -> Vec<Option<&Value>> {
    const NAMES: [&str; 9] = [
        "/id",
        "/recipients",
        "/result_action",
        "/schedule",
        "/parameters/tenant_id",
        "/parameters/level",
        "/parameters/kind",
        "/parameters/formats",
        "/parameters/hide_zero_usage",
    ];
    NAMES.iter().map(|name| report.pointer(name)).collect()
}

/// A report after this update.
fn changed(report: &Value, update: &Value) -> Value {
    let mut report = report.clone();
    for name in ["/recipients", "/schedule/enabled", "/parameters/hide_zero_usage"] {
        let (parent, member) = name.rsplit_once('/').unwrap_or_default();
        if let (Some(new), Some(Value::Object(parent))) = (update.pointer(name), report.pointer_mut(parent)) {
            parent.insert(member.to_owned(), new.clone());
        }
    }
    report
}

/// What the client of reports knows.
#[derive(Debug, Default)]
pub struct Orders {
    /// What was acknowledged.
    pub orders: Vec<Order>,
    /// How many orders were sent, each try counted.
    pub sent: u64,
    /// Deliveries that were asked for and acknowledged, by id.
    pub resent: Vec<String>,
}

/// Orders and changes reports until the caller is to end.
pub fn orders(caller: &mut Caller, channel: &Channel) -> Orders {
    let mut known = Orders::default();
    let mut monthly = Vec::new();
    while !caller.is_over() {
        let is_monthly = monthly.len() < MONTHLY;
        if is_monthly || caller.random.percent(55) {
            if let Some(order) = place(caller, channel, is_monthly, &mut known.sent) {
                if is_monthly {
                    monthly.push(known.orders.len());
                }
                known.orders.push(order);
            }
        } else if caller.random.percent(25) {
            let place = caller.random.place(known.orders.len());
            let report = known.orders.get(place).map(|order| order.id.clone());
            known.resent.extend(report.and_then(|report| resends::resend(caller, &report)));
        } else {
            let place = caller.random.place(monthly.len());
            if let Some(order) = monthly.get(place).and_then(|place| known.orders.get_mut(*place)) {
                update(caller, channel, order);
            }
        }
        thread::sleep(PAUSE);
    }
    known
}

/// Some recipients, at least one.
fn recipients(caller: &mut Caller, channel: &Channel) -> Value {
    let first = caller.random.place(channel.users.len());
    let count = 1 + caller.random.place(2);
    let users = channel.users.iter().cycle().skip(first).take(count);
    users.map(|(id, _)| id.as_str()).collect()
}

fn place(caller: &mut Caller, channel: &Channel, is_monthly: bool, sent: &mut u64) -> Option<Order> {
    let is_sent = is_monthly || caller.random.percent(70);
    let recipients = if is_sent { recipients(caller, channel) } else { json!([]) };
    let formats =
        if caller.random.percent(50) { json!(["csv", "html"]) } else { json!(["csv_v2_0", "json_v2_0"]) };
    let kind = if caller.random.percent(50) { "usage_summary" } else { "usage_current" };
    let order = json!({"result_action": if is_sent { "send" } else { "save" }, "recipients": recipients,
        "schedule": {"type": if is_monthly { "monthly" } else { "once" }},
        "parameters": {"tenant_id": channel.partner, "level": "accounts", "kind": kind, "formats": formats}});
    *sent += 1;
    let answer = caller.ask(&Method::POST, "/api/2/reports", Some(&Body::Json(order)))?;
    let told = answer.json();
    match answer.status {
        200 => {
            let id = id(&told).ok()?;
            let is_steady = is_monthly && caller.random.percent(50);
            Some(Order { id, is_steady, told, pending: None })
        }
        // The day before is not closed yet (reports-api, 8.2).
        400 if told.pointer("/error/code") == Some(&json!(1027)) => None,
        status => {
            caller.faults.push(format!("an order: {status} {told}"));
            None
        }
    }
}

/// Changes a report, or sends again the change that nobody has answered.
fn update(caller: &mut Caller, channel: &Channel, order: &mut Order) {
    let path = format!("/api/2/reports/{}", order.id);
    let body = match &order.pending {
        Some(body) => body.clone(),
        None => change(caller, channel, order),
    };
    let Some(answer) = caller.ask(&Method::PUT, &path, Some(&Body::Json(body.clone()))) else {
        order.pending = Some(body);
        return;
    };
    let now = match answer.status {
        200 => answer.json(),
        // A try that was not answered has been heard after all.
        409 if order.pending.is_some() => match caller.get(&path) {
            Some(now) => now,
            None => return,
        },
        status => {
            caller.faults.push(format!("an update of {order:?}: {status} {}", answer.text()));
            return;
        }
    };
    order.pending = Some(body);
    if version(&now) != order.version() + 1 || !order.is(&now) {
        caller.faults.push(format!("{order:?} became {now}"));
    }
    (order.told, order.pending) = (now, None);
}

fn change(caller: &mut Caller, channel: &Channel, order: &Order) -> Value {
    let mut body = json!({"version": order.version()});
    let mut set = |name: &str, value: Value| {
        if let Value::Object(members) = &mut body {
            members.insert(name.to_owned(), value);
        }
    };
    match caller.random.place(3) {
        0 => set("recipients", recipients(caller, channel)),
        1 if !order.is_steady => set("schedule", json!({"enabled": caller.random.percent(60)})),
        _ => set("parameters", json!({"hide_zero_usage": caller.random.percent(50)})),
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(pending: Option<Value>) -> Order {
        let told = json!({"id": "r", "version": 3, "recipients": ["a"], "schedule": {"type": "monthly", "enabled": true}});
        Order { id: "r".into(), is_steady: false, told, pending }
    }

    fn with(version: u64, recipients: &[&str]) -> Value {
        json!({"id": "r", "version": version, "recipients": recipients,
            "schedule": {"type": "monthly", "enabled": true}, "generation_date": "2026-02-01"})
    }

    #[test]
    fn a_report_is_as_it_was_told() {
        assert!(order(None).is(&with(3, &["a"])));
        assert!(!order(None).is(&with(3, &["b"])));
        assert!(!order(None).is(&with(2, &["a"])));
        assert!(!order(None).is(&with(4, &["a"])));
    }

    #[test]
    fn or_as_the_unanswered_update_has_made_it() {
        let unanswered = order(Some(json!({"version": 3, "recipients": ["b"]})));
        assert!(unanswered.is(&with(3, &["a"])));
        assert!(unanswered.is(&with(4, &["b"])));
        assert!(!unanswered.is(&with(4, &["a"])));
        assert!(!unanswered.is(&with(5, &["b"])));
    }
}
