//! Random histories of keys, against a map that forgets nothing.

use std::collections::HashMap;

use domain::time::Day;
use proptest::prelude::*;
use store::reading_keys::{KeyHash, Seen, compact};

use super::{Desk, NOW, TODAY, hash, write};

#[derive(Debug, Clone)]
enum Step {
    /// Readings with keys `first..first + count`, and this content.
    Write {
        first: u64,
        count: u64,
        content: u64,
    },
    /// The same, but the transaction fails.
    RollBack {
        first: u64,
        count: u64,
    },
    Pass {
        days: i32,
    },
    Compact,
    Forget {
        days: i32,
    },
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few keys, so that they meet again; counts around the size of a piece.
    let first = 0_u64..20_000;
    let count = prop_oneof![1_u64..20, 1_000_u64..1_100, 2_000_u64..4_000];
    let step = prop_oneof![
        12 => (first.clone(), count.clone(), 0_u64..2)
            .prop_map(|(first, count, content)| Step::Write { first, count, content }),
        2 => (first, count).prop_map(|(first, count)| Step::RollBack { first, count }),
        3 => (1..4).prop_map(|days| Step::Pass { days }),
        2 => Just(Step::Compact),
        1 => (5..15).prop_map(|days| Step::Forget { days }),
        1 => Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..60)
}

/// What was said first with each key, and on which day.
#[derive(Default)]
struct Model {
    said: HashMap<[u8; 16], ([u8; 8], Day)>,
    /// Keys of days before this one may be forgotten; those of the same week may be known for longer.
    kept_from: Option<Day>,
}

impl Model {
    /// What was said with the key; the truth about a key that may be forgotten is what the store says of it.
    fn seen(&mut self, hash: &KeyHash, stored: Option<Seen>) -> Option<Seen> {
        let (content, day) = *self.said.get(&hash.key)?;
        if stored.is_none() && self.kept_from.is_some_and(|kept_from| day < kept_from) {
            self.said.remove(&hash.key);
            return None;
        }
        Some(if content == hash.content { Seen::Same } else { Seen::Other })
    }
}

async fn every_answer_is_the_models(steps: Vec<Step>) {
    let mut desk = Desk::new().await;
    let mut model = Model::default();
    let mut today = TODAY;
    for step in steps {
        match step {
            Step::Write { first, count, content } => {
                let hashes: Vec<_> = (first..first + count).map(|number| hash(number, content)).collect();
                let stored = desk.write(today, &hashes).await;
                for (hash, stored) in hashes.iter().zip(stored) {
                    assert_eq!(stored, model.seen(hash, stored));
                    model.said.entry(hash.key).or_insert((hash.content, today));
                }
            }
            Step::RollBack { first, count } => {
                let hashes: Vec<_> = (first..first + count).map(|number| hash(number, 7)).collect();
                let mut tx = desk.tx().await;
                write(&mut tx, &mut desk.keys, today, &hashes).await;
                desk.keys.check(&mut tx, &hashes).await.unwrap();
            }
            Step::Pass { days } => today = today.plus(days),
            Step::Compact => {
                compact(&desk.db, NOW).await.unwrap();
                assert!(desk.runs().await < 60);
            }
            Step::Forget { days } => {
                let kept_from = today.plus(-days);
                desk.forget_before(kept_from).await;
                model.kept_from = model.kept_from.max(Some(kept_from));
            }
            Step::Reopen => desk.reopen().await,
        }
    }
    let known: Vec<_> =
        model.said.iter().map(|(key, (content, _))| KeyHash { key: *key, content: *content }).collect();
    for (hash, stored) in known.iter().zip(desk.check(&known).await) {
        assert_eq!(stored, model.seen(hash, stored));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_key_is_known_as_a_map_would_know_it(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(every_answer_is_the_models(steps));
    }
}
