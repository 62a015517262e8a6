//! kill -9 at every step of a run: the next process goes on, and everything has happened once.

use std::collections::BTreeSet;
use std::process::Command;

use app::jobs::steps;
use domain::delivery::DeliveryState;
use domain::ids::ReportId;
use domain::report::{ArtefactStatus, RunStatus};
use serde_json::{Value, json};
use store::runs::{artefacts, editions};
use store::{Conn, Db};

use super::aiosmtpd::{ForeignSmtp, header};
use super::channel::{Channel, PARTNER, RECIPIENTS, id, saved_files};
use super::harness::{Place, Process, Serving, wait_for};

const STOP_AT: &str = "TIDEMARK_TEST_STOP_AT";

/// A place whose server was killed while it ran a report, and the report.
struct Killed {
    place: Place,
    report: String,
}

/// Lets a server stop at this step of a report due now, and kills it there.
fn killed_at(step: &str, result_action: &str, relay: Option<&ForeignSmtp>) -> Killed {
    if step == "after-run-inserted" {
        return killed_at_midnight(step, result_action);
    }
    let place = Place::new();
    let mut command = serve_command(&place, relay);
    command.env(STOP_AT, step);
    let serving = place.serve_by(command);
    let channel = Channel::make(&serving, &place.first.tenant_id.to_string());
    let report = id(&serving.post("/reports", &channel.order(result_action)));
    assert_eq!(serving.process.line(), format!("stopped at {step}"));
    serving.kill();
    Killed { place, report }
}

/// The same for a step of the scheduler: a report due tomorrow, ordered before midnight from a server that is down at
/// midnight.
fn killed_at_midnight(step: &str, result_action: &str) -> Killed {
    let evening = "2026-05-07T22:00:00Z";
    let place = Place::rehearsing(evening);
    let rehearsal = |start| {
        let mut command = place.serve_command();
        command.args(["--clock-start", start]);
        command
    };
    let serving = place.serve_by(rehearsal(evening));
    let channel = Channel::make(&serving, &place.first.tenant_id.to_string());
    let mut order = channel.order(result_action);
    order["generation_date"] = json!("2026-05-08");
    let report = id(&serving.post("/reports", &order));
    serving.kill();
    let mut command = rehearsal("2026-05-08T09:00:00Z");
    command.env(STOP_AT, step);
    // Nothing is asked of this one: another job may have stopped in the middle of a transaction.
    let process = Process::start(&mut command);
    assert!(process.line().starts_with("ready "));
    assert_eq!(process.line(), format!("stopped at {step}"));
    drop(process);
    Killed { place, report }
}

fn serve_command(place: &Place, relay: Option<&ForeignSmtp>) -> Command {
    let mut command = place.serve_command();
    if let Some(relay) = relay {
        command.env("TIDEMARK_SMTP__HOST", "localhost").env("TIDEMARK_SMTP__PORT", &relay.port);
        command.env("TIDEMARK_SMTP__SECURITY", "none");
    }
    command
}

/// Ends a server the friendly way: mails on their way are brought to their end.
fn stop(mut serving: Serving) {
    serving.process.terminate();
    assert_eq!(serving.process.ended().code(), Some(0));
}

/// Looks into the database, beside a server or after it.
fn in_database<T>(killed: &Killed, look: impl AsyncFnOnce(&mut Conn) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let db = Db::open(&killed.place.data().join("tidemark.db")).await.unwrap();
        let mut conn = db.read().await.unwrap();
        let seen = look(&mut conn).await;
        drop(conn);
        db.close().await;
        seen
    })
}

fn report_id(killed: &Killed) -> ReportId {
    ReportId(killed.report.parse().unwrap())
}

fn is_ready(killed: &Killed) -> bool {
    in_database(killed, async |conn| {
        let runs = store::runs::of_report(conn, report_id(killed)).await.unwrap();
        runs.iter().all(|stored| stored.run.status == RunStatus::Ready)
    })
}

/// What the database says: one run that is ready, one edition, every file saved, and this many mails sent.
fn everything_once(killed: &Killed, sent: usize) {
    in_database(killed, async |conn| {
        let runs = store::runs::of_report(conn, report_id(killed)).await.unwrap();
        let [stored] = runs.as_slice() else { panic!("{} runs", runs.len()) };
        assert_eq!(stored.run.status, RunStatus::Ready);
        assert_eq!(editions::number(conn, stored.run.id).await.unwrap(), Some(1));
        let all = conn.count("SELECT COUNT(*) AS n FROM editions", Vec::new()).await.unwrap();
        assert_eq!(all, 1, "no other edition");
        let files = artefacts::of_run(conn, stored.run.id).await.unwrap();
        assert_eq!(files.len(), 2);
        assert!(files.iter().all(|file| file.status == ArtefactStatus::Saved), "{files:?}");
        let deliveries = store::deliveries::of_run(conn, stored.run.id).await.unwrap();
        assert_eq!(deliveries.len(), sent);
        let all_sent = deliveries.iter().all(|delivery| matches!(delivery.state, DeliveryState::Sent { .. }));
        assert!(all_sent, "{deliveries:?}");
    });
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

fn a_mailed_report_survives(step: &str) {
    let killed = killed_at(step, "send", None);
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
    everything_once(&killed, RECIPIENTS.len());
}

fn a_saved_report_survives(step: &str) {
    let killed = killed_at(step, "save", None);
    let serving = killed.place.serve();
    let files = saved_files(&serving, &killed.report);
    let [csv, html] = files.as_slice() else { panic!("{} files", files.len()) };
    assert!(csv.starts_with("\u{feff}Date,") && csv.contains(PARTNER) && csv.ends_with("\r\n"), "{csv}");
    assert!(html.contains(PARTNER) && html.trim_end().ends_with("</html>"), "{html}");
    wait_for("a run that is ready", || is_ready(&killed).then_some(()));
    stop(serving);
    everything_once(&killed, 0);
}

/// With a real relay: only between its 250 and the recorded answer may a mail repeat itself, with the same Message-ID.
fn a_relayed_report_survives(step: &str) {
    let relay = ForeignSmtp::start(None, None);
    let killed = killed_at(step, "send", Some(&relay));
    let serving = killed.place.serve_by(serve_command(&killed.place, Some(&relay)));
    let repeated = usize::from(step == "after-send");
    let mails: Vec<_> = (0..RECIPIENTS.len() + repeated).map(|_| relay.mail()).collect();
    stop(serving);
    assert_eq!(relay.rest(), Vec::<Value>::new(), "not one mail more");
    let of = |recipient: &str| {
        let own = mails.iter().filter(|mail| mail["to"] == json!([recipient]));
        own.map(|mail| header(mail, "Message-ID")).collect::<Vec<_>>()
    };
    let [ann, bo] = RECIPIENTS.map(of);
    assert_eq!(ann.len().abs_diff(bo.len()), repeated, "one mail to each, but for the one that is repeated");
    let distinct = |ids: &[&str]| ids.iter().collect::<BTreeSet<_>>().len();
    assert_eq!((distinct(&ann), distinct(&bo)), (1, 1), "one Message-ID for each recipient");
    assert_ne!(ann[0], bo[0]);
    everything_once(&killed, RECIPIENTS.len());
}

/// One test for each step, so that they run beside each other and a fault names its step.
macro_rules! killed_at_each_step {
    ($survives:ident: $($name:ident = $step:literal),+ $(,)?) => {
        $(#[test]
        fn $name() {
            super::$survives($step);
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

mod relayed {
    killed_at_each_step! { a_relayed_report_survives:
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
    assert_eq!(mailed::STEPS, steps::OF_REPORTS);
    let ready = steps::OF_REPORTS.iter().position(|step| *step == "after-ready").unwrap();
    assert_eq!(relayed::STEPS, &steps::OF_REPORTS[ready..]);
    assert_eq!(saved::STEPS, &steps::OF_REPORTS[..=ready]);
}
