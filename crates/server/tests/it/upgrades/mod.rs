//! Nodes of two versions on one database, and nodes that start at once.

mod at_once;

use std::error::Error as _;

use store::{Db, Postgres, args};
use testkit::{Beside, Database, TestApp};

/// A migration of a Tidemark to come.
const LATER: i64 = 9_999;

async fn reopened(test: &TestApp) -> store::Result<Db> {
    match &test.database {
        Database::File(file) => Db::open(file).await,
        Database::Server { server, name } => {
            Db::upgrade_postgres(&Postgres::at(&format!("{server}/{name}")).unwrap()).await
        }
    }
}

async fn joined(test: &TestApp) -> store::Result<Db> {
    match &test.database {
        Database::File(file) => Db::join(file).await,
        Database::Server { server, name } => {
            Db::join_postgres(&Postgres::at(&format!("{server}/{name}")).unwrap()).await
        }
    }
}

#[track_caller]
fn refusal(opened: store::Result<Db>) -> String {
    let error = opened.expect_err("it cannot be worked on");
    format!("{error}: {}", error.source().expect("a reason"))
}

/// An app whose database a later version has brought to this migration.
async fn brought_to(name: &str) -> TestApp {
    let test = TestApp::at("2026-05-08T10:00:00Z").await;
    let mut tx = test.app.write_as(domain::access::Actor::System).await.unwrap();
    tx.run(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES ($1, $2, TRUE, $3, 0)",
        args![LATER, name, vec![0_u8]],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    test
}

#[tokio::test]
async fn a_schema_of_a_later_version_is_refused_by_name() {
    let test = brought_to("contract names").await;
    for opened in [reopened(&test).await, joined(&test).await] {
        let said = refusal(opened);
        assert!(
            said.contains("a newer Tidemark has brought it to migration 9999 (contract names)"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_schema_that_a_later_version_has_only_added_to_is_worked_on() {
    let test = brought_to("expand names").await;
    for opened in [reopened(&test).await, joined(&test).await] {
        let db = opened.unwrap();
        assert!(app::setup::is_done(&mut db.read().await.unwrap()).await.unwrap());
    }
    // The node that was at work goes on.
    assert_eq!(test.serve().await.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn commands_beside_an_older_server_are_refused() {
    let test = TestApp::at("2026-05-08T10:00:00Z").await;
    let mut tx = test.app.write_as(domain::access::Actor::System).await.unwrap();
    tx.run("DELETE FROM _sqlx_migrations WHERE version = 10", args![]).await.unwrap();
    tx.commit().await.unwrap();
    let said = refusal(joined(&test).await);
    assert!(said.contains("an older Tidemark serves it"), "{said}");
}

/// Migration 10 is not one that expands. To the refusal it is enough that it seems not to have been run.
#[tokio::test]
async fn a_migration_that_needs_the_database_for_itself_is_not_begun_beside_an_older_node_on_postgres() {
    let test = TestApp::at("2026-05-08T10:00:00Z").await;
    let mut older = Beside::of(&test.database).await;
    older.run("DELETE FROM _sqlx_migrations WHERE version = 10; SET application_name = 'tidemark-9'").await;
    let said = refusal(reopened(&test).await);
    assert!(said.contains("migration 10 (by itself) needs the database for itself"), "{said}");
    assert!(said.contains("a tidemark that knows 9 at most is at work on it"), "{said}");

    older.run("SET application_name = 'tidemark-10'").await;
    let said = refusal(reopened(&test).await);
    assert!(said.contains("while executing migration 10"), "begun, and it was there already: {said}");
}
