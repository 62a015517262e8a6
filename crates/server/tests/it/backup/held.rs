//! Mails around a restore: none that may have left leaves once more, and all others do.

use app::held_mails;
use app::settings::{Smtp, Transport};
use app::{App, jobs};
use domain::delivery::DeliveryStatus;
use domain::ids::RunId;
use domain::time::Instant;
use store::args;
use store::restores::Decision;
use testkit::{Database, Directory, SmtpSink, TestApp, at};

use super::{backed_up, restored};
use crate::desk::{Desk, monthly, once, sent};

const ALWAYS: (Instant, Instant) = (Instant(i64::MIN), Instant(i64::MAX));

/// A desk whose mails go to a relay, the relay, and an empty place to restore to.
async fn desk(now: &str) -> (Desk, SmtpSink, Directory, Database) {
    let relay = SmtpSink::failing([]).await;
    let smtp = Smtp { timeout_seconds: 10, ..relay.settings() };
    let test = TestApp::with_mail(now, |mail| mail.transport = Transport::Smtp(smtp)).await;
    let directory = Directory::new();
    let place = Database::place(directory.path()).await;
    (Desk::of(test).await, relay, directory, place)
}

async fn statuses(app: &App) -> Vec<DeliveryStatus> {
    let mut conn = app.read().await.unwrap();
    let runs = conn.all("SELECT id FROM runs ORDER BY due_at, id", args![]).await.unwrap();
    let mut found = Vec::new();
    for run in runs {
        let run: RunId = run.parsed("id").unwrap();
        let of_run = store::deliveries::of_run(&mut conn, run).await.unwrap();
        found.extend(of_run.iter().map(|delivery| delivery.state.parts().0));
    }
    found
}

async fn held(app: &App) -> usize {
    held_mails::list(&mut app.read().await.unwrap(), ALWAYS.0, ALWAYS.1).await.unwrap().mails.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_was_made_and_sent_after_the_backup_is_made_again_and_not_sent_again() {
    let (desk, relay, _directory, place) = desk("2020-03-04T10:00:00Z").await;
    let ann = desk.user(desk.customer, "ann@harbour.example").await;
    desk.create(&sent(monthly(), &[ann])).await.unwrap();
    let file = backed_up(&desk.test.app.db, "2020-03-31T12:00:00Z").await;
    // March's report is made and leaves, and then the machine is lost.
    desk.pass("2020-04-01T23:59:59Z").await;
    desk.pass("2020-04-02T09:00:00Z").await;
    assert_eq!(relay.mails().len(), 1);
    assert_eq!(restored(file.as_slice(), &place, "2020-04-02T10:00:00Z").await.unwrap().held, 0);
    let node = desk.test.node_on(&place).await;
    desk.clock("2020-04-02T10:01:00Z");
    jobs::drain(&node).await.unwrap();
    assert_eq!((relay.mails().len(), held(&node).await), (1, 1), "it is made, and waits");
    // The next month's has not left from anywhere.
    desk.clock("2020-05-02T10:00:00Z");
    jobs::drain(&node).await.unwrap();
    assert_eq!((relay.mails().len(), held(&node).await), (2, 1));
    let clock = node.clock.clone();
    assert_eq!(held_mails::decide(&node.db, &clock, ALWAYS, Decision::Skip).await.unwrap(), 1);
    jobs::drain(&node).await.unwrap();
    assert_eq!((relay.mails().len(), held(&node).await), (2, 0));
    assert_eq!(statuses(&node).await, [DeliveryStatus::Skipped, DeliveryStatus::Sent]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waited_at_the_backup_is_held_if_it_could_have_left_before_the_restore() {
    let (desk, relay, _directory, place) = desk("2020-03-04T10:00:00Z").await;
    let ann = desk.user(desk.customer, "ann@harbour.example").await;
    desk.create(&sent(monthly(), &[ann])).await.unwrap();
    desk.pass("2020-04-01T23:59:59Z").await;
    let (early, late) = ("2020-04-01T23:59:59.5Z", "2020-04-02T10:00:00Z");
    let file = backed_up(&desk.test.app.db, "2020-04-01T23:59:59Z").await;
    // The mail leaves on the 2nd. A restore before that holds nothing.
    let other = Directory::new();
    let before = Database::place(other.path()).await;
    assert_eq!(restored(file.as_slice(), &before, early).await.unwrap().held, 0);
    assert_eq!(restored(file.as_slice(), &place, late).await.unwrap().held, 1);
    desk.clock(late);
    let node = desk.test.node_on(&before).await;
    jobs::drain(&node).await.unwrap();
    assert_eq!((relay.mails().len(), held(&node).await), (1, 0));
    let node = desk.test.node_on(&place).await;
    jobs::drain(&node).await.unwrap();
    assert_eq!((relay.mails().len(), held(&node).await), (1, 1));
    let clock = node.clock.clone();
    let elsewhere = (ALWAYS.0, at("2020-04-01T00:00:00Z"));
    assert_eq!(held_mails::decide(&node.db, &clock, elsewhere, Decision::Send).await.unwrap(), 0);
    assert_eq!(held_mails::decide(&node.db, &clock, ALWAYS, Decision::Send).await.unwrap(), 1);
    jobs::drain(&node).await.unwrap();
    let ids: Vec<_> =
        relay.mails().iter().map(|mail| mail.header("Message-ID").unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 2, "somebody has said that it had not left");
    assert_eq!(ids[0], ids[1], "and whoever gets it twice can see that it is the same");
    assert_eq!(statuses(&node).await, [DeliveryStatus::Sent]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_ordered_after_the_restore_leaves_at_once() {
    let (desk, relay, _directory, place) = desk("2020-03-04T10:00:00Z").await;
    let ann = desk.user(desk.customer, "ann@harbour.example").await;
    let file = backed_up(&desk.test.app.db, "2020-03-04T10:00:00Z").await;
    restored(file.as_slice(), &place, "2020-03-04T11:00:00Z").await.unwrap();
    desk.clock("2020-03-04T11:30:00Z");
    let Desk { test, partner, customer, caller } = desk;
    let there = TestApp { app: test.node_on(&place).await, ..test };
    let desk = Desk { test: there, partner, customer, caller };
    // On this very day, whose first moment is before the restore.
    let today = Some("2020-03-04".parse().unwrap());
    desk.create(&sent(app::reports::NewReport { generation_on: today, ..once() }, &[ann])).await.unwrap();
    desk.drain().await;
    assert_eq!((relay.mails().len(), held(&desk.test.app).await), (1, 0));
}
