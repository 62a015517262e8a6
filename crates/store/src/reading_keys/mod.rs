//! The idempotency keys of readings: a key given twice with the same content is absorbed, with another it is a conflict.
//!
//! Keys are hashes, so that a table by key would be written at random places: for each reading a page. Instead every
//! transaction appends its keys as one sorted *run*, which nobody changes any more, and [`compact`] merges runs of about
//! the same size and the same week into a larger one, so that they stay few. A run is forgotten as a whole.
//!
//! Memory holds fingerprints, 18 to 20 bits of each key, which tell for almost every new key that it is new without
//! reading. Whatever they do not rule out is looked up in the one piece of the run that may hold it: the table has the
//! last word. Before each check memory takes in the runs that have come and drops those that have gone, whoever wrote
//! or merged them.

mod compact;
mod fingerprints;
mod rows;

use std::collections::btree_map::{BTreeMap, Entry};
use std::collections::{HashMap, HashSet};

use domain::ids::Seq;
use domain::time::Day;
pub use domain::usage::KeyHash;

pub use self::compact::compact;
use self::fingerprints::Fingerprints;
use self::rows::{PIECE, Run};
use crate::{Conn, Error, Result, Write, args};

/// For how many days a key is kept, at least; with the rest of its week, at most 6 days longer.
pub const KEPT_DAYS: i32 = 90;

/// Between two turns of the upkeep a flood of readings makes hundreds of runs; so many are merged at once.
const CROWD: usize = 64;

/// What was said with a key known with the content `known`.
fn seen(hash: &KeyHash, known: [u8; 8]) -> Seen {
    if hash.content == known { Seen::Same } else { Seen::Other }
}

/// What was said with a key that has been used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The same content.
    Same,
    /// Another content.
    Other,
}

/// The keys that a transaction takes for its own, in addition to those written before. A key comes in only once its
/// reading is accepted, so that one refused for another reason leaves its key free.
#[derive(Debug, Default)]
pub struct Fresh(HashMap<[u8; 16], [u8; 8]>);

impl Fresh {
    /// What was said with this key earlier in the transaction.
    pub fn seen(&self, hash: &KeyHash) -> Option<Seen> {
        self.0.get(&hash.key).map(|content| seen(hash, *content))
    }

    /// Takes a key that was not [`Fresh::seen`].
    pub fn take(&mut self, hash: KeyHash) {
        self.0.entry(hash.key).or_insert(hash.content);
    }

    /// The keys taken, for [`append`], in no order.
    pub fn into_keys(self) -> Vec<KeyHash> {
        self.0.into_iter().map(|(key, content)| KeyHash { key, content }).collect()
    }
}

/// What memory holds of the keys written. Empty at first, it is loaded by its first use.
#[derive(Debug, Default)]
pub struct ReadingKeys {
    /// Committed runs only: those of an open transaction may be rolled back and their ids given to others.
    runs: BTreeMap<Seq, Loaded>,
}

#[derive(Debug)]
struct Loaded {
    run: Run,
    prints: Fingerprints,
}

impl ReadingKeys {
    /// What was said with each of these keys before, in their order; `None` where the key is new. Keys that this
    /// transaction has appended count; among themselves `keys` are not compared ([`Fresh`] does that).
    pub async fn check(&mut self, tx: &mut Write, keys: &[KeyHash]) -> Result<Vec<Option<Seen>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let own = self.sync(tx).await?;
        let mut asked: Vec<Asked> =
            keys.iter().enumerate().map(|(at, hash)| Asked { at, hash: *hash, seen: None }).collect();
        // In the order of the runs: one pass over the memory of each, and over those pieces that must be read.
        asked.sort_unstable_by_key(|asked| asked.hash.key);
        for loaded in self.runs.values().chain(&own) {
            loaded.look_up(tx, &mut asked).await?;
        }
        asked.sort_unstable_by_key(|asked| asked.at);
        Ok(asked.into_iter().map(|asked| asked.seen).collect())
    }

    /// Takes in what is committed, so that the first check need not do it inside its transaction.
    pub async fn load(&mut self, conn: &mut Conn) -> Result<()> {
        self.follow(conn, None).await.map(|_| ())
    }

    /// Whether the runs have become so many, as of the last check, that [`compact`] should not wait for its next turn, as every
    /// key is looked for in each of them. Said once for every [`CROWD`] that come.
    pub fn are_crowded(&self) -> bool {
        !self.runs.is_empty() && self.runs.len().is_multiple_of(CROWD)
    }

    async fn sync(&mut self, tx: &mut Write) -> Result<Option<Loaded>> {
        let own = tx.own_seq();
        self.follow(tx, own).await
    }

    /// Makes memory hold exactly the runs that count; gives back the one that the transaction with the number `own`
    /// wrote itself, if there is one. A run that this transaction has removed comes back after a rollback.
    async fn follow(&mut self, conn: &mut Conn, own: Option<Seq>) -> Result<Option<Loaded>> {
        let live = rows::live(conn).await?;
        let ids: HashSet<Seq> = live.iter().map(|run| run.id).collect();
        self.runs.retain(|id, _| ids.contains(id));
        let mut written = None;
        for run in live {
            if own == Some(run.id) {
                written = Some(Loaded::read(conn, run).await?);
            } else if let Entry::Vacant(vacant) = self.runs.entry(run.id) {
                vacant.insert(Loaded::read(conn, run).await?);
            }
        }
        Ok(written)
    }
}

/// A key whose past is asked for.
struct Asked {
    at: usize,
    hash: KeyHash,
    seen: Option<Seen>,
}

impl Loaded {
    async fn read(conn: &mut Conn, run: Run) -> Result<Self> {
        let mut prints = Fingerprints::for_keys(run.keys);
        rows::each_key(conn, run.id, |hash| prints.push(&hash.key)).await?;
        Ok(Self { run, prints })
    }

    /// Finds those of the keys, which are sorted, that this run holds.
    async fn look_up(&self, conn: &mut Conn, asked: &mut [Asked]) -> Result<()> {
        let mut piece: Vec<KeyHash> = Vec::new();
        for Asked { hash, seen, .. } in asked {
            if seen.is_some() || !self.prints.may_hold(&hash.key) {
                continue;
            }
            if piece.last().is_none_or(|last| last.key < hash.key) {
                piece = rows::piece(conn, self.run.id, hash.key).await?;
            }
            let found = piece.binary_search_by_key(&hash.key, |known| known.key).ok();
            *seen = found.and_then(|at| piece.get(at)).map(|known| self::seen(hash, known.content));
        }
        Ok(())
    }
}

/// Writes keys that are new, recorded on `day`; at most once in a transaction. A key given twice keeps its first content.
pub async fn append(tx: &mut Write, day: Day, keys: Vec<KeyHash>) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    // A few keys join those of the transaction before: rewriting one piece costs less than many small runs.
    let room = PIECE.saturating_sub(keys.len()) as u64;
    let before = rows::youngest(tx).await?.filter(|run| run.last_day == day && run.keys <= room);
    let mut all = Vec::new();
    if let Some(run) = before {
        rows::each_key(tx, run.id, |hash| all.push(hash)).await?;
        while !rows::delete(tx, run.id, 1).await? {}
    }
    all.extend(keys);
    sort(&mut all);
    let run = Run { id: tx.seq().await?, last_day: day, keys: all.len() as u64 };
    rows::insert(tx, run, "live").await?;
    rows::insert_pieces(tx, run.id, &all).await
}

/// Forgets the runs whose newest key was recorded before `day`. Their rows stay until [`compact`] removes them.
pub async fn forget_before(tx: &mut Write, day: Day) -> Result<()> {
    let sql = "UPDATE key_runs SET status = 'gone' WHERE status = 'live' AND last_day < $1";
    tx.run(sql, args![day]).await.map(|_| ())
}

/// What is wrong with the runs that count, in words: each must be readable and have as many keys as it says.
pub async fn unreadable_runs(conn: &mut Conn) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for run in rows::live(conn).await? {
        let mut keys = 0_u64;
        match rows::each_key(conn, run.id, |_| keys += 1).await {
            Ok(()) if keys == run.keys => {}
            Ok(()) => wrong.push(format!("run {} has {keys} keys, not {}", run.id, run.keys)),
            Err(error @ Error::Corrupt { .. }) => wrong.push(format!("run {}: {error}", run.id)),
            Err(error) => return Err(error),
        }
    }
    Ok(wrong)
}

/// Sorts keys, each once; the first of equal ones stays.
fn sort(keys: &mut Vec<KeyHash>) {
    keys.sort_by_key(|hash| hash.key);
    keys.dedup_by_key(|hash| hash.key);
}
