//! Lists of deliveries: filters, pages, and how they are bounded.

use domain::access::Actor;
use domain::ids::DeliveryId;
use domain::tenant::TenantKind;
use serde_json::{Value, json};
use store::args;
use testkit::Fault;

use super::{Office, each, items, text};
use crate::desk::{monthly, sent};

#[tokio::test]
async fn each_filter_keeps_its_own() {
    let office = Office::with([Fault::Rcpt("550 no such user")]).await;
    let (ann, bob) = (office.user("Ann@Harbour.example").await, office.user("bob@harbour.example").await);
    let once = office.mailed(&[ann]).await;
    office.desk.clock("2020-03-05T10:00:00Z");
    let month = office.desk.create(&sent(monthly(), &[ann, bob])).await.unwrap().report.id;
    office.desk.pass("2020-04-02T00:00:00Z").await;
    let all = office.list("").await;
    assert_eq!(all.len(), 3);
    let run = text(all.iter().find(|one| one["report_id"] == json!(once)).unwrap(), "run_id");
    for (query, count) in [
        ("state=bounced".to_owned(), 1),
        ("state=bounced,sent".to_owned(), 3),
        ("state=gave_up".to_owned(), 0),
        (format!("report_id={once}"), 1),
        (format!("report_id={month}"), 2),
        (format!("report_id={month}&state=bounced"), 0),
        (format!("run_id={run}"), 1),
        (format!("run_id={run}&state=sent"), 0),
        (format!("recipient_id={ann}"), 2),
        (format!("recipient_id={bob}&report_id={once}"), 0),
        ("address=ann@harbour.example".to_owned(), 2),
        ("address=ANN@HARBOUR.EXAMPLE&state=sent".to_owned(), 1),
        ("address=nobody@harbour.example".to_owned(), 0),
        ("from=2020-03-05".to_owned(), 2),
        ("to=2020-03-04".to_owned(), 1),
        ("from=2020-03-04T10:00:00Z&to=2020-03-04T10:00:01Z".to_owned(), 1),
        ("month=2020-03".to_owned(), 3),
        ("month=2020-02".to_owned(), 0),
        ("month=2020-04".to_owned(), 0),
    ] {
        let found = office.list(&query).await;
        assert_eq!(found.len(), count, "{query}: {found:?}");
    }
    let of_report = office.get(&format!("/reports/{month}/deliveries?address=bob@harbour.example")).await;
    assert_eq!(each(&items(&of_report), "recipient_id"), [json!(bob)]);
    let one = &all[0];
    assert_eq!(office.get(&format!("/deliveries/{}", text(one, "id"))).await, *one);
    assert_eq!((&one["period_start"], &one["period_end"]), (&json!("2020-03-01"), &json!("2020-03-31")));
    assert_eq!((&one["edition"], &one["run_due_at"]), (&json!(1), &json!("2020-04-01T23:59:59Z")));
}

#[tokio::test]
async fn what_is_no_question_is_refused() {
    let office = Office::with([]).await;
    let path = |query: &str| format!("/tenants/{}/deliveries?{query}", office.desk.partner);
    for query in [
        "state=lost",
        "month=2020",
        "month=2020-13",
        "from=yesterday",
        "limit=0",
        "limit=1001",
        "run_id=x",
        "colour=blue",
        "after=AAAA",
        "from=2020-03-05&to=2020-03-04",
    ] {
        assert_eq!(office.get_as(&office.partner, &path(query)).await.0, 400, "{query}");
    }
    let nobody = "00000000-0000-4000-8000-000000000001";
    for path in [format!("/deliveries/{nobody}"), format!("/reports/{nobody}/deliveries")] {
        assert_eq!(office.get_as(&office.partner, &path).await.0, 404, "{path}");
    }
}

/// All pages of a list, and how many there were.
async fn walked(office: &Office, first: &str) -> (Vec<Value>, usize) {
    let (mut found, mut pages, mut query) = (Vec::new(), 0, first.to_owned());
    loop {
        let page = office.get(&format!("/tenants/{}/deliveries?{query}", office.desk.partner)).await;
        found.extend(items(&page));
        pages += 1;
        match page["after"].as_str() {
            None => return (found, pages),
            Some(after) => query = format!("limit=1000&after={after}"),
        }
    }
}

#[tokio::test]
async fn pages_follow_one_another_without_repeats() {
    let office = Office::with([]).await;
    let mut users = Vec::new();
    for n in 0..5 {
        users.push(office.user(&format!("u{n}@harbour.example")).await);
    }
    let id = office.mailed(&users).await;
    let all = office.list("").await;
    for base in [String::new(), format!("&report_id={id}")] {
        let (mut found, mut query) = (Vec::new(), format!("limit=2{base}"));
        loop {
            let page = office.get(&format!("/tenants/{}/deliveries?{query}", office.desk.partner)).await;
            found.extend(items(&page));
            let Some(after) = page["after"].as_str() else { break };
            query = format!("limit=2&after={after}");
        }
        assert_eq!(found, all, "{base}");
    }
}

#[tokio::test]
async fn no_page_reads_the_whole_ledger() {
    let office = Office::with([Fault::Rcpt("550 no such user")]).await;
    let jdoe = office.user("jdoe@harbour.example").await;
    office.mailed(&[jdoe]).await;
    let oldest = office.list("").await.remove(0);
    let app = &office.desk.test.app;
    let mut tx = app.write_as(Actor::System).await.unwrap();
    for n in 1..=10_050_i64 {
        let id = DeliveryId(app.ids.other().unwrap());
        tx.run(
            "INSERT INTO deliveries (id, run_id, user_id, resend_no, message_id, status, attempts, not_before, due_at,
             lease_epoch, created_at, report_id, subject_no)
             SELECT $1, d.run_id, d.user_id, $2, $1, 'sent', 1, 0, 0, 0, d.created_at + $2, d.report_id, d.subject_no
             FROM deliveries d WHERE d.resend_no = 0",
            args![id, n],
        )
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    let report = text(&oldest, "report_id");
    let (found, pages) = walked(&office, &format!("limit=1000&report_id={report}")).await;
    assert_eq!((found.len(), pages), (10_051, 11));
    let (found, pages) = walked(&office, &format!("limit=1000&report_id={report}&state=bounced")).await;
    assert_eq!(found, std::slice::from_ref(&oldest));
    assert_eq!(pages, 2, "the first page looks at 10,000 and finds none");
    let (found, pages) = walked(&office, "limit=1000&state=bounced").await;
    assert_eq!((found.as_slice(), pages), ([oldest].as_slice(), 1));
}

#[tokio::test]
async fn a_large_channel_is_answered_as_a_small_one() {
    let office = Office::with([Fault::Rcpt("550 no such user")]).await;
    let (ann, bob) = (office.user("ann@harbour.example").await, office.user("bob@harbour.example").await);
    office.enable(bob, false).await;
    office.mailed(&[ann, bob]).await;
    office.desk.pass("2020-03-05T10:00:00Z").await;
    office.mailed(&[ann, bob]).await;
    let queries =
        ["", "state=bounced", "state=skipped,bounced", "from=2020-03-05", "month=2020-03", "month=2020-02"];
    let mut small = Vec::new();
    for query in queries {
        small.push(office.list(query).await);
    }
    assert_eq!(small.iter().map(Vec::len).collect::<Vec<_>>(), [4, 1, 3, 2, 4, 0]);
    for n in 0..500 {
        office.desk.test.tenant(office.desk.partner, TenantKind::Customer, &format!("C{n}")).await;
    }
    for (query, small) in queries.into_iter().zip(small) {
        assert_eq!(office.list(query).await, small, "{query}");
    }
}
