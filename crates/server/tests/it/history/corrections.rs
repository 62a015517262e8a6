//! Late readings, corrections and retractions between readings of the day, day closes and upkeep, against a ledger that
//! is nothing but a list of days.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Cursor;

use app::usage::upload::{Encoding, Form, Format, Source, Summary, receive, store as store_upload};
use domain::history::{Cell, Series};
use domain::ids::{Seq, TenantId};
use domain::report::Kind;
use domain::tenant::TenantKind;
use domain::time::{Day, Period};
use proptest::prelude::*;
use testkit::TestApp;

use super::{acceptance, load, meters};
use crate::metering::Metering as _;

#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A reading so many days back, or one taken back: whether of the accumulating item, and the value.
    Say(i32, bool, Option<i64>),
    /// Several of them in one transaction.
    SayAll(Vec<(i32, bool, Option<i64>)>),
    /// The clock moves on by so many days.
    Move(i32),
    Close,
    /// Segments are written anew and the ledger is packed.
    Tend,
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let back = prop_oneof![4 => Just(0), 3 => 1_i32..4, 2 => 4_i32..70];
    let value = prop_oneof![5 => (0_i64..5).prop_map(Some), 1 => Just(None)];
    let said = (back, any::<bool>(), value);
    let step = prop_oneof![
        5 => said.clone().prop_map(|(back, range, value)| Step::Say(back, range, value)),
        3 => prop::collection::vec(said, 2..6).prop_map(Step::SayAll),
        4 => (0_i32..12).prop_map(Step::Move),
        2 => Just(Step::Close),
        2 => Just(Step::Tend),
    ];
    prop::collection::vec(step, 1..50)
}

/// What the days of one meter say, by the rules alone.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter(pub(super) BTreeMap<Day, i64>);

impl Meter {
    fn carried(&self, day: Day) -> Option<i64> {
        self.0.range(..=day).next_back().map(|(_, level)| *level)
    }

    pub(super) fn cell(&self, day: Day) -> Cell {
        match (self.0.get(&day), self.carried(day)) {
            (Some(level), _) => Cell::Reported(*level),
            (None, Some(level)) => Cell::Carried(level),
            (None, None) => Cell::NeverHeard,
        }
    }

    /// Whether it was taken.
    fn say(&mut self, day: Day, accumulates: bool, value: Option<i64>) -> bool {
        let old = self.carried(day).unwrap_or(0);
        if let Some(value) = value {
            let at_begin = self.carried(day.first_of_month().previous()).unwrap_or(0);
            let level = if accumulates { (at_begin + value).max(0) } else { value };
            self.0.insert(day, level);
        } else if self.0.remove(&day).is_none() {
            return false;
        }
        let moved = self.carried(day).unwrap_or(0) - old;
        if accumulates {
            self.0.range_mut(day.next()..).for_each(|(_, level)| *level += moved);
        }
        true
    }
}

pub(super) const ITEMS: [&str; 2] = ["vms", "notarizations"];

pub(super) struct Scene {
    pub(super) test: TestApp,
    pub(super) tenant: TenantId,
    meters: [Meter; 2],
    /// What was known at each acceptance number.
    pub(super) known: BTreeMap<Seq, [Meter; 2]>,
    pub(super) begin: Day,
}

impl Scene {
    pub(super) async fn new() -> Self {
        let test = TestApp::at("2026-03-20T12:00:00Z").await;
        let tenant = test.tenant(test.top, TenantKind::Customer, "Harbour").await;
        for item in ITEMS {
            test.switch(tenant, item, None, true).await;
        }
        let begin = test.clock.now().day();
        Self { test, tenant, meters: Default::default(), known: BTreeMap::new(), begin }
    }

    async fn upload(&self, said: &[(Day, &str, Option<i64>)]) -> Summary {
        let mut body = "tenant_id,offering_item,date,value,retract\n".to_owned();
        for (day, item, value) in said {
            let said = value.map_or_else(|| ",true".to_owned(), |value| format!("{value},"));
            writeln!(body, "{},{item},{day},{said}", self.tenant).unwrap();
        }
        let form = Form { format: Format::Csv, encoding: Encoding::Identity, reason: None };
        let received = receive(&self.test.app, form, Cursor::new(body)).await.unwrap();
        store_upload(&self.test.app, &Source::system(), received, |_| ()).await.unwrap()
    }

    pub(super) async fn take(&mut self, step: &Step) {
        match *step {
            Step::Move(days) => {
                self.test.clock.set(self.test.clock.now().plus_seconds(i64::from(days) * 86_400));
            }
            Step::Close => drop(app::history::close_due(&self.test.app).await.unwrap()),
            Step::Tend => while app::history::tend(&self.test.app).await.unwrap() {},
            Step::Say(back, accumulates, value) => self.say(&[(back, accumulates, value)]).await,
            Step::SayAll(ref said) => self.say(said).await,
        }
        self.known.insert(acceptance(&self.test).await, self.meters.clone());
    }

    async fn say(&mut self, said: &[(i32, bool, Option<i64>)]) {
        let today = self.test.clock.now().day();
        let line = |(back, accumulates, value): &(i32, bool, Option<i64>)| {
            (today.plus(-back), ITEMS[usize::from(*accumulates)], *value)
        };
        let lines: Vec<_> = said.iter().map(line).collect();
        // An upload is taken by day.
        let (mut by_day, mut refused) = (said.to_vec(), 0);
        by_day.sort_by_key(|(back, _, _)| std::cmp::Reverse(*back));
        for (back, accumulates, value) in by_day {
            let meter = &mut self.meters[usize::from(accumulates)];
            refused += u64::from(!meter.say(today.plus(-back), accumulates, value));
        }
        let summary = self.upload(&lines).await;
        assert_eq!(summary.refused_count, refused, "{summary:?}");
    }

    async fn check(&self, seq: Seq, expected: &[Meter; 2], is_newest: bool) {
        let today = self.test.clock.now().day();
        let period = Period::inclusive(self.begin.plus(-75), today);
        let input = load(&self.test, self.test.top, period, Kind::UsageDaily, seq).await;
        let found = meters(&input);
        for (at, item) in ITEMS.into_iter().enumerate() {
            let is_it = |name: &str| name == item;
            let series = found.iter().find(|(key, _)| is_it(&input.numbers.item(key.item).unwrap().name));
            let series = series.map_or_else(Series::default, |(_, series)| series.clone());
            for day in period.days() {
                let expected = expected[at].cell(day);
                assert_eq!(series.level(day), expected.level(), "{item} on {day} as of {seq}");
                assert!(!is_newest || series.cell(day) == expected, "{item} on {day}: {expected:?}");
            }
        }
    }

    /// The segments and the meters say what follows from the ledger.
    async fn prove(&self) {
        let mut conn = self.test.app.read().await.unwrap();
        for range in store::history::all_ranges(&mut conn).await.unwrap() {
            let rebuilt = store::history::rebuild(&mut conn, range).await.unwrap();
            assert_eq!(rebuilt.flaws, []);
            let comparison = store::history::compare(&mut conn, range, &rebuilt).await.unwrap();
            assert_eq!(comparison.differences, []);
        }
    }
}

async fn every_level_is_what_was_known(steps: Vec<Step>) {
    let mut scene = Scene::new().await;
    for step in &steps {
        scene.take(step).await;
    }
    scene.prove().await;
    let newest = scene.known.keys().next_back().copied();
    for (seq, expected) in &scene.known {
        scene.check(*seq, expected, Some(*seq) == newest).await;
    }
}

#[tokio::test]
async fn a_reading_taken_back_leaves_a_meter_that_does_not_know_what_came_before() {
    let accumulating = |back, value| Step::Say(back, true, value);
    every_level_is_what_was_known(vec![
        accumulating(0, Some(4)),
        Step::Move(14),
        accumulating(0, Some(2)),
        Step::Move(2),
        accumulating(0, Some(3)),
        accumulating(0, None),
        // Long before: not what the row should take for the reading before its last.
        accumulating(20, Some(1)),
        accumulating(0, Some(3)),
    ])
    .await;
}

#[tokio::test]
async fn an_accumulating_meter_that_a_correction_moved_below_zero_goes_on_from_there() {
    let accumulating = |back, value| Step::Say(back, true, Some(value));
    every_level_is_what_was_known(vec![
        accumulating(0, 2),
        Step::Move(7),
        accumulating(0, 0),
        accumulating(1, 0),
        Step::Move(9),
        accumulating(0, 0),
        accumulating(1, 0),
        accumulating(0, 1),
    ])
    .await;
}

#[tokio::test]
async fn a_repeated_reading_stays_where_all_before_it_is_taken_back() {
    every_level_is_what_was_known(vec![
        Step::Say(1, true, Some(0)),
        Step::SayAll(vec![(0, true, Some(0)), (1, true, None)]),
        Step::Move(1),
        Step::Close,
    ])
    .await;
}

#[tokio::test]
async fn a_day_frozen_after_the_next_one_was_heard_tells_what_came_before() {
    every_level_is_what_was_known(vec![
        Step::Say(0, false, Some(5)),
        Step::Move(1),
        Step::Close,
        Step::Say(0, false, Some(6)),
        Step::Move(1),
        Step::Say(0, false, Some(7)),
        // Freezes the day before, of which the meter's row has lost what came before it; then takes it back.
        Step::Say(1, false, None),
        Step::Tend,
    ])
    .await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_level_is_what_was_known_at_its_number(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(every_level_is_what_was_known(steps));
    }
}
