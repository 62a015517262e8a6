//! Several nodes on one database: each piece of work is done once, whoever does it, and what one node is told another knows.

use std::collections::BTreeSet;

use app::jobs;
use app::settings::{Smtp, Transport};
use domain::access::Role;
use domain::tenant::TenantKind;
use serde_json::json;
use store::args;
use testkit::{Server, SmtpSink, TestApp};
use tokio::task::JoinSet;

use crate::desk::{Desk, monthly, sent};

const REPORTS: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_nodes_make_each_run_once_and_send_each_mail_once() {
    let relay = SmtpSink::failing([]).await;
    let smtp = Smtp { timeout_seconds: 10, ..relay.settings() };
    let test =
        TestApp::with_mail("2020-03-04T10:00:00Z", |mail| mail.transport = Transport::Smtp(smtp)).await;
    let desk = Desk::of(test).await;
    let (ann, bob) = (
        desk.user(desk.customer, "ann@harbour.example").await,
        desk.user(desk.customer, "bob@harbour.example").await,
    );
    for _ in 0..REPORTS {
        desk.create(&sent(monthly(), &[ann, bob])).await.unwrap();
    }
    let nodes = [desk.test.app.clone(), desk.test.another_node().await, desk.test.another_node().await];
    for now in ["2020-04-01T23:59:59Z", "2020-04-02T00:00:00Z"] {
        desk.clock(now);
        let mut at_work = JoinSet::new();
        for node in nodes.clone() {
            at_work.spawn(async move { jobs::drain(&node).await });
        }
        at_work.join_all().await.into_iter().collect::<Result<Vec<()>, _>>().unwrap();
    }
    let mut conn = desk.test.app.read().await.unwrap();
    for (sql, expected) in [
        ("SELECT COUNT(*) AS n FROM runs", REPORTS),
        ("SELECT COUNT(*) AS n FROM runs WHERE status = 'ready'", REPORTS),
        ("SELECT COUNT(*) AS n FROM editions", REPORTS),
        ("SELECT COUNT(*) AS n FROM deliveries", 2 * REPORTS),
        ("SELECT COUNT(*) AS n FROM deliveries WHERE status = 'sent' AND attempts = 1", 2 * REPORTS),
    ] {
        assert_eq!(usize::try_from(conn.count(sql, args![]).await.unwrap()), Ok(expected), "{sql}");
    }
    let mails = relay.mails();
    assert_eq!(mails.len(), 2 * REPORTS);
    let ids: BTreeSet<&str> = mails.iter().filter_map(|mail| mail.header("Message-ID")).collect();
    assert_eq!(ids.len(), 2 * REPORTS);
}

#[tokio::test]
async fn what_one_node_is_told_another_knows_at_once() {
    let test = TestApp::at("2026-05-08T10:00:00Z").await;
    let here = test.serve().await;
    let there = Server::of(&test.another_node().await).await;
    let token = here.token(&test.client_id, &test.client_secret).await;
    let north = test.tenant(test.top, TenantKind::Partner, "North").await;
    let path = format!("/api/2/tenants/{north}");
    let fetched = there.get(&path).bearer(&token).await.ok();
    assert_eq!(fetched["name"], "North", "the token of one node is good on the other");

    let body = json!({"version": fetched["version"], "name": "Further north"});
    there.put(&path).bearer(&token).json(body.clone()).await.ok();
    assert_eq!(here.get(&path).bearer(&token).await.ok()["name"], "Further north");
    here.put(&path).bearer(&token).json(body).await.expect(409);

    test.user(north, "ann", "Correct horse 1", Role::PartnerAdmin).await;
    there.get("/api/2/users/me").basic("ann", "Correct horse 1").await.ok();
    let basic = here.post("/api/2/idp/revoke_token").basic(&test.client_id, &test.client_secret);
    basic.form(&[("token", &token)]).await.ok();
    there.get(&path).bearer(&token).await.expect(401);
}
