//! Equal files, retention, and what is left behind.

use std::num::NonZero;

use app::contents::{checking, upkeep};
use app::{Error, reports};
use domain::access::Actor;
use domain::ids::ContentId;
use domain::report::{Content, Place};
use store::{args, contents};
use testkit::{TestApp, at};

use super::{after_grace, count, download, only_file};
use crate::desk::{Desk, monthly, once, sent};

const CONTENTS: &str = "SELECT COUNT(*) AS n FROM contents";
const CHUNKS: &str = "SELECT COUNT(*) AS n FROM content_chunks";

#[tokio::test]
async fn equal_files_are_kept_once_and_go_with_the_last() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let app = &desk.test.app;
    let one = desk.create(&once()).await.unwrap().report.id;
    let other = desk.create(&once()).await.unwrap().report.id;
    desk.drain().await;
    let ((one_file, held), (other_file, equal)) =
        (only_file(&desk, one).await, only_file(&desk, other).await);
    assert_ne!(one_file, other_file);
    assert_eq!(held, equal, "one content for both");
    assert_eq!((count(app, CONTENTS).await, count(app, CHUNKS).await), (1, 1));
    let bytes = download(&desk, one, one_file).await.unwrap();

    reports::delete(app, &desk.caller, one, 1).await.unwrap();
    after_grace(&desk).await;
    assert_eq!(download(&desk, other, other_file).await.unwrap(), bytes, "the other one still holds it");
    assert_eq!(count(app, "SELECT COUNT(*) AS n FROM contents WHERE look_at IS NOT NULL").await, 0);
    reports::delete(app, &desk.caller, other, 1).await.unwrap();
    while upkeep::tend(app).await.unwrap() {}
    assert_eq!(count(app, CONTENTS).await, 1, "a download under way can end");
    after_grace(&desk).await;
    assert_eq!((count(app, CONTENTS).await, count(app, CHUNKS).await), (0, 0));
}

#[tokio::test]
async fn what_was_deleted_comes_back_with_an_equal_file() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let app = &desk.test.app;
    let one = desk.create(&once()).await.unwrap().report.id;
    desk.drain().await;
    reports::delete(app, &desk.caller, one, 1).await.unwrap();
    let other = desk.create(&once()).await.unwrap().report.id;
    desk.drain().await;
    after_grace(&desk).await;
    let (file, _) = only_file(&desk, other).await;
    download(&desk, other, file).await.unwrap();
    assert_eq!(count(app, CONTENTS).await, 1);
}

#[tokio::test]
async fn bytes_go_after_the_days_of_retention_and_digests_stay() {
    let test = TestApp::with_settings("2020-03-04T10:00:00Z", |settings| {
        settings.storage.kept_days = NonZero::new(30);
    })
    .await;
    let desk = Desk::of(test).await;
    let app = &desk.test.app;
    let id = desk.create(&once()).await.unwrap().report.id;
    desk.drain().await;
    let (file, content) = only_file(&desk, id).await;
    desk.pass("2020-04-03T10:00:00Z").await;
    download(&desk, id, file).await.unwrap();
    desk.pass("2020-04-03T10:00:01Z").await;
    assert!(reports::stored(app, &desk.caller, id).await.unwrap().is_empty());
    let gone = download(&desk, id, file).await;
    assert!(matches!(gone, Err(Error::NotFound { what: "stored report" })), "{gone:?}");
    after_grace(&desk).await;
    assert_eq!((count(app, CONTENTS).await, count(app, CHUNKS).await), (0, 0));
    assert_eq!(count(app, "SELECT COUNT(*) AS n FROM editions").await, 1);
    let run = desk.runs(id).await.remove(0).run.id;
    let files = store::runs::artefacts::of_run(&mut app.read().await.unwrap(), run).await.unwrap();
    assert_eq!(files[0].sha256.as_ref(), Some(&content.sha256));
}

#[tokio::test]
async fn files_that_are_still_to_be_mailed_wait_beyond_their_days() {
    let test = TestApp::with_settings("2020-03-04T10:00:00Z", |settings| {
        settings.storage.kept_days = NonZero::new(1);
    })
    .await;
    let desk = Desk::of(test).await;
    let ann = desk.user(desk.customer, "ann@harbour.example").await;
    desk.create(&sent(monthly(), &[ann])).await.unwrap();
    desk.pass("2020-04-01T23:59:59Z").await;
    let kept = "SELECT COUNT(*) AS n FROM artefacts WHERE content_id IS NOT NULL";
    desk.clock("2020-04-09T00:00:00Z");
    while upkeep::tend(&desk.test.app).await.unwrap() {}
    assert_eq!(count(&desk.test.app, kept).await, 2, "the mail has not left");
    desk.drain().await;
    assert_eq!(desk.folder().len(), 1);
    desk.drain().await;
    assert_eq!(count(&desk.test.app, kept).await, 0);
}

#[tokio::test]
async fn a_content_that_was_never_finished_leaves_and_cannot_be_finished_then() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let app = &desk.test.app;
    let id = ContentId(app.ids.other().unwrap());
    let content =
        Content { id, sha256: "ab".repeat(32), place: Place::Database, size_bytes: 4, plain_bytes: 4 };
    let mut tx = app.write_as(Actor::System).await.unwrap();
    contents::begin(&mut tx, &content, None).await.unwrap();
    contents::insert_chunk(&mut tx, id, 0, vec![1, 2, 3]).await.unwrap();
    tx.commit().await.unwrap();
    while upkeep::tend(app).await.unwrap() {}
    assert_eq!(count(app, CHUNKS).await, 1, "its writer may be at work");
    desk.sql("UPDATE contents SET look_at = 0", args![]).await;
    let mut tx = app.write_as(Actor::System).await.unwrap();
    assert!(contents::go_on(&mut tx, id).await.unwrap(), "a sign of life");
    tx.commit().await.unwrap();
    while upkeep::tend(app).await.unwrap() {}
    assert_eq!(count(app, CHUNKS).await, 1);
    after_grace(&desk).await;
    assert_eq!((count(app, CONTENTS).await, count(app, CHUNKS).await), (0, 0));
    let mut tx = app.write_as(Actor::System).await.unwrap();
    assert!(!contents::go_on(&mut tx, id).await.unwrap());
    assert!(!contents::finish(&mut tx, id).await.unwrap());
}

#[tokio::test]
async fn what_upkeep_would_not_see_is_found_and_removed() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let (app, places) = (&desk.test.app, desk.test.app.places());
    desk.create(&once()).await.unwrap();
    desk.drain().await;
    let now = at("2020-03-04T10:00:00Z");
    assert!(checking::orphans(&places, now).await.unwrap().contents.is_empty());
    desk.sql("UPDATE artefacts SET content_id = NULL", args![]).await;
    let orphans = checking::orphans(&places, now).await.unwrap();
    assert_eq!((orphans.contents.len(), orphans.objects.len()), (1, 0));
    checking::remove(&places, &orphans, now).await.unwrap();
    while upkeep::tend(app).await.unwrap() {}
    assert_eq!((count(app, CONTENTS).await, count(app, CHUNKS).await), (0, 0));
}
