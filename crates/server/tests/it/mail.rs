//! Mails: written to files, sent through relays that fail in every way, and those that are not to be sent.

use app::reports;
use app::settings::Transport;
use domain::delivery::{DeliveryState, MAX_ATTEMPTS};
use domain::ids::{ReportId, TenantId};
use domain::report::RunStatus;
use domain::tenant::TenantKind;
use store::args;
use testkit::{Fault, SmtpSink, TestApp};

use crate::desk::{Desk, monthly, once, sent};

async fn desk_with(relay: &SmtpSink) -> Desk {
    let smtp = relay.settings();
    let test =
        TestApp::with_mail("2020-03-04T10:00:00Z", |mail| mail.transport = Transport::Smtp(smtp)).await;
    Desk::of(test).await
}

/// A report mailed to one user, through a relay with these faults.
async fn mailed(faults: impl IntoIterator<Item = Fault>) -> (SmtpSink, Desk, ReportId) {
    let relay = SmtpSink::failing(faults).await;
    let desk = desk_with(&relay).await;
    let jdoe = desk.user(desk.customer, "jdoe@harbour.example").await;
    let id = desk.create(&sent(once(), &[jdoe])).await.unwrap().report.id;
    desk.drain().await;
    (relay, desk, id)
}

async fn state(desk: &Desk, id: ReportId) -> (DeliveryState, i64) {
    let delivery = desk.deliveries(id).await.remove(0);
    (delivery.state, delivery.attempts)
}

fn skipped(state: &DeliveryState) -> &str {
    match state {
        DeliveryState::Skipped { why } => why,
        other => panic!("expected a skipped delivery, got {other:?}"),
    }
}

#[tokio::test]
async fn a_mail_is_a_file_with_both_bodies_and_the_files_attached() {
    let desk = Desk::at("2020-03-04T10:58:53Z").await;
    let jdoe = desk.user(desk.customer, "jdoe@harbour.example").await;
    let id = desk.create(&sent(once(), &[jdoe])).await.unwrap().report.id;
    desk.drain().await;
    let mails = desk.folder();
    let [(name, mail)] = &mails[..] else { panic!("one mail, not {mails:?}") };
    let unfolded = mail.replace("\r\n ", " ");
    let delivery = desk.deliveries(id).await.remove(0);
    assert_eq!(*name, format!("{}.eml", delivery.message_id.split('@').next().unwrap()));
    assert!(delivery.message_id.ends_with("@tide.example.com"));
    for line in [
        format!("Message-ID: <{}>", delivery.message_id).as_str(),
        "Date: Wed, 04 Mar 2020 10:58:53 +0000",
        "From: Tidemark <reports@tide.example.com>",
        "Subject: Usage report: Harbour Ltd, 2020-03-01 - 2020-03-03",
        "Content-Disposition: attachment; filename=\"usage-report-harbour-ltd-2020-03-01-2020-03-03.csv\"",
        "Content-Disposition: attachment; filename=\"usage-report-harbour-ltd-2020-03-01-2020-03-03.html\"",
    ] {
        assert!(unfolded.lines().any(|found| found == line), "{line} is missing in\n{mail}");
    }
    let to = mail.lines().find(|line| line.starts_with("To: ")).unwrap();
    assert!(to.contains("=?utf-8?") && to.trim_end().ends_with("<jdoe@harbour.example>"), "{to}");
    let order: Vec<usize> =
        ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/csv"]
            .iter()
            .map(|kind| mail.find(&format!("Content-Type: {kind}")).unwrap())
            .collect();
    assert!(order.is_sorted());
    assert!(
        matches!(delivery.state, DeliveryState::Sent { answer } if answer == format!("written to {name}"))
    );
}

#[tokio::test]
async fn the_answer_of_the_relay_is_kept() {
    let (relay, desk, id) = mailed([]).await;
    let (state, attempts) = state(&desk, id).await;
    assert_eq!(state, DeliveryState::Sent { answer: "250 2.0.0 queued as SINK1".to_owned() });
    assert_eq!(attempts, 1);
    let mail = relay.mails().remove(0);
    assert_eq!((mail.from.as_str(), mail.to.as_str()), ("reports@tide.example.com", "jdoe@harbour.example"));
}

#[tokio::test]
async fn a_passing_refusal_is_tried_again_with_the_same_message_id() {
    for fault in [
        Fault::Rcpt("451 try later"),
        Fault::Data("451 try later"),
        Fault::Message("451 try later"),
        Fault::DropAfterMessage,
        Fault::DropInMessage,
    ] {
        let (relay, desk, id) = mailed([fault]).await;
        assert_eq!(state(&desk, id).await, (DeliveryState::Pending, 1), "{fault:?}");
        desk.pass("2020-03-04T10:00:29Z").await;
        assert_eq!(relay.connections(), 1, "{fault:?}: not before 30 seconds");
        desk.pass("2020-03-04T10:00:30Z").await;
        assert!(matches!(state(&desk, id).await, (DeliveryState::Sent { .. }, 2)), "{fault:?}");
        let ids: Vec<_> =
            relay.mails().iter().map(|mail| mail.header("Message-ID").unwrap().to_owned()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "{fault:?}");
        let [.., last] = &relay.mails()[..] else { panic!("{fault:?}: no mail") };
        assert!(last.accepted);
        assert!(relay.mails().iter().all(|mail| mail.text == last.text), "{fault:?}: byte for byte");
    }
}

#[tokio::test]
async fn a_refusal_for_good_bounces_with_the_words_of_the_relay() {
    for (fault, why) in [
        (Fault::Rcpt("550 no such user here"), "RCPT: 550 no such user here"),
        (Fault::Data("554 not you"), "DATA: 554 not you"),
        (Fault::Message("554 5.7.1 looks like spam"), "DATA: 554 5.7.1 looks like spam"),
    ] {
        let (relay, desk, id) = mailed([fault]).await;
        assert_eq!(state(&desk, id).await, (DeliveryState::Bounced { why: why.to_owned() }, 1));
        desk.pass("2020-03-05T10:00:00Z").await;
        assert_eq!(relay.connections(), 1, "never again");
    }
}

#[tokio::test]
async fn a_relay_that_cannot_be_used_pauses_all_mails_and_counts_against_none() {
    for fault in [
        Fault::Greeting("421 too busy"),
        Fault::Greeting("554 go away"),
        Fault::Mail("451 no room"),
        Fault::Mail("550 not for you"),
        Fault::Silent,
    ] {
        let relay = SmtpSink::failing([fault]).await;
        let desk = desk_with(&relay).await;
        let first = desk.user(desk.customer, "first@harbour.example").await;
        let second = desk.user(desk.customer, "second@harbour.example").await;
        let id = desk.create(&sent(once(), &[first, second])).await.unwrap().report.id;
        desk.drain().await;
        assert_eq!(relay.connections(), 1, "{fault:?}: the second mail waits, too");
        let waiting = desk.deliveries(id).await;
        assert!(
            waiting.iter().all(|one| one.state == DeliveryState::Pending && one.attempts == 0),
            "{fault:?}"
        );
        desk.pass("2020-03-04T10:00:30Z").await;
        let sent = desk.deliveries(id).await;
        assert!(
            sent.iter().all(|one| matches!(one.state, DeliveryState::Sent { .. })),
            "{fault:?}: {sent:?}"
        );
    }
}

#[tokio::test]
async fn a_mail_is_given_up_after_many_tries() {
    let tries = usize::try_from(MAX_ATTEMPTS).unwrap();
    let (relay, desk, id) = mailed(vec![Fault::Rcpt("450 mailbox busy"); tries + 1]).await;
    for day in 5..25 {
        desk.pass(&format!("2020-03-{day:02}T10:00:00Z")).await;
    }
    assert_eq!(relay.connections(), tries);
    let why = "RCPT: 450 mailbox busy".to_owned();
    assert_eq!(state(&desk, id).await, (DeliveryState::GaveUp { why }, MAX_ATTEMPTS));
}

#[tokio::test]
async fn a_mail_beyond_the_limit_is_given_up_at_once() {
    let test = TestApp::with_mail("2020-03-04T10:00:00Z", |mail| mail.max_message_bytes = 500).await;
    let desk = Desk::of(test).await;
    let jdoe = desk.user(desk.customer, "jdoe@harbour.example").await;
    let id = desk.create(&sent(once(), &[jdoe])).await.unwrap().report.id;
    desk.drain().await;
    let (state, _) = state(&desk, id).await;
    assert!(
        matches!(&state, DeliveryState::GaveUp { why } if why.contains("at most 500 may be sent")),
        "{state:?}"
    );
    assert!(desk.folder().is_empty());
}

#[tokio::test]
async fn recipients_that_may_no_longer_get_it_are_skipped_and_the_others_get_theirs() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let south = desk.test.tenant(desk.test.top, TenantKind::Partner, "South").await;
    let mut users = Vec::new();
    for at in ["stays", "disabled", "deleted", "moved", "quiet", "expired"] {
        users.push(desk.user(desk.customer, &format!("{at}@harbour.example")).await);
    }
    users.push(desk.user(desk.customer, "").await);
    users.push(desk.user(desk.customer, "not an address").await);
    let id = desk.create(&sent(monthly(), &users)).await.unwrap().report.id;
    let ordered = desk.create(&sent(once(), &[users[4]])).await.unwrap().report.id;
    desk.sql("UPDATE users SET enabled = 0 WHERE id = $1", args![users[1]]).await;
    desk.sql("UPDATE users SET deleted_at = 1 WHERE id = $1", args![users[2]]).await;
    let elsewhere = desk.test.no(south).await;
    desk.sql("UPDATE users SET tenant_no = $2 WHERE id = $1", args![users[3], elsewhere]).await;
    desk.sql("UPDATE users SET notifications = 'quota' WHERE id = $1", args![users[4]]).await;
    desk.sql("UPDATE users SET disable_after = 1 WHERE id = $1", args![users[5]]).await;
    desk.pass("2020-04-01T23:59:59Z").await;
    assert_eq!(desk.folder().len(), 1, "only what was ordered once: monthly mails leave on the second");
    desk.pass("2020-04-02T00:00:00Z").await;
    let deliveries = desk.deliveries(id).await;
    let of = |at: usize| &deliveries.iter().find(|one| one.user_id == users[at]).unwrap().state;
    assert!(matches!(of(0), DeliveryState::Sent { .. }));
    for (at, why) in [
        (1, "the user is disabled"),
        (2, "the user was deleted"),
        (3, "the user no longer lies below tenant"),
        (4, "the user's notifications do not contain reports"),
        (5, "the user is disabled"),
        (6, "the user has no e-mail address"),
        (7, "the user's e-mail address is none: "),
    ] {
        assert!(skipped(of(at)).starts_with(why), "{:?}", of(at));
    }
    assert!(
        matches!(state(&desk, ordered).await.0, DeliveryState::Sent { .. }),
        "whatever the notifications say"
    );
    assert_eq!(desk.folder().len(), 2);
}

/// A monthly run that is ready, a second before its mail may leave.
async fn ready_to_mail() -> (Desk, ReportId, TenantId) {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let south = desk.test.tenant(desk.test.top, TenantKind::Partner, "South").await;
    let boss = desk.user(desk.partner, "boss@north.example").await;
    let id = desk.create(&sent(monthly(), &[boss])).await.unwrap().report.id;
    desk.pass("2020-04-01T23:59:59Z").await;
    assert_eq!(desk.runs(id).await[0].run.status, RunStatus::Ready);
    assert_eq!(state(&desk, id).await, (DeliveryState::Pending, 0));
    (desk, id, south)
}

#[tokio::test]
async fn a_tenant_that_moved_to_another_distributor_is_not_mailed_to_the_old_one() {
    let (desk, id, south) = ready_to_mail().await;
    desk.transfer(desk.customer, south).await;
    desk.pass("2020-04-02T00:00:00Z").await;
    let (state, attempts) = state(&desk, id).await;
    assert!(
        skipped(&state).contains(&format!("tenant {} no longer lies below {}", desk.customer, desk.partner))
    );
    assert_eq!(attempts, 0);
    assert!(desk.folder().is_empty());
}

#[tokio::test]
async fn a_report_deleted_before_its_mail_left_is_not_mailed() {
    let (desk, id, _) = ready_to_mail().await;
    reports::delete(&desk.test.app, &desk.caller, id, 1).await.unwrap();
    desk.pass("2020-04-02T00:00:00Z").await;
    assert!(desk.folder().is_empty());
}

#[tokio::test]
async fn a_change_of_the_report_does_not_touch_a_run_that_exists() {
    let (desk, id, _) = ready_to_mail().await;
    let other = desk.user(desk.customer, "other@harbour.example").await;
    let change = reports::Change { recipients: Some(vec![other]), ..reports::Change::default() };
    reports::change(&desk.test.app, &desk.caller, id, &change).await.unwrap();
    desk.pass("2020-04-02T00:00:00Z").await;
    let mails = desk.folder();
    assert!(matches!(&mails[..], [(_, mail)] if mail.contains("<boss@north.example>")));
    assert!(mails[0].1.contains("Date: Thu, 02 Apr 2020 00:00:00 +0000"));
}

#[tokio::test]
async fn a_mail_that_left_is_recorded_once_the_disk_has_room_again_on_sqlite() {
    // A long answer needs new pages in the database, and there are none.
    let line = format!("250-{}\r\n", "x".repeat(400));
    let answer: &'static str = Box::leak((line.repeat(100) + "250 queued").into_boxed_str());
    let relay = SmtpSink::failing([Fault::Message(answer)]).await;
    let desk = desk_with(&relay).await;
    let jdoe = desk.user(desk.customer, "jdoe@harbour.example").await;
    let id = desk.create(&sent(once(), &[jdoe])).await.unwrap().report.id;
    let app = &desk.test.app;
    while app::jobs::builder::build_next(app).await.unwrap() {}
    let mut tx = app.write_as(domain::access::Actor::System).await.unwrap();
    // It goes no lower than what is there, and lasts as long as the connection, which the fault ends.
    tx.one("PRAGMA max_page_count = 1", args![]).await.unwrap();
    tx.commit().await.unwrap();
    assert!(app::jobs::mailer::send_next(app).await.unwrap());
    let recorded = state(&desk, id).await;
    assert!(matches!(recorded, (DeliveryState::Sent { .. }, 1)), "{recorded:?}");
    desk.drain().await;
    assert_eq!(relay.mails().len(), 1, "and it leaves no second time");
}
