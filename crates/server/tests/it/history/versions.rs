//! Tenants, items and storages as they were, and as they were known.

use domain::access::Actor;
use domain::ids::{TenantId, TenantNo};
use domain::pricing::{Currency, PricingMode};
use domain::report::{Kind, ReportInput, TenantTimeline};
use domain::tenant::TenantKind;
use store::args;
use store::audit::{Change, Object, item_key};
use testkit::{TestApp, at};

use super::{acceptance, day, load, may, meters, one_customer, report};
use crate::metering::Metering as _;

#[tokio::test]
async fn readings_and_changes_after_the_acceptance_number_are_not_known() {
    let (test, customer) = one_customer("2026-05-02T08:00:00Z").await;
    report(&test, customer, "2026-05-02T09:00:00Z", 5).await;
    report(&test, customer, "2026-05-03T09:00:00Z", 6).await;
    let as_of = acceptance(&test).await;
    report(&test, customer, "2026-05-03T10:00:00Z", 7).await;
    report(&test, customer, "2026-05-04T10:00:00Z", 8).await;
    set(&test, customer, "name", "Quay").await;
    let later = test.tenant(test.top, TenantKind::Customer, "Later").await;
    test.switch(later, "vms", None, true).await;
    report(&test, later, "2026-05-06T10:00:00Z", 3).await;
    let infra = test.storage(test.top, "eu1", "backup").await;
    test.switch(customer, "storage", Some(infra), true).await;

    let may = may(1, 7);
    let names = |input: &ReportInput| {
        let mut names: Vec<String> =
            input.tenants.iter().map(|tenant| tenant.name.latest().clone()).collect();
        names.sort();
        names
    };
    let no = test.no(customer).await;
    let storage_is_on = |input: &ReportInput| {
        let item = input.items.iter().find(|item| item.tenant == no && item.item.name == "storage");
        item.is_some_and(|item| *item.enabled.latest())
    };
    let then = load(&test, test.top, may, Kind::UsageDaily, as_of).await;
    assert_eq!(names(&then), ["Harbour", "Tidemark"]);
    assert!(!storage_is_on(&then));
    assert_eq!(meters(&then).len(), 1);
    assert_eq!(meters(&then)[0].1.readings(), [(day("2026-05-02"), 5), (day("2026-05-03"), 6)]);
    let now = load(&test, test.top, may, Kind::UsageDaily, acceptance(&test).await).await;
    assert_eq!(names(&now), ["Later", "Quay", "Tidemark"]);
    assert!(storage_is_on(&now));
    assert_eq!(meters(&now).len(), 2);
}

/// Changes a field of a tenant as the use cases do: the newest value in the table, the change in the log.
async fn set(test: &TestApp, tenant: TenantId, field: &'static str, new: &str) {
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    let no = test.no(tenant).await;
    let old = tx
        .one(
            "SELECT old.new_value AS value FROM changes old WHERE old.object = 'tenant' AND old.tenant_no = $1
             AND old.field = $2 ORDER BY old.seq DESC, old.ordinal DESC",
            args![no, field],
        )
        .await
        .unwrap();
    let old = old.and_then(|row| row.opt_text("value").unwrap());
    let sql = match field {
        "name" => "UPDATE tenants SET name = $2 WHERE no = $1",
        "pricing_mode" => "UPDATE tenants SET pricing_mode = $2 WHERE no = $1",
        "currency" => "UPDATE tenants SET currency = $2 WHERE no = $1",
        "deleted" => "UPDATE tenants SET deleted_at = CASE WHEN $2 = 'true' THEN 1 END WHERE no = $1",
        "parent" => "UPDATE tenants SET parent_no = CAST($2 AS BIGINT) WHERE no = $1",
        _ => panic!("{field}"),
    };
    tx.run(sql, args![no, new]).await.unwrap();
    let id = tenant.to_string();
    let new = Some(new.to_owned());
    tx.log(Change { object: Object::Tenant, id: &id, tenant: no, field, old, new }).await.unwrap();
    tx.commit().await.unwrap();
}

/// Moves a tenant with all below it.
async fn move_to(test: &TestApp, tenant: TenantId, parent: TenantId) {
    let (no, parent) = (test.no(tenant).await, test.no(parent).await);
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    tx.run(
        "DELETE FROM closure WHERE tenant_no IN (SELECT tenant_no FROM closure WHERE ancestor_no = $1)
         AND ancestor_no NOT IN (SELECT tenant_no FROM closure WHERE ancestor_no = $1)",
        args![no],
    )
    .await
    .unwrap();
    tx.run(
        "INSERT INTO closure (ancestor_no, tenant_no, depth, walls)
         SELECT a.ancestor_no, b.tenant_no, a.depth + 1 + b.depth, 0 FROM closure a CROSS JOIN closure b
         WHERE a.tenant_no = $2 AND b.ancestor_no = $1",
        args![no, parent],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    set(test, tenant, "parent", &parent.to_string()).await;
}

#[tokio::test]
async fn moved_renamed_and_deleted_tenants_are_loaded_as_they_were() {
    let test = TestApp::at("2026-05-01T08:00:00Z").await;
    let north = test.tenant(test.top, TenantKind::Partner, "North").await;
    let south = test.tenant(test.top, TenantKind::Partner, "South").await;
    let reseller = test.tenant(north, TenantKind::Partner, "Reseller").await;
    let customer = test.tenant(reseller, TenantKind::Customer, "Harbour").await;
    let gone = test.tenant(reseller, TenantKind::Customer, "Gone").await;
    let foreign = test.tenant(south, TenantKind::Customer, "Foreign").await;
    for tenant in [customer, gone, foreign] {
        test.switch(tenant, "vms", None, true).await;
        report(&test, tenant, "2026-05-01T09:00:00Z", 4).await;
    }
    test.clock.set(at("2026-05-03T10:00:00Z"));
    set(&test, customer, "name", "Quay").await;
    set(&test, customer, "pricing_mode", "production").await;
    set(&test, customer, "currency", "EUR").await;
    test.clock.set(at("2026-05-04T10:00:00Z"));
    set(&test, gone, "deleted", "true").await;
    test.clock.set(at("2026-05-05T10:00:00Z"));
    move_to(&test, reseller, south).await;
    let seq = acceptance(&test).await;

    let north_input = load(&test, north, may(1, 6), Kind::UsageDaily, seq).await;
    let no = async |tenant| test.no(tenant).await;
    let found = async |input: &ReportInput, tenant| -> Option<TenantTimeline> {
        let no = no(tenant).await;
        assert!(input.tenants.iter().filter(|tenant| tenant.no == no).count() <= 1);
        input.tenants.iter().find(|tenant| tenant.no == no).cloned()
    };
    let moved = found(&north_input, reseller).await.unwrap();
    assert_eq!(*moved.parent.at(day("2026-05-04")), no(north).await);
    assert_eq!(*moved.parent.at(day("2026-05-05")), no(south).await);
    let renamed = found(&north_input, customer).await.unwrap();
    let on = |text| (renamed.name.at(day(text)).as_str(), *renamed.pricing_mode.at(day(text)));
    assert_eq!(on("2026-05-02"), ("Harbour", PricingMode::Trial));
    assert_eq!(on("2026-05-03"), ("Quay", PricingMode::Production));
    assert_eq!(
        [day("2026-05-02"), day("2026-05-03")].map(|day| *renamed.currency.at(day)),
        [None, Some(Currency::Eur)]
    );
    let deleted = found(&north_input, gone).await.unwrap();
    assert_eq!(["2026-05-03", "2026-05-04"].map(|text| *deleted.deleted.at(day(text))), [false, true]);
    assert!(found(&north_input, foreign).await.is_none());
    assert!(found(&north_input, test.top).await.is_some());
    assert_eq!(meters(&north_input).len(), 2);
    assert_eq!(north_input.items.len(), 2);

    // Below its new parent it stands once; and a report of days after the move does not know it at the old one.
    let south_input = load(&test, south, may(1, 6), Kind::UsageDaily, seq).await;
    assert_eq!(meters(&south_input).len(), 3);
    let top_input = load(&test, test.top, may(1, 6), Kind::UsageDaily, seq).await;
    assert_eq!(top_input.tenants.len(), 7);
    test.clock.set(at("2026-05-07T10:00:00Z"));
    assert_eq!(meters(&load(&test, north, may(6, 7), Kind::UsageDaily, seq).await).len(), 0);
}

#[tokio::test]
async fn a_tenant_that_went_and_came_back_is_loaded_once() {
    let test = TestApp::at("2026-05-01T08:00:00Z").await;
    let north = test.tenant(test.top, TenantKind::Partner, "North").await;
    let south = test.tenant(test.top, TenantKind::Partner, "South").await;
    let customer = test.tenant(north, TenantKind::Customer, "Harbour").await;
    test.switch(customer, "vms", None, true).await;
    report(&test, customer, "2026-05-01T09:00:00Z", 4).await;
    for (now, parent) in [("2026-05-02T10:00:00Z", south), ("2026-05-03T10:00:00Z", north)] {
        test.clock.set(at(now));
        move_to(&test, customer, parent).await;
    }
    let input = load(&test, north, may(1, 6), Kind::UsageDaily, acceptance(&test).await).await;
    assert_eq!((input.tenants.len(), meters(&input).len(), input.items.len()), (3, 1, 1));
    let away = input.tenants.iter().find(|tenant| tenant.name.latest() == "Harbour").unwrap();
    let (north, south) = (test.no(north).await, test.no(south).await);
    let parents: Vec<TenantNo> = may(1, 3).days().map(|day| *away.parent.at(day)).collect();
    assert_eq!(parents, [north, south, north]);
}

#[tokio::test]
async fn items_prices_skus_and_storages_have_their_versions() {
    let test = TestApp::at("2026-05-01T08:00:00Z").await;
    let partner = test.tenant(test.top, TenantKind::Partner, "North").await;
    let infra = test.storage(test.top, "eu1", "backup").await;
    test.switch(partner, "storage", Some(infra), true).await;
    let key = test.meter(partner, "storage", Some(infra)).await;
    test.clock.set(at("2026-05-03T08:00:00Z"));
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    let storage = item_key("storage", Some(infra));
    let platform = "7459244f-68f3-3bf4-9f53-5f63ecc1d91f";
    let price_list =
        |sku: &str| format!(r#"{{"pricing":[{{"name":"storage","sku":"{sku}"}},{{"sku":"X"}}]}}"#);
    for (object, id, field, old, new) in [
        (Object::Item, storage.clone(), "enabled", Some("true".to_owned()), "false".to_owned()),
        (Object::Item, storage.clone(), "quota_value", None, "10".to_owned()),
        (Object::Item, storage.clone(), "price", Some("0.05".to_owned()), "0.06".to_owned()),
        (Object::Item, storage.clone(), "billing_day", None, "15".to_owned()),
        (Object::Infra, infra.to_string(), "name", Some("eu0".to_owned()), "eu1".to_owned()),
        (
            Object::Setting,
            format!("{platform}/pricing_info"),
            "value",
            Some(price_list("A")),
            price_list("B"),
        ),
    ] {
        tx.log(Change { object, id: &id, tenant: key.tenant, field, old, new: Some(new) }).await.unwrap();
    }
    let row = args![key.tenant, key.item, key.infra];
    tx.run(
        "UPDATE tenant_items SET enabled = 0, quota_value = 10 WHERE tenant_no = $1 AND item_no = $2 AND infra_no = $3",
        row.clone(),
    )
    .await
    .unwrap();
    tx.run("INSERT INTO item_prices VALUES ($1, $2, $3, '0.06', 1)", row.clone()).await.unwrap();
    tx.run("INSERT INTO item_billing_days VALUES ($1, $2, $3, 15)", row).await.unwrap();
    tx.run(
        "INSERT INTO application_settings VALUES ($1, $2, 'pricing_info', $3, 0, 0)",
        args![key.tenant, platform, price_list("B")],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();

    let input = load(&test, partner, may(1, 4), Kind::UsageSummary, acceptance(&test).await).await;
    let [item] = &input.items[..] else { panic!("one item") };
    let of = |text: &str| {
        let day = day(text);
        let price = item.price.at(day).map(|price| price.to_string());
        let billing_day = item.billing_day.at(day).map(domain::billing::BillingDay::get);
        (*item.enabled.at(day), *item.quota.at(day), price.unwrap(), billing_day)
    };
    assert_eq!(of("2026-05-02"), (true, None, "0.05".to_owned(), None));
    assert_eq!(of("2026-05-03"), (false, Some(10), "0.06".to_owned(), Some(15)));
    let [storage] = &input.infras[..] else { panic!("one storage") };
    assert_eq!(["2026-05-02", "2026-05-03"].map(|text| storage.name.at(day(text)).as_str()), ["eu0", "eu1"]);
    assert_eq!(storage.owner.latest().1, test.top);
    let skus = &input.tenants.iter().find(|tenant| tenant.no == key.tenant).unwrap().skus;
    let sku = |text: &str| skus.at(day(text)).iter().map(|(_, sku)| sku.clone()).collect::<Vec<_>>();
    assert_eq!([sku("2026-05-02"), sku("2026-05-03")], [["A"], ["B"]]);
}
