//! kill -9 at every step of a run: the next process goes on, and everything has happened once.

use std::collections::BTreeSet;

use app::jobs::steps;
use domain::delivery::DeliveryState;
use domain::ids::ReportId;
use domain::report::{ArtefactStatus, RunStatus};
use store::Db;
use store::runs::{artefacts, editions};

use super::channel::{Channel, PARTNER, RECIPIENTS, id, saved_files};
use super::harness::{Place, Serving, wait_for};

/// A place whose server was killed while it ran a report, and the report.
struct Killed {
    place: Place,
    report: String,
}

/// Lets a server stop at this step of a report due now, and kills it there.
fn killed_at(step: &str, result_action: &str) -> Killed {
    let place = Place::new();
    let mut command = place.serve_command();
    command.env("TIDEMARK_TEST_STOP_AT", step);
    let serving = place.serve_by(command);
    let channel = Channel::make(&serving, &place.first.tenant_id.to_string());
    let report = id(&serving.post("/reports", &channel.order(result_action)));
    assert_eq!(serving.process.line(), format!("stopped at {step}"));
    serving.kill();
    Killed { place, report }
}

/// Ends a server the friendly way: mails on their way are brought to their end.
fn stop(mut serving: Serving) {
    serving.process.terminate();
    assert_eq!(serving.process.ended().code(), Some(0));
}

/// What the database says: one run that is ready, one edition, every file saved, and this many mails sent.
async fn everything_once(killed: &Killed, sent: usize) {
    let db = Db::open(&killed.place.data().join("tidemark.db")).await.unwrap();
    let mut conn = db.read().await.unwrap();
    let runs = store::runs::of_report(&mut conn, ReportId(killed.report.parse().unwrap())).await.unwrap();
    let [stored] = runs.as_slice() else { panic!("{} runs", runs.len()) };
    assert_eq!(stored.run.status, RunStatus::Ready);
    assert_eq!(editions::number(&mut conn, stored.run.id).await.unwrap(), Some(1));
    let all = conn.count("SELECT COUNT(*) FROM editions", Vec::new()).await.unwrap();
    assert_eq!(all, 1, "no other edition");
    let files = artefacts::of_run(&mut conn, stored.run.id).await.unwrap();
    assert_eq!(files.len(), 2);
    assert!(files.iter().all(|file| file.status == ArtefactStatus::Saved), "{files:?}");
    let deliveries = store::deliveries::of_run(&mut conn, stored.run.id).await.unwrap();
    assert_eq!(deliveries.len(), sent);
    assert!(
        deliveries.iter().all(|delivery| matches!(delivery.state, DeliveryState::Sent { .. })),
        "{deliveries:?}"
    );
    drop(conn);
    db.close().await;
}

/// The values of a header, one for each mail.
fn headers<'a>(mails: &'a [String], name: &str) -> Vec<&'a str> {
    let value = |mail: &'a String| {
        let head = mail.split("\r\n\r\n").next().unwrap();
        let mut values = head.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let value = values.next().unwrap_or_else(|| panic!("no {name}: {head}"));
        assert_eq!(values.next(), None, "{name} stands once");
        value
    };
    mails.iter().map(value).collect()
}

async fn a_mailed_report_survives(step: &str) {
    let killed = killed_at(step, "send");
    let serving = killed.place.serve();
    wait_for("two mails", || (killed.place.mails().len() == RECIPIENTS.len()).then_some(()));
    stop(serving);
    let mails = killed.place.mails();
    assert_eq!(BTreeSet::from_iter(headers(&mails, "To")), BTreeSet::from(RECIPIENTS), "one mail to each");
    assert_eq!(mails.len(), RECIPIENTS.len());
    assert_eq!(BTreeSet::from_iter(headers(&mails, "Message-ID")).len(), RECIPIENTS.len(), "an id for each");
    for mail in &mails {
        assert!(mail.contains(PARTNER) && mail.trim_end().ends_with("--"), "whole");
    }
    everything_once(&killed, RECIPIENTS.len()).await;
}

async fn a_saved_report_survives(step: &str) {
    let killed = killed_at(step, "save");
    let serving = killed.place.serve();
    let files = saved_files(&serving, &killed.report);
    let [csv, html] = files.as_slice() else { panic!("{} files", files.len()) };
    assert!(csv.starts_with("\u{feff}Date,") && csv.contains(PARTNER) && csv.ends_with("\r\n"), "{csv}");
    assert!(html.contains(PARTNER) && html.trim_end().ends_with("</html>"), "{html}");
    stop(serving);
    everything_once(&killed, 0).await;
}

/// One test for each step, so that they run beside each other and a fault names its step.
macro_rules! killed_at_each_step {
    ($survives:ident: $($name:ident = $step:literal),+ $(,)?) => {
        $(#[tokio::test]
        async fn $name() {
            super::$survives($step).await;
        })+

        /// The steps above.
        pub(super) const STEPS: &[&str] = &[$($step),+];
    };
}

mod mailed {
    killed_at_each_step! { a_mailed_report_survives:
        killed_after_run_inserted = "after-run-inserted",
        killed_after_claim = "after-claim",
        killed_after_pin = "after-pin",
        killed_after_chunk = "after-chunk",
        killed_after_artefact = "after-artefact",
        killed_before_ready = "before-ready",
        killed_after_ready = "after-ready",
        killed_after_delivery_claim = "after-delivery-claim",
        killed_before_send = "before-send",
        killed_after_send = "after-send",
        killed_after_recorded = "after-recorded",
    }
}

mod saved {
    killed_at_each_step! { a_saved_report_survives:
        killed_after_run_inserted = "after-run-inserted",
        killed_after_claim = "after-claim",
        killed_after_pin = "after-pin",
        killed_after_chunk = "after-chunk",
        killed_after_artefact = "after-artefact",
        killed_before_ready = "before-ready",
        killed_after_ready = "after-ready",
    }
}

#[test]
fn no_step_is_left_out() {
    assert_eq!(mailed::STEPS, steps::ALL);
    assert_eq!(saved::STEPS, &steps::ALL[..saved::STEPS.len()]);
}
