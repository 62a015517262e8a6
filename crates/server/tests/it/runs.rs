//! Runs: when they are due, what they make, and what becomes of them when things go wrong (reports-api, 8).

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use app::jobs::{self, builder, scheduler, steps};
use app::reports::{self, NewReport};
use domain::access::Actor;
use domain::delivery::DeliveryState;
use domain::report::{ArtefactStatus, Format, Parameters, RunStatus};
use domain::tenant::TenantKind;
use store::args;
use store::runs::{artefacts, editions};
use testkit::at;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::desk::{Desk, day, monthly, once, sent};

fn periods(runs: &[store::runs::Stored]) -> Vec<(String, String)> {
    runs.iter().map(|stored| (stored.run.due_at.with_z(), stored.run.period.to_string())).collect()
}

#[tokio::test]
async fn monthly_runs_follow_the_calendar_over_year_ends_and_leap_days() {
    let desk = Desk::at("2023-11-30T10:00:00Z").await;
    let id = desk.create(&monthly()).await.unwrap().report.id;
    for now in [
        "2023-12-01T23:59:58Z",
        "2023-12-01T23:59:59Z",
        "2024-01-01T23:59:59Z",
        "2024-02-01T23:59:59Z",
        "2024-02-29T23:59:59Z",
        "2024-03-01T23:59:59Z",
    ] {
        desk.pass(now).await;
    }
    let expected = [
        ("2023-12-01T23:59:59Z", "2023-11-01 - 2023-11-30"),
        ("2024-01-01T23:59:59Z", "2023-12-01 - 2023-12-31"),
        ("2024-02-01T23:59:59Z", "2024-01-01 - 2024-01-31"),
        ("2024-03-01T23:59:59Z", "2024-02-01 - 2024-02-29"),
    ];
    assert_eq!(
        periods(&desk.runs(id).await),
        expected.map(|(due, period)| (due.to_owned(), period.to_owned()))
    );
    assert!(desk.runs(id).await.iter().all(|stored| stored.run.status == RunStatus::Ready));
    let stored = reports::stored(&desk.test.app, &desk.caller, id).await.unwrap();
    assert_eq!(stored.len(), 4, "a set of items for every run");
    let shown = desk.get(id).await;
    assert_eq!(
        (shown.generation_on, shown.period.to_string()),
        (day("2024-04-01"), "2024-03-01 - 2024-03-31".to_owned())
    );
}

#[tokio::test]
async fn months_missed_while_no_server_was_up_are_made_up_once_each_for_its_own() {
    let desk = Desk::at("2023-11-30T10:00:00Z").await;
    let id = desk.create(&monthly()).await.unwrap().report.id;
    desk.pass("2024-02-10T08:00:00Z").await;
    desk.pass("2024-02-10T09:00:00Z").await;
    let made: Vec<String> = desk.runs(id).await.iter().map(|stored| stored.run.period.to_string()).collect();
    assert_eq!(made, ["2023-11-01 - 2023-11-30", "2023-12-01 - 2023-12-31", "2024-01-01 - 2024-01-31"]);
    assert_eq!(desk.get(id).await.generation_on, day("2024-03-01"));
}

#[tokio::test]
async fn however_often_the_scheduler_wakes_there_is_one_run() {
    let desk = Desk::at("2024-02-28T10:00:00Z").await;
    let new = NewReport { generation_on: Some(day("2024-02-29")), ..once() };
    let id = desk.create(&new).await.unwrap().report.id;
    desk.clock("2024-02-29T00:00:00Z");
    let mut wakes = JoinSet::new();
    for _ in 0..50 {
        let app = desk.test.app.clone();
        wakes.spawn(async move { scheduler::wake(&app).await.unwrap() });
    }
    assert_eq!(wakes.join_all().await.into_iter().sum::<usize>(), 1);
    assert_eq!(desk.runs(id).await.len(), 1);
    desk.clock("2024-02-28T23:59:00Z");
    scheduler::wake(&desk.test.app).await.unwrap();
    desk.pass("2024-02-29T00:00:01Z").await;
    assert_eq!(desk.runs(id).await.len(), 1, "a clock that goes back changes nothing");
}

#[tokio::test]
async fn a_run_waits_for_the_day_it_needs() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let new = NewReport { generation_on: Some(day("2020-03-05")), ..once() };
    let id = desk.create(&new).await.unwrap().report.id;
    desk.clock("2020-03-05T00:00:00Z");
    scheduler::wake(&desk.test.app).await.unwrap();
    desk.sql("UPDATE day_close SET frozen_day = $1", args![day("2020-03-04")]).await;
    assert!(!builder::build_next(&desk.test.app).await.unwrap());
    assert_eq!(desk.runs(id).await[0].run.status, RunStatus::Queued);
    desk.sql("UPDATE day_close SET frozen_day = $1", args![day("2020-03-05")]).await;
    assert!(builder::build_next(&desk.test.app).await.unwrap());
    assert_eq!(desk.runs(id).await[0].run.status, RunStatus::Ready);
}

#[tokio::test]
async fn every_format_is_saved_as_one_gzip_member_of_the_size_told() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let new =
        NewReport { parameters: Parameters { formats: Format::ALL.to_vec(), ..once().parameters }, ..once() };
    let id = desk.create(&new).await.unwrap().report.id;
    desk.drain().await;
    let app = &desk.test.app;
    for item in reports::stored(app, &desk.caller, id).await.unwrap() {
        assert_eq!(item.status, ArtefactStatus::Saved);
        let mut file = reports::stored_file(app, &desk.caller, id, item.id).await.unwrap();
        let piece = file.next().await.unwrap().unwrap();
        assert_eq!(Some(i64::try_from(piece.len()).unwrap()), item.size_bytes);
        assert_eq!(piece[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0], "a gzip header without name and time");
        assert!(file.next().await.unwrap().is_none());
        let plain = app::mail::unpacked(app, item.id).await.unwrap();
        assert!(!plain.is_empty() && item.sha256.is_some_and(|sha256| sha256.len() == 64));
    }
    let run = desk.runs(id).await.remove(0).run;
    assert_eq!(run.generated_at, Some(at("2020-03-04T10:00:00Z")));
    let number = editions::number(&mut app.read().await.unwrap(), run.id).await.unwrap();
    assert_eq!(number, Some(1));
}

#[tokio::test]
async fn a_report_that_is_sent_keeps_its_files_inside() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let jdoe = desk.user(desk.customer, "jdoe@harbour.example").await;
    let id = desk.create(&sent(once(), &[jdoe])).await.unwrap().report.id;
    desk.drain().await;
    assert!(reports::stored(&desk.test.app, &desk.caller, id).await.unwrap().is_empty());
    let run = desk.runs(id).await.remove(0).run.id;
    let files = artefacts::of_run(&mut desk.test.app.read().await.unwrap(), run).await.unwrap();
    assert_eq!(files.len(), 2);
    let direct = reports::stored_file(&desk.test.app, &desk.caller, id, files[0].id).await;
    assert!(direct.is_err(), "not by its id either");
}

#[tokio::test]
async fn a_subject_that_moved_away_skips_the_run_and_fails_its_files() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let south = desk.test.tenant(desk.test.top, TenantKind::Partner, "South").await;
    let new = NewReport { generation_on: Some(day("2020-03-05")), ..once() };
    let id = desk.create(&new).await.unwrap().report.id;
    desk.transfer(desk.customer, south).await;
    desk.pass("2020-03-05T00:00:00Z").await;
    let run = desk.runs(id).await.remove(0).run;
    assert_eq!(run.status, RunStatus::Skipped);
    assert!(run.reason.unwrap().contains("no longer lies below"));
    let files = artefacts::of_run(&mut desk.test.app.read().await.unwrap(), run.id).await.unwrap();
    assert!(files.iter().all(|file| file.status == ArtefactStatus::Failed));
}

#[tokio::test]
async fn a_run_that_was_deleted_or_taken_over_is_no_longer_held() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let id = desk.create(&once()).await.unwrap().report.id;
    let app = &desk.test.app;
    let claim = async || {
        let mut tx = app.write_as(Actor::System).await.unwrap();
        let now = tx.now();
        let alike = store::runs::next(&mut tx, now).await.unwrap()?;
        let claim = store::runs::claim(&mut tx, alike, None).await.unwrap();
        tx.commit().await.unwrap();
        claim
    };
    let holds = async |claim: &store::runs::Claim| {
        let mut tx = app.write_as(Actor::System).await.unwrap();
        store::runs::hold(&mut tx, claim).await.unwrap()
    };
    let first = claim().await.unwrap();
    assert!(holds(&first).await);
    assert!(claim().await.is_none(), "its lease has not run out");
    jobs::release_leases(app).await.unwrap();
    let second = claim().await.unwrap();
    assert!(!holds(&first).await && holds(&second).await);
    reports::delete(app, &desk.caller, id, 1).await.unwrap();
    assert!(!holds(&second).await);
    desk.drain().await;
}

#[tokio::test]
async fn a_run_that_cannot_be_made_fails_after_a_few_tries() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let id = desk.create(&once()).await.unwrap().report.id;
    desk.sql("UPDATE tenants SET language = 'klingon' WHERE id = $1", args![desk.customer]).await;
    let mut seen = Vec::new();
    for now in ["10:00:00", "10:00:29", "10:00:30", "10:01:30", "10:03:30", "10:07:30", "10:30:00"] {
        desk.pass(&format!("2020-03-04T{now}Z")).await;
        let run = desk.runs(id).await.remove(0).run;
        seen.push((run.status, run.attempts));
    }
    let (queued, failed) = (RunStatus::Queued, RunStatus::Failed);
    let expected =
        [(queued, 1), (queued, 1), (queued, 2), (queued, 3), (queued, 4), (failed, 4), (failed, 4)];
    assert_eq!(seen, expected);
    let run = desk.runs(id).await.remove(0).run;
    assert!(run.reason.unwrap().contains("klingon"));
    let files = artefacts::of_run(&mut desk.test.app.read().await.unwrap(), run.id).await.unwrap();
    assert!(files.iter().all(|file| file.status == ArtefactStatus::Failed));
}

/// Lets the process die at one step, as far as a test in one process can: the jobs' task panics there, once.
async fn die_at(desk: &Desk, step: &'static str) {
    let died = Arc::new(AtomicBool::new(false));
    let seen = died.clone();
    desk.test.app.jobs.set_hook(Box::new(move |reached| {
        assert!(reached != step || seen.swap(true, Ordering::SeqCst), "the process dies {step}");
    }));
    let mut process = JoinSet::new();
    let app = desk.test.app.clone();
    process.spawn(async move { jobs::drain(&app).await.unwrap() });
    let end = process.join_next().await.unwrap();
    assert!(end.is_err_and(|error| error.is_panic()), "{step} was never reached");
    assert!(died.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_process_that_dies_between_two_steps_makes_one_edition_and_one_mail() {
    for step in steps::OF_REPORTS {
        let desk = Desk::at("2020-03-04T10:00:00Z").await;
        let jdoe = desk.user(desk.customer, "jdoe@harbour.example").await;
        let new = NewReport { generation_on: Some(day("2020-03-05")), ..sent(once(), &[jdoe]) };
        let id = desk.create(&new).await.unwrap().report.id;
        desk.clock("2020-03-05T00:00:00Z");
        die_at(&desk, step).await;
        desk.clock("2020-03-05T00:10:00Z");
        jobs::release_leases(&desk.test.app).await.unwrap();
        desk.drain().await;
        let runs = desk.runs(id).await;
        assert_eq!(runs.len(), 1, "{step}");
        assert_eq!(runs[0].run.status, RunStatus::Ready, "{step}");
        let started_before = !["after-run-inserted", "after-claim"].contains(step);
        let generated_at = if started_before { "2020-03-05T00:00:00Z" } else { "2020-03-05T00:10:00Z" };
        assert_eq!(runs[0].run.generated_at, Some(at(generated_at)), "{step}: the first start is kept");
        let mut conn = desk.test.app.read().await.unwrap();
        assert_eq!(conn.count("SELECT COUNT(*) AS n FROM editions", args![]).await.unwrap(), 1, "{step}");
        let deliveries = desk.deliveries(id).await;
        assert!(
            matches!(&deliveries[..], [delivery] if matches!(delivery.state, DeliveryState::Sent { .. })),
            "{step}"
        );
        let mails = desk.folder();
        let ids: HashSet<_> = mails
            .iter()
            .filter_map(|(_, mail)| mail.lines().find(|line| line.starts_with("Message-ID: ")))
            .collect();
        assert_eq!((mails.len(), ids.len()), (1, 1), "{step}");
        let files = artefacts::of_run(&mut conn, runs[0].run.id).await.unwrap();
        assert_eq!(files.len(), 2, "{step}");
        for file in files {
            assert!(!app::mail::unpacked(&desk.test.app, file.id).await.unwrap().is_empty(), "{step}");
        }
    }
}

#[tokio::test]
async fn the_jobs_wake_by_signal_and_by_the_clock_and_end_at_shutdown() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let shutdown = CancellationToken::new();
    let mut running = JoinSet::new();
    running.spawn(jobs::run(desk.test.app.clone(), shutdown.clone()));
    let ready = async |id| {
        while desk.runs(id).await.first().is_none_or(|stored| stored.run.status != RunStatus::Ready) {
            tokio::task::yield_now().await;
        }
    };
    let now = desk.create(&once()).await.unwrap().report.id;
    ready(now).await;
    let later = NewReport { generation_on: Some(day("2020-03-05")), ..once() };
    let later = desk.create(&later).await.unwrap().report.id;
    desk.clock("2020-03-05T00:00:00Z");
    ready(later).await;
    shutdown.cancel();
    running.join_all().await;
}

#[tokio::test]
async fn a_job_that_panics_is_begun_again() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let (panicked, mut seen) = tokio::sync::watch::channel(false);
    desk.test.app.jobs.set_hook(Box::new(move |reached| {
        assert!(reached != "after-run-inserted" || panicked.send_replace(true), "a fault of ours");
    }));
    let new = NewReport { generation_on: Some(day("2020-03-05")), ..once() };
    let ids = [desk.create(&new).await.unwrap().report.id, desk.create(&new).await.unwrap().report.id];
    let shutdown = CancellationToken::new();
    let mut running = JoinSet::new();
    running.spawn(jobs::run(desk.test.app.clone(), shutdown.clone()));
    desk.clock("2020-03-05T00:00:00Z");
    seen.wait_for(|panicked| *panicked).await.unwrap();
    desk.clock("2020-03-05T00:01:00Z");
    for id in ids {
        while desk.runs(id).await.first().is_none_or(|stored| stored.run.status != RunStatus::Ready) {
            assert!(!running.is_empty() && running.try_join_next().is_none(), "the jobs go on");
            tokio::task::yield_now().await;
        }
    }
    shutdown.cancel();
    running.join_all().await;
}
