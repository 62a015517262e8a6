//! Pricing modes, currencies and prices.

use app::pricing::{Change, PriceChange, get, prices, set_prices, update};
use app::{Error, Result, Rule};
use domain::access::Role;
use domain::ids::{ApplicationId, TenantId};
use domain::pricing::{Currency, PricingMode};
use domain::tenant::TenantKind;
use http_api::api::pricing::{Price, Pricing, PutPrices, PutPricing, price};
use http_api::json::decode;
use serde_json::{Value, json};
use testkit::{TestApp, at};

const BACKUP: &str = "6e6d758d-8e74-3ae3-ac84-50eb0dff12eb";

fn rule<T: std::fmt::Debug>(result: Result<T>) -> Rule {
    match result {
        Err(Error::Rule { rule, .. }) => rule,
        other => panic!("{other:?}"),
    }
}

async fn customer(test: &TestApp) -> TenantId {
    let partner = test.tenant(test.top, TenantKind::Partner, "North").await;
    test.tenant(partner, TenantKind::Customer, "Harbour").await
}

async fn shown(test: &TestApp, tenant: TenantId) -> Value {
    let root = test.caller(test.top, Role::RootAdmin).await;
    serde_json::to_value(Pricing::from(get(&test.app, &root, tenant).await.unwrap())).unwrap()
}

async fn become_mode(test: &TestApp, tenant: TenantId, mode: PricingMode) -> Result<()> {
    let root = test.caller(test.top, Role::RootAdmin).await;
    let version = get(&test.app, &root, tenant).await?.version;
    let change = Change { version, mode: Some(mode), currency: None };
    update(&test.app, &root, tenant, change).await.map(|_| ())
}

#[tokio::test]
async fn a_new_customer_is_in_trial_as_published() {
    let test = TestApp::at("2026-05-08T10:58:53Z").await;
    let customer = customer(&test).await;
    let published: Value = serde_json::from_str(r#"{"mode":"trial","currency":null,"version":1778237933000,"production_start_date":"2026-06-08T10:58:53Z"}"#).unwrap();
    assert_eq!(shown(&test, customer).await, published);
    let unit = test.tenant(customer, TenantKind::Unit, "Quay").await;
    assert_eq!(shown(&test, unit).await, published);
    assert_eq!(rule(become_mode(&test, unit, PricingMode::Production).await), Rule::Business);
}

#[tokio::test]
async fn trial_ends_by_itself_or_by_hand_and_never_comes_back() {
    let test = TestApp::at("2026-05-08T10:58:53Z").await;
    let customer = customer(&test).await;
    assert_eq!(rule(become_mode(&test, customer, PricingMode::Suspended).await), Rule::Business);
    test.clock.set(at("2026-06-08T10:58:52Z"));
    assert_eq!(shown(&test, customer).await["mode"], "trial");
    test.clock.set(at("2026-06-20T00:00:00Z"));
    assert_eq!(shown(&test, customer).await["mode"], "production");
    become_mode(&test, customer, PricingMode::Suspended).await.unwrap();
    let now = shown(&test, customer).await;
    assert_eq!(now["mode"], "suspended");
    assert_eq!(now["production_start_date"], "2026-06-08T10:58:53Z");
    assert_eq!(rule(become_mode(&test, customer, PricingMode::Trial).await), Rule::Business);
    become_mode(&test, customer, PricingMode::Production).await.unwrap();

    let other = test.tenant(test.top, TenantKind::Customer, "Dock").await;
    test.clock.set(at("2026-06-21T00:00:00Z"));
    become_mode(&test, other, PricingMode::Production).await.unwrap();
    assert_eq!(shown(&test, other).await["production_start_date"], "2026-06-21T00:00:00Z");
}

#[tokio::test]
async fn versions_grow_and_guard_also_when_the_clock_stands() {
    let test = TestApp::at("2026-05-08T10:58:53Z").await;
    let customer = customer(&test).await;
    let root = test.caller(test.top, Role::RootAdmin).await;
    let old = get(&test.app, &root, customer).await.unwrap().version;
    let set = Change { version: old, mode: None, currency: Some(Some(Currency::Eur)) };
    let new = update(&test.app, &root, customer, set).await.unwrap();
    assert!(new.version > old && new.currency == Some(Currency::Eur));
    let stale = update(&test.app, &root, customer, set).await;
    assert!(matches!(stale, Err(Error::Stale { sent, current }) if sent == old && current == new.version));
    let body = json!({"version": new.version.to_string(), "currency": null, "production_start_date": "x"});
    let body: PutPricing = decode(body.to_string().as_bytes()).unwrap();
    assert_eq!(update(&test.app, &root, customer, body.into()).await.unwrap().currency, None);
    let closed = decode::<PutPricing>(br#"{"version":1,"surprise":1}"#).unwrap_err();
    assert!(closed.to_string().starts_with("surprise"));
    assert!(
        decode::<PutPricing>(br#"{"version":1,"currency":"XXX"}"#)
            .unwrap_err()
            .to_string()
            .starts_with("currency")
    );
}

#[tokio::test]
async fn only_the_locking_tenant_writes() {
    let test = TestApp::at("2026-05-08T10:58:53Z").await;
    let customer = customer(&test).await;
    let mut tx = test.app.write_as(domain::access::Actor::System).await.unwrap();
    let (id, owner) = (store::Arg::from(customer), store::Arg::from(test.top));
    tx.run("UPDATE tenants SET update_lock_owner_id = $2 WHERE id = $1", vec![id, owner]).await.unwrap();
    tx.commit().await.unwrap();
    let admin = test.caller(customer, Role::CompanyAdmin).await;
    let change = Change { version: 0, mode: None, currency: None };
    assert_eq!(rule(update(&test.app, &admin, customer, change).await), Rule::Locked);
    become_mode(&test, customer, PricingMode::Production).await.unwrap();
}

fn vms_price(price: &str, version: Option<i64>) -> PriceChange {
    let application_id = BACKUP.parse::<ApplicationId>().unwrap();
    PriceChange { application_id, name: "vms".to_owned(), infra_id: None, price: price.to_owned(), version }
}

#[tokio::test]
async fn prices_need_a_currency_and_are_guarded_by_their_versions() {
    let test = TestApp::at("2026-05-08T10:58:53Z").await;
    let customer = customer(&test).await;
    let root = test.caller(test.top, Role::RootAdmin).await;
    let set = async |change: PriceChange| set_prices(&test.app, &root, customer, &[change]).await;
    assert_eq!(rule(set(vms_price("1", None)).await), Rule::Business);
    let version = get(&test.app, &root, customer).await.unwrap().version;
    let euro = Change { version, mode: None, currency: Some(Some(Currency::Eur)) };
    update(&test.app, &root, customer, euro).await.unwrap();
    for bad in ["", "-1", "1e3", "1,5"] {
        assert!(
            matches!(set(vms_price(bad, None)).await, Err(Error::Invalid { field, .. }) if field == "items[0].price")
        );
    }
    assert_eq!(
        rule(set(PriceChange { name: "no_such".to_owned(), ..vms_price("1", None) }).await),
        Rule::ItemUnavailable
    );
    let first = set(vms_price("0.050", None)).await.unwrap();
    assert_eq!((first.len(), first[0].price.as_str()), (1, "0.050"));
    assert!(matches!(set(vms_price("1", Some(1))).await, Err(Error::Stale { .. })));
    let second = set(vms_price("1", Some(first[0].version))).await.unwrap();
    assert!(second[0].version > first[0].version);
    let everywhere = PriceChange { name: "storage".to_owned(), ..vms_price("0.05", None) };
    assert_eq!(set(everywhere).await.unwrap().len(), 2);
    assert_eq!(prices(&test.app, &root, customer).await.unwrap().len(), 2);
    let mut conn = test.app.read().await.unwrap();
    let later =
        store::audit::later_changes(&mut conn, test.no(customer).await, store::audit::Object::Item).await;
    let later = later.unwrap();
    assert_eq!(later.len(), 1, "the first price reaches back");
    assert_eq!(
        (later[0].field.as_str(), later[0].old.as_deref(), later[0].new.as_deref()),
        ("price", Some("0.050"), Some("1"))
    );
}

#[test]
fn the_published_price_is_written_and_read() {
    let published = r#"{"application_id":"6e6d758d-8e74-3ae3-ac84-50eb0dff12eb","name":"storage","infra_id":"05348371-d95e-4cab-af2a-8e2cadafc30d","price":"0.05","version":1497533157730}"#;
    let infra_id = Some("05348371-d95e-4cab-af2a-8e2cadafc30d".parse().unwrap());
    let item = domain::catalogue::Catalogue::embedded().item("storage").unwrap();
    let written: Price = price(app::pricing::ItemPrice {
        item,
        infra_id,
        price: "0.05".to_owned(),
        version: 1_497_533_157_730,
    });
    assert_eq!(serde_json::to_value(written).unwrap(), serde_json::from_str::<Value>(published).unwrap());
    let body: PutPrices = decode(format!(r#"{{"items":[{published}]}}"#).as_bytes()).unwrap();
    let read = PriceChange::from(body.items.into_iter().next().unwrap());
    assert_eq!(
        (read.infra_id, read.price.as_str(), read.version),
        (infra_id, "0.05", Some(1_497_533_157_730))
    );
    assert!(decode::<PutPrices>(br#"{"items":[{"application_id":"6e6d758d-8e74-3ae3-ac84-50eb0dff12eb","name":"vms","price":1}]}"#).is_err());
}
