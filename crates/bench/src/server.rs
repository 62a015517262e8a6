//! `cargo xtask bench server`: what a client of a running server sees, generator and server on one machine.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use domain::ids::TenantId;
use domain::time::Instant as Moment;
use testkit::{Answer, Client};

use crate::channel::Channel;
use crate::serving::{Place, Serving, next_morning};

/// How many readings a request carries.
const BATCH: usize = 1_000;
/// How many clients send at once as fast as they are answered.
const SENDERS: u64 = 8;

type Meter = (TenantId, &'static str);

/// Measures all; prints a line for each.
pub fn run(tidemark: &Path, channel: &Path, store: &Path) -> Result<()> {
    let channel = Channel(channel.to_owned());
    let place = Place::copy_of(&channel, store)?;
    let meters: Arc<[Meter]> = place.meters(&channel)?.into();
    let morning = next_morning(&place.meta)?;
    let serving = place.serve(tidemark, morning)?;
    let report = current_report(&place)?;
    println!(
        "usage_current of 10 customers as csv_v2_0, warm: {}",
        Times::of_reports(&serving, &report, 1_000)?
    );
    let batches = AtomicU64::new(0);
    let scattered = scattered(&meters);
    for (order, meters) in [("by tenant", &meters), ("scattered", &scattered)] {
        let (readings, times) = flood(&serving, meters, &batches, Duration::from_secs(15));
        println!(
            "ingest {order}, as fast as answered: {readings:.0} readings/s, a request of {BATCH} takes {times}"
        );
        let times = paced(&serving, meters, &batches, 10, 200);
        println!("ingest {order}, 10,000 readings/s: a request of {BATCH} takes {times}");
    }
    println!("the server's memory: {} MiB at most", serving.peak_mib()?);
    drop(serving);
    day_close(&place, tidemark, &meters, &report, &batches)
}

fn current_report(place: &Place) -> Result<String> {
    let tiny = place.id(u32::try_from(place.meta.number("tiny")?)?)?;
    Ok(format!(
        "/api/tidemark/1/tenants/{tiny}/report?kind=usage_current&level=all_customers&format=csv_v2_0"
    ))
}

/// How long calls took, in order of their length.
pub struct Times(Vec<Duration>);

impl Times {
    /// Puts them in order.
    pub fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    fn of_reports(serving: &Serving, report: &str, count: usize) -> Result<Self> {
        let mut times = Vec::with_capacity(count);
        for at in 0..count + 50 {
            let start = Instant::now();
            let answer = serving.client.get(report).bearer(&serving.token).send();
            let took = start.elapsed();
            ensure!(answer.status == 200 && answer.body.len() > 1_000, "no report: {}", answer.text());
            if at >= 50 {
                times.push(took);
            }
        }
        Ok(Self::new(times))
    }

    /// In milliseconds, so many per mille of the calls took no longer.
    pub fn at(&self, per_mille: usize) -> f64 {
        let at = (self.0.len().saturating_sub(1)) * per_mille / 1_000;
        self.0.get(at).map_or(f64::NAN, Duration::as_secs_f64) * 1_000.0
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (p50, p95, p99) = (self.at(500), self.at(950), self.at(990));
        write!(
            f,
            "p50 {p50:.2} ms, p95 {p95:.2}, p99 {p99:.2}, longest {:.2} ({} calls)",
            self.at(1_000),
            self.0.len()
        )
    }
}

/// The meters in an order in which neighbours lie far apart.
fn scattered(meters: &[Meter]) -> Arc<[Meter]> {
    // A prime that divides no such count.
    let at = |at: usize| meters.get(at.wrapping_mul(999_983) % meters.len()).copied();
    (0..meters.len()).filter_map(at).collect()
}

/// The body of a request: readings of the next meters, every one with a key of its own.
fn batch(meters: &[Meter], number: u64) -> String {
    let mut body = String::with_capacity(BATCH * 130);
    body.push('[');
    for at in 0..BATCH as u64 {
        let reading = number * BATCH as u64 + at;
        let meter = usize::try_from(reading).unwrap_or(0) % meters.len().max(1);
        let Some((tenant, item)) = meters.get(meter) else { continue };
        let comma = if at == 0 { "" } else { "," };
        let value = reading.wrapping_mul(2_654_435_761) % 400_000;
        let _ = write!(
            body,
            r#"{comma}{{"tenant_id":"{tenant}","offering_item":"{item}","value":{value},"key":"b{number}-{at}"}}"#
        );
    }
    body.push(']');
    body
}

fn send(client: &Client, token: &str, body: String) -> Answer {
    client.post("/api/tidemark/1/readings").bearer(token).raw("application/json", body).send()
}

fn check(answer: &Answer) {
    let summary = answer.ok();
    assert_eq!(summary.get("refused_count").and_then(serde_json::Value::as_u64), Some(0), "{summary}");
}

/// As fast as they are answered; gives the readings a second.
fn flood(serving: &Serving, meters: &Arc<[Meter]>, next: &AtomicU64, length: Duration) -> (f64, Times) {
    let start = Instant::now();
    let sender = |_| {
        let (client, token) = (serving.client.clone(), serving.token.clone());
        move || {
            let mut times = Vec::new();
            while start.elapsed() < length {
                let body = batch(meters, next.fetch_add(1, Ordering::Relaxed));
                let sent = Instant::now();
                check(&send(&client, &token, body));
                times.push(sent.elapsed());
            }
            times
        }
    };
    let times: Vec<Duration> = thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS).map(|at| scope.spawn(sender(at))).collect();
        senders.into_iter().flat_map(|sender| sender.join().unwrap_or_default()).collect()
    });
    let readings = times.len() * BATCH;
    #[expect(clippy::cast_precision_loss, reason = "a count of some millions")]
    let rate = readings as f64 / start.elapsed().as_secs_f64();
    (rate, Times::new(times))
}

/// So many requests a second, each at its time whether or not those before were answered; timed from when it was due.
fn paced(serving: &Serving, meters: &Arc<[Meter]>, next: &AtomicU64, a_second: u32, count: u32) -> Times {
    let start = Instant::now();
    let send_at = |at: u32| {
        let (client, token) = (serving.client.clone(), serving.token.clone());
        let body = batch(meters, next.fetch_add(1, Ordering::Relaxed));
        move || {
            let due = Duration::from_secs(1) / a_second * at;
            thread::sleep(due.saturating_sub(start.elapsed()));
            check(&send(&client, &token, body));
            start.elapsed().saturating_sub(due)
        }
    };
    let times = thread::scope(|scope| {
        let mut sent = Vec::new();
        for at in 0..count {
            sent.push(scope.spawn(send_at(at)));
            let ahead = Duration::from_secs(1) / a_second * at.saturating_sub(2);
            thread::sleep(ahead.saturating_sub(start.elapsed()));
        }
        sent.into_iter().filter_map(|sent| sent.join().ok()).collect()
    });
    Times::new(times)
}

/// Every meter is read once, midnight comes, and the day is frozen while reports and readings go on.
fn day_close(
    place: &Place,
    tidemark: &Path,
    meters: &Arc<[Meter]>,
    report: &str,
    next: &AtomicU64,
) -> Result<()> {
    const BEFORE_MIDNIGHT: Duration = Duration::from_secs(40);
    let midnight = next_morning(&place.meta)?.day().next().start();
    let started = Instant::now();
    let ahead = i64::try_from(BEFORE_MIDNIGHT.as_micros())?;
    let mut serving = place.serve(tidemark, Moment(midnight.0 - ahead))?;
    let log = serving.log.take().context("a log")?;
    let Serving { client, token, .. } = &serving;
    let is_frozen = &AtomicBool::new(false);
    let until_frozen = move || {
        let found = log.iter().any(|line| line.contains("days were frozen"));
        is_frozen.store(true, Ordering::Relaxed);
        found.then_some(started.elapsed().saturating_sub(BEFORE_MIDNIGHT))
    };
    thread::scope(|scope| {
        let frozen = scope.spawn(until_frozen);
        let last = next.load(Ordering::Relaxed) + (meters.len() / BATCH) as u64;
        while next.load(Ordering::Relaxed) <= last {
            let body = batch(meters, next.fetch_add(1, Ordering::Relaxed));
            check(&send(client, token, body));
        }
        ensure!(
            started.elapsed() < BEFORE_MIDNIGHT,
            "the machine is too slow: it was midnight before all was read"
        );
        thread::sleep(BEFORE_MIDNIGHT.saturating_sub(started.elapsed()));
        let (mut reports, mut readings) = (Vec::new(), Vec::new());
        while !is_frozen.load(Ordering::Relaxed) {
            let next_round = Instant::now() + Duration::from_millis(100);
            let start = Instant::now();
            client.get(report).bearer(token).send().ok();
            reports.push(start.elapsed());
            let body = batch(meters, next.fetch_add(1, Ordering::Relaxed));
            let start = Instant::now();
            check(&send(client, token, body));
            readings.push(start.elapsed());
            thread::sleep(next_round.saturating_duration_since(Instant::now()));
        }
        let took = frozen.join().ok().flatten().context("the day was not frozen")?;
        println!(
            "day close of {} readings: {:.2} s after midnight it is frozen",
            meters.len(),
            took.as_secs_f64()
        );
        println!("  meanwhile ten reports a second: {}", Times::new(reports));
        println!("  meanwhile ten requests of {BATCH} readings a second: {}", Times::new(readings));
        Ok(())
    })
}
