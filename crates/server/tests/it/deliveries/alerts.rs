//! What should have gone out and did not: seen whoever is dead, until it has gone out, is sent again or is known.

use app::jobs::{builder, scheduler};
use domain::delivery::AlertKind;
use serde_json::json;
use store::args;
use testkit::Fault;

use super::{Office, items, nothing, text};
use crate::desk::{monthly, once, sent};

#[tokio::test]
async fn a_dead_scheduler_builder_or_mailer_is_found_out_by_what_it_leaves_undone() {
    let office = Office::with([]).await;
    let app = &office.desk.test.app;
    let jdoe = office.user("jdoe@harbour.example").await;
    let report = office.desk.create(&sent(monthly(), &[jdoe])).await.unwrap().report.id;
    office.desk.clock("2020-04-02T05:59:58Z");
    assert!(office.kinds().await.is_empty(), "within six hours nothing is late");
    office.desk.clock("2020-04-02T05:59:59Z");
    assert_eq!(office.alerts().await, [("run_missing".to_owned(), report.to_string())]);
    scheduler::wake(app).await.unwrap();
    let run = office.desk.runs(report).await[0].run.id;
    assert_eq!(office.alerts().await, [("run_late".to_owned(), run.to_string())]);
    office.desk.clock("2020-04-02T06:00:00Z");
    while app::history::tend(app).await.unwrap() {}
    assert!(builder::build_next(app).await.unwrap());
    let delivery = text(&office.list("").await[0], "id");
    assert_eq!(office.alerts().await, [("mail_late".to_owned(), delivery.clone())]);
    let (status, _) = office.post(&format!("/delivery-alerts/{delivery}/acknowledge"), nothing()).await;
    assert_eq!(status, 409, "what is late ends by itself");
    office.desk.drain().await;
    assert!(office.kinds().await.is_empty());
    assert_eq!(office.relay.mails().len(), 1);
}

#[tokio::test]
async fn a_report_ordered_late_in_the_day_is_not_late_at_once() {
    let office = Office::with([]).await;
    office.desk.create(&once()).await.unwrap();
    assert!(office.kinds().await.is_empty(), "it was due at midnight, and ordered at ten");
    office.desk.clock("2020-03-04T16:00:00Z");
    assert_eq!(office.kinds().await, ["run_late"]);
    office.desk.drain().await;
    assert!(office.kinds().await.is_empty());
}

#[tokio::test]
async fn a_mail_that_is_tried_again_and_again_is_late_and_says_why() {
    let office = Office::with([Fault::Rcpt("450 mailbox busy"); 20]).await;
    let jdoe = office.user("jdoe@harbour.example").await;
    office.mailed(&[jdoe]).await;
    for hour in 10..16 {
        office.desk.pass(&format!("2020-03-04T{hour}:30:00Z")).await;
    }
    assert!(office.kinds().await.is_empty());
    office.desk.clock("2020-03-04T16:00:00Z");
    let list = office.get(&format!("/tenants/{}/delivery-alerts", office.desk.partner)).await;
    let alert = &items(&list)[0];
    assert_eq!((&alert["kind"], &alert["why"]), (&json!("mail_late"), &json!("RCPT: 450 mailbox busy")));
    let delivery = office.list("state=pending").await.remove(0);
    assert_eq!(delivery["answer"], "RCPT: 450 mailbox busy");
    for day in 5..25 {
        office.desk.pass(&format!("2020-03-{day:02}T10:00:00Z")).await;
    }
    assert_eq!(office.kinds().await, ["mail_gave_up"]);
    assert!(office.list("state=gave_up").await[0]["attempts"] == 12);
}

#[tokio::test]
async fn a_mail_that_failed_is_outstanding_until_it_is_sent_again_or_known() {
    let refuse = Fault::Rcpt("550 no such user");
    let office = Office::with([refuse, refuse, refuse]).await;
    let (ann, bob) = (office.user("ann@harbour.example").await, office.user("bob@harbour.example").await);
    let report = office.mailed(&[ann, bob]).await;
    assert_eq!(office.kinds().await, ["mail_bounced", "mail_bounced"]);
    let list = office.get(&format!("/tenants/{}/delivery-alerts", office.desk.customer)).await;
    let alert = &items(&list)[0];
    assert_eq!((&alert["why"], &alert["report_id"]), (&json!("RCPT: 550 no such user"), &json!(report)));
    let of = async |user| text(&office.list(&format!("recipient_id={user}")).await[0], "id");
    let known = of(ann).await;
    let reason = json!({"reason": "told her on the telephone"});
    let path = format!("/delivery-alerts/{known}/acknowledge");
    assert_eq!(office.post(&path, reason.clone()).await.0, 204);
    assert_eq!(office.post(&path, reason).await.0, 409);
    assert_eq!(office.alerts().await.len(), 1);
    assert_eq!(office.get(&format!("/deliveries/{known}")).await["acknowledged_at"], "2020-03-04T10:00:00Z");
    let log =
        office.get(&format!("/tenants/{}/changes?actor={}", office.desk.customer, office.partner.0)).await;
    let line = items(&log).remove(0);
    assert_eq!(line["field"], format!("delivery/{ann}/0/acknowledged"));
    assert_eq!((&line["object"], &line["reason"]), (&json!("run"), &json!("told her on the telephone")));
    office.desk.clock("2020-03-04T10:00:01Z");
    office.post(&format!("/deliveries/{}/resend", of(bob).await), nothing()).await;
    assert!(office.kinds().await.is_empty(), "it is under way again");
    office.desk.drain().await;
    assert_eq!(office.alerts().await, [("mail_bounced".to_owned(), of(bob).await)], "and has failed again");
    office.desk.clock("2020-03-04T10:00:02Z");
    office.post(&format!("/deliveries/{}/resend", of(bob).await), nothing()).await;
    office.desk.drain().await;
    assert!(office.kinds().await.is_empty());
}

#[tokio::test]
async fn a_report_that_goes_to_nobody_is_outstanding() {
    let office = Office::with([]).await;
    let (ann, bob) = (office.user("ann@harbour.example").await, office.user("bob@harbour.example").await);
    office.enable(ann, false).await;
    office.mailed(&[ann, bob]).await;
    assert!(office.kinds().await.is_empty(), "somebody has it");
    office.enable(bob, false).await;
    let nobody = office.mailed(&[ann, bob]).await;
    let run = office.desk.runs(nobody).await[0].run.id.to_string();
    assert_eq!(office.alerts().await, [("all_skipped".to_owned(), run.clone())]);
    let path = format!("/reports/{nobody}/deliveries/resend");
    office.enable(ann, true).await;
    let (_, resent) = office.post(&path, json!({"states": ["skipped"]})).await;
    assert_eq!(items(&resent).len(), 1);
    assert!(office.kinds().await.is_empty());
    // Disabled again before the mail leaves.
    office.enable(ann, false).await;
    office.desk.drain().await;
    assert_eq!(office.alerts().await, [("all_skipped".to_owned(), run.clone())]);
    assert_eq!(office.post(&format!("/delivery-alerts/{run}/acknowledge"), nothing()).await.0, 204);
    assert!(office.kinds().await.is_empty());
}

#[tokio::test]
async fn a_run_that_failed_is_outstanding_until_it_is_known() {
    let office = Office::with([]).await;
    let id = office.desk.create(&once()).await.unwrap().report.id;
    office
        .desk
        .sql("UPDATE tenants SET language = 'klingon' WHERE id = $1", args![office.desk.customer])
        .await;
    for now in ["10:00:00", "10:00:30", "10:01:30", "10:03:30", "10:07:30"] {
        office.desk.pass(&format!("2020-03-04T{now}Z")).await;
    }
    let run = office.desk.runs(id).await[0].run.id.to_string();
    assert_eq!(office.alerts().await, [("run_failed".to_owned(), run.clone())]);
    let mut conn = office.desk.test.app.read().await.unwrap();
    let counts = store::alerts::counts(&mut conn, testkit::at("2020-03-04T04:00:00Z")).await.unwrap();
    let counted: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counted, [(AlertKind::RunFailed, 1)]);
    drop(conn);
    office.desk.sql("UPDATE tenants SET language = 'en' WHERE id = $1", args![office.desk.customer]).await;
    assert_eq!(office.post(&format!("/delivery-alerts/{run}/acknowledge"), nothing()).await.0, 204);
    assert!(office.kinds().await.is_empty());
    let nobody = "00000000-0000-4000-8000-000000000001";
    assert_eq!(office.post(&format!("/delivery-alerts/{nobody}/acknowledge"), nothing()).await.0, 404);
}

#[tokio::test]
async fn pages_of_alerts_follow_one_another() {
    let refuse = Fault::Rcpt("550 no such user");
    let office = Office::with([refuse; 5]).await;
    let mut users = Vec::new();
    for n in 0..5 {
        users.push(office.user(&format!("u{n}@harbour.example")).await);
    }
    office.mailed(&users).await;
    let all = office.alerts().await;
    assert_eq!(all.len(), 5);
    let base = format!("/tenants/{}/delivery-alerts", office.desk.partner);
    let (mut found, mut path) = (Vec::new(), format!("{base}?limit=2"));
    loop {
        let page = office.get(&path).await;
        found.extend(items(&page).iter().map(|alert| (text(alert, "kind"), text(alert, "id"))));
        let Some(after) = page["after"].as_str() else { break };
        path = format!("{base}?limit=2&after={after}");
    }
    assert_eq!(found, all);
}
