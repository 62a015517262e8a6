//! What was learned while checking readings is forgotten as soon as it is no longer true.

use std::collections::HashMap;

use domain::access::{Actor, Role};
use domain::ids::TenantId;
use domain::tenant::TenantKind;
use proptest::prelude::*;
use store::args;
use testkit::TestApp;

use super::{Bulk, counts};
use crate::metering::{Metering as _, reading};

const ITEMS: [&str; 2] = ["vms", "workstations"];

/// Hangs a tenant elsewhere, below the use cases.
async fn hang(test: &TestApp, tenant: TenantId, parent: TenantId) {
    let parent = test.no(parent).await;
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    let old = store::tenants::by_id(&mut tx, tenant).await.unwrap().unwrap();
    let new = domain::tenant::Tenant { parent, ..old.clone() };
    store::tenants::update(&mut tx, &old, &new).await.unwrap();
    tx.commit().await.unwrap();
}

async fn delete(test: &TestApp, tenant: TenantId) {
    let no = test.no(tenant).await;
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    store::tenants::delete_below(&mut tx, no).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn what_is_switched_off_moved_or_deleted_is_refused_from_the_next_upload_on() {
    let bulk = Bulk::new().await;
    let south = bulk.test.tenant(bulk.test.top, TenantKind::Partner, "South").await;
    let mut caller = bulk.test.caller(bulk.partner, Role::PartnerAdmin).await;
    caller.reports_usage = true;
    let mut value = 0;
    let mut takes = async |item: &'static str| {
        value += 1;
        let body = bulk.lines(item, [value]);
        let by_upload = counts(&bulk.post("application/x-ndjson", body).await.ok())[0] == 1;
        let by_put =
            app::usage::accept(&bulk.test.app, &caller, vec![Ok(reading(bulk.customer, item, value))]);
        (by_upload, by_put.await.unwrap()[0].is_ok())
    };
    assert_eq!(takes("vms").await, (true, true));
    bulk.test.switch(bulk.customer, "vms", None, false).await;
    assert_eq!(takes("vms").await, (false, false));
    assert_eq!(takes("workstations").await, (true, true));
    bulk.test.switch(bulk.customer, "vms", None, true).await;
    assert_eq!(takes("vms").await, (true, true));
    // To root it is still there, to its old partner it is not.
    hang(&bulk.test, bulk.customer, south).await;
    assert_eq!(takes("vms").await, (true, false));
    hang(&bulk.test, bulk.customer, bulk.partner).await;
    assert_eq!(takes("vms").await, (true, true));
    hang(&bulk.test, bulk.partner, south).await;
    assert_eq!(takes("vms").await, (true, true));
    delete(&bulk.test, south).await;
    assert_eq!(takes("vms").await, (false, false));
}

#[tokio::test]
async fn a_storage_that_loses_its_capability_takes_no_readings_at_once() {
    let bulk = Bulk::new().await;
    let backup = bulk.test.storage(bulk.test.top, "eu1", "backup").await;
    bulk.test.switch(bulk.customer, "storage", Some(backup), true).await;
    let body = |value: i64| {
        format!("tenant_id,offering_item,infra_id,value\n{},storage,{backup},{value}\n", bulk.customer)
    };
    assert_eq!(counts(&bulk.post("text/csv", body(1)).await.ok()), [1, 0, 0]);
    let mut tx = bulk.test.app.write_as(Actor::System).await.unwrap();
    tx.run("UPDATE infras SET capabilities = '' WHERE id = $1", args![backup]).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(counts(&bulk.post("text/csv", body(2)).await.ok()), [0, 0, 1]);
}

/// What is done to a channel of two partners and three customers.
#[derive(Debug, Clone, Copy)]
enum Step {
    Switch { tenant: usize, item: usize, on: bool },
    Move { customer: usize, to: usize },
    Delete { customer: usize },
    Report { by: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3_usize, 0..2_usize, any::<bool>()).prop_map(|(tenant, item, on)| Step::Switch {
            tenant,
            item,
            on
        }),
        (0..3_usize, 0..2_usize).prop_map(|(customer, to)| Step::Move { customer, to }),
        (0..3_usize).prop_map(|customer| Step::Delete { customer }),
        (0..3_usize).prop_map(|by| Step::Report { by }),
        (0..3_usize).prop_map(|by| Step::Report { by }),
    ]
}

/// The channel as plain values: what may be reported follows from them alone.
#[derive(Default)]
struct Model {
    parent: [usize; 3],
    deleted: [bool; 3],
    on: HashMap<(usize, usize), bool>,
}

impl Model {
    fn takes(&self, by: usize, customer: usize, item: usize) -> bool {
        let in_reach = by == 2 || self.parent[customer] == by;
        in_reach && !self.deleted[customer] && self.on.get(&(customer, item)).copied().unwrap_or(false)
    }
}

async fn run(steps: Vec<Step>) {
    let test = TestApp::at("2026-05-08T10:00:00Z").await;
    let mut partners = Vec::new();
    for name in ["North", "South"] {
        partners.push(test.tenant(test.top, TenantKind::Partner, name).await);
    }
    let mut customers = Vec::new();
    for name in ["A", "B", "C"] {
        customers.push(test.tenant(partners[0], TenantKind::Customer, name).await);
    }
    let mut callers = Vec::new();
    for (tenant, role) in
        [(partners[0], Role::PartnerAdmin), (partners[1], Role::PartnerAdmin), (test.top, Role::RootAdmin)]
    {
        let mut caller = test.caller(tenant, role).await;
        caller.reports_usage = true;
        callers.push(caller);
    }
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Switch { tenant, item, on } => {
                test.switch(customers[tenant], ITEMS[item], None, on).await;
                model.on.insert((tenant, item), on);
            }
            Step::Move { customer, to } if !model.deleted[customer] => {
                hang(&test, customers[customer], partners[to]).await;
                model.parent[customer] = to;
            }
            Step::Delete { customer } => {
                delete(&test, customers[customer]).await;
                model.deleted[customer] = true;
            }
            Step::Move { .. } => {}
            Step::Report { by } => {
                let all = (0..3).flat_map(|customer| (0..2).map(move |item| (customer, item)));
                let all: Vec<(usize, usize)> = all.collect();
                let entry =
                    |(customer, item): &(usize, usize)| Ok(reading(customers[*customer], ITEMS[*item], 1));
                let entries = all.iter().map(entry).collect();
                let taken = app::usage::accept(&test.app, &callers[by], entries).await.unwrap();
                for ((customer, item), taken) in all.into_iter().zip(taken) {
                    assert_eq!(
                        taken.is_ok(),
                        model.takes(by, customer, item),
                        "{by} {customer} {item}: {taken:?}"
                    );
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn readings_are_taken_exactly_where_the_channel_lets_them(steps in prop::collection::vec(step(), 1..30)) {
        tokio::runtime::Runtime::new().unwrap().block_on(run(steps));
    }
}
