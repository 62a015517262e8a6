//! Any history through the real store, against the log replayed by the rules alone.

use std::collections::HashMap;

use domain::history::Cell;
use domain::report::Kind;
use domain::tenant::TenantKind;
use domain::time::{Day, Period};
use domain::usage::MeterKey;
use proptest::prelude::*;
use testkit::TestApp;

use super::{acceptance, load, meters};
use crate::metering::{Metering as _, reading};

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
        let name = |key: MeterKey| input.numbers.item(key.item).unwrap().name.as_str();
        let mut found: HashMap<_, _> =
            meters(&input).into_iter().map(|(key, series)| ((key.tenant, name(key)), series)).collect();
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
