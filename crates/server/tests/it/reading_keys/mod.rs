//! The idempotency keys of readings, below the use cases.

mod merges;
mod model;

use domain::access::Actor;
use domain::time::{Day, Instant};
use store::reading_keys::{Fresh, KEPT_DAYS, KeyHash, ReadingKeys, Seen, append, compact, forget_before};
use store::{Db, Write, args};
use testkit::{Database, Directory};

/// A Thursday, like every day whose number is divisible by 7: where weeks of keys begin.
const TODAY: Day = Day(20_580);
const NOW: Instant = TODAY.start();

/// A key and a content, spread as hashes are.
fn hash(number: u64, content: u64) -> KeyHash {
    let factor = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835_u128;
    let mixed = u128::from(number + 1).wrapping_mul(factor);
    let key = (mixed ^ (mixed >> 64)).wrapping_mul(factor).to_be_bytes();
    KeyHash { key, content: content.to_be_bytes() }
}

fn hashes(numbers: std::ops::Range<u64>) -> Vec<KeyHash> {
    numbers.map(|number| hash(number, 0)).collect()
}

/// A database, and what one node remembers of it.
struct Desk {
    db: Db,
    keys: ReadingKeys,
    database: Database,
    _directory: Directory,
}

impl Desk {
    async fn new() -> Self {
        let directory = Directory::new();
        let database = Database::new(directory.path()).await;
        Self { db: database.open().await, keys: ReadingKeys::default(), database, _directory: directory }
    }

    /// As after a restart.
    async fn reopen(&mut self) {
        self.db.close().await;
        self.db = self.database.open().await;
        self.keys = ReadingKeys::default();
    }

    async fn tx(&self) -> Write {
        self.db.write(Actor::System, || NOW).await.unwrap()
    }

    async fn check(&mut self, hashes: &[KeyHash]) -> Vec<Option<Seen>> {
        let mut tx = self.tx().await;
        self.keys.check(&mut tx, hashes).await.unwrap()
    }

    /// How the one writer of readings uses the keys.
    async fn write(&mut self, day: Day, hashes: &[KeyHash]) -> Vec<Option<Seen>> {
        let mut tx = self.tx().await;
        let seen = write(&mut tx, &mut self.keys, day, hashes).await;
        tx.commit().await.unwrap();
        seen
    }

    async fn count(&self, sql: &'static str) -> i64 {
        self.db.read().await.unwrap().count(sql, Vec::new()).await.unwrap()
    }

    async fn runs(&self) -> i64 {
        self.count("SELECT COUNT(*) AS n FROM key_runs").await
    }

    async fn pieces(&self) -> i64 {
        self.count("SELECT COUNT(*) AS n FROM key_pieces").await
    }

    async fn forget_before(&self, day: Day) {
        let mut tx = self.tx().await;
        forget_before(&mut tx, day).await.unwrap();
        tx.commit().await.unwrap();
    }
}

async fn write(tx: &mut Write, keys: &mut ReadingKeys, day: Day, hashes: &[KeyHash]) -> Vec<Option<Seen>> {
    let mut seen = keys.check(tx, hashes).await.unwrap();
    let mut fresh = Fresh::default();
    for (hash, seen) in hashes.iter().zip(&mut seen) {
        *seen = seen.or_else(|| fresh.seen(hash));
        if seen.is_none() {
            fresh.take(*hash);
        }
    }
    append(tx, day, fresh.into_keys()).await.unwrap();
    seen
}

fn all<T: Clone + PartialEq>(of: &[T], value: &T) -> bool {
    of.iter().all(|one| one == value)
}

#[tokio::test]
async fn a_key_is_absorbed_with_its_content_and_a_conflict_with_another() {
    let mut desk = Desk::new().await;
    let call = [hash(1, 10), hash(2, 20), hash(1, 10), hash(2, 21)];
    let first = desk.write(TODAY, &call).await;
    assert_eq!(first, [None, None, Some(Seen::Same), Some(Seen::Other)]);
    let again = desk.write(TODAY, &call).await;
    assert_eq!(again, [Some(Seen::Same), Some(Seen::Same), Some(Seen::Same), Some(Seen::Other)]);
    desk.reopen().await;
    assert_eq!(
        desk.check(&[hash(3, 10), hash(2, 20), hash(1, 20)]).await,
        [None, Some(Seen::Same), Some(Seen::Other)]
    );
}

#[tokio::test]
async fn a_transaction_sees_its_own_keys_and_those_that_joined_them() {
    let mut desk = Desk::new().await;
    desk.write(TODAY, &[hash(1, 0)]).await;
    let mut tx = desk.tx().await;
    append(&mut tx, TODAY, vec![hash(2, 0)]).await.unwrap();
    let seen = desk.keys.check(&mut tx, &[hash(1, 0), hash(2, 1), hash(3, 0)]).await.unwrap();
    assert_eq!(seen, [Some(Seen::Same), Some(Seen::Other), None]);
}

#[tokio::test]
async fn what_is_rolled_back_leaves_no_trace_in_memory() {
    let mut desk = Desk::new().await;
    desk.write(TODAY, &[hash(1, 0)]).await;
    let mut tx = desk.tx().await;
    // A few keys, which join those of before, and then its own are looked at.
    write(&mut tx, &mut desk.keys, TODAY, &[hash(2, 0)]).await;
    desk.keys.check(&mut tx, &[hash(2, 0)]).await.unwrap();
    drop(tx);
    // Another node writes next, under the number that was given back.
    let mut tx = desk.tx().await;
    write(&mut tx, &mut ReadingKeys::default(), TODAY, &hashes(10..2_000)).await;
    tx.commit().await.unwrap();
    assert_eq!(
        desk.check(&[hash(1, 0), hash(2, 0), hash(10, 0)]).await,
        [Some(Seen::Same), None, Some(Seen::Same)]
    );
    let mut tx = desk.tx().await;
    forget_before(&mut tx, TODAY.next()).await.unwrap();
    assert_eq!(desk.keys.check(&mut tx, &[hash(11, 0)]).await.unwrap(), [None]);
    drop(tx);
    assert_eq!(desk.check(&[hash(11, 0), hash(1, 0)]).await, [Some(Seen::Same), Some(Seen::Same)]);
}

#[tokio::test]
async fn small_transactions_share_a_run_and_large_ones_are_merged() {
    let mut desk = Desk::new().await;
    for number in 0..100 {
        desk.write(TODAY, &[hash(number, 0)]).await;
    }
    assert_eq!((desk.runs().await, desk.pieces().await), (1, 1));
    for batch in 1..=9 {
        desk.write(TODAY, &hashes(batch * 9_000..(batch + 1) * 9_000)).await;
        desk.check(&[hash(0, 0)]).await;
    }
    compact(&desk.db, NOW).await.unwrap();
    // Eight of them became one, written in two transactions; the last may still be joined.
    assert_eq!(desk.runs().await, 3);
    assert!((81..=83).contains(&desk.pieces().await));
    for keys in [hashes(0..100), hashes(9_000..90_000)] {
        assert!(all(&desk.check(&keys).await, &Some(Seen::Same)));
    }
    assert!(all(&desk.check(&hashes(100_000..120_000)).await, &None));
}

#[tokio::test]
async fn merging_is_asked_for_once_when_runs_have_become_many() {
    let mut desk = Desk::new().await;
    let mut asked = Vec::new();
    for batch in 0..70 {
        desk.write(TODAY, &hashes(batch * 1_100..(batch + 1) * 1_100)).await;
        desk.check(&[hash(0, 0)]).await;
        asked.extend(desk.keys.are_crowded().then_some(batch));
    }
    assert_eq!(asked, [63]);
}

#[tokio::test]
async fn what_another_node_writes_and_merges_is_seen() {
    let mut desk = Desk::new().await;
    let mut other = ReadingKeys::default();
    for batch in 0..9 {
        desk.write(TODAY, &hashes(batch * 2_000..(batch + 1) * 2_000)).await;
        let seen = other.check(&mut desk.tx().await, &hashes(0..20_000)).await.unwrap();
        assert_eq!(seen.iter().flatten().count() as u64, (batch + 1) * 2_000);
    }
    compact(&desk.db, NOW).await.unwrap();
    other.load(&mut desk.db.read().await.unwrap()).await.unwrap();
    let seen = other.check(&mut desk.tx().await, &hashes(0..18_000)).await.unwrap();
    assert!(all(&seen, &Some(Seen::Same)));
}

#[tokio::test]
async fn a_key_is_kept_for_90_days_and_then_free_again() {
    let mut desk = Desk::new().await;
    desk.write(TODAY.plus(-1), &hashes(0..10)).await;
    desk.write(TODAY, &hashes(10..20)).await;
    desk.forget_before(TODAY.plus(90 - KEPT_DAYS)).await;
    assert_eq!(desk.check(&[hash(9, 0), hash(10, 0)]).await, [None, Some(Seen::Same)]);
    desk.forget_before(TODAY.plus(91 - KEPT_DAYS)).await;
    assert_eq!(desk.write(TODAY.plus(91), &[hash(10, 1)]).await, [None]);
    compact(&desk.db, NOW).await.unwrap();
    assert_eq!((desk.runs().await, desk.pieces().await), (1, 1));
    assert_eq!(desk.check(&[hash(10, 1)]).await, [Some(Seen::Same)]);
}

#[tokio::test]
async fn a_past_week_becomes_one_run_and_weeks_stay_apart() {
    let mut desk = Desk::new().await;
    for day in 0..15 {
        desk.write(TODAY.plus(day), &hashes(day.unsigned_abs().into()..u64::from(day.unsigned_abs()) + 1))
            .await;
    }
    compact(&desk.db, NOW).await.unwrap();
    assert_eq!(desk.runs().await, 3);
    desk.forget_before(TODAY.plus(7)).await;
    let expected = (0..15).map(|day| (day >= 7).then_some(Seen::Same)).collect::<Vec<_>>();
    assert_eq!(desk.check(&hashes(0..15)).await, expected);
}

#[tokio::test]
async fn a_damaged_piece_is_an_error_and_not_a_new_key() {
    let mut desk = Desk::new().await;
    desk.write(TODAY, &hashes(0..10)).await;
    let mut tx = desk.tx().await;
    tx.run("UPDATE key_pieces SET entries = $1", args![vec![7_u8; 25]]).await.unwrap();
    tx.commit().await.unwrap();
    desk.keys = ReadingKeys::default();
    let mut tx = desk.tx().await;
    let refused = desk.keys.check(&mut tx, &[hash(0, 0)]).await;
    assert!(matches!(refused, Err(store::Error::Corrupt { .. })), "{refused:?}");
}
