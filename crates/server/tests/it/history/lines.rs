//! The history over a real socket: every line against the list of what was sent.

use std::collections::BTreeMap;

use domain::history::Cell;
use domain::ids::Seq;
use domain::time::Day;
use proptest::prelude::*;
use serde_json::Value;
use testkit::Server;

use super::corrections::{ITEMS, Meter, Scene, Step, steps};
use super::day;

/// Value, level and state, by item and day.
type Lines = BTreeMap<(String, Day), (i64, i64, String)>;

struct Counter {
    scene: Scene,
    server: Server,
    token: String,
}

impl Counter {
    async fn after(steps: &[Step]) -> Self {
        let mut scene = Scene::new().await;
        for step in steps {
            scene.take(step).await;
        }
        let server = scene.test.serve().await;
        let token = server.token(&scene.test.client_id, &scene.test.client_secret).await;
        Self { scene, server, token }
    }

    async fn lines(&self, query: &str) -> Lines {
        let path = format!("/api/tidemark/1/tenants/{}/history?format=csv&{query}", self.scene.tenant);
        let answer = self.server.get(&path).bearer(&self.token).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let text = answer.text();
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("tenant_id,tenant_name,offering_item,infra_id,date,value,level,state"));
        let mut found = Lines::new();
        for line in lines {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(
                (cells[0], cells[1], cells[3]),
                (self.scene.tenant.to_string().as_str(), "Harbour", "")
            );
            let numbers = (cells[5].parse().unwrap(), cells[6].parse().unwrap(), cells[7].to_owned());
            let before = found.insert((cells[2].to_owned(), day(cells[4])), numbers);
            assert_eq!(before, None, "twice: {line}");
        }
        found
    }

    /// What the history must say of this window, by the list of what was sent.
    fn expected(meters: &[Meter; 2], first: Day, last: Day) -> Lines {
        let mut lines = Lines::new();
        for (at, item) in ITEMS.into_iter().enumerate() {
            for date in (first.0..=last.0).map(Day) {
                let cell = meters[at].cell(date);
                let state = match cell {
                    Cell::Reported(_) => "reported",
                    Cell::Carried(_) => "carried",
                    Cell::NeverHeard => continue,
                };
                let at_begin = meters[at].cell(date.first_of_month().previous()).level();
                let since = (cell.level() - at_begin).max(0);
                let value = if item == "notarizations" { since } else { cell.level() };
                lines.insert((item.to_owned(), date), (value, cell.level(), state.to_owned()));
            }
        }
        lines
    }

    async fn check(&self) {
        let today = self.scene.test.clock.now().day();
        let first = self.scene.begin.plus(-75).max(today.plus(-399));
        let newest = self.scene.known.keys().next_back().copied();
        // Every number would take long.
        let every = self.scene.known.len() / 8 + 1;
        let some = self
            .scene
            .known
            .iter()
            .enumerate()
            .filter(|(at, (seq, _))| at % every == 0 || newest == Some(**seq));
        for (_, (seq, meters)) in some {
            let found = self.lines(&format!("from={first}&to={today}&as_of={seq}")).await;
            let expected = Self::expected(meters, first, today);
            if newest == Some(*seq) {
                assert_eq!(found, expected);
                assert_eq!(self.lines(&format!("from={first}&to={today}")).await, expected);
            }
            // Whether a day was reported is known as of now, where the reading only repeated another.
            let figures = |lines: &Lines| {
                let figures = lines.iter().map(|(at, (value, level, _))| (at.clone(), (*value, *level)));
                figures.filter(|(_, figures)| *figures != (0, 0)).collect::<BTreeMap<_, _>>()
            };
            assert_eq!(figures(&found), figures(&expected), "as of {seq}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_line_is_what_was_sent_and_known(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async { Counter::after(&steps).await.check().await });
    }
}

#[tokio::test]
async fn a_window_may_begin_and_end_anywhere_and_items_may_be_picked() {
    let steps = [
        Step::Say(40, false, Some(3)),
        Step::Say(35, true, Some(4)),
        Step::Say(0, true, Some(2)),
        Step::Move(20),
        Step::Close,
        Step::Say(3, false, Some(8)),
        Step::Say(2, true, Some(6)),
    ];
    let counter = Counter::after(&steps).await;
    let today = counter.scene.test.clock.now().day();
    let newest = counter.scene.known.values().next_back().unwrap();
    for (first, last) in [(-70, -50), (-40, -40), (-39, -36), (-20, 0), (-1, -1), (0, 0)] {
        let (first, last) = (today.plus(first), today.plus(last));
        let expected = Counter::expected(newest, first, last);
        assert_eq!(counter.lines(&format!("from={first}&to={last}")).await, expected, "{first} to {last}");
        let one = counter.lines(&format!("from={first}&to={last}&items=notarizations")).await;
        let of_one = expected.into_iter().filter(|((item, _), _)| item == "notarizations");
        assert_eq!(one, of_one.collect::<Lines>());
    }
    // Without a window: the month up to the last closed day.
    let closed = app::history::last_closed(&counter.scene.test.app).await.unwrap().unwrap();
    let expected = Counter::expected(newest, closed.first_of_month(), closed);
    assert_eq!(counter.lines("").await, expected);
    assert!(!expected.is_empty());
}

#[tokio::test]
async fn every_form_has_the_same_lines() {
    let counter = Counter::after(&[Step::Say(2, false, Some(3)), Step::Say(0, true, Some(9))]).await;
    let (scene, today) = (&counter.scene, counter.scene.test.clock.now().day());
    let path = format!("/api/tidemark/1/tenants/{}/history?to={today}", scene.tenant);
    let ask =
        async |accept: &str| counter.server.get(&path).bearer(&counter.token).header("Accept", accept).await;
    let json = ask("application/json").await;
    assert_eq!(json.header("Content-Type"), "application/json; charset=utf-8");
    assert_eq!(json.header("Cache-Control"), "no-store");
    let json = json.ok();
    let newest = scene.known.keys().next_back().copied().unwrap();
    assert_eq!((&json["tenant_id"], &json["as_of"]), (&scene.tenant.to_string().into(), &newest.0.into()));
    assert_eq!(json["from"], today.first_of_month().to_string());
    assert_eq!(json["to"], today.to_string());
    let items = json["items"].as_array().unwrap();
    assert_eq!(items.len(), 4, "{items:?}");
    assert_eq!(items[0]["infra_id"], Value::Null);
    let ndjson = ask("application/x-ndjson").await;
    assert_eq!(ndjson.header("Content-Type"), "application/x-ndjson; charset=utf-8");
    let lines: Vec<Value> = ndjson.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(&lines, items);
    let csv = ask("text/csv").await;
    assert_eq!(csv.header("Content-Type"), "text/csv; charset=utf-8");
    let word = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    let of_json = items.iter().map(|line| {
        let key = (word(line, "offering_item"), day(&word(line, "date")));
        (key, (line["value"].as_i64().unwrap(), line["level"].as_i64().unwrap(), word(line, "state")))
    });
    assert_eq!(counter.lines(&format!("to={today}")).await, of_json.collect::<Lines>());
    assert_eq!(csv.text().lines().count(), 5);
    assert_eq!(ask("text/html").await.status, 415);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_by_name() {
    let counter = Counter::after(&[Step::Say(0, false, Some(3))]).await;
    let today = counter.scene.test.clock.now().day();
    let newest = counter.scene.known.keys().next_back().copied().unwrap();
    let (tomorrow, later) = (today.next(), Seq(newest.0 + 1));
    for (query, field) in [
        ("items=vms,vmz".to_owned(), "items: there is no offering item vmz"),
        (format!("from={today}&to={}", today.previous()), "from"),
        (format!("to={tomorrow}"), "to"),
        (format!("from={}&to={today}", today.plus(-400)), "from"),
        ("from=2026-13-01".to_owned(), "from"),
        (format!("as_of={later}"), "as_of"),
        ("as_of=-1".to_owned(), "as_of"),
        ("as_of=x".to_owned(), "as_of"),
        ("as_of=0".to_owned(), "as_of: the tenant was not there yet"),
        ("item=vms".to_owned(), "item"),
    ] {
        for route in ["history", "history/changes"] {
            let path = format!("/api/tidemark/1/tenants/{}/{route}?{query}", counter.scene.tenant);
            let answer = counter.server.get(&path).bearer(&counter.token).await;
            let info = answer.expect(400)["error"]["details"]["info"].as_str().unwrap().to_owned();
            assert!(info.starts_with(field), "{query}: {info}");
        }
    }
    counter.lines(&format!("from={}&to={today}", today.plus(-399))).await;
    let path = format!("/api/tidemark/1/tenants/{}/history?format=xml", counter.scene.tenant);
    counter.server.get(&path).bearer(&counter.token).await.expect(400);
}
