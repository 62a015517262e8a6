//! Contents that are removed on one node while another one comes to need them.

use app::contents::upkeep;
use app::{jobs, reports};
use store::args;
use tokio::task::JoinSet;

use super::{count, download};
use crate::desk::{Desk, once};

const ROUNDS: usize = 12;
const AT_ONCE: usize = 3;

/// In each round a content that nothing refers to any more is due, and at the same time reports are made that hold the same.
/// Whatever the order in which removing and referring come: a saved file can be read.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_saved_can_be_read_however_removal_and_reports_race() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let (maker, remover) = (desk.test.app.clone(), desk.test.another_node().await);
    let mut last = Vec::new();
    for round in 0..ROUNDS {
        for id in last.drain(..) {
            reports::delete(&maker, &desk.caller, id, 1).await.unwrap();
        }
        desk.sql("UPDATE contents SET look_at = 0 WHERE look_at IS NOT NULL", args![]).await;
        for _ in 0..AT_ONCE {
            last.push(desk.create(&once()).await.unwrap().report.id);
        }
        let mut at_work = JoinSet::new();
        for node in [maker.clone(), remover.clone()] {
            at_work.spawn(async move { jobs::drain(&node).await.unwrap() });
        }
        for node in [maker.clone(), remover.clone()] {
            at_work.spawn(async move { while upkeep::tend(&node).await.unwrap() {} });
        }
        at_work.join_all().await;
        for id in &last {
            let files = reports::stored(&maker, &desk.caller, *id).await.unwrap();
            download(&desk, *id, files[0].id).await.unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
    }
    let whole = "SELECT COUNT(*) AS n FROM contents WHERE state = 'whole'";
    assert_eq!(count(&maker, whole).await, 1, "all are equal");
}
