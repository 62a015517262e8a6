//! `cargo xtask bench calls`: how long the commonest calls take in a large channel, one after the other over HTTP: by oha
//! where a call is the same each time, and by a client of our own where each has another body.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testkit::{Answer, Call};

use crate::channel::Channel;
use crate::oha::{Fixed, Oha};
use crate::server::Times;
use crate::serving::{Place, Serving, next_morning};

/// How often each call is made, after ten that are not measured.
const TIMES: usize = 200;
/// An item of the catalogue, of its service.
const ITEM: &str = "universal_devices";
const BACKUP: &str = "6e6d758d-8e74-3ae3-ac84-50eb0dff12eb";

/// Measures all; prints a table.
pub fn run(tidemark: &Path, channel: &Path, store: &Path, oha: &Path) -> Result<()> {
    let channel = Channel(channel.to_owned());
    let place = Place::copy_of(&channel, store)?;
    let serving = place.serve(tidemark, next_morning(&place.meta)?)?;
    let calls = Calls::new(&serving, &place, Oha(oha.to_owned()))?;
    println!("| | p50 ms | p99 ms | bytes | by |\n|---|---|---|---|---|");
    calls.read()?;
    calls.write()
}

/// Whom the calls are about.
struct Calls<'a> {
    serving: &'a Serving,
    oha: Oha,
    top: String,
    /// A partner with about 5 % of the tenants.
    large: String,
    /// A partner with ten customers.
    small: String,
    /// The customers of that one.
    customers: Vec<String>,
    /// A user of the small partner.
    user: String,
}

impl<'a> Calls<'a> {
    fn new(serving: &'a Serving, place: &Place, oha: Oha) -> Result<Self> {
        let id = |name| anyhow::Ok(place.id(u32::try_from(place.meta.number(name)?)?)?.to_string());
        let (large, small, top) = (id("p5")?, id("tiny")?, place.id(0)?.to_string());
        let mut calls = Self { serving, oha, top, large, small, customers: Vec::new(), user: String::new() };
        let children = calls.get(&format!("tenants/{}/children", calls.small)).send().ok();
        let ids = children.get("items").and_then(Value::as_array).context("customers")?;
        calls.customers = ids.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let body = json!({"tenant_id": calls.small, "login": "bench.calls",
            "contact": {"email": "calls@example.com"}, "notifications": ["reports"]});
        let user = calls.post("users", body).send().ok();
        user.get("id").and_then(Value::as_str).context("a user")?.clone_into(&mut calls.user);
        Ok(calls)
    }

    fn get(&self, path: &str) -> Call {
        self.serving.client.get(&format!("/api/2/{path}")).bearer(&self.serving.token)
    }

    fn post(&self, path: &str, body: Value) -> Call {
        self.serving.client.post(&format!("/api/2/{path}")).bearer(&self.serving.token).json(body)
    }

    fn put(&self, path: &str, body: Value) -> Call {
        self.serving.client.put(&format!("/api/2/{path}")).bearer(&self.serving.token).json(body)
    }

    fn read(&self) -> Result<()> {
        let Self { top, large, small, customers, user, .. } = self;
        let customer = customers.first().context("a customer")?;
        let ten = customers.join(",");
        let calls = [
            ("GET /users/me", "users/me".to_owned()),
            ("GET /tenants/{id}", format!("tenants/{customer}")),
            ("GET /tenants?uuids= (10)", format!("tenants?uuids={ten}")),
            ("GET /tenants?parent_id= (10 children)", format!("tenants?parent_id={small}")),
            (
                "GET /tenants?subtree_root_id= (first 100 of all)",
                format!("tenants?subtree_root_id={top}&limit=100"),
            ),
            (
                "GET /tenants?subtree_root_id= (first 100 of 5 %)",
                format!("tenants?subtree_root_id={large}&limit=100"),
            ),
            (
                "GET /tenants?updated_since= (nothing)",
                format!("tenants?subtree_root_id={top}&updated_since=2099-01-01T00:00:00"),
            ),
            ("GET /tenants/{id}/children (10)", format!("tenants/{small}/children")),
            ("GET /tenants/{id}/users", format!("tenants/{small}/users")),
            (
                "GET /users?subtree_root_tenant_id= (first 100)",
                format!("users?subtree_root_tenant_id={top}&limit=100"),
            ),
            ("GET /users/{id}", format!("users/{user}")),
            ("GET /search (1 hit)", format!("search?tenant={top}&text=calls&limit=10")),
            ("GET /tenants/{id}/offering_items", format!("tenants/{customer}/offering_items")),
            ("GET /tenants/{id}/usages, customer", format!("tenants/{customer}/usages")),
            ("GET /tenants/{id}/usages, partner of 10 customers", format!("tenants/{small}/usages")),
            ("GET /tenants/usages?tenants= (10)", format!("tenants/usages?tenants={ten}")),
            ("GET /tenants/{id}/pricing", format!("tenants/{customer}/pricing")),
            ("GET /tenants/{id}/reports", format!("tenants/{small}/reports")),
        ];
        for (title, path) in calls {
            self.by_oha(title, "GET", &path, None)?;
        }
        self.by_oha(
            "GET /tenants/{id}/usages, everybody's sum",
            "GET",
            &format!("tenants/{top}/usages"),
            None,
        )
    }

    /// One row of the table, of a call that is the same each time.
    fn by_oha(&self, title: &str, method: &str, path: &str, body: Option<&Value>) -> Result<()> {
        let url = format!("http://{}/api/2/{path}", self.serving.client.address());
        let authorization = format!("Bearer {}", self.serving.token);
        let json = body.map(|body| ("application/json", body.to_string()));
        let call = Fixed { method, url, authorization, body: json };
        // Ten that do not count, and what an answer weighs.
        self.oha.measure(10, &call)?;
        let once = match body {
            None => self.get(path),
            Some(body) if method == "PUT" => self.put(path, body.clone()),
            Some(body) => self.post(path, body.clone()),
        };
        let bytes = once.send().body.len();
        let (p50, p99) = self.oha.measure(TIMES, &call)?;
        println!("| {title} | {p50:.2} | {p99:.2} | {bytes} | oha |");
        Ok(())
    }

    fn write(&self) -> Result<()> {
        let Self { small, customers, user, .. } = self;
        let customer = customers.first().context("a customer")?;
        measure("POST /tenants", |at| {
            let body = json!({"name": format!("Bench {at}"), "parent_id": small, "kind": "customer"});
            Ok(self.post("tenants", body))
        })?;
        measure("PUT /tenants/{id}", |at| {
            let version = self.get(&format!("tenants/{customer}")).send().ok();
            let version = version.get("version").cloned().context("a version")?;
            Ok(self.put(
                &format!("tenants/{customer}"),
                json!({"version": version, "internal_tag": at.to_string()}),
            ))
        })?;
        // The partners of the channel have no items on themselves, so that only one below the top can be given some.
        let partner = self.get(&format!("tenants/{}/children", self.top)).send().ok();
        let partner = partner.pointer("/items/0").and_then(Value::as_str).context("a partner")?;
        let items = format!("tenants/{partner}/offering_items");
        measure("PUT /tenants/{id}/offering_items", |at| {
            let version = item(&self.get(&items).send().ok(), |item| item.get("name") == Some(&json!(ITEM)))
                .and_then(|item| item.pointer("/quota/version").cloned());
            let item = json!({"application_id": BACKUP, "name": ITEM, "status": 1,
                "quota": {"value": at + 1, "overage": null, "version": version.unwrap_or(json!(0))}});
            Ok(self.put(&items, json!({"offering_items": [item]})))
        })?;
        let metered = |tenant: &String| {
            let items = self.get(&format!("tenants/{tenant}/usages")).send().ok();
            let name = item(&items, |item| item.get("type") == Some(&json!("count")))?.get("name")?.clone();
            Some((tenant.clone(), name))
        };
        let metered: Vec<(String, Value)> = customers.iter().filter_map(metered).collect();
        measure("PUT /tenants/usages (10 items)", |at| {
            let item = |(tenant, name): &(String, Value)| json!({"tenant_id": tenant, "offering_item": name, "usage_value": at});
            Ok(self.put("tenants/usages", json!({"items": metered.iter().map(item).collect::<Vec<_>>()})))
        })?;
        let report = json!({"parameters": {"tenant_id": small, "level": "direct_partners", "kind": "usage_summary",
            "formats": ["csv_v2_0"]}, "schedule": {"type": "monthly", "enabled": true}, "recipients": [user],
            "result_action": "send"});
        self.by_oha("POST /reports", "POST", "reports", Some(&report))?;
        let made = self.post("reports", report.clone()).send().ok();
        let id = made.get("id").and_then(Value::as_str).context("a report")?;
        let path = format!("reports/{id}");
        self.by_oha("GET /reports/{id}", "GET", &path, None)?;
        // Without a version, which a PUT may leave out: each of them is a change.
        let change =
            json!({"recipients": [user], "parameters": {"kind": "usage_summary", "level": "all_customers"}});
        self.by_oha("PUT /reports/{id}", "PUT", &path, Some(&change))
    }
}

/// The first of a list's items that is wanted.
fn item(list: &Value, wanted: impl Fn(&&Value) -> bool) -> Option<&Value> {
    list.get("items")?.as_array()?.iter().find(wanted)
}

/// One row of the table; `call` is told which one of all it makes.
fn measure(title: &str, mut call: impl FnMut(usize) -> Result<Call>) -> Result<()> {
    let mut times = Vec::with_capacity(TIMES);
    let mut last: Option<Answer> = None;
    for at in 0..TIMES + 10 {
        let call = call(at)?;
        let start = std::time::Instant::now();
        let answer = call.send();
        let took = start.elapsed();
        ensure!((200..300).contains(&answer.status), "{title}: {} {}", answer.status, answer.text());
        if at >= 10 {
            times.push(took);
        }
        last = Some(answer);
    }
    let (times, bytes) = (Times::new(times), last.map_or(0, |answer| answer.body.len()));
    println!("| {title} | {:.2} | {:.2} | {bytes} | own |", times.at(500), times.at(990));
    Ok(())
}
