//! kill -9 at every step of the history and while readings come in: nothing acknowledged is lost, nothing counts twice,
//! and `tidemark verify` is clean.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use app::jobs::steps;
use domain::history::{Cell, Series};
use domain::ids::RangeNo;
use serde_json::{Value, json};
use store::history::{Scope, load, next_rewrite, unpacked_range};
use store::{Conn, Db};
use testkit::Client;
use ureq::http::Method;

use super::channel::{Channel, VMS};
use super::harness::{Place, Process, Serving, wait_for};

/// Looks into the database, beside a server or after it.
fn in_database<T>(place: &Place, look: impl AsyncFnOnce(&mut Conn) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let db = Db::join(&place.data().join("tidemark.db")).await.unwrap();
        let mut conn = db.read().await.unwrap();
        let seen = look(&mut conn).await;
        drop(conn);
        db.close().await;
        seen
    })
}

fn count(place: &Place, sql: &'static str) -> u64 {
    in_database(place, async |conn| conn.count(sql, Vec::new()).await.unwrap()).try_into().unwrap()
}

const ENTRIES: &str = "SELECT CAST(COALESCE(SUM(entries), 0) AS BIGINT) AS n FROM ledger";
const KEYS: &str =
    "SELECT CAST(COALESCE(SUM(key_count), 0) AS BIGINT) AS n FROM key_runs WHERE status = 'live'";

#[track_caller]
fn is_clean(place: &Place) {
    let output = place.command("verify").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.ends_with(": all agrees\n") && said.lines().count() == 1, "{said}");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A server whose clock runs on from an instant, and that stops at a step of the jobs if one is given.
fn serve(place: &Place, now: &str, step: Option<&str>) -> Serving {
    let mut command = place.serve_command();
    command.args(["--clock-start", now]);
    if let Some(step) = step {
        command.env("TIDEMARK_TEST_STOP_AT", step);
    }
    place.serve_by(command)
}

/// Starts a server that comes to a step by itself, and kills it there.
fn killed_at(place: &Place, now: &str, step: &str) {
    let mut command = place.serve_command();
    command.args(["--clock-start", now]).env("TIDEMARK_TEST_STOP_AT", step);
    // Nothing is asked of it: another job may have stopped in the middle of a transaction.
    let process = Process::start(&mut command);
    assert!(process.line().starts_with("ready "));
    assert_eq!(process.line(), format!("stopped at {step}"));
    is_clean(place);
    drop(process);
    is_clean(place);
}

fn upload(serving: &Serving, body: &str) -> Value {
    let call = serving.client.post("/api/tidemark/1/readings").bearer(&serving.token);
    call.raw("application/x-ndjson", body).send().ok()
}

/// The customer's virtual machines, by day.
fn vms(place: &Place, days: &[&str]) -> Vec<Cell> {
    let days: Vec<domain::time::Day> = days.iter().map(|day| day.parse().unwrap()).collect();
    in_database(place, async |conn| {
        let as_of = store::history::newest(conn).await.unwrap();
        let item = store::catalogue::item_numbers(conn).await.unwrap().no("vms").unwrap();
        let scope = Scope::whole(vec![RangeNo(0)]);
        let archive = load(conn, &scope, days[0], *days.last().unwrap(), as_of).await.unwrap();
        let series = archive.series(RangeNo(0), |key| key.item == item).unwrap();
        let series = series.into_iter().next().map_or_else(Series::default, |(_, series)| series);
        days.iter().map(|day| series.cell(*day)).collect()
    })
}

#[test]
fn killed_at_each_step_of_the_history_the_next_process_goes_on() {
    let place = Place::rehearsing("2026-04-29T12:00:00Z");
    let serving = serve(&place, "2026-04-29T12:00:00Z", None);
    let channel = Channel::make(&serving, &place.first.tenant_id.to_string());
    serving.kill();
    let mut walked = vec!["after-day-closed", "after-segments-built", "after-frozen"];
    killed_at(&place, "2026-04-30T00:00:10Z", walked[0]);
    killed_at(&place, "2026-04-30T00:00:20Z", walked[1]);
    killed_at(&place, "2026-04-30T00:00:30Z", walked[2]);

    // A correction of the day before makes a rewrite due; what is answered is safe from then on.
    let serving = serve(&place, "2026-04-30T08:00:00Z", Some("after-rewrite-built"));
    channel.read(&serving, "vms", VMS + 1);
    let late =
        json!({"tenant_id": channel.customer, "offering_item": "vms", "date": "2026-04-29", "value": 50});
    assert_eq!(upload(&serving, &late.to_string())["accepted"], 1);
    assert_eq!(serving.process.line(), "stopped at after-rewrite-built");
    is_clean(&place);
    serving.kill();
    is_clean(&place);
    killed_at(&place, "2026-04-30T09:00:00Z", "after-rewritten");
    // Midnight, the first of the month: April becomes one block, and its ledger too.
    killed_at(&place, "2026-05-01T00:00:10Z", "after-packed");
    walked.extend(["after-rewrite-built", "after-rewritten", "after-packed"]);
    assert_eq!(walked, steps::OF_HISTORY);

    let serving = serve(&place, "2026-05-01T00:01:00Z", None);
    wait_for("an end of the upkeep", || {
        let left = in_database(&place, async |conn| {
            (next_rewrite(conn).await.unwrap(), unpacked_range(conn).await.unwrap())
        });
        (left == (None, None)).then_some(())
    });
    assert_eq!(channel.current(&serving, "vms"), VMS + 1);
    let segments = "SELECT COUNT(*) AS n FROM segments WHERE last_day > first_day";
    let others = "SELECT COUNT(*) AS n FROM segments WHERE last_day = first_day";
    assert_eq!((count(&place, segments), count(&place, others)), (1, 0));
    // Two first readings, one of the next day, a correction.
    assert_eq!(count(&place, ENTRIES), 4);
    let level = i64::try_from(VMS).unwrap() + 1;
    assert_eq!(
        vms(&place, &["2026-04-28", "2026-04-29", "2026-04-30", "2026-05-01"]),
        [Cell::NeverHeard, Cell::Reported(50), Cell::Reported(level), Cell::Carried(level)]
    );
    is_clean(&place);
}

/// More than two chunks.
const READINGS: usize = 45_000;

/// Readings each of which changes what the one before said, with keys.
fn readings(top: &str) -> String {
    let mut body = String::new();
    for n in 0..READINGS {
        writeln!(body, r#"{{"tenant_id":"{top}","offering_item":"vms","value":{n},"key":"k{n}"}}"#).unwrap();
    }
    body
}

/// Waits until a chunk is stored, and no more than some.
fn some_stored(place: &Place) {
    wait_for("a chunk", || (count(place, ENTRIES) > 0).then_some(()));
}

#[test]
fn an_upload_that_was_killed_half_way_is_sent_again_and_counts_once() {
    let place = Place::new();
    let serving = place.serve();
    let body = readings(&place.first.tenant_id.to_string());
    let stream = serving.connect(&format!(
        "POST /api/tidemark/1/readings HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n{body}",
        serving.client.address(),
        serving.token,
        body.len()
    ));
    some_stored(&place);
    serving.kill();
    drop(stream);
    let stored = count(&place, ENTRIES);
    assert!(stored < READINGS as u64, "killed too late to tell anything");
    assert_eq!(count(&place, KEYS), stored, "with each reading its key");
    is_clean(&place);
    let again = upload(&place.serve(), &body);
    assert_eq!((&again["absorbed"], &again["accepted"]), (&json!(stored), &json!(READINGS as u64 - stored)));
    assert_eq!(count(&place, ENTRIES), READINGS as u64);
    is_clean(&place);
}

#[test]
fn an_import_that_was_killed_half_way_is_done_again_and_counts_once() {
    let place = Place::new();
    let file = place.beside().join("readings.ndjson");
    std::fs::write(&file, readings(&place.first.tenant_id.to_string())).unwrap();
    let process = Process::start(place.command("import").arg(&file));
    some_stored(&place);
    drop(process);
    let stored = count(&place, ENTRIES);
    assert!(stored < READINGS as u64, "killed too late to tell anything");
    is_clean(&place);
    let process = Process::start(place.command("import").arg(&file));
    let rest = READINGS as u64 - stored;
    let line = process.line();
    assert!(line.starts_with(&format!("accepted {rest}, absorbed {stored}, refused 0, seq ")), "{line}");
    assert_eq!(count(&place, ENTRIES), READINGS as u64);
    is_clean(&place);
}

#[test]
fn killed_between_many_small_batches_every_one_that_was_answered_is_there_once() {
    const ITEMS: [&str; 4] = ["vms", "workstations", "servers", "mobiles"];
    const BATCH: usize = 5;
    let place = Place::new();
    let serving = place.serve();
    let top = place.first.tenant_id.to_string();
    let batch = |item: &str, no: usize| {
        let reading = |n: usize| {
            let n = no * BATCH + n;
            json!({"tenant_id": top, "offering_item": item, "value": n, "key": format!("{item} {n}")})
                .to_string()
        };
        (0..BATCH).map(reading).collect::<Vec<_>>().join("\n")
    };
    let send = |client: &Client, token: &str, body: &str| {
        let call = client.call(Method::POST, "/api/tidemark/1/readings").bearer(token);
        call.raw("application/x-ndjson", body).try_send()
    };
    let (client, token, answered) = (serving.client.clone(), serving.token.clone(), AtomicUsize::new(0));
    // By item, how many batches were answered; one more was sent.
    let sent: Vec<usize> = thread::scope(|scope| {
        let of_item = |item: &'static str| {
            let (client, token, answered, batch) = (&client, &token, &answered, &batch);
            scope.spawn(move || {
                let mut no = 0;
                while let Some(answer) = send(client, token, &batch(item, no)) {
                    assert_eq!(answer.ok()["accepted"], BATCH);
                    no += 1;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                no
            })
        };
        let threads: Vec<_> = ITEMS.map(of_item).into();
        wait_for("answers", || (answered.load(Ordering::Relaxed) > 60).then_some(()));
        serving.kill();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    is_clean(&place);
    let serving = place.serve();
    for (item, sent) in ITEMS.into_iter().zip(&sent) {
        for no in 0..=*sent {
            let again = send(&serving.client, &serving.token, &batch(item, no)).unwrap().ok();
            assert!(no == *sent || again["absorbed"] == BATCH, "batch {no} of {item} was answered, and lost");
            assert_eq!(again["refused_count"], 0, "{again}");
        }
    }
    let all: usize = sent.iter().map(|sent| (sent + 1) * BATCH).sum();
    assert_eq!(count(&place, ENTRIES), all as u64);
    is_clean(&place);
}
