//! Readings in, current usage out.

mod wire;

use std::collections::HashSet;

use app::Error;
use app::usage::{Entry, Fault, Usage, UsageFilter};
use domain::access::{Actor, Role};
use domain::history::Batch;
use domain::ids::{InfraId, RangeNo, TenantId};
use domain::tenant::TenantKind;
use domain::time::Instant;
use store::args;
use store::history::Meter;
use testkit::{TestApp, at};
use tokio::task::JoinSet;

use crate::metering::{Metering as _, reading};

/// What a partner of a channel reads: its usages of one name.
async fn usages(test: &TestApp, tenant: TenantId, usage_name: &str) -> Vec<Usage> {
    let caller = test.caller(test.top, Role::RootAdmin).await;
    let filter = UsageFilter { usage_names: Some(HashSet::from([usage_name.to_owned()])), editions: None };
    app::usage::of_tenant(&test.app, &caller, tenant, &filter).await.unwrap().1
}

/// Every entry, in the order of acceptance.
async fn ledger(test: &TestApp) -> Vec<domain::history::Entry> {
    let mut conn = test.app.read().await.unwrap();
    let rows = conn.all("SELECT * FROM ledger ORDER BY first_seq", Vec::new()).await.unwrap();
    let batches = rows.iter().map(|row| {
        let range = RangeNo(row.int("range_no").unwrap());
        let (first, last) = (row.day("first_day").unwrap(), row.day("last_day").unwrap());
        Batch::decode(&row.blob("bytes").unwrap(), range, first, last).unwrap()
    });
    batches.flat_map(|batch| batch.entries).map(|recorded| recorded.entry).collect()
}

async fn count(test: &TestApp, sql: &'static str) -> i64 {
    test.app.read().await.unwrap().count(sql, Vec::new()).await.unwrap()
}

async fn channel(now: &str) -> (TestApp, TenantId, TenantId) {
    let test = TestApp::at(now).await;
    let partner = test.tenant(test.top, TenantKind::Partner, "North").await;
    let customer = test.tenant(partner, TenantKind::Customer, "Harbour").await;
    for tenant in [partner, customer] {
        test.switch(tenant, "vms", None, true).await;
        test.switch(tenant, "notarizations", None, true).await;
    }
    (test, partner, customer)
}

#[tokio::test]
async fn every_fault_of_a_reading_has_its_own_verdict_and_the_others_are_taken() {
    let (test, partner, customer) = channel("2026-05-08T10:00:00Z").await;
    let backup = test.storage(test.top, "eu1", "backup").await;
    let recovery = test.storage(test.top, "eu2", "disaster_recovery").await;
    test.switch(customer, "storage", Some(backup), true).await;
    test.switch(customer, "local_storage", None, true).await;
    test.switch(customer, "dr_internet_access", Some(recovery), true).await;
    let unknown = TenantId(test.app.ids.other().unwrap());
    let resource = test.app.ids.other().unwrap();
    let on = |infra: Option<InfraId>| Entry { infra, ..reading(customer, "storage", 7) };
    let typed = |name: &str| Entry {
        offering_item: None,
        usage_type: Some(name.to_owned()),
        ..reading(customer, "", 9)
    };
    let required = |field| Err(Fault::invalid(field, "required"));
    let unavailable = |name: &str| Err(Fault::ItemUnavailable(name.to_owned()));
    let cases = [
        (reading(customer, "vms", 21), Ok(())),
        (Entry { tenant: None, ..reading(customer, "vms", 1) }, required("tenant_id")),
        (Entry { offering_item: None, ..reading(customer, "", 1) }, required("offering_item")),
        (
            Entry { resource: Some(resource), ..reading(customer, "vms", 1) },
            Err(Fault::UnknownResource(resource)),
        ),
        (reading(unknown, "vms", 1), Err(Fault::UnknownTenant(unknown))),
        (reading(customer, "pw_nothing", 1), unavailable("pw_nothing")),
        (reading(customer, "workstations", 1), unavailable("workstations")),
        (on(Some(backup)), Ok(())),
        (on(None), Err(Fault::invalid("infra_id", "required for this item"))),
        (on(Some(recovery)), unavailable("storage")),
        (on(Some(InfraId(resource))), unavailable("storage")),
        (Entry { infra: Some(backup), ..reading(customer, "vms", 1) }, unavailable("vms")),
        (reading(partner, "vms", 3), Ok(())),
        (typed("local_storage"), Ok(())),
        (Entry { infra: Some(backup), ..typed("storage") }, Ok(())),
        (typed("nothing"), unavailable("nothing")),
    ];
    let (entries, expected): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    assert_eq!(test.report_usage(entries).await, expected);
    for entry in [reading(customer, "dr_internet_access", 1), typed("vms")] {
        assert!(matches!(test.report_usage(vec![entry]).await[..], [Err(Fault::Business(_))]));
    }
    let values = |usages: Vec<Usage>| usages.iter().map(|usage| usage.value).collect::<Vec<_>>();
    assert_eq!(values(usages(&test, customer, "storage").await), [9]);
    assert_eq!(values(usages(&test, customer, "vms").await), [21]);
    assert_eq!(values(usages(&test, partner, "vms").await), [24]);
}

#[tokio::test]
async fn only_who_may_report_does_and_only_within_its_subtree() {
    let (test, north, customer) = channel("2026-05-08T10:00:00Z").await;
    let south = test.tenant(test.top, TenantKind::Partner, "South").await;
    let mut caller = test.caller(north, Role::PartnerAdmin).await;
    let call = || vec![Ok(reading(customer, "vms", 1)), Ok(reading(south, "vms", 1))];
    let refused = app::usage::accept(&test.app, &caller, call()).await;
    assert!(matches!(refused, Err(Error::Forbidden)));
    caller.reports_usage = true;
    let verdicts = app::usage::accept(&test.app, &caller, call()).await.unwrap();
    assert_eq!(verdicts, [Ok(()), Err(Fault::Forbidden(south))]);
    let too_many = (0..1_001).map(|_| Ok(reading(customer, "vms", 1))).collect();
    let refused = app::usage::accept(&test.app, &caller, too_many).await;
    assert!(matches!(refused, Err(Error::TooMany { .. })));
    assert_eq!(app::usage::accept(&test.app, &caller, Vec::new()).await.unwrap(), []);
}

#[tokio::test]
async fn many_calls_at_once_share_transactions_and_each_is_answered_once() {
    let (test, _, customer) = channel("2026-05-08T10:00:00Z").await;
    let caller = test.caller(test.top, Role::RootAdmin).await;
    let before = count(&test, "SELECT seq AS n FROM acceptance").await;
    let mut calls = JoinSet::new();
    for value in 1..=200 {
        let (app, caller) = (test.app.clone(), caller.clone());
        calls.spawn(async move {
            let entries = vec![Ok(reading(customer, "vms", value)), Ok(reading(customer, "nothing", 1))];
            app::usage::accept(&app, &caller, entries).await
        });
    }
    let mut answered = 0;
    while let Some(answer) = calls.join_next().await {
        assert_eq!(answer.unwrap().unwrap()[0], Ok(()));
        answered += 1;
    }
    assert_eq!(answered, 200);
    let transactions = count(&test, "SELECT seq AS n FROM acceptance").await - before;
    assert!((1..100).contains(&transactions), "{transactions} transactions");
    // Every value differs from the one before, so that each call left its entry, and the entries make a chain.
    let mut level = None;
    let entries = ledger(&test).await;
    assert_eq!(entries.len(), 200);
    for entry in entries {
        assert_eq!(entry.old, level);
        level = entry.new;
    }
    assert_eq!(Some(usages(&test, customer, "vms").await[0].value), level.map(i128::from));
}

#[tokio::test]
async fn a_call_given_up_while_it_leads_takes_nothing_with_it() {
    let (test, partner, customer) = channel("2026-05-08T10:00:00Z").await;
    let caller = test.caller(test.top, Role::RootAdmin).await;
    let write =
        |tenant, value| app::usage::accept(&test.app, &caller, vec![Ok(reading(tenant, "vms", value))]);
    // Nobody can write while this transaction is open, so that the leader waits until its caller hangs up.
    let blocker = test.app.write_as(Actor::System).await.unwrap();
    let patience = std::time::Duration::from_millis(300);
    let (leader, follower, ()) = tokio::join!(
        tokio::time::timeout(patience, write(partner, 5)),
        async {
            tokio::task::yield_now().await;
            write(customer, 6).await
        },
        async {
            let _ = tokio::time::timeout(patience * 2, std::future::pending::<()>()).await;
            drop(blocker);
        }
    );
    assert!(leader.is_err());
    assert_eq!(follower.unwrap(), [Ok(())]);
    assert_eq!(usages(&test, partner, "vms").await[0].value, 6);
}

#[tokio::test]
async fn a_transaction_that_fails_is_told_to_every_call_in_it() {
    let (test, _, customer) = channel("2026-05-08T10:00:00Z").await;
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    tx.run("ALTER TABLE ledger RENAME TO elsewhere", Vec::new()).await.unwrap();
    tx.commit().await.unwrap();
    let caller = test.caller(test.top, Role::RootAdmin).await;
    let write = |value| app::usage::accept(&test.app, &caller, vec![Ok(reading(customer, "vms", value))]);
    let answers = tokio::join!(write(1), write(2), write(3));
    for answer in [answers.0, answers.1, answers.2] {
        assert!(matches!(answer, Err(Error::Internal(_))));
    }
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    tx.run("ALTER TABLE elsewhere RENAME TO ledger", Vec::new()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(count(&test, "SELECT COUNT(*) AS n FROM meters").await, 0);
    assert_eq!(write(4).await.unwrap(), [Ok(())]);
}

#[tokio::test]
async fn within_a_call_the_last_of_equal_items_counts_and_an_equal_reading_only_moves_last_heard() {
    let (test, _, customer) = channel("2026-05-08T10:00:00Z").await;
    let call = |values: &[i64]| values.iter().map(|value| reading(customer, "vms", *value)).collect();
    test.report_usage(call(&[5, 7, 6])).await;
    assert_eq!(usages(&test, customer, "vms").await[0].value, 6);
    assert_eq!(ledger(&test).await.len(), 3);
    let seq = count(&test, "SELECT seq AS n FROM acceptance").await;
    let later = at("2026-05-08T11:00:00Z");
    test.clock.set(later);
    test.report_usage(call(&[6])).await;
    assert_eq!(ledger(&test).await.len(), 3);
    assert_eq!(count(&test, "SELECT seq AS n FROM acceptance").await, seq);
    let key = test.meter(customer, "vms", None).await;
    let heard: Option<Instant> =
        store::usage::last_heard(&mut test.app.read().await.unwrap(), key).await.unwrap();
    assert_eq!(heard, Some(later));
}

#[tokio::test]
async fn an_accumulating_item_begins_again_with_each_billing_period() {
    let (test, partner, customer) = channel("2026-04-29T10:00:00Z").await;
    let state = async |tenant| {
        let usages = usages(&test, tenant, "notarizations").await;
        (usages[0].value, usages[0].absolute_value, usages[0].range_start.to_string())
    };
    test.report_usage(vec![reading(customer, "notarizations", 10), reading(partner, "notarizations", 1)])
        .await;
    assert_eq!(state(customer).await, (10, 10, "2026-04-01".to_owned()));
    // A new month: nothing has been heard, and no day is closed.
    test.clock.set(at("2026-05-01T00:00:01Z"));
    assert_eq!(state(customer).await, (0, 10, "2026-05-01".to_owned()));
    test.report_usage(vec![reading(customer, "notarizations", 4)]).await;
    assert_eq!(state(customer).await, (4, 14, "2026-05-01".to_owned()));
    assert_eq!(state(partner).await, (4, 15, "2026-05-01".to_owned()));
    test.clock.set(at("2026-05-03T00:00:01Z"));
    test.report_usage(vec![reading(customer, "notarizations", 3)]).await;
    assert_eq!(state(customer).await, (3, 13, "2026-05-01".to_owned()));
    // The period begins on the 3rd from now on: 14 was the level just before it.
    let key = test.meter(customer, "notarizations", None).await;
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    tx.run(
        "INSERT INTO item_billing_days (tenant_no, item_no, infra_no, billing_day) VALUES ($1, $2, $3, 3)",
        args![key.tenant, key.item, key.infra],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    test.report_usage(vec![reading(customer, "notarizations", 2)]).await;
    assert_eq!(state(customer).await, (2, 16, "2026-05-03".to_owned()));
}

#[tokio::test]
async fn sums_are_exact_beyond_64_bits() {
    let (test, partner, customer) = channel("2026-05-08T10:00:00Z").await;
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    for tenant in [test.top, partner, customer] {
        let key = test.meter(tenant, "vms", None).await;
        let meter = Meter { level: i64::MAX - 1, heard_on: tx.now().day(), before: None };
        store::history::set_meters(&mut tx, &[(key, meter)]).await.unwrap();
    }
    tx.commit().await.unwrap();
    // The top tenant has the items of every edition on; only this one has a figure.
    let found = usages(&test, test.top, "vms").await;
    let usage = found.iter().find(|usage| usage.item.name == "vms").unwrap();
    assert_eq!(usage.absolute_value, 3 * (i128::from(i64::MAX) - 1));
    assert_eq!(usage.value, usage.absolute_value);
}

#[tokio::test]
async fn rows_are_the_items_that_are_on_or_have_a_figure() {
    let (test, partner, customer) = channel("2026-05-08T10:00:00Z").await;
    let backup = test.storage(test.top, "eu1", "backup").await;
    test.switch(customer, "pw_base_storage", Some(backup), true).await;
    test.report_usage(vec![Entry { infra: Some(backup), ..reading(customer, "pw_base_storage", 7) }]).await;
    test.switch(customer, "pw_base_storage", Some(backup), false).await;
    let caller = test.caller(partner, Role::ReadonlyAdmin).await;
    let rows = async |tenant, editions: Option<&str>| {
        let editions = editions.map(|edition| HashSet::from([edition.to_owned()]));
        let filter = UsageFilter { usage_names: None, editions };
        let found = app::usage::of_tenant(&test.app, &caller, tenant, &filter).await.unwrap().1;
        found
            .iter()
            .map(|usage| (usage.item.name.as_str(), usage.state.map(|state| state.enabled), usage.value))
            .collect::<Vec<_>>()
    };
    let (vms, notary) = (("vms", Some(true), 0), ("notarizations", Some(true), 0));
    assert_eq!(rows(partner, None).await, [("pw_base_storage", None, 7), vms, notary]);
    assert_eq!(rows(customer, None).await, [("pw_base_storage", Some(false), 7), vms, notary]);
    assert_eq!(rows(customer, Some("pck_per_workload")).await, [("pw_base_storage", Some(false), 7), notary]);
    assert_eq!(rows(customer, Some("mixed")).await, [notary]);

    let unknown = TenantId(test.app.ids.other().unwrap());
    let several = async |tenants: &[TenantId]| {
        app::usage::of_tenants(&test.app, &caller, tenants, &UsageFilter::default()).await
    };
    let found = several(&[customer, unknown, partner]).await.unwrap();
    let ids: Vec<TenantId> = found.iter().map(|(granted, _)| granted.tenant().id).collect();
    assert_eq!(ids, [customer, partner]);
    assert!(matches!(several(&[customer, test.top]).await, Err(Error::Forbidden)));
}
