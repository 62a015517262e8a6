//! Day close, and what reports are made from.

mod corrections;
mod lines;
mod nodes;
mod places;
mod replay;
mod trail;
mod verify;
mod versions;

use std::ops::Deref;

use domain::history::{Archive, Cell, Series};
use domain::ids::{Seq, TenantId};
use domain::report::{Kind, Level, ReportInput};
use domain::tenant::TenantKind;
use domain::time::{Day, Period};
use domain::usage::MeterKey;
use store::report_input::Wanted;
use testkit::{TestApp, at};

use crate::metering::{Metering as _, reading};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

async fn acceptance(test: &TestApp) -> Seq {
    let mut conn = test.app.read().await.unwrap();
    Seq(conn.count("SELECT seq AS n FROM acceptance", Vec::new()).await.unwrap())
}

/// What a report is made from.
struct Loaded {
    input: ReportInput,
    archive: Archive,
}

impl Deref for Loaded {
    type Target = ReportInput;
    fn deref(&self) -> &ReportInput {
        &self.input
    }
}

async fn load(test: &TestApp, subject: TenantId, period: Period, kind: Kind, as_of: Seq) -> Loaded {
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
    let mut conn = test.app.read().await.unwrap();
    let input = store::report_input::load(&mut conn, &wanted).await.unwrap();
    let archive = store::report_input::archive(&mut conn, &wanted).await.unwrap();
    Loaded { input, archive }
}

/// The series of a tenant's item in what a daily report of the top tenant is made from.
async fn series(test: &TestApp, tenant: TenantId, item: &str, period: Period, as_of: Seq) -> Series {
    let no = test.no(tenant).await;
    let input = load(test, test.top, period, Kind::UsageDaily, as_of).await;
    let item = input.numbers.no(item);
    let mut meters = meters(&input).into_iter().filter(|(key, _)| key.tenant == no && Some(key.item) == item);
    meters.next().map(|(_, series)| series).unwrap_or_default()
}

/// What the input says of all meters.
fn meters(input: &Loaded) -> Vec<(MeterKey, Series)> {
    // The archive has whole ranges, and so others than the input's tenants.
    let is_member = |key: &MeterKey| input.tenants.iter().any(|tenant| tenant.no == key.tenant);
    let ranges = input.archive.shelves.keys();
    ranges.flat_map(|range| input.archive.series(*range, is_member).unwrap()).collect()
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
    // What is over is not frozen yet, and known all the same.
    for frozen in ["2026-05-01", "2026-05-04"] {
        assert_eq!(app::history::last_closed(&test.app).await.unwrap(), Some(day(frozen)));
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
        app::history::close_due(&test.app).await.unwrap();
    }
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
    let segments = "SELECT COUNT(*) AS n FROM segments";
    let segments = test.app.read().await.unwrap().count(segments, Vec::new()).await.unwrap();
    assert_eq!(segments, 1);
    // The clock goes back over midnight: the closed day stays as it was, and the reading belongs to the open one.
    report(&test, customer, "2026-05-03T23:00:00Z", 9).await;
    assert_eq!(app::history::close_due(&test.app).await.unwrap(), None);
    assert_eq!(app::history::last_closed(&test.app).await.unwrap(), Some(day("2026-05-03")));
    let series = series(&test, customer, "vms", may(1, 5), acceptance(&test).await).await;
    assert_eq!(series.readings(), [(day("2026-01-10"), 5), (day("2026-05-04"), 9)]);
}

#[tokio::test]
async fn a_rehearsal_may_start_before_the_first_setup_until_a_reading_is_in() {
    let (test, customer) = one_customer("2026-05-20T08:00:00Z").await;
    test.clock.set(at("2026-05-02T08:00:00Z"));
    app::setup::start(&test.app).await.unwrap();
    report(&test, customer, "2026-05-02T09:00:00Z", 5).await;
    test.clock.set(at("2026-04-01T08:00:00Z"));
    app::setup::start(&test.app).await.unwrap();
    report(&test, customer, "2026-04-01T09:00:00Z", 6).await;
    let series = series(&test, customer, "vms", may(1, 5), acceptance(&test).await).await;
    assert_eq!(series.readings(), [(day("2026-05-02"), 6)]);
}
