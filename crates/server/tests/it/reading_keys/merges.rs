//! Merges that end half way, or meet something else.

use domain::access::Actor;
use store::reading_keys::{ReadingKeys, Seen, compact, forget_before};
use tokio::sync::oneshot;

use super::{Desk, NOW, TODAY, all, hash, hashes};

#[tokio::test]
async fn a_merge_that_ends_anywhere_loses_nothing() {
    let mut desk = Desk::new().await;
    for batch in 0..9 {
        desk.write(TODAY, &hashes(batch * 9_000..(batch + 1) * 9_000)).await;
    }
    // Readings come in meanwhile, one after each attempt.
    for (patience, written) in (1..).zip(81_000..) {
        let done = impatient(patience, compact(&desk.db, NOW)).await;
        desk.keys = ReadingKeys::default();
        // Of every piece some.
        let sample: Vec<_> = (0..written).step_by(16).map(|number| hash(number, 0)).collect();
        assert!(all(&desk.check(&sample).await, &Some(Seen::Same)), "after {patience} steps");
        assert_eq!(desk.write(TODAY, &hashes(written..written + 1)).await, [None]);
        if done {
            break;
        }
    }
    let dead = "SELECT COUNT(*) AS n FROM key_runs WHERE status <> 'live'";
    assert_eq!(desk.count(dead).await, 0);
    assert!(desk.runs().await <= 4);
}

#[tokio::test]
async fn two_merges_at_once_and_readings_meanwhile_lose_nothing() {
    let mut desk = Desk::new().await;
    for batch in 0..20 {
        desk.write(TODAY, &hashes(batch * 9_000..(batch + 1) * 9_000)).await;
    }
    let (one, two) = (desk.db.clone(), desk.db.clone());
    let readings = async {
        for number in 180_000..180_050 {
            assert_eq!(desk.write(TODAY, &[hash(number, 0), hash(number - 100, 0)]).await[0], None);
        }
    };
    let (one, two, ()) = tokio::join!(compact(&one, NOW), compact(&two, NOW), readings);
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    assert!(all(&desk.check(&hashes(0..180_050)).await, &Some(Seen::Same)));
    compact(&desk.db, NOW).await.unwrap();
    assert!(all(&desk.check(&hashes(0..180_050)).await, &Some(Seen::Same)));
    assert!(desk.runs().await < 12);
}

/// Polls a future so many times and then drops it, as the end of the process would; says whether it was done.
async fn impatient(polls: usize, compaction: impl Future<Output = store::Result<()>>) -> bool {
    let mut compaction = std::pin::pin!(compaction);
    let mut left = polls;
    std::future::poll_fn(|context| {
        left -= 1;
        match compaction.as_mut().poll(context) {
            std::task::Poll::Ready(done) => std::task::Poll::Ready(done.is_ok()),
            std::task::Poll::Pending if left == 0 => std::task::Poll::Ready(false),
            std::task::Poll::Pending => std::task::Poll::Pending,
        }
    })
    .await
}

/// Runs `then` once `compaction` was polled so many times, while it goes on; says whether it was polled as often.
async fn amid(
    polls: u32,
    compaction: impl Future<Output = store::Result<()>>,
    then: impl Future<Output = ()>,
) -> bool {
    let (mut count, mut compaction) = (0, std::pin::pin!(compaction));
    let (now, then_is_now) = oneshot::channel();
    let mut now = Some(now);
    let counted = std::future::poll_fn(|context| {
        count += 1;
        if count == polls {
            now.take().unwrap().send(()).unwrap();
        }
        compaction.as_mut().poll(context).map(|done| {
            done.unwrap();
            now.take().is_none()
        })
    });
    let then = async {
        // Also where the other end is dropped: after all of it.
        let _ = then_is_now.await;
        then.await;
    };
    tokio::join!(counted, then).0
}

#[tokio::test]
async fn what_is_forgotten_amid_a_merge_does_not_come_back() {
    for polls in 1.. {
        let mut desk = Desk::new().await;
        for batch in 0..9 {
            desk.write(TODAY.plus(batch / 4), &hashes(batch_of_1_100(batch))).await;
        }
        let (db, mut old) = (desk.db.clone(), Vec::new());
        let forget = async {
            let mut tx = db.write(Actor::System, || NOW).await.unwrap();
            forget_before(&mut tx, TODAY.next()).await.unwrap();
            old = desk.keys.check(&mut tx, &hashes(0..4_400)).await.unwrap();
            tx.commit().await.unwrap();
        };
        let more = amid(polls, compact(&db, NOW), forget).await;
        // All of them or none: it depends on whether they were merged with younger ones by then.
        assert!(all(&old, &old[0]));
        assert_eq!(desk.check(&hashes(0..4_400)).await, old, "after {polls} steps");
        assert!(all(&desk.check(&hashes(4_400..9_900)).await, &Some(Seen::Same)), "after {polls} steps");
        if !more {
            break;
        }
    }
}

#[tokio::test]
async fn what_is_swept_amid_a_merge_does_not_count() {
    for polls in 1.. {
        let mut desk = Desk::new().await;
        for batch in 0..9 {
            desk.write(TODAY, &hashes(batch_of_1_100(batch))).await;
        }
        let (one, two) = (desk.db.clone(), desk.db.clone());
        let more = amid(polls, compact(&one, NOW), async { compact(&two, NOW).await.unwrap() }).await;
        assert!(all(&desk.check(&hashes(0..9_900)).await, &Some(Seen::Same)), "after {polls} steps");
        if !more {
            break;
        }
    }
}

fn batch_of_1_100(batch: i32) -> std::ops::Range<u64> {
    let first = u64::from(batch.unsigned_abs()) * 1_100;
    first..first + 1_100
}
