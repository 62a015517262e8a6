//! A small channel, made over HTTP: a partner with two administrators, and a customer that uses something.

use std::io::Read as _;

use serde_json::{Value, json};
use testkit::Answer;
use ureq::http::Method;

use super::harness::{Serving, wait_for};

/// The service that the items belong to (accounts-api, 1.11).
pub(crate) const BACKUP: &str = "6e6d758d-8e74-3ae3-ac84-50eb0dff12eb";
/// Who gets the mails.
pub(crate) const RECIPIENTS: [&str; 2] = ["ann@north.example", "bo@north.example"];
/// The partner's name.
pub(crate) const PARTNER: &str = "North Partner";

/// The customer's first reading of virtual machines.
pub(crate) const VMS: u64 = 7;

/// Ids of the channel.
pub(crate) struct Channel {
    pub(crate) partner: String,
    pub(crate) customer: String,
    pub(crate) users: Vec<String>,
    /// The day it was made on, by the server's clock.
    pub(crate) today: String,
}

impl Channel {
    /// Makes one below the top tenant.
    pub(crate) fn make(serving: &Serving, top: &str) -> Self {
        let tenant = |name: &str, kind: &str, parent: &str| {
            serving.post("/tenants", &json!({"name": name, "kind": kind, "parent_id": parent}))
        };
        let partner = tenant(PARTNER, "partner", top);
        let today = partner["created_at"].as_str().unwrap()[..10].to_owned();
        let partner = id(&partner);
        let customer = id(&tenant("Harbour Ltd", "customer", &partner));
        let items =
            ["vms", "workstations"].map(|name| json!({"application_id": BACKUP, "name": name, "status": 1}));
        for tenant in [&partner, &customer] {
            serving.put(&format!("/tenants/{tenant}/offering_items"), &json!({"offering_items": items}));
        }
        let users = RECIPIENTS.map(|email| {
            id(&serving
                .post("/users", &json!({"tenant_id": partner, "login": email, "contact": {"email": email}})))
        });
        let channel = Self { partner, customer, users: users.into(), today };
        channel.read(serving, "vms", VMS);
        channel.read(serving, "workstations", 40);
        channel
    }

    /// Puts a reading of the customer.
    pub(crate) fn read(&self, serving: &Serving, item: &str, value: u64) {
        let answer = self.try_read(serving, item, value).ok();
        assert_eq!(answer["items"][0].get("error"), None, "{answer}");
    }

    /// Tries to put one, whatever the answer.
    pub(crate) fn try_read(&self, serving: &Serving, item: &str, value: u64) -> Answer {
        let reading = json!({"tenant_id": self.customer, "offering_item": item, "usage_value": value});
        serving.ask(Method::PUT, "/tenants/usages", Some(&json!({"items": [reading]})))
    }

    /// What the customer uses of an item now.
    pub(crate) fn current(&self, serving: &Serving, item: &str) -> u64 {
        let usages = serving.get(&format!("/tenants/{}/usages?usage_names={item}", self.customer));
        usages["items"][0]["value"].as_u64().unwrap_or_else(|| panic!("no value: {usages}"))
    }

    /// A report for people, due now, on what was read today: to be mailed to both, or saved.
    pub(crate) fn order(&self, result_action: &str) -> Value {
        let recipients = if result_action == "send" { json!(self.users) } else { json!([]) };
        json!({"result_action": result_action, "recipients": recipients, "schedule": {"type": "once"},
            "parameters": {"tenant_id": self.partner, "level": "accounts", "kind": "usage_summary",
                "formats": ["csv", "html"], "period": {"start": self.today, "end": self.today}}})
    }
}

/// The id of an object.
pub(crate) fn id(object: &Value) -> String {
    object["id"].as_str().unwrap_or_else(|| panic!("no id: {object}")).to_owned()
}

/// Waits until every file of a saved report is there, and downloads them all, in the order of the formats.
pub(crate) fn saved_files(serving: &Serving, report: &str) -> Vec<String> {
    let path = format!("/reports/{report}/stored");
    let items = wait_for("saved files", || {
        let items = serving.get(&path)["items"].as_array().expect("a list").clone();
        assert!(!items.is_empty(), "a due report always lists its files");
        assert!(items.iter().all(|item| item["status"] != "failed"), "{items:?}");
        items.iter().all(|item| item["status"] == "saved").then_some(items)
    });
    let download = |item: &Value| {
        let size = usize::try_from(item["size"].as_u64().expect("a size")).expect("a size that fits");
        let file = serving.raw_file(&format!("/api/2{path}/{}", id(item)));
        assert!(file.head.starts_with("HTTP/1.1 200"), "{}", file.head);
        let head = file.head.to_lowercase();
        assert!(head.contains(&format!("\r\ncontent-length: {size}\r\n")), "{head}");
        assert!(head.contains("\r\ncontent-encoding: gzip\r\n"), "{head}");
        assert_eq!(file.body.len(), size);
        let mut text = String::new();
        flate2::read::GzDecoder::new(file.body.as_slice())
            .read_to_string(&mut text)
            .expect("one gzip member");
        text
    };
    items.iter().map(download).collect()
}
