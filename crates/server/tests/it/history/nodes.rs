//! Several nodes at one history: nothing is lost, and each thing is done once.

use app::auth::keys;
use app::{App, Caller, history, usage};
use domain::access::Role;
use store::args;
use tokio::task::JoinSet;

use super::*;

const NODES: usize = 3;
/// Over the end of a month, and to the day on which the keys are rotated.
const DAYS: [&str; 5] = ["2026-05-30", "2026-05-31", "2026-06-01", "2026-06-02", "2026-06-09"];
/// Readings of each meter on each day.
const READINGS: i64 = 8;

async fn newest(app: &App) -> Seq {
    store::history::newest(&mut app.read().await.unwrap()).await.unwrap()
}

/// Takes the readings of a day, one call after the other; each number is later than all that any node had seen before.
async fn takes(node: App, other: App, caller: Caller, customers: Vec<TenantId>, first: i64) {
    for value in first..first + READINGS {
        let before = newest(&other).await;
        let entries = customers.iter().map(|customer| Ok(reading(*customer, "vms", value))).collect();
        let said = usage::accept(&node, &caller, entries).await.unwrap();
        assert!(said.iter().all(Result::is_ok), "{said:?}");
        assert!(newest(&other).await > before);
    }
}

async fn tends(node: App) {
    history::close_due(&node).await.unwrap();
    while history::tend(&node).await.unwrap() {}
    keys::rotate_if_due(&node).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_take_readings_and_tend_the_history_at_once_lose_nothing() {
    let test = TestApp::at("2026-05-10T08:00:00Z").await;
    let nodes = [test.app.clone(), test.another_node().await, test.another_node().await];
    let caller = test.caller(test.top, Role::RootAdmin).await;
    let mut customers = Vec::new();
    for number in 0..2 * NODES {
        let customer = test.tenant(test.top, TenantKind::Customer, &format!("Customer {number}")).await;
        test.switch(customer, "vms", None, true).await;
        customers.push(customer);
    }
    for (day, first) in DAYS.into_iter().zip((1_000..).step_by(1_000)) {
        test.clock.set(at(&format!("{day}T10:00:00Z")));
        let mut at_work = JoinSet::new();
        for (place, node) in nodes.iter().enumerate() {
            let (other, own) = (&nodes[(place + 1) % NODES], &customers[2 * place..2 * place + 2]);
            at_work.spawn(takes(node.clone(), other.clone(), caller.clone(), own.to_vec(), first));
            at_work.spawn(tends(node.clone()));
        }
        at_work.join_all().await;
    }
    test.clock.set(at("2026-06-10T10:00:00Z"));
    let mut at_work = JoinSet::new();
    for node in &nodes {
        at_work.spawn(tends(node.clone()));
    }
    at_work.join_all().await;

    let as_of = acceptance(&test).await;
    for customer in customers {
        let period = Period { start: day(DAYS[0]), end: day("2026-06-10") };
        let series = series(&test, customer, "vms", period, as_of).await;
        let last = (1_000..).step_by(1_000).map(|first| first + READINGS - 1);
        let wanted: Vec<(Day, i64)> = DAYS.map(day).into_iter().zip(last).collect();
        assert_eq!(series.readings(), wanted);
    }
    let mut conn = test.app.read().await.unwrap();
    for (sql, expected) in [
        ("SELECT CAST(SUM(entries) AS BIGINT) AS n FROM ledger", 2 * 3 * 5 * READINGS),
        ("SELECT COUNT(*) AS n FROM day_numbers WHERE day >= 20603", 5),
        ("SELECT COUNT(*) AS n FROM signing_keys", 3),
        ("SELECT COUNT(*) AS n FROM segments WHERE last_day < 20605 AND first_day < last_day", 1),
        (
            "SELECT COUNT(*) AS n FROM segments a JOIN segments b ON a.range_no = b.range_no AND a.no < b.no
             AND a.first_day <= b.last_day AND b.first_day <= a.last_day",
            0,
        ),
    ] {
        assert_eq!(conn.count(sql, args![]).await.unwrap(), expected, "{sql}");
    }
    for range in app::verify::ranges(&test.app.db).await.unwrap() {
        assert_eq!(app::verify::range(&test.app.db, range, None).await.unwrap().differences, [""; 0]);
    }
}
