//! Sending again: the stored files, one mail for each, and nobody who may not have it.

use serde_json::json;
use store::args;
use testkit::Fault;

use super::{Office, each, items, nothing, text};
use crate::desk::{monthly, sent};

/// A mail without what belongs to its delivery alone: its Message-ID, which the boundaries repeat, and its Date.
fn frozen(mail: &testkit::Mail) -> String {
    let id = mail.header("Message-ID").unwrap().trim_matches(['<', '>']).to_owned();
    let own = id.split('@').next().unwrap().to_owned();
    let lines = mail.text.lines().filter(|line| !line.starts_with("Date: "));
    lines.collect::<Vec<_>>().join("\n").replace(&own, "own")
}

#[tokio::test]
async fn the_stored_bytes_go_out_again_under_a_message_id_of_their_own() {
    let office = Office::with([]).await;
    let jdoe = office.user("jdoe@harbour.example").await;
    let id = office.mailed(&[jdoe]).await;
    let first = office.list("").await.remove(0);
    assert_eq!(first["state"], "sent");
    assert_eq!(first["answer"], "250 2.0.0 queued as SINK1");
    assert_eq!(first["asked_by"], json!({"type": "system", "id": null, "name": null}));
    // The tenant is called otherwise since, and there are other figures.
    let renamed = json!({"name": "Haven Ltd", "version": 1});
    let call = office.server.put(&format!("/api/2/tenants/{}", office.desk.customer));
    call.bearer(&office.token(&office.partner).await).json(renamed).await.ok();
    office.desk.clock("2020-03-06T10:00:00Z");
    let (status, second) =
        office.post(&format!("/deliveries/{}/resend", text(&first, "id")), nothing()).await;
    assert_eq!(status, 201, "{second}");
    assert_eq!((&second["resend_no"], &second["state"]), (&json!(1), &json!("pending")));
    assert_eq!(second["asked_by"]["id"], office.partner.0);
    assert_eq!(second["run_id"], first["run_id"]);
    office.desk.drain().await;
    let mails = office.relay.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(frozen(&mails[0]), frozen(&mails[1]), "byte for byte");
    assert!(mails[0].text.contains("Harbour Ltd") && !mails[1].text.contains("Haven"));
    assert_ne!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
    assert_eq!(mails[1].header("Message-ID").unwrap(), format!("<{}>", text(&second, "message_id")));
    assert_eq!(mails[1].header("Date"), Some("Fri, 06 Mar 2020 10:00:00 +0000"));
    let shown = office.get(&format!("/deliveries/{}", text(&first, "id"))).await;
    assert_eq!(shown["resent_at"], "2020-03-06T10:00:00Z");
    assert_eq!(office.desk.runs(id).await.len(), 1, "nothing is made anew");
    let path = format!("/tenants/{}/changes?object=run&actor={}", office.desk.customer, office.partner.0);
    let log = office.get(&path).await;
    let line = items(&log).remove(0);
    assert_eq!((&line["field"], &line["new"]), (&json!(format!("delivery/{jdoe}/1")), &json!("pending")));
}

#[tokio::test]
async fn of_two_that_click_at_once_one_is_refused() {
    let office = Office::with([]).await;
    let jdoe = office.user("jdoe@harbour.example").await;
    office.mailed(&[jdoe]).await;
    let first = text(&office.list("").await[0], "id");
    let path = format!("/deliveries/{first}/resend");
    office.desk.clock("2020-03-04T10:00:01Z");
    let (one, other) = tokio::join!(office.post(&path, nothing()), office.post(&path, nothing()));
    let mut statuses = [one.0, other.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let refused = if one.0 == 409 { one.1 } else { other.1 };
    assert!(refused.to_string().contains("only the newest delivery can be"), "{refused}");
    let newest = text(&office.list("").await[0], "id");
    let (status, refused) = office.post(&format!("/deliveries/{newest}/resend"), nothing()).await;
    assert_eq!(status, 409);
    assert!(refused.to_string().contains("still under way"), "{refused}");
    office.desk.drain().await;
    assert_eq!(office.relay.mails().len(), 2);
    office.desk.clock("2020-03-04T10:00:02Z");
    let (status, third) = office.post(&format!("/deliveries/{newest}/resend"), nothing()).await;
    assert_eq!((status, &third["resend_no"]), (201, &json!(2)), "once it has ended it can be");
    assert_eq!(office.post(&path, nothing()).await.0, 409);
    assert_eq!(each(&office.list("").await, "resend_no"), [json!(2), json!(1), json!(0)]);
}

#[tokio::test]
async fn only_what_failed_of_a_report_goes_out_again() {
    let office = Office::with([Fault::Rcpt("550 no such user"), Fault::Rcpt("550 no such user")]).await;
    let mut users = Vec::new();
    for at in ["a", "b", "c", "gone"] {
        users.push(office.user(&format!("{at}@harbour.example")).await);
    }
    office.enable(users[3], false).await;
    let id = office.mailed(&users).await;
    let states = |list: &[serde_json::Value]| {
        let mut states: Vec<String> = list.iter().map(|one| text(one, "state")).collect();
        states.sort();
        states
    };
    assert_eq!(states(&office.list("").await), ["bounced", "bounced", "sent", "skipped"]);
    let path = format!("/reports/{id}/deliveries/resend");
    let (status, resent) = office.post(&path, nothing()).await;
    assert_eq!((status, &resent["more"]), (201, &json!(false)), "{resent}");
    assert_eq!(states(&items(&resent)), ["pending", "pending"]);
    assert_eq!(
        items(&office.post(&path, nothing()).await.1),
        Vec::<serde_json::Value>::new(),
        "a double click"
    );
    office.desk.drain().await;
    assert_eq!(office.relay.mails().len(), 3);
    let run = text(&office.list("").await[0], "run_id");
    let skipped = json!({"run_id": run, "states": ["skipped"]});
    assert!(items(&office.post(&path, skipped.clone()).await.1).is_empty(), "it would be skipped again");
    office.enable(users[3], true).await;
    let again = items(&office.post(&path, skipped).await.1);
    assert_eq!(each(&again, "recipient_id"), [json!(users[3])]);
    let other_run = json!({"run_id": "00000000-0000-4000-8000-000000000001", "states": ["skipped"]});
    assert!(items(&office.post(&path, other_run).await.1).is_empty());
    for refused in [json!({"states": ["sent"]}), json!({"states": ["lost"]}), json!({"all": true})] {
        assert_eq!(office.post(&path, refused).await.0, 400);
    }
}

#[tokio::test]
async fn a_recipient_who_may_not_have_it_any_more_is_skipped_and_said_so() {
    let office = Office::with([]).await;
    let mut users = Vec::new();
    for at in ["disabled", "deleted", "moved", "quiet", "mute"] {
        users.push(office.user(&format!("{at}@harbour.example")).await);
    }
    office.desk.create(&sent(monthly(), &users)).await.unwrap();
    office.desk.pass("2020-04-02T00:00:00Z").await;
    assert_eq!(office.relay.mails().len(), 5);
    let south =
        office.desk.test.tenant(office.desk.test.top, domain::tenant::TenantKind::Partner, "South").await;
    let south = office.desk.test.no(south).await;
    let sql = async |text: &'static str, at: usize| office.desk.sql(text, args![users[at]]).await;
    sql("UPDATE users SET enabled = 0 WHERE id = $1", 0).await;
    sql("UPDATE users SET deleted_at = 1 WHERE id = $1", 1).await;
    office.desk.sql("UPDATE users SET tenant_no = $2 WHERE id = $1", args![users[2], south]).await;
    sql("UPDATE users SET notifications = 'quota' WHERE id = $1", 3).await;
    sql("UPDATE contacts SET email = '' WHERE id = (SELECT contact_id FROM users WHERE id = $1)", 4).await;
    for (user, why) in users.iter().zip([
        "the user is disabled",
        "the user was deleted",
        "the user no longer lies below tenant",
        "the user's notifications do not contain reports",
        "the user has no e-mail address",
    ]) {
        let first = office.list(&format!("recipient_id={user}")).await.remove(0);
        let (status, new) =
            office.post(&format!("/deliveries/{}/resend", text(&first, "id")), nothing()).await;
        assert_eq!((status, &new["state"]), (201, &json!("skipped")), "{new}");
        assert!(text(&new, "answer").starts_with(why), "{new}");
        assert_eq!(new["address"], json!(null));
    }
    office.desk.drain().await;
    assert_eq!(office.relay.mails().len(), 5);
}

#[tokio::test]
async fn a_mail_that_is_sent_again_before_its_day_waits_for_it() {
    let office = Office::with([]).await;
    let jdoe = office.user("jdoe@harbour.example").await;
    office.enable(jdoe, false).await;
    office.desk.create(&sent(monthly(), &[jdoe])).await.unwrap();
    office.desk.pass("2020-04-01T23:59:59Z").await;
    office.enable(jdoe, true).await;
    let first = office.list("").await.remove(0);
    let (_, new) = office.post(&format!("/deliveries/{}/resend", text(&first, "id")), nothing()).await;
    assert_eq!((&new["state"], &new["due_at"]), (&json!("pending"), &json!("2020-04-02T00:00:00Z")));
    office.desk.drain().await;
    assert!(office.relay.mails().is_empty());
    office.desk.pass("2020-04-02T00:00:00Z").await;
    assert_eq!(office.relay.mails().len(), 1);
}
