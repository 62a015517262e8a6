//! `tidemark backup` and `restore`: what was accepted is there again, on either database, and what was not whole is refused.

mod drill;
mod failures;
mod held;
mod stopped;

use std::io::Read;

use app::Clock;
use app::backup::{self, Failure, Reader, Restored, Whole};
use app::tables::Sum;
use store::{Db, args, tables};
use testkit::{Database, Directory, TestApp, at};

use crate::migrate_store::scene;

/// When the restores of these tests take place.
const LATER: &str = "2026-05-08T12:00:00Z";
const LATER_STILL: &str = "2026-05-08T13:00:00Z";

/// A backup of a database, in memory.
pub(super) async fn backed_up(db: &Db, now: &str) -> Vec<u8> {
    with_sums(db, now).await.0
}

/// The same, with what it holds of tables that a restore does not change.
async fn with_sums(db: &Db, now: &str) -> (Vec<u8>, Vec<Sum>) {
    let mut file = Vec::new();
    let Whole { mut tables, .. } = backup::write(db, at(now), &mut file, |_, _| {}).await.unwrap();
    tables.retain(|sum| !CHANGED.contains(&sum.table.as_str()));
    (file, tables)
}

/// What a restore changes.
const CHANGED: [&str; 12] = [
    "acceptance",
    "authorization_codes",
    "browser_sessions",
    "deliveries",
    "device_codes",
    "mailed_links",
    "nodes",
    "one_time_tokens",
    "refresh_tokens",
    "restores",
    "runs",
    "tokens",
];

/// Restores it.
pub(super) async fn restored(file: impl Read, to: &Database, now: &str) -> Result<Restored, Failure> {
    let db = match to {
        Database::File(file) => Db::as_it_is(file).await,
        Database::Server { .. } => Db::postgres_as_it_is(&to.postgres()).await,
    };
    let db = db.unwrap();
    let clock = Clock::Manual(app::clock::ManualClock::at(at(now)));
    let restored = backup::restore(Reader::open(file)?, &db, &clock, None, |_, _| {}).await;
    db.close().await;
    restored
}

async fn given_numbers(db: &Db) -> i64 {
    let given = tables::counters(&mut db.read().await.unwrap()).await.unwrap();
    given["segments"]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_comes_back_whichever_database_it_was_in() {
    let (test, _) = scene::source().await;
    let (mut file, before) = with_sums(&test.app.db, LATER).await;
    assert!(before.iter().all(|sum| sum.rows > 0), "{before:?}");
    let given = given_numbers(&test.app.db).await;
    let (there, back) = (Directory::new(), Directory::new());
    let hops = [(Database::place(there.path()).await, LATER), (Database::file(back.path()), LATER_STILL)];
    for (to, now) in hops {
        let Whole { header, .. } = restored(file.as_slice(), &to, now).await.unwrap().backup;
        assert_eq!((header.made_at.as_str(), header.schema), (LATER, store::newest_schema()));
        let db = to.open().await;
        let after;
        (file, after) = with_sums(&db, LATER).await;
        let other: Vec<_> = after.iter().zip(&before).filter(|(after, before)| after != before).collect();
        assert!(other.is_empty() && after.len() == before.len(), "{other:#?}");
        assert_eq!(given_numbers(&db).await, given, "no number of a segment is given twice");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_signed_in_signs_in_anew() {
    let test = TestApp::at("2026-05-08T10:00:00Z").await;
    let server = test.serve().await;
    let token = server.token(&test.client_id, &test.client_secret).await;
    let asked = format!("/api/2/tenants/{}", test.top);
    server.get(&asked).bearer(&token).await.ok();
    let file = backed_up(&test.app.db, "2026-05-08T10:00:00Z").await;
    let directory = Directory::new();
    let place = Database::place(directory.path()).await;
    restored(file.as_slice(), &place, LATER).await.unwrap();
    test.clock.set(at(LATER));
    let there = testkit::Server::of(&test.node_on(&place).await).await;
    let refused = there.get(&asked).bearer(&token).await;
    assert_eq!(refused.status, 401, "it may have been revoked since the backup");
    let token = there.token(&test.client_id, &test.client_secret).await;
    there.get(&asked).bearer(&token).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_changes_go_on_after_what_was_answered_before() {
    let test = TestApp::at("2026-05-08T10:00:00Z").await;
    let file = backed_up(&test.app.db, "2026-05-08T10:00:00Z").await;
    let directory = Directory::new();
    let place = Database::place(directory.path()).await;
    restored(file.as_slice(), &place, LATER).await.unwrap();
    let db = place.open().await;
    assert!(db.read().await.unwrap().moment().await.unwrap() >= at(LATER));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_an_older_schema_becomes_todays() {
    let test = TestApp::at("2026-05-08T10:00:00Z").await;
    let directory = Directory::new();
    let old = Database::place(directory.path()).await;
    let db = match &old {
        Database::File(file) => Db::as_it_is(file).await.unwrap(),
        Database::Server { .. } => Db::postgres_as_it_is(&old.postgres()).await.unwrap(),
    };
    // As a Tidemark of before offering items had come to pass by themselves would have left it.
    let mut tx = db.write(domain::access::Actor::System, || at(LATER)).await.unwrap();
    tx.migrate(Some(9)).await.unwrap();
    let sql = "INSERT INTO day_close (one, open_day, frozen_day) VALUES (1, 20000, 20000)";
    tx.run(sql, args![]).await.unwrap();
    tx.commit().await.unwrap();
    let file = backed_up(&db, LATER).await;
    let other = Directory::new();
    let place = Database::place(other.path()).await;
    let header = restored(file.as_slice(), &place, LATER).await.unwrap().backup.header;
    assert_eq!(header.schema, 9);
    let db = place.open().await;
    let mut conn = db.read().await.unwrap();
    assert_eq!(conn.schema().await.unwrap(), Some(store::newest_schema()));
    assert_eq!(conn.count("SELECT open_day AS n FROM day_close", args![]).await.unwrap(), 20_000);
    drop(test);
}
