//! What files hold: gzip members, named by the SHA-256 of what is in them, each kept once (ADR 12).
//!
//! A content is written whole before anything refers to it. Its row comes first, so that whatever is left of one that was
//! never finished is known. Who refers to one and who removes one do so in transactions that write, of which there is one at
//! a time, and an id is never used again: bytes that were removed cannot be referred to, and removing bytes late or twice
//! cannot hit others.

mod chunks;
mod sweep;

pub use chunks::{chunk, delete_chunks, insert_chunk};
pub use sweep::{
    Leaving, delete, expire, give_up_of_run, is_any_due, kept_for_nothing, look_at_kept_for_nothing,
    look_at_those_of, mark_gone, sweep,
};

use domain::ids::{ArtefactId, ContentId, RunId};
use domain::report::{Content, Place};

use crate::dialect::lease_now;
use crate::{Conn, Result, Row, Write, args};

/// How long bytes that nothing refers to are left alone, from the last sign of whoever writes them, or from the moment the
/// last reference went: longer than a lease, and than most downloads. An hour, in microseconds.
macro_rules! grace_end {
    () => {
        concat!(lease_now!(), " + 3600000000")
    };
}
use grace_end;

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT c.id, c.sha256, c.place, c.size_bytes, c.plain_bytes FROM contents c ", $rest)
    };
}

/// The content with this digest, where it is whole: it may be referred to in the same transaction.
pub async fn whole(conn: &mut Conn, sha256: &str) -> Result<Option<Content>> {
    let row = conn.one(select!("WHERE c.sha256 = $1 AND c.state = 'whole'"), args![sha256]).await?;
    row.as_ref().map(content).transpose()
}

/// What a file holds; `None` where it has no bytes, or none any more.
pub async fn of_artefact(conn: &mut Conn, id: ArtefactId) -> Result<Option<Content>> {
    let sql = select!("JOIN artefacts a ON a.content_id = c.id WHERE a.id = $1");
    conn.one(sql, args![id]).await?.as_ref().map(content).transpose()
}

/// The whole contents after this one by id, `None`: from the first one on; at most so many.
pub async fn after(conn: &mut Conn, last: Option<ContentId>, most: i64) -> Result<Vec<Content>> {
    let last = last.map_or_else(String::new, |last| last.to_string());
    let sql = select!("WHERE c.id > $1 AND c.state = 'whole' ORDER BY c.id LIMIT $2");
    conn.all(sql, args![last, most]).await?.iter().map(content).collect()
}

/// How many contents are whole, and their compressed bytes, all and by place.
pub async fn count_whole(conn: &mut Conn) -> Result<(i64, i64)> {
    let sql = "SELECT COUNT(*) AS n, CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) AS bytes
               FROM contents WHERE state = 'whole'";
    let row = conn.one(sql, args![]).await?;
    row.map_or(Ok((0, 0)), |row| Ok((row.int("n")?, row.int("bytes")?)))
}

/// Where the content with this id lies, in whatever state; `None` where there is none.
pub async fn place(conn: &mut Conn, id: ContentId) -> Result<Option<Place>> {
    let row = conn.one("SELECT place FROM contents WHERE id = $1", args![id]).await?;
    row.map(|row| row.parsed("place")).transpose()
}

/// Whether it is whole, and nobody is removing it.
pub async fn is_whole(conn: &mut Conn, id: ContentId) -> Result<bool> {
    let sql = "SELECT COUNT(*) AS n FROM contents WHERE id = $1 AND state = 'whole'";
    Ok(conn.count(sql, args![id]).await? > 0)
}

/// Inserts one that is about to be written, by a run or by somebody else.
pub async fn begin(tx: &mut Write, content: &Content, run: Option<RunId>) -> Result<()> {
    let now = tx.now();
    let sql = concat!(
        "INSERT INTO contents (id, sha256, place, state, size_bytes, plain_bytes, run_id, look_at, created_at)
         VALUES ($1, $2, $3, 'writing', $4, $5, $6, ",
        grace_end!(),
        ", $7)"
    );
    let Content { id, sha256, place, size_bytes, plain_bytes } = content;
    let args = args![*id, sha256.as_str(), place.as_str(), *size_bytes, *plain_bytes, run, now];
    tx.run(sql, args).await.map(drop)
}

/// Says that it is still being written; `false` where it was taken for given up.
pub async fn go_on(tx: &mut Write, id: ContentId) -> Result<bool> {
    let sql = concat!("UPDATE contents SET look_at = ", grace_end!(), " WHERE id = $1 AND state = 'writing'");
    Ok(tx.run(sql, args![id]).await? == 1)
}

/// Notes what the object store calls the upload in parts, so that whoever clears up can end it.
pub async fn note_upload(tx: &mut Write, id: ContentId, upload_id: &str) -> Result<()> {
    tx.run("UPDATE contents SET upload_id = $2 WHERE id = $1", args![id, upload_id]).await.map(drop)
}

/// All of it is there, and something refers to it in this transaction; `false` where it was taken for given up.
pub async fn finish(tx: &mut Write, id: ContentId) -> Result<bool> {
    let sql = "UPDATE contents SET state = 'whole', run_id = NULL, upload_id = NULL, look_at = NULL
               WHERE id = $1 AND state = 'writing'";
    Ok(tx.run(sql, args![id]).await? == 1)
}

/// It will not be finished, or is not needed: the next sweep takes it.
pub async fn give_up(tx: &mut Write, id: ContentId) -> Result<()> {
    let sql = concat!(
        "UPDATE contents SET state = 'leaving', run_id = NULL, look_at = ",
        lease_now!(),
        " WHERE id = $1 AND state = 'writing'"
    );
    tx.run(sql, args![id]).await.map(drop)
}

/// Puts `new`, which is written in another place, where `old` is: every file that held the one holds the other, and `old`
/// leaves after a while. `false`, and nothing changed, where one of them is gone meanwhile.
pub async fn replace(tx: &mut Write, old: ContentId, new: ContentId) -> Result<bool> {
    let sql = concat!(
        "UPDATE contents SET state = 'leaving', look_at = ",
        grace_end!(),
        " WHERE id = $1 AND state = 'whole'
          AND EXISTS (SELECT 1 FROM contents n WHERE n.id = $2 AND n.state = 'writing')"
    );
    if tx.run(sql, args![old, new]).await? == 0 || !finish(tx, new).await? {
        return Ok(false);
    }
    tx.run("UPDATE artefacts SET content_id = $2 WHERE content_id = $1", args![old, new]).await?;
    // Nothing may refer to it by now.
    let sql = concat!("UPDATE contents SET look_at = ", grace_end!(), " WHERE id = $1");
    tx.run(sql, args![new]).await?;
    Ok(true)
}

/// The contents that lie elsewhere than here.
pub async fn count_elsewhere(conn: &mut Conn, here: Place) -> Result<i64> {
    let sql = "SELECT COUNT(*) AS n FROM contents WHERE state = 'whole' AND place <> $1";
    conn.count(sql, args![here.as_str()]).await
}

fn content(row: &Row) -> Result<Content> {
    Ok(Content {
        id: row.parsed("id")?,
        sha256: row.text("sha256")?,
        place: row.parsed("place")?,
        size_bytes: row.int("size_bytes")?,
        plain_bytes: row.int("plain_bytes")?,
    })
}
