//! `tidemark migrate-store`: an installation that was SQLite's is the same on PostgreSQL, or nothing of it is there.

mod answers;
mod failures;
pub(crate) mod scene;
mod schema;

use answers::{Ids, answers};
use app::App;
use scene::{Scene, migrate, moved, source};
use serde_json::json;
use store::tables;
use testkit::{Server, at};

use crate::process::harness::tidemark;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_installation_answers_the_same_on_postgres() {
    let scene = Scene::rich().await;
    let ids = Ids::of(&scene.test).await;
    let server = scene.test.serve().await;
    let token = server.token(&scene.test.client_id, &scene.test.client_secret).await;
    let before = answers(&ids, &server, &token).await;
    assert!(before.iter().filter(|(_, status, _)| *status == 200).count() > 300, "most are answered");
    drop(server);
    scene.test.app.db.close().await;
    let said = moved(migrate(&scene));
    for table in ["tenants ", "ledger ", "content_chunks "] {
        let line = said.lines().find(|line| line.starts_with(table)).expect(table);
        let [_, rows, sha256] = line.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert_ne!(rows, "0", "{line}");
        assert_eq!(sha256.len(), 64, "{line}");
    }
    assert!(said.contains("rows moved from sqlite to postgres: counts and SHA-256 agree"), "{said}");
    assert!(said.contains("Next: tidemark serve --data-dir"), "{said}");

    let there = scene.test.node_on(&scene.target).await;
    let server = Server::of(&there).await;
    let after = answers(&ids, &server, &token).await;
    assert_eq!(before.len(), after.len());
    let other: Vec<_> = before.iter().zip(&after).filter(|(before, after)| before != after).collect();
    let targets: Vec<_> = other.iter().map(|(before, _)| &before.0).collect();
    assert!(other.is_empty(), "{targets:#?}\nthe first: {:#?}", other[0]);
    let mut verify = tidemark("verify");
    verify.arg("--data-dir").arg(scene.test.directory.path()).args(scene.target.options());
    let verified = verify.output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    goes_on(&scene, &there, &server, &token).await;
}

/// What is new gets numbers of its own.
async fn goes_on(scene: &Scene, there: &App, server: &Server, token: &str) {
    let top = json!(scene.test.top);
    let post = async |path: &str, body| {
        let answer = server.post(&format!("/api/{path}")).bearer(token).json(body).await;
        assert!(answer.status < 300, "{path}: {}", answer.text());
        answer.json()
    };
    let tenant = json!({"name": "Afterwards", "parent_id": top, "kind": "customer"});
    let tenant = post("2/tenants", tenant).await;
    let report = json!({
        "parameters": {"tenant_id": tenant["id"], "level": "itself", "kind": "usage_current"},
        "schedule": {"type": "monthly"}, "result_action": "save",
    });
    post("2/reports", report).await;
    let infra = json!({
        "owner_tenant_id": tenant["id"], "name": "Afterwards", "url": "abgw://s.example.com:44445",
        "capabilities": ["backup"],
    });
    post("2/infra", infra).await;
    app::setup::start(there).await.unwrap();
    let usage = json!({"tenant_id": scene.customer, "offering_item": "vms", "value": 77});
    assert_eq!(post("tidemark/1/readings", json!({"readings": [usage]})).await["accepted"], 1);
    let again = json!({"tenant_id": scene.customer, "offering_item": "vms", "value": 9, "key": "nine"});
    assert_eq!(post("tidemark/1/readings", json!({"readings": [again]})).await["absorbed"], 1);
    scene.test.clock.set(at("2026-06-02T00:10:00Z"));
    app::jobs::drain(there).await.unwrap();
    let mut conn = there.read().await.unwrap();
    let runs = "SELECT COUNT(*) AS n FROM runs r JOIN reports p ON p.id = r.report_id
        WHERE r.status = 'ready' AND r.due_at > 1780000000000000";
    assert!(conn.count(runs, Vec::new()).await.unwrap() > 0);
}

/// What the test above proves, it proves for every table.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_installation_that_is_moved_has_rows_in_every_table() {
    let (test, _) = source().await;
    let mut conn = test.app.read().await.unwrap();
    let mut empty = Vec::new();
    for table in tables::all(&mut conn).await.unwrap() {
        if tables::count(&mut conn, &table).await.unwrap() == 0 {
            empty.push(table.name);
        }
    }
    assert_eq!(empty, [""; 0]);
    let beneath_younger = "SELECT COUNT(*) AS n FROM tenants WHERE parent_no > no";
    assert!(
        conn.count(beneath_younger, Vec::new()).await.unwrap() > 0,
        "a tenant was moved below a younger one"
    );
}
