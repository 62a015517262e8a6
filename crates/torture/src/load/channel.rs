//! The channel that everything happens in: a partner, its customers, and who gets reports.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use ureq::http::Method;

use super::caller::{Body, Caller};

/// The service that the items belong to.
const BACKUP: &str = "6e6d758d-8e74-3ae3-ac84-50eb0dff12eb";
/// The item of readings with keys.
pub const KEYED: &str = "vms";
/// The item of readings without.
pub const PLAIN: &str = "workstations";
/// Customers.
const CUSTOMERS: usize = 24;
/// Who gets reports.
const USERS: [&str; 4] = ["ann@north.example", "bo@north.example", "cy@north.example", "di@north.example"];

/// Ids.
#[derive(Debug, Clone)]
pub struct Channel {
    /// The partner.
    pub partner: String,
    /// Its customers.
    pub customers: Vec<String>,
    /// Its users, and their addresses.
    pub users: Vec<(String, String)>,
}

impl Channel {
    /// Makes it, while nothing fails yet.
    pub fn make(caller: &mut Caller, top: &str) -> Result<Self> {
        let tenant = |caller: &mut Caller, name: &str, kind: &str, parent: &str| {
            id(&done(
                caller,
                &Method::POST,
                "/tenants",
                json!({"name": name, "kind": kind, "parent_id": parent}),
            )?)
        };
        let partner = tenant(caller, "North", "partner", top)?;
        let items = [KEYED, PLAIN].map(|name| json!({"application_id": BACKUP, "name": name, "status": 1}));
        let offer = json!({"offering_items": items});
        done(caller, &Method::PUT, &format!("/tenants/{partner}/offering_items"), offer.clone())?;
        let mut customers = Vec::new();
        for no in 0..CUSTOMERS {
            let customer = tenant(caller, &format!("Customer {no}"), "customer", &partner)?;
            done(caller, &Method::PUT, &format!("/tenants/{customer}/offering_items"), offer.clone())?;
            customers.push(customer);
        }
        let mut users = Vec::new();
        for email in USERS {
            let user = json!({"tenant_id": partner, "login": email, "contact": {"email": email}});
            users.push((id(&done(caller, &Method::POST, "/users", user)?)?, email.to_owned()));
        }
        Ok(Self { partner, customers, users })
    }
}

fn done(caller: &mut Caller, method: &Method, path: &str, body: Value) -> Result<Value> {
    let path = format!("/api/2{path}");
    let answer = caller.ask(method, &path, Some(&Body::Json(body))).context("no answer")?;
    ensure!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.text());
    Ok(answer.json())
}

/// The id of an object.
pub fn id(object: &Value) -> Result<String> {
    object.get("id").and_then(Value::as_str).map(str::to_owned).with_context(|| format!("no id: {object}"))
}
