//! Several who change the same thing at the same moment: one wins, the others are told, and nothing is half done
//! (wire-conventions, 8). Each caller is a thread with a connection of its own.

use std::net::SocketAddr;
use std::sync::Barrier;

use domain::ids::TenantId;
use domain::tenant::TenantKind;
use serde_json::{Value, json};
use testkit::{Answer, Client, TestApp};

const NOW: &str = "2026-05-08T10:58:53Z";
const BACKUP: &str = "6e6d758d-8e74-3ae3-ac84-50eb0dff12eb";
const CALLERS: usize = 8;

struct Desk {
    _test: TestApp,
    server: testkit::Server,
    token: String,
    customer: TenantId,
}

impl Desk {
    async fn new() -> Self {
        let test = TestApp::at(NOW).await;
        let server = test.serve().await;
        let token = server.token(&test.client_id, &test.client_secret).await;
        let partner = test.tenant(test.top, TenantKind::Partner, "North").await;
        let customer = test.tenant(partner, TenantKind::Customer, "Harbour").await;
        let desk = Self { _test: test, server, token, customer };
        for (tenant, names) in [(partner, &["vms", "adv_vms", "pg_base_vms"][..]), (customer, &["vms"])] {
            let on = names.iter().map(|name| json!({"application_id": BACKUP, "name": name, "status": 1}));
            let path = format!("/tenants/{tenant}/offering_items");
            desk.put(&path, &json!({"offering_items": on.collect::<Vec<_>>()})).await.ok();
        }
        desk
    }

    async fn put(&self, path: &str, body: &Value) -> Answer {
        self.server.put(&format!("/api/2{path}")).bearer(&self.token).json(body.clone()).await
    }

    async fn get(&self, path: &str) -> Value {
        self.server.get(&format!("/api/2{path}")).bearer(&self.token).await.ok()
    }

    async fn at_once(&self, bodies: Vec<(String, Value)>) -> Vec<Answer> {
        let bodies = bodies.into_iter().map(|(path, body)| (format!("/api/2{path}"), body)).collect();
        at_once("PUT", self.server.address(), &self.token, bodies).await
    }

    async fn items_on(&self) -> Vec<Value> {
        let path = format!("/tenants/{}/offering_items?edition=*&status=1", self.customer);
        self.get(&path).await["items"].as_array().unwrap().clone()
    }
}

/// Sends all bodies at once, each from a thread of its own; a null stands for none.
pub(crate) async fn at_once(
    method: &'static str,
    address: SocketAddr,
    token: &str,
    bodies: Vec<(String, Value)>,
) -> Vec<Answer> {
    let token = token.to_owned();
    let calling = tokio::task::spawn_blocking(move || {
        let barrier = Barrier::new(bodies.len());
        std::thread::scope(|scope| {
            let callers: Vec<_> = bodies
                .into_iter()
                .map(|(path, body)| {
                    let (barrier, token) = (&barrier, &token);
                    scope.spawn(move || {
                        let client = Client::new(address);
                        // A connection that stands already, so that the calls leave together.
                        client.get("/healthz").send();
                        barrier.wait();
                        let call = client.call(method.parse().unwrap(), &path).bearer(token);
                        if body.is_null() { call.send() } else { call.json(body).send() }
                    })
                })
                .collect();
            callers.into_iter().map(|caller| caller.join().unwrap()).collect()
        })
    });
    calling.await.unwrap()
}

/// The winner; every other answer has this status, and 1001.
fn only_winner(answers: &[Answer], loser: u16) -> Value {
    let won: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(answer.expect(loser)["error"]["code"], 1001);
    }
    won[0].json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_those_who_change_a_tenant_one_wins() {
    let desk = Desk::new().await;
    let path = format!("/tenants/{}", desk.customer);
    for round in 1..=5 {
        let body = |caller| json!({"version": round, "name": format!("Name {round} of {caller}")});
        let answers = desk.at_once((0..CALLERS).map(|n| (path.clone(), body(n))).collect()).await;
        let winner = only_winner(&answers, 409);
        assert_eq!(winner["version"], round + 1);
        assert_eq!(desk.get(&path).await, winner);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_those_who_set_a_quota_one_wins() {
    let desk = Desk::new().await;
    let path = format!("/tenants/{}/offering_items", desk.customer);
    let mut version = json!(0);
    for round in 1..=5 {
        let body = |caller: usize| {
            let quota = json!({"value": round * 100 + caller, "overage": null, "version": version});
            json!({"offering_items": [{"application_id": BACKUP, "name": "vms", "quota": quota}]})
        };
        let answers = desk.at_once((0..CALLERS).map(|n| (path.clone(), body(n))).collect()).await;
        let winner = only_winner(&answers, 426)["items"][0].clone();
        assert_eq!(desk.items_on().await, std::slice::from_ref(&winner));
        assert!(winner["quota"]["version"].as_i64() > version.as_i64());
        version = winner["quota"]["version"].clone();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_switches_at_once_the_last_one_counts_and_the_quota_is_never_lost() {
    let desk = Desk::new().await;
    let items = format!("/tenants/{}/offering_items", desk.customer);
    let limited = json!({"value": 7, "overage": 1, "version": 0});
    let body = json!({"offering_items": [{"application_id": BACKUP, "name": "vms", "quota": limited}]});
    let first = desk.put(&items, &body).await.ok();
    let path = format!("/tenants/{}/edition", desk.customer);
    let editions = ["standard", "advanced", "pck_per_gigabyte"];
    let switch = |n: usize| json!({"target_edition": editions[n % editions.len()], "application_id": BACKUP});
    for _ in 0..3 {
        let answers = desk.at_once((0..CALLERS).map(|n| (path.clone(), switch(n))).collect()).await;
        assert!(answers.iter().all(|answer| answer.status == 200));
        let on = desk.items_on().await;
        assert_eq!(on.len(), 1, "{on:?}");
        assert_eq!((&on[0]["quota"]["value"], &on[0]["quota"]["overage"]), (&json!(7), &json!(1)));
    }
    // Whoever saw the quota before the switches is told so.
    desk.put(&path, &switch(0)).await.ok();
    let stale = json!({"value": 9, "overage": 1, "version": first["items"][0]["quota"]["version"]});
    let body = json!({"offering_items": [{"application_id": BACKUP, "name": "vms", "quota": stale}]});
    desk.put(&items, &body).await.expect(426);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_switch_and_a_quota_at_once_leave_one_of_two_outcomes() {
    for _ in 0..4 {
        let desk = Desk::new().await;
        let items = format!("/tenants/{}/offering_items", desk.customer);
        let quota = json!({"value": 9, "overage": null, "version": 0});
        let limit = json!({"offering_items": [{"application_id": BACKUP, "name": "vms", "status": 1, "quota": quota}]});
        let switch = json!({"target_edition": "advanced", "application_id": BACKUP});
        let path = format!("/tenants/{}/edition", desk.customer);
        let answers = desk.at_once(vec![(path, switch), (items, limit)]).await;
        assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
        let on = desk.items_on().await;
        let on: Vec<_> =
            on.iter().map(|item| (item["name"].as_str().unwrap(), &item["quota"]["value"])).collect();
        // The quota first: it moves with the item. The switch first: both items are on, as was asked for.
        let (nine, none) = (json!(9), Value::Null);
        let quota_first = vec![("adv_vms", &nine)];
        let switch_first = vec![("vms", &nine), ("adv_vms", &none)];
        assert!(
            on == quota_first || on == switch_first || on == [switch_first[1], switch_first[0]],
            "{on:?}"
        );
    }
}
