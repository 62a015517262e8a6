//! An object store that is away, fails, hangs, breaks off, or lost what it was given.

use app::{Error, jobs, reports};
use domain::delivery::DeliveryState;
use domain::report::{ArtefactStatus, Place, RunStatus};
use testkit::{TestApp, at};

use super::peer::{Mode, Peer};
use super::{count, download, enlarge, only_file};
use crate::desk::{Desk, once, sent};

async fn desk(peer: &Peer) -> Desk {
    let test = TestApp::with_settings("2020-03-04T10:00:00Z", |settings| settings.storage = peer.storage());
    Desk::of(test.await).await
}

const AWAY: [Mode; 3] = [Mode::Closed, Mode::Failing, Mode::Silent];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_waits_for_the_object_store_however_long_and_is_not_to_blame() {
    let peer = Peer::start().await;
    let desk = desk(&peer).await;
    let id = desk.create(&once()).await.unwrap().report.id;
    // More often than a fault of its own would be forgiven.
    for (minutes, mode) in (0_i64..).zip(AWAY.into_iter().cycle().take(7)) {
        peer.way.set(mode);
        desk.test.clock.set(at("2020-03-04T10:00:00Z").plus_seconds(minutes * 3600));
        assert!(jobs::builder::build_next(&desk.test.app).await.unwrap(), "{mode:?}");
        let run = desk.runs(id).await.remove(0).run;
        assert_eq!((run.status, run.attempts), (RunStatus::Queued, 0), "{mode:?}: {:?}", run.reason);
    }
    peer.way.set(Mode::Open);
    desk.pass("2020-03-05T10:00:00Z").await;
    let files = reports::stored(&desk.test.app, &desk.caller, id).await.unwrap();
    assert_eq!(files.iter().map(|file| file.status).collect::<Vec<_>>(), [ArtefactStatus::Saved]);
    download(&desk, id, files[0].id).await.unwrap();
    let writing = "SELECT COUNT(*) AS n FROM contents WHERE state NOT IN ('whole', 'gone')";
    assert_eq!(count(&desk.test.app, writing).await, 0, "what was tried in vain is cleared up");
    assert_eq!(peer.keys().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn downloads_are_answered_503_and_mails_wait_while_it_is_away() {
    let peer = Peer::start().await;
    let desk = desk(&peer).await;
    let kept = desk.create(&once()).await.unwrap().report.id;
    desk.drain().await;
    let ann = desk.user(desk.customer, "ann@harbour.example").await;
    let mailed = desk.create(&sent(once(), &[ann])).await.unwrap().report.id;
    assert!(jobs::builder::build_next(&desk.test.app).await.unwrap());
    let (file, _) = only_file(&desk, kept).await;
    let server = desk.test.serve().await;
    let token = server.token(&desk.test.client_id, &desk.test.client_secret).await;
    let path = format!("/api/2/reports/{kept}/stored/{file}");
    for (minutes, mode) in (0..).zip(AWAY) {
        peer.way.set(mode);
        let answer = server.get(&path).bearer(&token).await;
        assert_eq!(answer.status, 503, "{mode:?}: {}", answer.text());
        assert_eq!(answer.header("Retry-After"), "2");
        desk.test.clock.set(at("2020-03-04T10:00:00Z").plus_seconds(minutes * 60));
        desk.drain().await;
        let delivery = desk.deliveries(mailed).await.remove(0);
        assert!(matches!(delivery.state, DeliveryState::Pending) && delivery.attempts == 0, "{delivery:?}");
    }
    peer.way.set(Mode::Open);
    assert_eq!(server.get(&path).bearer(&token).await.status, 200);
    desk.pass("2020-03-04T11:00:00Z").await;
    assert_eq!(desk.folder().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_breaks_off_goes_on_or_is_no_file() {
    let peer = Peer::start().await;
    let desk = desk(&peer).await;
    let id = desk.create(&once()).await.unwrap().report.id;
    desk.drain().await;
    let (file, packed) = enlarge(&desk, id, 3 << 20).await;
    let (app, places) = (&desk.test.app, desk.test.app.places());
    app::contents::moving::all(&places, (&app.clock, &app.ids), Place::S3, || ()).await.unwrap();
    peer.way.set(Mode::Cut(400_000));
    assert!(download(&desk, id, file).await.unwrap() == packed, "it is asked for the rest");
    peer.way.set(Mode::Cut(4_000));
    assert!(matches!(download(&desk, id, file).await, Err(Error::Unavailable(_))));
    peer.way.set(Mode::Open);
    assert!(download(&desk, id, file).await.unwrap() == packed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_was_changed_cut_or_lost_is_found_out() {
    let peer = Peer::start().await;
    let desk = desk(&peer).await;
    let id = desk.create(&once()).await.unwrap().report.id;
    desk.drain().await;
    let (file, content) = only_file(&desk, id).await;
    let bytes = download(&desk, id, file).await.unwrap();
    let objects = peer.storage().objects.unwrap();
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    let longer = [&bytes[..], b"more"].concat();
    for spoiled in [changed, bytes[..bytes.len() - 3].to_vec(), Vec::new()] {
        objects.put(&content, spoiled).await.unwrap();
        let damage = app::contents::checking::damage(&desk.test.app.places(), content.clone()).await.unwrap();
        assert!(damage.is_some());
        let broken = download(&desk, id, file).await;
        assert!(matches!(broken, Err(Error::Internal(_))), "{broken:?}");
    }
    objects.put(&content, longer).await.unwrap();
    assert_eq!(download(&desk, id, file).await.unwrap(), bytes, "no more is read than was written");
    objects.delete(&content).await.unwrap();
    let lost = download(&desk, id, file).await;
    assert!(matches!(lost, Err(Error::Internal(_))), "{lost:?}");
}
