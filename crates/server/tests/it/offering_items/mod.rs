//! Offering items: what can be had, switching, quotas.

mod edition;
mod rules;
mod wire;

use app::ids::Noun;
use app::offering_items::{Change, Filter, OfferingItem, QuotaChange, available_for_child, list, update};
use app::{Error, Result, Rule};
use domain::access::{Actor, Role};
use domain::catalogue::{Catalogue, Service};
use domain::ids::{InfraId, TenantId, UserId};
use domain::infra::Capability;
use domain::pricing::{PricingMode, Quota};
use domain::tenant::TenantKind;
use domain::time::Day;
use http_api::api::offering_items::filter;
use http_api::api::offering_items::wire::{Put, item_list};
use http_api::json::decode;
use http_api::params::Params;
use serde_json::{Value, json};
use testkit::{TestApp, at};

const NOW: &str = "2026-05-08T10:58:53Z";

/// An entry of a PUT that switches an item, at the first storage that its capability has at the top.
fn switch(items: &[OfferingItem], name: &str, enabled: bool) -> Change {
    let found = items.iter().find(|item| item.item.name == name).expect(name);
    Change {
        application_id: Catalogue::embedded().application_id(found.item.service),
        name: name.to_owned(),
        infra_id: found.infra_id,
        enabled: Some(enabled),
        quota: None,
    }
}

async fn put(test: &TestApp, tenant: TenantId, changes: &[Change]) -> Result<Vec<OfferingItem>> {
    let root = test.caller(test.top, Role::RootAdmin).await;
    update(&test.app, &root, tenant, changes, false).await
}

async fn all(test: &TestApp, tenant: TenantId) -> Vec<OfferingItem> {
    let root = test.caller(test.top, Role::RootAdmin).await;
    list(&test.app, &root, tenant, &Filter::default()).await.unwrap()
}

/// Switches items by name for a tenant.
pub(crate) async fn turn(test: &TestApp, tenant: TenantId, names: &[&str], on: bool) -> Result<()> {
    let listed = all(test, test.top).await;
    let changes: Vec<_> = names.iter().map(|name| switch(&listed, name, on)).collect();
    put(test, tenant, &changes).await.map(|_| ())
}

async fn on(test: &TestApp, tenant: TenantId) -> Vec<String> {
    let items = all(test, tenant).await;
    let mut on: Vec<_> =
        items.into_iter().filter(|item| item.enabled).map(|item| item.item.name.clone()).collect();
    on.sort();
    on
}

fn rule<T: std::fmt::Debug>(result: Result<T>) -> Rule {
    match result {
        Err(Error::Rule { rule, .. }) => rule,
        other => panic!("{other:?}"),
    }
}

async fn partner_and_customer(test: &TestApp) -> (TenantId, TenantId) {
    let partner = test.tenant(test.top, TenantKind::Partner, "North").await;
    let customer = test.tenant(partner, TenantKind::Customer, "Harbour").await;
    (partner, customer)
}

pub(crate) async fn storage(test: &TestApp, owner: TenantId) -> InfraId {
    let root = test.caller(test.top, Role::RootAdmin).await;
    let new = app::infra::NewInfra {
        owner_id: owner,
        location_id: None,
        name: "EU2 storage".to_owned(),
        url: "abgw://storage20.example.com:44445".to_owned(),
        capabilities: vec![Capability::Backup],
        content_url: None,
        content_mobile_url: None,
        backend_type: None,
    };
    app::infra::create(&test.app, &root, new).await.unwrap().object.id
}

#[tokio::test]
async fn the_top_has_the_whole_catalogue_on_and_a_new_tenant_nothing() {
    let test = TestApp::at(NOW).await;
    let top = all(&test, test.top).await;
    assert_eq!(top.len(), Catalogue::embedded().items().len());
    assert!(top.iter().all(|item| item.enabled && item.item.per_infra() == item.infra_id.is_some()));
    let (partner, customer) = partner_and_customer(&test).await;
    assert_eq!(all(&test, partner).await.len(), top.len());
    assert!(on(&test, partner).await.is_empty());
    assert!(all(&test, customer).await.is_empty());
    let mut conn = test.app.read().await.unwrap();
    let services = store::catalogue::services(&mut conn, test.no(test.top).await).await.unwrap();
    assert_eq!(services, Service::ALL);
}

#[tokio::test]
async fn the_published_call_answers_as_published() {
    let test = TestApp::at(NOW).await;
    let root = test.caller(test.top, Role::RootAdmin).await;
    let partner = test.tenant(test.top, TenantKind::Partner, "North").await;
    test.app.ids.preset(Noun::Tenant, "f313ecf6-9256-4afd-9d47-72e032ee81d0".parse().unwrap());
    let customer = test.tenant(partner, TenantKind::Customer, "Harbour Ltd").await;
    test.app.ids.preset(Noun::Other, "4a2cbe2d-b7ab-4b17-9cba-10c7eb55de01".parse().unwrap());
    let new = app::infra::NewInfra {
        owner_id: test.top,
        location_id: None,
        name: "S".to_owned(),
        url: "abgw://storage20.example.com".to_owned(),
        capabilities: vec![Capability::Backup],
        content_url: None,
        content_mobile_url: None,
        backend_type: None,
    };
    let infra = app::infra::create(&test.app, &root, new).await.unwrap().object.id;
    let body = br#"{"offering_items":[{"application_id":"6e6d758d-8e74-3ae3-ac84-50eb0dff12eb","name":"vms","status":1,"quota":{"value":10,"overage":10,"version":0}},{"application_id":"6e6d758d-8e74-3ae3-ac84-50eb0dff12eb","name":"storage","infra_id":"4a2cbe2d-b7ab-4b17-9cba-10c7eb55de01","status":1}]}"#;
    let (changes, check_usage) = decode::<Put>(body).unwrap().into_changes().unwrap();
    assert_eq!((changes[1].infra_id, check_usage), (Some(infra), false));
    let on_above: Vec<_> = changes.iter().cloned().map(|change| Change { quota: None, ..change }).collect();
    for above in [test.top, partner] {
        put(&test, above, &on_above).await.unwrap();
    }
    let items = update(&test.app, &root, customer, &changes, check_usage).await.unwrap();
    let answer = serde_json::to_value(item_list(test.app.clock.now(), &items)).unwrap();
    let expected: Value = serde_json::from_str(r#"{"timestamp":"2026-05-08T10:58:53Z","items":[{"application_id":"6e6d758d-8e74-3ae3-ac84-50eb0dff12eb","name":"vms","edition":"standard","usage_name":"vms","tenant_id":"f313ecf6-9256-4afd-9d47-72e032ee81d0","updated_at":"2026-05-08T10:58:53Z","deleted_at":null,"status":1,"locked":false,"type":"count","measurement_unit":"quantity","quota":{"value":10,"overage":10,"version":1778237933000}},{"application_id":"6e6d758d-8e74-3ae3-ac84-50eb0dff12eb","name":"storage","edition":"standard","usage_name":"storage","tenant_id":"f313ecf6-9256-4afd-9d47-72e032ee81d0","updated_at":"2026-05-08T10:58:53Z","deleted_at":null,"status":1,"locked":false,"type":"infra","measurement_unit":"bytes","infra_id":"4a2cbe2d-b7ab-4b17-9cba-10c7eb55de01","quota":{"value":null,"overage":null,"version":0}}]}"#).unwrap();
    assert_eq!(answer, expected);
    let mut conn = test.app.read().await.unwrap();
    let services = store::catalogue::services(&mut conn, test.no(customer).await).await.unwrap();
    assert_eq!(services, [Service::Platform, Service::Backup]);
}

#[tokio::test]
async fn on_needs_the_parent_and_off_goes_down() {
    let test = TestApp::at(NOW).await;
    let (partner, customer) = partner_and_customer(&test).await;
    assert_eq!(rule(turn(&test, customer, &["vms"], true).await), Rule::ItemUnavailable);
    turn(&test, partner, &["vms", "storage"], true).await.unwrap();
    let both = turn(&test, customer, &["vms", "servers"], true).await;
    assert_eq!(rule(both), Rule::ItemUnavailable);
    assert!(on(&test, customer).await.is_empty(), "all or nothing");
    turn(&test, customer, &["vms", "storage"], true).await.unwrap();
    turn(&test, partner, &["vms"], false).await.unwrap();
    assert_eq!(on(&test, partner).await, ["storage"]);
    assert_eq!(on(&test, customer).await, ["storage"]);
    turn(&test, customer, &["servers"], false).await.unwrap();
}

#[tokio::test]
async fn unknown_items_and_wrong_storages_are_unavailable() {
    let test = TestApp::at(NOW).await;
    let listed = all(&test, test.top).await;
    let vms = switch(&listed, "vms", true);
    let stored = switch(&listed, "storage", true);
    let files = switch(&listed, "fc_storage", true);
    for wrong in [
        Change { name: "no_such".to_owned(), ..vms.clone() },
        Change { application_id: files.application_id, ..vms.clone() },
        Change { infra_id: stored.infra_id, ..vms.clone() },
        Change { infra_id: None, ..stored.clone() },
        Change { infra_id: files.infra_id, ..stored.clone() },
        Change { infra_id: Some(InfraId(test.app.ids.other().unwrap())), ..stored.clone() },
    ] {
        assert_eq!(rule(put(&test, test.top, std::slice::from_ref(&wrong)).await), Rule::ItemUnavailable);
    }
}

#[tokio::test]
async fn quotas_are_guarded_by_one_version_per_call() {
    let test = TestApp::at(NOW).await;
    let (partner, _) = partner_and_customer(&test).await;
    let listed = all(&test, test.top).await;
    let quota =
        |value, overage, version| Some(QuotaChange { value: Some(value), overage: Some(overage), version });
    let vms = switch(&listed, "vms", true);
    let servers = switch(&listed, "servers", true);
    let limited = [
        Change { quota: quota(Some(10), None, 0), ..vms.clone() },
        Change { quota: quota(Some(5), Some(1), 0), ..servers.clone() },
    ];
    let first = put(&test, partner, &limited).await.unwrap();
    let version = first[0].quota.unwrap().version;
    assert!(version > 0 && first[1].quota.unwrap().version == version);
    let stale = Change { quota: quota(Some(7), None, version - 1), ..vms.clone() };
    let fresh = Change { quota: quota(Some(7), None, version), ..servers.clone() };
    let refused = put(&test, partner, &[fresh.clone(), stale]).await;
    assert!(matches!(refused, Err(Error::StaleQuota { .. })), "{refused:?}");
    assert_eq!(
        put(&test, partner, std::slice::from_ref(&servers)).await.unwrap()[0].quota.unwrap().value,
        Some(5)
    );
    // The clock stands still, and yet the new version is larger.
    assert!(put(&test, partner, &[fresh]).await.unwrap()[0].quota.unwrap().version > version);
    let cleared = Change { quota: quota(None, Some(3), version), ..vms.clone() };
    assert_eq!(put(&test, partner, &[cleared]).await.unwrap()[0].quota, Some(Quota::default()));
    let off = put(&test, partner, &[Change { enabled: Some(false), ..servers.clone() }]).await.unwrap();
    assert_eq!(off[0].quota, None);
    let kept = put(&test, partner, &[servers]).await.unwrap()[0].quota.unwrap();
    assert_eq!((kept.value, kept.overage), (Some(7), None), "off and on again lifts no limit");
}

#[tokio::test]
async fn a_customer_has_one_storage_per_usage_name_and_may_swap_it_in_one_call() {
    let test = TestApp::at(NOW).await;
    let (partner, customer) = partner_and_customer(&test).await;
    let old = switch(&all(&test, test.top).await, "storage", true);
    let new = Change { infra_id: Some(storage(&test, test.top).await), ..old.clone() };
    let both = [old.clone(), new.clone()];
    put(&test, test.top, &both).await.unwrap();
    put(&test, partner, &both).await.unwrap();
    assert_eq!(rule(put(&test, customer, &both).await), Rule::Business);
    put(&test, customer, std::slice::from_ref(&old)).await.unwrap();
    assert_eq!(rule(put(&test, customer, std::slice::from_ref(&new)).await), Rule::Business);
    let swap = [new.clone(), Change { enabled: Some(false), ..old }];
    let swapped = put(&test, customer, &swap).await.unwrap();
    assert!(swapped[0].enabled && swapped[0].infra_id == new.infra_id && !swapped[1].enabled);
}

#[tokio::test]
async fn a_partner_can_sell_on_its_own_storage_what_it_is_sold() {
    let test = TestApp::at(NOW).await;
    let (partner, customer) = partner_and_customer(&test).await;
    turn(&test, test.top, &["pg_base_storage"], false).await.unwrap();
    let infra_id = Some(storage(&test, partner).await);
    let listed = all(&test, test.top).await;
    let own = |name| Change { infra_id, ..switch(&listed, name, true) };
    assert_eq!(rule(put(&test, partner, &[own("pg_base_storage")]).await), Rule::ItemUnavailable);
    put(&test, partner, &[own("storage")]).await.unwrap();
    put(&test, customer, &[own("storage")]).await.unwrap();
    let south = test.tenant(test.top, TenantKind::Partner, "South").await;
    assert_eq!(rule(put(&test, south, &[own("storage")]).await), Rule::ItemUnavailable);
    assert!(all(&test, south).await.iter().all(|item| item.infra_id != infra_id));
    turn(&test, test.top, &["storage"], false).await.unwrap();
    assert!(on(&test, partner).await.is_empty() && on(&test, customer).await.is_empty());
}

#[tokio::test]
async fn items_with_usage_stay_on_where_that_is_checked() {
    let test = TestApp::at(NOW).await;
    let (partner, customer) = partner_and_customer(&test).await;
    turn(&test, partner, &["vms"], true).await.unwrap();
    turn(&test, customer, &["vms"], true).await.unwrap();
    let root = test.caller(test.top, Role::RootAdmin).await;
    let no = test.no(customer).await;
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    let vms = store::catalogue::item_numbers(&mut tx).await.unwrap().no("vms").unwrap();
    tx.run(
        "INSERT INTO meters (tenant_no, item_no, infra_no, level, heard_on, heard_at) VALUES ($1, $2, 0, 3, 0, 0)",
        vec![store::Arg::from(no), store::Arg::from(vms)],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let off = [switch(&all(&test, test.top).await, "vms", false)];
    assert_eq!(rule(update(&test.app, &root, partner, &off, true).await), Rule::Business);
    assert_eq!(on(&test, customer).await, ["vms"]);
    update(&test.app, &root, partner, &off, false).await.unwrap();
    assert!(on(&test, customer).await.is_empty());
}

#[tokio::test]
async fn a_personal_tenant_follows_its_parent_and_takes_quotas_only() {
    let test = TestApp::at(NOW).await;
    let (partner, customer) = partner_and_customer(&test).await;
    turn(&test, partner, &["vms", "servers", "mobiles"], true).await.unwrap();
    turn(&test, customer, &["vms"], true).await.unwrap();
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    let customer_no = test.no(customer).await;
    let id = TenantId(test.app.ids.other().unwrap());
    let (contact, owner) = (test.app.ids.other().unwrap(), test.app.ids.other().unwrap());
    let plain = store::tenants::NewTenant::plain(
        id,
        domain::ids::ContactId(contact),
        Some(customer_no),
        "J Doe".to_owned(),
        TenantKind::Unit,
    );
    let personal = store::tenants::NewTenant {
        owner_id: Some(UserId(owner)),
        pricing_mode: PricingMode::Trial,
        ..plain
    };
    let no = store::tenants::insert(&mut tx, &personal).await.unwrap();
    app::offering_items::follow_parent(&mut tx, no, customer_no).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(on(&test, id).await, ["vms"]);
    turn(&test, customer, &["servers"], true).await.unwrap();
    assert_eq!(on(&test, id).await, ["servers", "vms"]);
    assert_eq!(rule(turn(&test, id, &["vms"], false).await), Rule::Business);
    turn(&test, customer, &["vms"], false).await.unwrap();
    assert_eq!(on(&test, id).await, ["servers"]);
    let limited = Change {
        quota: Some(QuotaChange { value: Some(Some(1)), overage: None, version: 0 }),
        ..switch(&all(&test, test.top).await, "servers", true)
    };
    let answer = put(&test, id, &[limited]).await.unwrap();
    assert_eq!(answer[0].quota.unwrap().value, Some(1));
}

#[tokio::test]
async fn every_version_of_an_item_is_in_the_change_log_and_the_first_reaches_back() {
    let test = TestApp::at(NOW).await;
    let (partner, customer) = partner_and_customer(&test).await;
    turn(&test, partner, &["vms"], true).await.unwrap();
    turn(&test, customer, &["vms"], true).await.unwrap();
    test.clock.set(at("2026-05-10T08:00:00Z"));
    turn(&test, partner, &["vms"], false).await.unwrap();
    let mut conn = test.app.read().await.unwrap();
    let no = test.no(customer).await;
    let later = store::audit::later_changes(&mut conn, no, store::audit::Object::Item).await.unwrap();
    assert_eq!(later.len(), 1);
    assert_eq!((later[0].id.as_str(), later[0].field.as_str()), ("vms", "enabled"));
    assert_eq!((later[0].old.as_deref(), later[0].new.as_deref()), (Some("true"), Some("false")));
    assert_eq!(later[0].valid_from, "2026-05-10".parse::<Day>().unwrap());
    let first = conn
        .count(
            "SELECT count(*) AS n FROM changes WHERE tenant_no = $1 AND object = 'item' AND valid_from = $2
             AND old_value IS NULL AND new_value = 'true'",
            vec![store::Arg::from(no), store::Arg::from(Day::FOREVER_AGO)],
        )
        .await
        .unwrap();
    assert_eq!(first, 1);
}

#[tokio::test]
async fn lists_are_filtered_by_edition_first_of_all() {
    let test = TestApp::at(NOW).await;
    let root = test.caller(test.top, Role::RootAdmin).await;
    let names = async |query: &str| {
        let filter = filter(&Params::of(Some(query))).unwrap();
        let items = list(&test.app, &root, test.top, &filter).await.unwrap();
        items.into_iter().map(|item| item.item.name.as_str()).collect::<Vec<_>>()
    };
    let standard = names("").await;
    assert!(
        standard.contains(&"vms") && standard.contains(&"fc_seats") && standard.contains(&"local_storage")
    );
    assert!(!standard.contains(&"adv_vms"));
    assert_eq!(names("edition=standard").await, standard);
    assert_eq!(names("edition=*").await.len(), Catalogue::embedded().items().len());
    assert!(
        names("edition=no_such")
            .await
            .iter()
            .all(|name| { Catalogue::embedded().item(name).unwrap().edition.is_none() })
    );
    assert_eq!(names("edition=advanced&usage_names=vms,nothing").await, ["adv_vms"]);
    assert!(names("edition=*&status=0").await.is_empty());
    let features = names("edition=*&type=feature").await;
    assert!(features.contains(&"dr_internet_access") && !features.contains(&"vms"));
    for bad in ["status=2", "type=nothing", "infra_uuid=1"] {
        assert!(matches!(filter(&Params::of(Some(bad))), Err(Error::Invalid { .. })), "{bad}");
    }
}

#[tokio::test]
async fn what_is_available_for_a_child_can_be_sent_to_the_child() {
    let test = TestApp::at(NOW).await;
    let root = test.caller(test.top, Role::RootAdmin).await;
    let (partner, customer) = partner_and_customer(&test).await;
    turn(&test, partner, &["vms", "storage", "dr_internet_access", "adv_vms"], true).await.unwrap();
    let kind = Some(TenantKind::Customer);
    let items = available_for_child(&test.app, &root, partner, kind, &Filter::default()).await.unwrap();
    assert!(items.iter().all(|item| item.tenant_id == partner && item.enabled));
    let fetched = serde_json::to_value(item_list(test.app.clock.now(), &items)).unwrap();
    let body = json!({"timestamp": fetched["timestamp"], "paging": {}, "offering_items": fetched["items"]});
    let (changes, _) = decode::<Put>(body.to_string().as_bytes()).unwrap().into_changes().unwrap();
    put(&test, customer, &changes).await.unwrap();
    assert_eq!(on(&test, customer).await, ["adv_vms", "dr_internet_access", "storage", "vms"]);
    let unfit = available_for_child(&test.app, &root, customer, kind, &Filter::default()).await;
    assert_eq!(rule(unfit), Rule::Business);
}
