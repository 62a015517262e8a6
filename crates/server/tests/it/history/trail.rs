//! The changes behind the history, over a real socket.

use std::io::Cursor;

use app::usage::upload::{Encoding, Form, Format, Source, receive, store as store_upload};
use domain::access::{Actor, Role};
use domain::ids::{Seq, TenantId};
use domain::tenant::TenantKind;
use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::{Server, TestApp, at};

use super::corrections::{Scene, steps};
use super::{day, report};
use crate::metering::Metering as _;

const MAY: &str = "from=2026-05-01&to=2026-05-09";

/// A partner with a customer, and what a call to the trail gives.
struct Ledger {
    test: TestApp,
    server: Server,
    partner: TenantId,
    customer: TenantId,
    /// The partner's client.
    client: (String, String),
}

impl Ledger {
    async fn new() -> Self {
        let test = TestApp::at("2026-05-01T08:00:00Z").await;
        let partner = test.tenant(test.top, TenantKind::Partner, "North").await;
        let customer = test.tenant(partner, TenantKind::Customer, "Harbour").await;
        for item in ["vms", "notarizations"] {
            test.switch(customer, item, None, true).await;
        }
        let server = test.serve().await;
        let client = test.client(partner, Role::PartnerAdmin).await;
        Self { test, server, partner, customer, client }
    }

    /// An upload of the customer's readings: days with values, or none to be taken back.
    async fn upload(
        &self,
        source: &Source,
        item: &str,
        readings: &[(&str, Option<i64>)],
        reason: Option<&str>,
    ) {
        let line = |(date, value): &(&str, Option<i64>)| {
            let reading = json!({"tenant_id": self.customer, "offering_item": item, "date": date, "value": value,
                "retract": value.is_none()});
            format!("{reading}\n")
        };
        let body: String = readings.iter().map(line).collect();
        let form =
            Form { format: Format::Ndjson, encoding: Encoding::Identity, reason: reason.map(str::to_owned) };
        let received = receive(&self.test.app, form, Cursor::new(body)).await.unwrap();
        let summary = store_upload(&self.test.app, source, received, |_| ()).await.unwrap();
        assert_eq!(summary.accepted, u64::try_from(readings.len()).unwrap(), "{summary:?}");
    }

    async fn partner_source(&self) -> Source {
        let mut caller = self.test.caller(self.partner, Role::PartnerAdmin).await;
        caller.actor = Actor::Client(self.client.0.parse().unwrap());
        caller.reports_usage = true;
        Source::caller(&caller).unwrap()
    }

    async fn page(&self, client: &(String, String), tenant: TenantId, query: &str) -> Value {
        let token = self.server.token(&client.0, &client.1).await;
        self.server.get(&path(tenant, query)).bearer(&token).await.ok()
    }

    fn root(&self) -> (String, String) {
        (self.test.client_id.clone(), self.test.client_secret.clone())
    }
}

fn path(tenant: TenantId, query: &str) -> String {
    format!("/api/tidemark/1/tenants/{tenant}/history/changes?{query}")
}

fn items(page: &Value) -> &[Value] {
    page["items"].as_array().unwrap()
}

/// Of every change: the day, old, new, by whom and why.
fn told(page: &Value) -> Vec<Value> {
    let of = |item: &Value| {
        json!([
            item["date"],
            item["old"],
            item["new"],
            item["actor"]["type"],
            item["actor"]["id"],
            item["reason"]
        ])
    };
    items(page).iter().map(of).collect()
}

#[tokio::test]
async fn corrections_and_retractions_are_told_with_who_and_why() {
    let ledger = Ledger::new().await;
    let ours = ledger.partner_source().await;
    report(&ledger.test, ledger.customer, "2026-05-02T09:00:00Z", 5).await;
    ledger.test.clock.set(at("2026-05-09T09:00:00Z"));
    ledger.upload(&ours, "vms", &[("2026-05-02", Some(7)), ("2026-05-04", Some(8))], Some("=late")).await;
    ledger.upload(&Source::system(), "vms", &[("2026-05-02", None)], Some("a mistake")).await;
    ledger.upload(&ours, "notarizations", &[("2026-05-03", Some(30))], None).await;
    ledger.upload(&ours, "notarizations", &[("2026-05-06", Some(50))], None).await;
    ledger.upload(&ours, "notarizations", &[("2026-05-03", Some(20))], None).await;
    let client = &ledger.client.0;
    let page = ledger.page(&ledger.client, ledger.partner, &format!("{MAY}&items=vms")).await;
    let all = [
        // Made up below sign-in, in the name of the top tenant.
        json!(["2026-05-02", null, 5, "other", null, null]),
        json!(["2026-05-02", 5, 7, "client", client, "=late"]),
        json!(["2026-05-04", null, 8, "client", client, "=late"]),
        json!(["2026-05-02", 7, null, "system", null, "a mistake"]),
    ];
    assert_eq!(told(&page), all);
    let late: Vec<bool> = items(&page).iter().map(|item| item["late"].as_bool().unwrap()).collect();
    assert_eq!(late, [false, true, true, true]);
    assert_eq!(items(&page)[1]["recorded_at"], "2026-05-09T09:00:00Z");
    assert_eq!(items(&page)[0]["tenant_id"], ledger.customer.to_string());
    assert_eq!(page["after"], Value::Null);
    // What is accumulated moves on with the correction of an earlier day.
    let page = ledger.page(&ledger.client, ledger.customer, &format!("{MAY}&items=notarizations")).await;
    let moves = |item: &Value| item["moves_later_days"].as_bool().unwrap();
    let levels: Vec<Value> =
        items(&page).iter().map(|item| json!([item["old"], item["new"], moves(item)])).collect();
    assert_eq!(levels, [json!([null, 30, false]), json!([null, 50, false]), json!([30, 20, true])]);
    // Within some days alone, and as of a number.
    let page = ledger.page(&ledger.client, ledger.partner, "from=2026-05-03&to=2026-05-04").await;
    assert_eq!(items(&page).len(), 3);
    let seq = items(&page)[0]["seq"].as_i64().unwrap();
    let page = ledger.page(&ledger.client, ledger.partner, &format!("{MAY}&as_of={seq}")).await;
    assert_eq!(told(&page), all[..3]);
    assert_eq!(page["as_of"], seq);
}

#[tokio::test]
async fn who_stands_above_is_not_named_to_those_below() {
    let ledger = Ledger::new().await;
    let root = ledger.root();
    let token = ledger.server.token(&root.0, &root.1).await;
    let line = json!({"tenant_id": ledger.customer, "offering_item": "vms", "value": 3}).to_string();
    ledger
        .server
        .post("/api/tidemark/1/readings")
        .bearer(&token)
        .raw("application/x-ndjson", line)
        .await
        .ok();
    ledger.test.clock.set(at("2026-05-02T09:00:00Z"));
    ledger.upload(&ledger.partner_source().await, "vms", &[("2026-05-01", Some(4))], None).await;
    let actors = async |client: &(String, String)| {
        let page = ledger.page(client, ledger.customer, "to=2026-05-01").await;
        let actor = |item: &Value| (item["actor"]["type"].clone(), item["actor"]["id"].clone());
        items(&page).iter().map(actor).collect::<Vec<_>>()
    };
    let named = |id: &String| (json!("client"), json!(id));
    let other = || (json!("other"), Value::Null);
    assert_eq!(actors(&root).await, [named(&root.0), named(&ledger.client.0)]);
    assert_eq!(actors(&ledger.client).await, [other(), named(&ledger.client.0)]);
    let customer = ledger.test.client(ledger.customer, Role::CompanyAdmin).await;
    assert_eq!(actors(&customer).await, [other(), other()]);
}

#[tokio::test]
async fn pages_follow_each_other_whatever_is_accepted_and_packed_between_them() {
    let ledger = Ledger::new().await;
    ledger.test.clock.set(at("2026-05-09T09:00:00Z"));
    let ours = ledger.partner_source().await;
    // Several changes of one meter under one number.
    let values = [1, 2, 3, 4, 5].map(|value| ("2026-05-03", Some(value)));
    ledger.upload(&ours, "vms", &values, None).await;
    ledger.upload(&ours, "notarizations", &[("2026-05-03", Some(6)), ("2026-05-02", Some(1))], None).await;
    ledger.upload(&ours, "vms", &[("2026-05-04", Some(7)), ("2026-05-02", Some(8))], None).await;
    let whole = ledger.page(&ledger.client, ledger.partner, MAY).await;
    assert_eq!(items(&whole).len(), 9);
    for limit in [1, 2, 4, 9] {
        let mut page = ledger.page(&ledger.client, ledger.partner, &format!("{MAY}&limit={limit}")).await;
        let mut found = items(&page).to_vec();
        while let Some(after) = page["after"].as_str() {
            assert_eq!(items(&page).len(), limit);
            ledger
                .upload(&ours, "vms", &[("2026-05-05", Some(i64::try_from(found.len()).unwrap() + 10))], None)
                .await;
            ledger.upload(&ours, "vms", &[("2026-05-05", None)], None).await;
            app::history::close_due(&ledger.test.app).await.unwrap();
            while app::history::tend(&ledger.test.app).await.unwrap() {}
            page = ledger.page(&ledger.client, ledger.partner, &format!("after={after}&limit={limit}")).await;
            found.extend(items(&page).to_vec());
        }
        let begun = format!("{MAY}&as_of={}&limit=1000", whole["as_of"]);
        assert_eq!(found[..9], items(&ledger.page(&ledger.client, ledger.partner, &begun).await)[..]);
        assert_eq!(found[..9], items(&whole)[..], "{limit} at a time");
    }
}

#[tokio::test]
async fn a_cursor_is_of_its_tenant_and_stands_for_everything_but_the_limit() {
    let ledger = Ledger::new().await;
    report(&ledger.test, ledger.customer, "2026-05-01T09:00:00Z", 5).await;
    report(&ledger.test, ledger.customer, "2026-05-01T09:00:00Z", 6).await;
    let page = ledger.page(&ledger.client, ledger.partner, "to=2026-05-01&limit=1").await;
    let after = page["after"].as_str().unwrap();
    let token = ledger.server.token(&ledger.client.0, &ledger.client.1).await;
    for (tenant, query, field) in [
        (ledger.customer, format!("after={after}"), "after: is no cursor of this list"),
        (ledger.partner, format!("after=x{after}"), "after: is no cursor of this list"),
        (ledger.partner, format!("after={after}&items=vms"), "items"),
        (ledger.partner, "limit=0".to_owned(), "limit"),
        (ledger.partner, "limit=1001".to_owned(), "limit"),
        (ledger.partner, "limit=x".to_owned(), "limit"),
    ] {
        let answer = ledger.server.get(&path(tenant, &query)).bearer(&token).await.expect(400);
        let info = answer["error"]["details"]["info"].as_str().unwrap();
        assert!(info.starts_with(field), "{query}: {info}");
    }
}

/// Every change says what the day said before its number, and what it said from then on.
async fn check(scene: &Scene) {
    let server = scene.test.serve().await;
    let token = server.token(&scene.test.client_id, &scene.test.client_secret).await;
    let today = scene.test.clock.now().day();
    let first = scene.begin.plus(-75).max(today.plus(-399));
    let query = format!("from={first}&to={today}&items=vms&limit=1000");
    let page = server.get(&path(scene.tenant, &query)).bearer(&token).await.ok();
    let mut last = Seq(0);
    // One transaction may change a day several times.
    let place = |item: &Value| (item["seq"].clone(), item["date"].clone());
    let mut told = std::collections::HashMap::new();
    for (at, item) in items(&page).iter().enumerate() {
        let (seq, date) = (Seq(item["seq"].as_i64().unwrap()), day(item["date"].as_str().unwrap()));
        assert!(last <= seq, "the newest comes last");
        last = seq;
        let before = scene.known.range(..seq).next_back().and_then(|(_, [vms, _])| vms.0.get(&date).copied());
        let before = told.insert(place(item), item["new"].as_i64()).unwrap_or(before);
        // A reading that repeats an earlier day's takes no number: no number tells of it before it is changed.
        assert!(item["old"].as_i64() == before || before.is_none(), "{item}, before {before:?}");
        let next = items(&page)[at + 1..].iter().find(|next| place(next) == place(item));
        let since = scene.known[&seq][0].0.get(&date).copied();
        let since = next.map_or(since, |next| next["old"].as_i64());
        // Such a one may also have come after the day's was taken back.
        assert!(item["new"].is_null() || item["new"].as_i64() == since, "{item}");
    }
    let changes = scene.known.values().zip(scene.known.values().skip(1)).filter(|([old, _], [new, _])| {
        // What became of days that had a reading before and have another now, or none.
        old.0.iter().any(|(day, level)| *day >= first && new.0.get(day) != Some(level))
    });
    assert!(items(&page).len() >= changes.count());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_change_leads_from_what_was_known_to_what_is(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut scene = Scene::new().await;
            for step in &steps {
                scene.take(step).await;
            }
            check(&scene).await;
        });
    }
}
