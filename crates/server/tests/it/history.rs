//! Day close, and what reports are made from.

use std::collections::HashMap;

use domain::access::Actor;
use domain::history::{Cell, Series};
use domain::ids::{Seq, TenantId, TenantNo};
use domain::pricing::{Currency, PricingMode};
use domain::report::{Kind, Level, ReportInput, TenantTimeline};
use domain::tenant::TenantKind;
use domain::time::{Day, Period};
use proptest::prelude::*;
use store::args;
use store::audit::{Change, Object, item_key};
use store::report_input::Wanted;
use testkit::{TestApp, at, reading};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

async fn acceptance(test: &TestApp) -> Seq {
    let mut conn = test.app.read().await.unwrap();
    Seq(conn.count("SELECT seq AS n FROM acceptance", Vec::new()).await.unwrap())
}

async fn load(test: &TestApp, subject: TenantId, period: Period, kind: Kind, as_of: Seq) -> ReportInput {
    let wanted = Wanted {
        subject: test.no(subject).await,
        period,
        kind,
        level: Level::Accounts,
        hide_zero_usage: false,
        show_skus: true,
        leave_out_trial: false,
        as_known: test.clock.now().day(),
        as_of,
    };
    store::report_input::load(&mut test.app.read().await.unwrap(), &wanted).await.unwrap()
}

/// The series of a tenant's item in what a daily report of the top tenant is made from.
async fn series(test: &TestApp, tenant: TenantId, item: &str, period: Period, as_of: Seq) -> Series {
    let no = test.no(tenant).await;
    let input = load(test, test.top, period, Kind::UsageDaily, as_of).await;
    let mut cells = input.cells.into_iter().filter(|cell| cell.tenant == no && cell.item.name == item);
    cells.next().map(|cell| cell.series).unwrap_or_default()
}

fn may(first: i32, last: i32) -> Period {
    let begin = day("2026-04-30");
    Period::inclusive(begin.plus(first), begin.plus(last))
}

async fn one_customer(now: &str) -> (TestApp, TenantId) {
    let test = TestApp::at(now).await;
    let customer = test.tenant(test.top, TenantKind::Customer, "Harbour").await;
    test.switch(customer, "vms", None, true).await;
    (test, customer)
}

async fn report(test: &TestApp, tenant: TenantId, now: &str, value: i64) {
    test.clock.set(at(now));
    assert_eq!(test.report_usage(vec![reading(tenant, "vms", value)]).await, [Ok(())]);
}

#[tokio::test]
async fn yesterday_is_frozen_before_today_overwrites_it_and_silence_carries_it_on() {
    let (test, customer) = one_customer("2026-05-02T08:00:00Z").await;
    report(&test, customer, "2026-05-02T09:00:00Z", 5).await;
    report(&test, customer, "2026-05-02T23:59:59Z", 7).await;
    report(&test, customer, "2026-05-05T00:00:00Z", 0).await;
    let series = series(&test, customer, "vms", may(1, 6), acceptance(&test).await).await;
    assert_eq!(
        may(1, 6).days().map(|day| series.cell(day)).collect::<Vec<_>>(),
        [
            Cell::NeverHeard,
            Cell::Reported(7),
            Cell::Carried(7),
            Cell::Carried(7),
            Cell::Reported(0),
            Cell::Carried(0)
        ]
    );
    assert_eq!(app::history::last_closed(&test.app).await.unwrap(), Some(day("2026-05-04")));
}

#[tokio::test]
async fn an_equal_reading_makes_its_day_a_reported_one() {
    let (test, customer) = one_customer("2026-05-02T08:00:00Z").await;
    report(&test, customer, "2026-05-02T09:00:00Z", 5).await;
    report(&test, customer, "2026-05-04T09:00:00Z", 5).await;
    let series = series(&test, customer, "vms", may(1, 5), acceptance(&test).await).await;
    assert_eq!(series.readings(), [(day("2026-05-02"), 5), (day("2026-05-04"), 5)]);
}

#[tokio::test]
async fn days_are_closed_once_also_after_months_of_downtime_and_never_opened_again() {
    let (test, customer) = one_customer("2026-01-10T08:00:00Z").await;
    report(&test, customer, "2026-01-10T09:00:00Z", 5).await;
    assert_eq!(app::history::close_due(&test.app).await.unwrap(), None);
    test.clock.set(at("2026-05-04T00:00:00Z"));
    assert_eq!(app::history::close_due(&test.app).await.unwrap(), Some(day("2026-05-03")));
    assert_eq!(app::history::close_due(&test.app).await.unwrap(), None);
    let rows = "SELECT COUNT(*) AS n FROM history";
    let rows = test.app.read().await.unwrap().count(rows, Vec::new()).await.unwrap();
    assert_eq!(rows, 1);
    // The clock goes back over midnight: the closed day stays as it was, and the reading belongs to the open one.
    report(&test, customer, "2026-05-03T23:00:00Z", 9).await;
    assert_eq!(app::history::close_due(&test.app).await.unwrap(), None);
    assert_eq!(app::history::last_closed(&test.app).await.unwrap(), Some(day("2026-05-03")));
    let series = series(&test, customer, "vms", may(1, 5), acceptance(&test).await).await;
    assert_eq!(series.readings(), [(day("2026-01-10"), 5), (day("2026-05-04"), 9)]);
}

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

    let (may, names) = (may(1, 7), |input: &ReportInput| {
        let mut names: Vec<String> =
            input.tenants.iter().map(|tenant| tenant.name.latest().clone()).collect();
        names.sort();
        names
    });
    let then = load(&test, test.top, may, Kind::UsageDaily, as_of).await;
    assert_eq!(names(&then), ["Harbour", "Tidemark"]);
    assert_eq!(then.cells.len(), 1);
    assert_eq!(then.cells[0].series.readings(), [(day("2026-05-02"), 5), (day("2026-05-03"), 6)]);
    let now = load(&test, test.top, may, Kind::UsageDaily, acceptance(&test).await).await;
    assert_eq!(names(&now), ["Later", "Quay", "Tidemark"]);
    assert_eq!(now.cells.len(), 2);
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
    assert_eq!(north_input.cells.len(), 2);
    assert_eq!(north_input.items.len(), 2);

    // Below its new parent it stands once; and a report of days after the move does not know it at the old one.
    let south_input = load(&test, south, may(1, 6), Kind::UsageDaily, seq).await;
    assert_eq!(south_input.cells.len(), 3);
    let top_input = load(&test, test.top, may(1, 6), Kind::UsageDaily, seq).await;
    assert_eq!(top_input.tenants.len(), 7);
    assert_eq!(load(&test, north, may(6, 7), Kind::UsageDaily, seq).await.cells.len(), 0);
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
    assert_eq!((input.tenants.len(), input.cells.len(), input.items.len()), (3, 1, 1));
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
        let billing_day = item.billing_day.at(day).map(|day| day.get());
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

/// What may happen to a history.
#[derive(Debug, Clone)]
enum Step {
    /// A reading: which tenant, whether of the accumulating item, the value.
    Read(usize, bool, i64),
    /// The clock moves by so many days.
    Move(i32),
    /// The scheduler closes what is due.
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0_usize..2, any::<bool>(), 0_i64..6).prop_map(|(who, range, value)| Step::Read(who, range, value)),
        3 => (-1_i32..9).prop_map(Step::Move),
        1 => Just(Step::Close),
    ];
    prop::collection::vec(step, 1..40)
}

/// Every accepted reading: when, after which step, of which meter, and the level it led to.
struct Accepted {
    on: Day,
    step: usize,
    meter: (usize, bool),
    level: i64,
}

/// The log replayed with nothing but the rules: the last reading up to the day counts.
fn replay(log: &[Accepted], meter: (usize, bool), day: Day, steps: usize) -> Cell {
    match log.iter().rfind(|it| it.meter == meter && it.on <= day && it.step < steps) {
        Some(last) if last.on == day => Cell::Reported(last.level),
        Some(last) => Cell::Carried(last.level),
        None => Cell::NeverHeard,
    }
}

const ITEMS: [&str; 2] = ["vms", "notarizations"];

async fn every_series_is_the_replayed_log(steps: Vec<Step>, cut: usize, first: i32) {
    let test = TestApp::at("2026-01-20T12:00:00Z").await;
    let mut tenants = Vec::new();
    for name in ["A", "B"] {
        let tenant = test.tenant(test.top, TenantKind::Customer, name).await;
        for item in ITEMS {
            test.switch(tenant, item, None, true).await;
        }
        tenants.push(tenant);
    }
    let begin = test.clock.now().day();
    let (mut open_day, mut log, mut seqs) = (begin, Vec::new(), vec![acceptance(&test).await]);
    for (step, what) in steps.iter().enumerate() {
        let now = test.clock.now().day();
        match *what {
            Step::Move(days) => test.clock.set(test.clock.now().plus_seconds(i64::from(days) * 86_400)),
            Step::Close => {
                app::history::close_due(&test.app).await.unwrap();
                open_day = open_day.max(now);
            }
            Step::Read(who, is_range, value) => {
                open_day = open_day.max(now);
                let meter = (who, is_range);
                let before = replay(&log, meter, open_day.first_of_month().previous(), usize::MAX).level();
                let level = if is_range { before + value } else { value };
                let entry = reading(tenants[who], ITEMS[usize::from(is_range)], value);
                assert_eq!(test.report_usage(vec![entry]).await, [Ok(())]);
                log.push(Accepted { on: open_day, step, meter, level });
            }
        }
        seqs.push(acceptance(&test).await);
    }
    let cut = cut % seqs.len();
    for (known, seq) in [(steps.len(), seqs[steps.len()]), (cut, seqs[cut])] {
        let period = Period::inclusive(begin.plus(first), open_day.plus(2));
        let input = load(&test, test.top, period, Kind::UsageDaily, seq).await;
        let mut found = HashMap::new();
        for cell in input.cells {
            assert!(found.insert((cell.tenant, cell.item.name.as_str()), cell.series).is_none());
        }
        for (who, tenant) in tenants.iter().enumerate() {
            let no = test.no(*tenant).await;
            for (is_range, item) in [(false, ITEMS[0]), (true, ITEMS[1])] {
                let series = found.remove(&(no, item)).unwrap_or_default();
                for day in (Period { start: period.start.previous(), ..period }).days() {
                    let expected = replay(&log, (who, is_range), day, known);
                    assert_eq!(
                        series.level(day),
                        expected.level(),
                        "{item} of {who} on {day}, known: {known}"
                    );
                    if known == steps.len() {
                        assert_eq!(series.cell(day), expected, "{item} of {who} on {day}");
                    }
                }
            }
        }
        assert!(found.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_loaded_series_is_the_log_replayed(steps in steps(), cut in 0_usize..40, first in 0_i32..30) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(every_series_is_the_replayed_log(steps, cut, first));
    }
}
