//! Billing settings, billing periods, price lists.

use app::billing::{
    Change, PeriodChange, Setting, get, periods, set_day, set_periods, set_setting, setting, unset_setting,
    update,
};
use app::{Error, Result, Rule};
use domain::access::Role;
use domain::billing::UsageCalculationMode;
use domain::ids::{ApplicationId, TenantId};
use domain::tenant::TenantKind;
use http_api::api::billing::wire::{Billing, PutPeriods, PutSetting, period};
use http_api::json::decode;
use serde_json::{Value, json};
use testkit::TestApp;

use crate::offering_items::turn;

const PLATFORM: &str = "7459244f-68f3-3bf4-9f53-5f63ecc1d91f";

fn rule<T: std::fmt::Debug>(result: Result<T>) -> Rule {
    match result {
        Err(Error::Rule { rule, .. }) => rule,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn settings_start_as_published_and_are_guarded() {
    let test = TestApp::at("2026-05-08T10:58:53Z").await;
    let partner = test.tenant(test.top, TenantKind::Partner, "North").await;
    let admin = test.caller(partner, Role::PartnerAdmin).await;
    let now = get(&test.app, &admin, partner).await.unwrap();
    let published: Value = serde_json::from_str(
        r#"{"mode":"internal","usage_calculation_mode":"last_day","version":1778237933000}"#,
    )
    .unwrap();
    assert_eq!(serde_json::to_value(Billing::from(now)).unwrap(), published);
    let average = Some(UsageCalculationMode::Average);
    let change = Change { version: now.version, mode: None, usage_calculation_mode: average };
    assert!(update(&test.app, &admin, partner, change).await.unwrap().version > now.version);
    assert!(matches!(update(&test.app, &admin, partner, change).await, Err(Error::Stale { .. })));
}

async fn shown(test: &TestApp, tenant: TenantId) -> Value {
    let root = test.caller(test.top, Role::RootAdmin).await;
    let periods = periods(&test.app, &root, tenant).await.unwrap();
    serde_json::to_value(periods.iter().map(period).collect::<Vec<_>>()).unwrap()
}

async fn put_vms(test: &TestApp, tenant: TenantId, start: &str, end: &str) -> Result<()> {
    let root = test.caller(test.top, Role::RootAdmin).await;
    let body = json!({"items": [{
        "offering_item": {"application_id": "6e6d758d-8e74-3ae3-ac84-50eb0dff12eb", "name": "vms",
                          "infra_component_type": ".."},
        "current_period": {"start": start, "end": end}}]});
    let body: PutPeriods = decode(body.to_string().as_bytes())?;
    let changes: Vec<_> = body.items.into_iter().map(PeriodChange::from).collect();
    set_periods(&test.app, &root, tenant, &changes).await.map(|_| ())
}

#[tokio::test]
async fn an_item_has_its_own_period_else_the_tenants_else_the_calendar_month() {
    let test = TestApp::at("2026-05-08T10:58:53Z").await;
    let root = test.caller(test.top, Role::RootAdmin).await;
    let partner = test.tenant(test.top, TenantKind::Partner, "North").await;
    turn(&test, partner, &["vms", "storage"], true).await.unwrap();
    let calendar = json!({"start": "2026-05-01", "end": "2026-05-31"});
    let first = shown(&test, partner).await;
    assert!(first.as_array().unwrap().iter().all(|item| item["current_period"] == calendar));
    let of = |list: &Value, name: &str| {
        let items = list.as_array().unwrap();
        items.iter().find(|item| item["offering_item"]["name"] == name).unwrap().clone()
    };
    assert!(of(&first, "storage")["offering_item"]["infra_component_id"].is_string());
    let (day, current) = set_day(&test.app, &root, partner, 15).await.unwrap();
    assert_eq!((day.get(), current.to_string().as_str()), (15, "2026-04-15 - 2026-05-14"));
    assert_eq!(of(&shown(&test, partner).await, "vms")["current_period"]["start"], "2026-04-15");
    put_vms(&test, partner, "2026-05-08", "2026-06-07").await.unwrap();
    let list = shown(&test, partner).await;
    assert_eq!(of(&list, "vms")["current_period"], json!({"start": "2026-05-08", "end": "2026-06-07"}));
    assert_eq!(of(&list, "storage")["current_period"]["start"], "2026-04-15");
    for bad in [0, 29, -1] {
        assert!(matches!(set_day(&test.app, &root, partner, bad).await, Err(Error::Invalid { .. })));
    }
}

#[tokio::test]
async fn a_period_must_be_a_month_that_today_lies_in() {
    let test = TestApp::at("2026-05-08T10:58:53Z").await;
    let partner = test.tenant(test.top, TenantKind::Partner, "North").await;
    for (start, end) in [
        ("2026-05-01", "2026-05-30"),
        ("2026-04-01", "2026-04-30"),
        ("2026-05-09", "2026-06-08"),
        ("2026-04-29", "2026-05-28"),
        ("2026-05-08", "2026-05-07"),
    ] {
        assert_eq!(rule(put_vms(&test, partner, start, end).await), Rule::Business, "{start} - {end}");
    }
    let bad = put_vms(&test, partner, "2026-02-30", "2026-03-01").await;
    assert!(matches!(bad, Err(Error::Invalid { field, .. }) if field == "items[0].current_period.start"));
    let mut conn = test.app.read().await.unwrap();
    let no = test.no(partner).await;
    assert!(store::billing::item_days(&mut conn, no).await.unwrap().is_empty());
}

fn plain(value: Value) -> Setting {
    Setting { value, lock: false, exclusive: false }
}

#[tokio::test]
async fn platform_settings_belong_to_partners_and_the_price_list_to_root() {
    let test = TestApp::at("2026-05-08T10:58:53Z").await;
    let partner = test.tenant(test.top, TenantKind::Partner, "North").await;
    let customer = test.tenant(partner, TenantKind::Customer, "Harbour").await;
    let (root, admin) =
        (test.caller(test.top, Role::RootAdmin).await, test.caller(partner, Role::PartnerAdmin).await);
    let platform: ApplicationId = PLATFORM.parse().unwrap();
    let list = json!({"currency": "USD", "licensing_mode": "per_gb", "tier_level": "0",
        "pricing": [{"description": "Cloud Storage", "price": 0.09, "sku": "ABC", "name": "storage"}]});
    let set = async |caller, tenant, name, value| {
        set_setting(&test.app, caller, platform, tenant, name, &plain(value)).await
    };
    assert_eq!(setting(&test.app, &admin, platform, partner, "pricing_info").await.unwrap(), None);
    assert!(matches!(set(&admin, partner, "pricing_info", list.clone()).await, Err(Error::Forbidden)));
    assert!(matches!(
        set(&root, partner, "pricing_info", json!({"pricing": [{}]})).await,
        Err(Error::Invalid { .. })
    ));
    set(&root, partner, "pricing_info", list.clone()).await.unwrap();
    let stored = setting(&test.app, &admin, platform, partner, "pricing_info").await.unwrap();
    assert_eq!(stored, Some(plain(list)));
    set(&admin, partner, "licensing_mode", json!("per_gb")).await.unwrap();
    set(&admin, partner, "tier_level_value", json!(-1)).await.unwrap();
    for (name, value) in [("licensing_mode", json!("per_head")), ("tier_level_value", json!(5))] {
        assert!(matches!(set(&admin, partner, name, value).await, Err(Error::Invalid { .. })));
    }
    assert!(matches!(set(&root, partner, "contract_type", json!("x")).await, Err(Error::Forbidden)));
    for (tenant, name) in [(partner, "no_such"), (customer, "licensing_mode"), (test.top, "licensing_mode")] {
        assert!(matches!(
            set(&root, tenant, name, json!("per_gb")).await,
            Err(Error::NotFound { what: "setting" })
        ));
    }
    unset_setting(&test.app, &admin, platform, partner, "licensing_mode").await.unwrap();
    let again = unset_setting(&test.app, &admin, platform, partner, "licensing_mode").await;
    assert!(matches!(again, Err(Error::NotFound { .. })));
}

#[test]
fn a_setting_is_read_closed() {
    let body: PutSetting = decode(br#"{"value":"per_gb","lock":"false"}"#).unwrap();
    assert_eq!(Setting::from(body), plain(json!("per_gb")));
    assert!(
        decode::<PutSetting>(br#"{"lock":false}"#).unwrap_err().to_string().starts_with("value: required")
    );
    assert!(decode::<PutSetting>(br#"{"value":1,"owner":1}"#).is_err());
}
