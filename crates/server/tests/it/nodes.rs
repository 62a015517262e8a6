//! Several nodes on one database: each piece of work is done once, whoever does it, and what one node is told another knows.

use std::collections::BTreeSet;
use std::time::Duration;

use app::settings::{Smtp, Transport};
use app::{App, jobs, nodes, reports};
use domain::access::{Actor, Role};
use domain::delivery::DeliveryState;
use domain::report::RunStatus;
use domain::tenant::TenantKind;
use domain::user::LinkPurpose;
use serde_json::json;
use store::args;
use store::mailed_links::{self, MailedLink};
use store::runs::Claim;
use testkit::{Server, SmtpSink, TestApp};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::desk::{Desk, monthly, once, sent};

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

/// Another node on the same database that gives signs of life.
async fn living(desk: &Desk, host: &str) -> App {
    let node = desk.test.another_node().await;
    nodes::introduce(&node, host.to_owned(), None).unwrap();
    nodes::sign(&node).await.unwrap();
    node
}

async fn claim(node: &App) -> Option<Claim> {
    let mut tx = node.write_as(Actor::System).await.unwrap();
    let now = tx.now();
    let alike = store::runs::next(&mut tx, now).await.unwrap()?;
    let claim = store::runs::claim(&mut tx, alike, node.nodes.own()).await.unwrap();
    tx.commit().await.unwrap();
    claim
}

async fn holds(node: &App, claim: &Claim) -> bool {
    let mut tx = node.write_as(Actor::System).await.unwrap();
    store::runs::hold(&mut tx, claim).await.unwrap()
}

#[tokio::test]
async fn a_node_that_says_goodbye_leaves_its_work_to_others_at_once_on_postgres() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let (leaving, staying) = (living(&desk, "leaving").await, living(&desk, "staying").await);
    for _ in 0..2 {
        desk.create(&once()).await.unwrap();
    }
    let (left, kept) = (claim(&leaving).await.unwrap(), claim(&staying).await.unwrap());
    assert!(claim(&staying).await.is_none(), "both are held");
    assert!(!nodes::sign(&staying).await.unwrap());
    nodes::leave(&leaving).await.unwrap();
    let taken = claim(&staying).await.unwrap();
    assert_eq!(taken.stored.run.id, left.stored.run.id);
    assert!(!holds(&leaving, &left).await && holds(&staying, &taken).await && holds(&staying, &kept).await);
}

#[tokio::test]
async fn leases_of_silent_nodes_alone_are_voided() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let (silent, ahead, alive) =
        (living(&desk, "silent").await, living(&desk, "ahead").await, living(&desk, "alive").await);
    for _ in 0..3 {
        desk.create(&once()).await.unwrap();
    }
    let first = claim(&silent).await.unwrap();
    claim(&ahead).await.unwrap();
    claim(&alive).await.unwrap();
    let moved = "UPDATE nodes SET seen_at = seen_at + $2 WHERE host = $1";
    desk.sql(moved, args!["silent", -16_000_000_i64]).await;
    desk.sql(moved, args!["ahead", 16_000_000_i64]).await;
    let mut tx = alive.write_as(Actor::System).await.unwrap();
    assert!(!store::nodes::has_work_of_one_gone(&mut tx, false).await.unwrap());
    assert_eq!(store::nodes::void_leases_of_those_gone(&mut tx, false).await.unwrap(), 0);
    assert!(store::nodes::has_work_of_one_gone(&mut tx, true).await.unwrap());
    assert_eq!(store::nodes::void_leases_of_those_gone(&mut tx, true).await.unwrap(), 2);
    assert_eq!(store::nodes::void_leases_of_those_gone(&mut tx, true).await.unwrap(), 0);
    tx.commit().await.unwrap();
    // One that comes back before somebody has taken its work goes on with it.
    assert!(holds(&silent, &first).await);
    let mut tx = silent.write_as(Actor::System).await.unwrap();
    assert!(store::runs::hold(&mut tx, &first).await.unwrap());
    tx.commit().await.unwrap();
    let taken = claim(&alive).await.unwrap();
    assert_ne!(taken.stored.run.id, first.stored.run.id);
    assert!(claim(&alive).await.is_none());
}

#[tokio::test]
async fn a_mailed_link_that_was_taken_over_is_recorded_by_its_holder_alone() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let user = desk.user(desk.customer, "ann@harbour.example").await;
    let app = &desk.test.app;
    let tenant = desk.test.no(desk.customer).await;
    let mut tx = app.write_as(Actor::System).await.unwrap();
    let now = tx.now();
    let link = MailedLink {
        user_id: user,
        purpose: LinkPurpose::Activation,
        email: "ann@harbour.example".to_owned(),
        token_sha256: "00".repeat(32),
        sealed_token: Vec::new(),
        message_id: "link@tide.example.com".to_owned(),
        attempts: 0,
        not_before: now,
        asked_at: now,
        expires_at: now.plus_seconds(60),
    };
    mailed_links::insert(&mut tx, tenant, &link).await.unwrap();
    let first = mailed_links::claim(&mut tx, None).await.unwrap().unwrap();
    assert!(mailed_links::claim(&mut tx, None).await.unwrap().is_none(), "its lease has not run out");
    mailed_links::release_leases(&mut tx).await.unwrap();
    let second = mailed_links::claim(&mut tx, None).await.unwrap().unwrap();
    assert!(!mailed_links::hold(&mut tx, &first).await.unwrap());
    assert!(mailed_links::hold(&mut tx, &second).await.unwrap());
    let (sent, again) = (DeliveryState::Sent { answer: "250 ok".to_owned() }, DeliveryState::Pending);
    mailed_links::record(&mut tx, &second, &sent, 1, now).await.unwrap();
    mailed_links::record(&mut tx, &first, &again, 1, now).await.unwrap();
    assert!(mailed_links::claim(&mut tx, None).await.unwrap().is_none(), "it was sent");
}

#[tokio::test]
async fn the_operator_sees_the_nodes_and_how_they_are() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let nodes = [living(&desk, "one").await, living(&desk, "two").await, living(&desk, "three").await];
    nodes::leave(&nodes[1]).await.unwrap();
    desk.sql("UPDATE nodes SET seen_at = seen_at - $2 WHERE host = $1", args!["three", 20_000_000_i64]).await;
    let server = desk.test.serve().await;
    let token = server.token(&desk.test.client_id, &desk.test.client_secret).await;
    let listed = server.get("/api/tidemark/1/nodes").bearer(&token).await.ok();
    let listed = listed["items"].as_array().unwrap();
    let told: Vec<[&str; 2]> =
        listed.iter().map(|node| ["host", "status"].map(|name| node[name].as_str().unwrap())).collect();
    assert_eq!(told, [["one", "alive"], ["two", "stopped"], ["three", "silent"]]);
    assert_eq!(listed[0]["id"], nodes[0].nodes.own().unwrap().to_string());
    assert!(listed[0]["stopped_at"].is_null() && listed[1]["stopped_at"].is_string());
    assert!(listed[2]["silent_seconds"].as_i64().unwrap() >= 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_one_node_is_ordered_another_does_at_once_on_postgres() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let (ordering, working) = (living(&desk, "ordering").await, living(&desk, "working").await);
    let shutdown = CancellationToken::new();
    let mut running = JoinSet::new();
    running.spawn(jobs::run(working, shutdown.clone()));
    // Of the node that orders only the bridge is at work: it makes nothing.
    let (own, over) = (ordering.clone(), shutdown.clone());
    running.spawn(async move {
        tokio::select! { () = jobs::pass_hints_on(&own) => {}, () = over.cancelled() => {} }
    });
    // The clock stands still: nothing but hints wakes the other.
    for _ in 0..5 {
        let made = reports::create(&ordering, &desk.caller, desk.customer, &once()).await.unwrap();
        let id = made.report.id;
        while desk.runs(id).await.first().is_none_or(|stored| stored.run.status != RunStatus::Ready) {
            tokio::task::yield_now().await;
        }
    }
    shutdown.cancel();
    running.join_all().await;
}

#[tokio::test]
async fn hints_are_heard_once_committed_and_again_after_the_connection_was_lost_on_postgres() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let (telling, listening) = (living(&desk, "telling").await, living(&desk, "listening").await);
    let mut hints = listening.db.hints().await.unwrap().unwrap();
    let own = telling.nodes.own().unwrap();
    let tell = async || {
        let mut tx = telling.write_as(Actor::System).await.unwrap();
        store::nodes::hint(&mut tx, own).await.unwrap();
        tx
    };
    drop(tell().await);
    tell().await.commit().await.unwrap();
    assert_eq!(hints.next().await.unwrap(), Some(own));
    let end = "SELECT COUNT(pg_terminate_backend(pid)) AS n FROM pg_stat_activity
               WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    let mut conn = telling.read().await.unwrap();
    assert_eq!(conn.count(end, args![]).await.unwrap(), 1);
    assert_eq!(hints.next().await.unwrap(), None, "what was said meanwhile is lost");
    // Heard or not, depending on whether the connection is back: asked again and again, as in life.
    let hear = hints.next();
    tokio::pin!(hear);
    loop {
        tell().await.commit().await.unwrap();
        if let Ok(heard) = tokio::time::timeout(Duration::from_millis(50), &mut hear).await {
            assert_eq!(heard.unwrap(), Some(own));
            break;
        }
    }
}

#[tokio::test]
async fn of_the_nodes_that_are_alive_one_is_the_eldest() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let nodes = [living(&desk, "one").await, living(&desk, "two").await, living(&desk, "three").await];
    let eldest = async || {
        let mut conn = desk.test.app.read().await.unwrap();
        let mut found = Vec::new();
        for (place, node) in nodes.iter().enumerate() {
            if store::nodes::is_eldest(&mut conn, node.nodes.own().unwrap()).await.unwrap() {
                found.push(place);
            }
        }
        found
    };
    assert_eq!(eldest().await, [0]);
    nodes::leave(&nodes[0]).await.unwrap();
    assert_eq!(eldest().await, [0, 1], "who has left asks no more");
    desk.sql("UPDATE nodes SET seen_at = seen_at - $2 WHERE host = $1", args!["two", 20_000_000_i64]).await;
    assert_eq!(eldest().await, [0, 1, 2], "who is silent may not know it");
}
