//! The rows of runs and of their pieces.

use domain::ids::Seq;
use domain::time::Day;

use super::KeyHash;
use crate::{Conn, Result, Row, Write, args};

/// The most keys of a piece: what one probe reads, 24 KiB.
pub(super) const PIECE: usize = 1024;

/// A key and a content, as a piece holds them.
const ENTRY: usize = 24;

/// A run that counts. Its keys never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// The acceptance number of the transaction that began it, and so never that of another run.
    pub(super) id: Seq,
    /// The newest day of its keys.
    pub(super) last_day: Day,
    /// How many keys it has.
    pub(super) keys: u64,
}

fn run(row: &Row) -> Result<Run> {
    let keys = u64::try_from(row.int("key_count")?).unwrap_or(0);
    Ok(Run { id: Seq(row.int("id")?), last_day: row.day("last_day")?, keys })
}

/// The runs that count, by rising id.
pub(super) async fn live(conn: &mut Conn) -> Result<Vec<Run>> {
    let sql = "SELECT id, last_day, key_count FROM key_runs WHERE status = 'live' ORDER BY id";
    conn.all(sql, Vec::new()).await?.iter().map(run).collect()
}

/// The youngest of the runs that count.
pub(super) async fn youngest(conn: &mut Conn) -> Result<Option<Run>> {
    let sql = "SELECT id, last_day, key_count FROM key_runs WHERE status = 'live' ORDER BY id DESC LIMIT 1";
    conn.one(sql, Vec::new()).await?.as_ref().map(run).transpose()
}

/// Gives the keys of a run to `take`, rising.
pub(super) async fn each_key(conn: &mut Conn, id: Seq, mut take: impl FnMut(KeyHash)) -> Result<()> {
    let sql = "SELECT entries FROM key_pieces WHERE run_id = $1 ORDER BY first_key";
    conn.each(sql, args![id], |row| {
        entries(row)?.into_iter().for_each(&mut take);
        Ok(())
    })
    .await
}

/// The keys of the one piece of a run that may hold this key; none where the run begins after it.
pub(super) async fn piece(conn: &mut Conn, id: Seq, key: [u8; 16]) -> Result<Vec<KeyHash>> {
    let sql = "SELECT entries FROM key_pieces WHERE run_id = $1 AND first_key <= $2 ORDER BY first_key DESC LIMIT 1";
    conn.one(sql, args![id, key.to_vec()]).await?.map_or(Ok(Vec::new()), |row| entries(&row))
}

/// Gives the keys of a run from `first` to `last`, both included, to `take`, rising.
pub(super) async fn each_key_between(
    conn: &mut Conn,
    id: Seq,
    (first, last): ([u8; 16], [u8; 16]),
    mut take: impl FnMut(KeyHash),
) -> Result<()> {
    let sql =
        "SELECT entries FROM key_pieces WHERE run_id = $1 AND first_key <= $3 AND first_key >= COALESCE(
        (SELECT first_key FROM key_pieces WHERE run_id = $1 AND first_key <= $2
         ORDER BY first_key DESC LIMIT 1), $2) ORDER BY first_key";
    conn.each(sql, args![id, first.to_vec(), last.to_vec()], |row| {
        entries(row)?.into_iter().filter(|hash| first <= hash.key && hash.key <= last).for_each(&mut take);
        Ok(())
    })
    .await
}

/// Inserts a run without its pieces.
pub(super) async fn insert(tx: &mut Write, run: Run, status: &'static str) -> Result<()> {
    let keys = i64::try_from(run.keys).unwrap_or(i64::MAX);
    let sql = "INSERT INTO key_runs (id, last_day, key_count, status) VALUES ($1, $2, $3, $4)";
    tx.run(sql, args![run.id, run.last_day, keys, status]).await.map(|_| ())
}

/// Adds keys to a run, sorted, each once.
pub(super) async fn insert_pieces(tx: &mut Write, id: Seq, keys: &[KeyHash]) -> Result<()> {
    let mut rows = Vec::with_capacity(keys.len().div_ceil(PIECE));
    for piece in keys.chunks(PIECE) {
        let mut bytes = Vec::with_capacity(piece.len() * ENTRY);
        for hash in piece {
            bytes.extend_from_slice(&hash.key);
            bytes.extend_from_slice(&hash.content);
        }
        rows.extend(piece.first().map(|first| args![id, first.key.to_vec(), bytes]));
    }
    tx.insert_many("INSERT INTO key_pieces (run_id, first_key, entries)", "", rows).await
}

/// Deletes up to `most` pieces of a run, and the run once it has none; says whether it is gone.
pub(super) async fn delete(tx: &mut Write, id: Seq, most: u32) -> Result<bool> {
    let sql = "DELETE FROM key_pieces WHERE run_id = $1 AND first_key IN
        (SELECT first_key FROM key_pieces WHERE run_id = $1 ORDER BY first_key LIMIT $2)";
    let emptied = tx.run(sql, args![id, i64::from(most)]).await? < u64::from(most);
    if emptied {
        tx.run("DELETE FROM key_runs WHERE id = $1", args![id]).await?;
    }
    Ok(emptied)
}

fn entries(row: &Row) -> Result<Vec<KeyHash>> {
    let bytes = row.blob("entries")?;
    let (whole, rest) = bytes.as_chunks::<ENTRY>();
    let hash =
        |entry: &[u8; ENTRY]| Some(KeyHash { key: *entry.first_chunk()?, content: *entry.last_chunk()? });
    let keys: Option<Vec<KeyHash>> = whole.iter().map(hash).collect();
    keys.filter(|keys| rest.is_empty() && keys.is_sorted_by(|one, next| one.key < next.key)).ok_or_else(
        || crate::conn::corrupt("entries", format!("{} bytes", bytes.len()), "a rising list of hashed keys"),
    )
}
