//! A channel over HTTP, with a log of what the server took of it.

use domain::billing::BillingDay;
use domain::catalogue::Catalogue;
use domain::time::Day;
use serde_json::{Value, json};
use testkit::{Answer, Server, TestApp, at};
use ureq::http::Method;

use super::naive::{Fact, Log, SELLS, State, Tenant, Wanted};
use super::plan::{Event, METERS};

const TENANT_KINDS: [&str; 7] = ["partner", "folder", "customer", "customer", "customer", "unit", "unit"];
/// The meter on the storage that the partner [`OWNER`] owns, and that on the platform's.
const OWN: usize = 3;
const PLATFORM: usize = 2;
const OWNER: usize = 2;
/// The tenants that are there before those of the plan: they are never deleted.
const FIXED: usize = 4;

pub(super) struct Channel {
    pub(super) test: TestApp,
    server: Server,
    token: String,
    pub(super) log: Log,
    pub(super) monthly: Vec<(String, Wanted)>,
    /// How many files were compared.
    pub(super) files: usize,
}

impl Channel {
    /// The top tenant, three partners, and a storage that the second of them owns.
    pub(super) async fn new() -> Self {
        let test = TestApp::at("2026-01-20T08:00:00Z").await;
        let server = test.serve().await;
        let token = server.token(&test.client_id, &test.client_secret).await;
        let mut channel = Self { test, server, token, log: Log::default(), monthly: Vec::new(), files: 0 };
        let mut first = state(0, "Tidemark", "root");
        first.on = METERS.map(|meter| meter.storage != METERS[OWN].storage);
        let (id, created_at) = (channel.test.top.to_string(), channel.test.clock.now());
        channel.log.tenants.push(Tenant { id, created_at, first, production_on: None });
        channel.find_storages().await;
        for parent in [0, 1, 0] {
            channel.create(parent, "partner", false).await;
        }
        channel
    }

    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let call = self.server.call(method, path).bearer(&self.token);
        match body {
            Some(body) => call.json(body).await,
            None => call.await,
        }
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PUT, path, Some(body)).await
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, None).await.ok()
    }

    async fn find_storages(&mut self) {
        let listed = self.get(&format!("/api/2/tenants/{}/infra", self.test.top)).await;
        let ids: Vec<&str> = listed["infras"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let found = self.get(&format!("/api/2/infra?uuids={}", ids.join(","))).await;
        let of = |capability: &str| {
            let mut items = found["items"].as_array().unwrap().iter();
            let infra = items.find(|infra| infra["capabilities"] == json!([capability])).unwrap();
            id_of(infra)
        };
        self.log.storages = [of("backup"), String::new(), of("disaster_recovery")];
    }

    pub(super) fn today(&self) -> Day {
        self.test.clock.now().day()
    }

    /// The tenants as they are now.
    fn now(&self) -> Vec<State> {
        self.log.at(self.today())
    }

    pub(super) fn who(&self, any: usize) -> usize {
        any % self.log.tenants.len()
    }

    /// Those that are there now and of these kinds.
    fn parents(&self, kinds: &[&str]) -> Vec<usize> {
        let now = self.now();
        (0..now.len()).filter(|at| !now[*at].deleted && kinds.contains(&now[*at].kind)).collect()
    }

    fn path(&self, who: usize) -> String {
        format!("/api/2/tenants/{}", self.log.tenants[who].id)
    }

    fn accepted(&mut self, who: usize, fact: Fact) {
        self.log.facts.push((self.today(), who, fact));
    }

    /// Lets the days pass; monthly reports are made, and compared, at the moment they are due.
    pub(super) async fn moves_on(&mut self, days: i32, time: &str) {
        let target = at(&format!("{}T{time}Z", self.today().plus(days)));
        let due = self.today().first_of_next_month().last_second();
        if due <= target {
            self.test.clock.set(due);
            self.sign_in().await;
            app::jobs::drain(&self.test.app).await.unwrap();
            for (id, wanted) in self.monthly.clone() {
                let period = due.day().previous_month();
                self.compare(&id, &Wanted { period, made_on: due.day(), ..wanted }).await;
            }
        }
        self.test.clock.set(target);
        self.sign_in().await;
    }

    async fn sign_in(&mut self) {
        self.token = self.server.token(&self.test.client_id, &self.test.client_secret).await;
    }

    /// One call of readings, each for itself taken or not.
    pub(super) async fn reads(&mut self, readings: &[(usize, usize, i64)]) {
        let readings: Vec<_> =
            readings.iter().map(|(any, meter, value)| (self.who(*any), *meter, *value)).collect();
        let items: Vec<Value> = readings
            .iter()
            .map(|(who, meter, value)| {
                let mut item = json!({"tenant_id": self.log.tenants[*who].id, "usage_value": value,
                    "offering_item": METERS[*meter].item});
                if let Some(storage) = METERS[*meter].storage {
                    item["infra_id"] = json!(self.log.storages[storage]);
                }
                item
            })
            .collect();
        let answer = self.put("/api/2/tenants/usages", json!({"items": items})).await.ok();
        for ((who, meter, value), verdict) in readings.into_iter().zip(answer["items"].as_array().unwrap()) {
            if verdict.get("error").is_none() {
                let level = if METERS[meter].accumulates {
                    let begin = self.log.period_start(who, Some(meter), self.today()).previous();
                    self.log.at(begin)[who].level[meter] + i128::from(value)
                } else {
                    i128::from(value)
                };
                self.accepted(who, Fact::Level(meter, level));
            }
        }
    }

    /// Tries it; what the server refuses has not happened.
    pub(super) async fn does(&mut self, event: &Event) {
        match *event {
            Event::Create { parent, kind, own_storage } => {
                let kind = TENANT_KINDS[kind];
                let parents = self.parents(if kind == "unit" { &["customer"] } else { &SELLS });
                if let Some(parent) = parents.get(parent % parents.len().max(1)) {
                    self.create(*parent, kind, own_storage).await;
                }
            }
            Event::Move { who, parent } => {
                let parents = self.parents(&SELLS);
                let (who, parent) = (self.who(who), parents[parent % parents.len()]);
                self.change(who, json!({"parent_id": self.log.tenants[parent].id}), Fact::Parent(parent))
                    .await;
            }
            Event::Rename { who, letter } => {
                let name = format!("{}{who}", char::from(letter));
                self.change(self.who(who), json!({"name": name}), Fact::Name(name.clone())).await;
            }
            Event::Turn { who } => {
                let who = self.who(who);
                let kind = if self.now()[who].kind == "partner" { "folder" } else { "partner" };
                self.change(who, json!({"kind": kind}), Fact::Kind(kind)).await;
            }
            Event::Access { who, open } => {
                self.change(self.who(who), json!({"ancestral_access": open}), Fact::Open(open)).await;
            }
            Event::Delete { who } => self.delete(self.who(who)).await,
            Event::Mode { who, suspended } => self.mode(self.who(who), suspended).await,
            Event::BillingDay { who, day } => {
                let who = self.who(who);
                let path = format!("/api/tidemark/1/tenants/{}/billing_period", self.log.tenants[who].id);
                if self.put(&path, json!({"day": day})).await.status == 200 {
                    self.accepted(who, Fact::BillingDay(day));
                }
            }
            Event::ItemBillingDay { who, meter, day } => {
                self.item_billing_day(self.who(who), meter, day).await;
            }
            Event::Switch { who, meter, on } => self.switch(self.who(who), meter, on).await,
            Event::Report(ref order) => self.report(order).await,
        }
    }

    /// A tenant that has on whatever its parent has; customers choose one storage.
    async fn create(&mut self, parent: usize, kind: &'static str, own_storage: bool) {
        let (no, above) = (self.log.tenants.len(), self.now()[parent].clone());
        let name = format!("T{no}");
        let body = json!({"name": name, "kind": kind, "parent_id": self.log.tenants[parent].id});
        let answer = self.ask(Method::POST, "/api/2/tenants", Some(body)).await;
        if answer.status != 201 {
            return;
        }
        let (id, created_at) = (id_of(&answer.json()), self.test.clock.now());
        self.log.tenants.push(Tenant {
            id: id.clone(),
            created_at,
            first: state(parent, &name, kind),
            production_on: None,
        });
        let mut on = above.on;
        if no == OWNER {
            let storage = json!({"owner_tenant_id": id, "name": "vault", "url": "abgw://vault.example.com", "capabilities": ["backup"]});
            let made = self.ask(Method::POST, "/api/2/infra", Some(storage)).await.expect(201);
            self.log.storages[1] = id_of(&made);
            on[OWN] = true;
        }
        if kind == "customer" && on[OWN] && on[PLATFORM] {
            on[if own_storage { PLATFORM } else { OWN }] = false;
        }
        let meters: Vec<usize> = (0..METERS.len()).filter(|meter| on[*meter]).collect();
        let items: Vec<Value> = meters.iter().map(|meter| self.item(*meter, true)).collect();
        let answer =
            self.put(&format!("{}/offering_items", self.path(no)), json!({"offering_items": items})).await;
        answer.ok();
        for meter in meters {
            self.accepted(no, Fact::On(meter, true));
        }
    }

    fn item(&self, meter: usize, on: bool) -> Value {
        let name = METERS[meter].item;
        let catalogue = Catalogue::embedded();
        let service = catalogue.application_id(catalogue.item(name).unwrap().service);
        let mut item = json!({"application_id": service, "name": name, "status": u8::from(on)});
        if let Some(storage) = METERS[meter].storage {
            item["infra_id"] = json!(self.log.storages[storage]);
        }
        item
    }

    async fn change(&mut self, who: usize, mut body: Value, fact: Fact) {
        let path = self.path(who);
        let answer = self.ask(Method::GET, &path, None).await;
        body["version"] = answer.json()["version"].clone();
        if answer.status == 200 && self.put(&path, body).await.status == 200 {
            self.accepted(who, fact);
        }
    }

    async fn delete(&mut self, who: usize) {
        let path = self.path(who);
        let answer = self.ask(Method::GET, &path, None).await;
        if who < FIXED || answer.status != 200 {
            return;
        }
        let disabled = self.put(&path, json!({"version": answer.json()["version"], "enabled": false})).await;
        let path = format!("{path}?version={}", disabled.json()["version"]);
        if disabled.status == 200 && self.ask(Method::DELETE, &path, None).await.status == 204 {
            for below in self.below(who) {
                self.accepted(below, Fact::Deleted);
            }
        }
    }

    /// The tenant and what stands below it now.
    fn below(&self, who: usize) -> Vec<usize> {
        let now = self.now();
        let is_below = |tenant: &usize| {
            let mut at = *tenant;
            while at != who && now[at].parent != at {
                at = now[at].parent;
            }
            at == who && !now[*tenant].deleted
        };
        (0..now.len()).filter(is_below).collect()
    }

    async fn mode(&mut self, who: usize, suspended: bool) {
        let path = format!("{}/pricing", self.path(who));
        let answer = self.ask(Method::GET, &path, None).await;
        let mode = if suspended { "suspended" } else { "production" };
        let body = json!({"version": answer.json()["version"], "mode": mode});
        if answer.status == 200 && self.put(&path, body).await.status == 200 {
            let today = self.today();
            self.log.tenants[who].production_on.get_or_insert(today);
        }
    }

    async fn item_billing_day(&mut self, who: usize, meter: usize, day: i8) {
        let period = BillingDay::new(day.into()).unwrap().period_of(self.today());
        let item = self.item(meter, true);
        let mut named = json!({"application_id": item["application_id"], "name": item["name"]});
        if let Some(infra) = item.get("infra_id") {
            named["infra_component_id"] = infra.clone();
        }
        let body = json!({"items": [{"offering_item": named, "current_period": {"start": period.start, "end": period.last()}}]});
        let path = format!("/api/2/billing/tenants/{}/periods", self.log.tenants[who].id);
        if self.put(&path, body).await.status == 200 {
            self.accepted(who, Fact::ItemBillingDay(meter, day));
        }
    }

    /// What goes off at a tenant goes off below it; once it has no storage left, those that tenants below own go off too.
    async fn switch(&mut self, who: usize, meter: usize, on: bool) {
        let was = self.now();
        let body = json!({"offering_items": [self.item(meter, on)]});
        let path = format!("{}/offering_items", self.path(who));
        if who == 0 || was[who].on[meter] == on || self.put(&path, body).await.status != 200 {
            return;
        }
        if on {
            self.accepted(who, Fact::On(meter, true));
            return;
        }
        let same_item = |other: &usize| METERS[*other].item == METERS[meter].item;
        let is_gone = !(0..METERS.len()).filter(same_item).any(|other| other != meter && was[who].on[other]);
        let gone: Vec<usize> =
            (0..METERS.len()).filter(same_item).filter(|other| is_gone || *other == meter).collect();
        for below in self.below(who) {
            for meter in gone.iter().filter(|meter| was[below].on[**meter]) {
                self.accepted(below, Fact::On(*meter, false));
            }
        }
    }
}

pub(super) fn id_of(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}

fn state(parent: usize, name: &str, kind: &'static str) -> State {
    State {
        parent,
        name: name.to_owned(),
        kind,
        open: true,
        deleted: false,
        billing_day: 1,
        item_billing_day: [None; METERS.len()],
        on: [false; METERS.len()],
        level: [0; METERS.len()],
    }
}
