//! Files in an object store: where they lie, how they move there and back, and what is left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use app::contents::{checking, moving, upkeep};
use app::{Error, jobs, reports};
use domain::access::Actor;
use domain::ids::ContentId;
use domain::report::{Content, Place, RunStatus};
use store::{args, contents};
use testkit::{TestApp, at};
use tokio::task::JoinSet;

use super::peer::{BUCKET, Mode, Peer};
use super::{after_grace, count, download, enlarge, only_file};
use crate::desk::{Desk, once, sent};
use crate::process::harness::tidemark;

async fn desk(peer: &Peer) -> Desk {
    let test = TestApp::with_settings("2020-03-04T10:00:00Z", |settings| settings.storage = peer.storage());
    Desk::of(test.await).await
}

const CHUNKS: &str = "SELECT COUNT(*) AS n FROM content_chunks";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_lies_under_its_digest_and_is_downloaded_and_mailed_from_there() {
    let peer = Peer::start().await;
    let desk = desk(&peer).await;
    let id = desk.create(&once()).await.unwrap().report.id;
    let equal = desk.create(&once()).await.unwrap().report.id;
    desk.drain().await;
    let (file, content) = only_file(&desk, id).await;
    let Content { id: content_id, sha256, .. } = &content;
    let key = format!("tide/{}/{sha256}.{content_id}.gz", &sha256[..2]);
    assert_eq!(peer.keys().await, [key], "one for both");
    assert_eq!(count(&desk.test.app, CHUNKS).await, 0);
    let server = desk.test.serve().await;
    let token = server.token(&desk.test.client_id, &desk.test.client_secret).await;
    let path = format!("/api/2/reports/{id}/stored/{file}");
    let answer = server.get(&path).bearer(&token).await;
    assert_eq!(answer.status, 200);
    assert_eq!(i64::try_from(answer.body.len()).unwrap(), content.plain_bytes);

    for id in [id, equal] {
        reports::delete(&desk.test.app, &desk.caller, id, 1).await.unwrap();
    }
    assert_eq!(peer.keys().await.len(), 1);
    after_grace(&desk).await;
    assert!(peer.keys().await.is_empty());
    let ann = desk.user(desk.customer, "ann@harbour.example").await;
    desk.create(&sent(once(), &[ann])).await.unwrap();
    desk.drain().await;
    assert_eq!((desk.folder().len(), peer.keys().await.len()), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_move_there_in_parts_and_back_again() {
    let peer = Peer::start().await;
    let test = TestApp::with_settings("2020-03-04T10:00:00Z", |settings| {
        settings.storage = app::settings::Storage { new_in: Place::Database, ..peer.storage() };
    });
    let desk = Desk::of(test.await).await;
    let id = desk.create(&once()).await.unwrap().report.id;
    desk.drain().await;
    let (file, packed) = enlarge(&desk, id, 20 << 20).await;
    after_grace(&desk).await;
    let (app, places) = (&desk.test.app, desk.test.app.places());
    let whole = "SELECT COUNT(*) AS n FROM contents WHERE state = 'whole'";

    // Broken off on the way it changes nothing, and goes on when it is called again.
    peer.way.set(Mode::Failing);
    let broken_off = moving::all(&places, (&app.clock, &app.ids), Place::S3, || ()).await;
    assert!(matches!(broken_off, Err(Error::Unavailable(_))), "{broken_off:?}");
    assert!(download(&desk, id, file).await.unwrap() == packed);
    peer.way.set(Mode::Open);
    let moved = moving::all(&places, (&app.clock, &app.ids), Place::S3, || ()).await.unwrap();
    assert_eq!((moved.contents, moved.bytes), (1, packed.len() as u64));
    assert!(download(&desk, id, file).await.unwrap() == packed);
    after_grace(&desk).await;
    assert_eq!((count(app, CHUNKS).await, count(app, whole).await, peer.keys().await.len()), (0, 1, 1));
    assert!(download(&desk, id, file).await.unwrap() == packed);
    assert_eq!(peer.uploads().await, 0);
    let again = moving::all(&places, (&app.clock, &app.ids), Place::S3, || ()).await.unwrap();
    assert_eq!(again.contents, 0);

    moving::all(&places, (&app.clock, &app.ids), Place::Database, || ()).await.unwrap();
    after_grace(&desk).await;
    assert_eq!((count(app, whole).await, peer.keys().await.len()), (1, 0));
    assert!(download(&desk, id, file).await.unwrap() == packed);
    let chunks = i64::try_from(packed.len().div_ceil(1 << 20)).unwrap();
    assert_eq!(count(app, CHUNKS).await, chunks);
}

/// The jobs' task dies once all bytes are there and nothing refers to them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_before_it_refers_to_an_object_leaves_one_that_goes() {
    let peer = Peer::start().await;
    let desk = desk(&peer).await;
    let id = desk.create(&once()).await.unwrap().report.id;
    let died = Arc::new(AtomicBool::new(false));
    desk.test.app.jobs.set_hook(Box::new(move |reached| {
        assert!(reached != "after-upload" || died.swap(true, Ordering::SeqCst), "the process dies");
    }));
    let mut process = JoinSet::new();
    let app = desk.test.app.clone();
    process.spawn(async move { jobs::drain(&app).await.unwrap() });
    assert!(process.join_next().await.unwrap().is_err());
    let left = peer.keys().await;
    assert_eq!(left.len(), 1);
    let referred = "SELECT COUNT(*) AS n FROM artefacts WHERE content_id IS NOT NULL";
    assert_eq!(count(&desk.test.app, referred).await, 0);

    jobs::release_leases(&desk.test.app).await.unwrap();
    desk.drain().await;
    let (file, _) = only_file(&desk, id).await;
    let kept: Vec<String> = peer.keys().await;
    assert!(kept.len() == 1 && kept != left, "the one left is removed, and has another key: {kept:?}");
    download(&desk, id, file).await.unwrap();
    // What was deleted is deleted once more, in case that somebody was slow to put it.
    desk.sql("UPDATE contents SET look_at = 0 WHERE state = 'gone'", args![]).await;
    while upkeep::tend(&desk.test.app).await.unwrap() {}
    assert_eq!(count(&desk.test.app, "SELECT COUNT(*) AS n FROM contents").await, 1);
    download(&desk, id, file).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_in_parts_that_was_never_ended_is_ended_by_upkeep() {
    let peer = Peer::start().await;
    let desk = desk(&peer).await;
    let (app, storage) = (&desk.test.app, peer.storage());
    let id = ContentId(app.ids.other().unwrap());
    let content = Content { id, sha256: "ab".repeat(32), place: Place::S3, size_bytes: 9, plain_bytes: 9 };
    let objects = storage.objects.unwrap();
    let upload = objects.begin(&content).await.unwrap();
    objects.put_part(&content, &upload, 0, vec![7; store::objects::PART_BYTES]).await.unwrap();
    let mut tx = app.write_as(Actor::System).await.unwrap();
    contents::begin(&mut tx, &content, None).await.unwrap();
    contents::note_upload(&mut tx, id, &upload).await.unwrap();
    tx.commit().await.unwrap();
    while upkeep::tend(app).await.unwrap() {}
    assert_eq!(peer.uploads().await, 1, "its writer may be at work");
    desk.sql("UPDATE contents SET look_at = 0", args![]).await;
    while upkeep::tend(app).await.unwrap() {}
    assert_eq!(peer.uploads().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_that_no_row_knows_are_found_once_they_are_old_and_removed_when_asked() {
    let peer = Peer::start().await;
    let desk = desk(&peer).await;
    let id = desk.create(&once()).await.unwrap().report.id;
    desk.drain().await;
    let (file, _) = only_file(&desk, id).await;
    let unknown = ContentId(desk.test.app.ids.other().unwrap());
    let unknown =
        Content { id: unknown, sha256: "ab".repeat(32), place: Place::S3, size_bytes: 1, plain_bytes: 1 };
    peer.storage().objects.unwrap().put(&unknown, vec![1]).await.unwrap();
    let places = desk.test.app.places();
    // The object store's clock is the machine's.
    assert!(checking::orphans(&places, at("2020-03-04T10:00:00Z")).await.unwrap().objects.is_empty());
    let later = at("2100-01-01T00:00:00Z");
    let orphans = checking::orphans(&places, later).await.unwrap();
    assert_eq!(orphans.objects.iter().map(|found| found.id).collect::<Vec<_>>(), [Some(unknown.id)]);
    checking::remove(&places, &orphans, later).await.unwrap();
    assert_eq!(peer.keys().await.len(), 1);
    download(&desk, id, file).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_try_the_store_move_files_and_verify_them() {
    let peer = Peer::start().await;
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let id = desk.create(&once()).await.unwrap().report.id;
    desk.drain().await;
    let run = |command: &str, more: &[&str]| {
        let mut command = tidemark(command);
        command.arg("--data-dir").arg(desk.test.directory.path()).args(desk.test.database.options());
        command.env("TIDEMARK_STORAGE__ENDPOINT", format!("http://{}", peer.way.address));
        command.envs([("TIDEMARK_STORAGE__BUCKET", BUCKET), ("TIDEMARK_STORAGE__TIMEOUT_SECONDS", "1")]);
        command.envs([("TIDEMARK_STORAGE__ACCESS_KEY", "key"), ("TIDEMARK_STORAGE__SECRET_KEY", "s3cret")]);
        let output = command.args(more).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (String::from_utf8(said).unwrap(), output.status.success())
    };
    let (said, well) = run("check-config", &["--try-storage"]);
    assert!(well && said.contains("takes, gives and deletes objects"), "{said}");
    assert!(said.contains("older files also in s3://reports/tidemark at http://127.0.0.1:"), "{said}");
    let (said, well) = run("move-artefacts", &["--to", "s3"]);
    assert!(well && said.starts_with("1 file, ") && said.ends_with(" bytes, moved to s3\n"), "{said}");
    assert_eq!(only_file(&desk, id).await.1.place, Place::S3);
    assert_eq!(peer.keys().await.len(), 1);
    let (said, well) = run("verify", &[]);
    assert!(well && said.contains("1 stored file, "), "{said}");
    peer.way.set(Mode::Closed);
    for (command, more) in [("verify", &[][..]), ("check-config", &["--try-storage"])] {
        let (said, well) = run(command, more);
        assert!(!well && said.contains("the object store cannot be used"), "{command}: {said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
    assert_eq!(desk.runs(id).await[0].run.status, RunStatus::Ready);
}
