//! Contents that nothing refers to any more, or never did, and how they leave.
//!
//! Those that may have to are noted (`look_at`), so that no sweep walks through all.

use domain::ids::{ContentId, ReportId, RunId};
use domain::report::Content;
use domain::time::Instant;

use super::{content, grace_end};
use crate::dialect::lease_now;
use crate::{Conn, Result, Write, args};

/// When somebody else may take over what a node began to remove: ten minutes, in microseconds.
macro_rules! turn_end {
    () => {
        concat!(lease_now!(), " + 600000000")
    };
}

/// When an object that was deleted is deleted once more. A node that stood still while it sent one may send it late: by
/// then it is stopped, or its connection is. A week, in microseconds.
macro_rules! again_at {
    () => {
        concat!(lease_now!(), " + 604800000000")
    };
}

/// Notes the contents of a report's files, which are about to go.
pub async fn look_at_those_of(tx: &mut Write, report: ReportId) -> Result<()> {
    let sql = concat!(
        "UPDATE contents SET look_at = ",
        grace_end!(),
        " WHERE state = 'whole' AND id IN (SELECT a.content_id FROM artefacts a JOIN runs r ON r.id = a.run_id
          WHERE r.report_id = $1 AND a.content_id IS NOT NULL)"
    );
    tx.run(sql, args![report]).await.map(drop)
}

/// Gives up what earlier tries of a run were writing.
pub async fn give_up_of_run(tx: &mut Write, run: RunId) -> Result<()> {
    let sql = concat!(
        "UPDATE contents SET state = 'leaving', run_id = NULL, look_at = ",
        lease_now!(),
        " WHERE run_id = $1 AND state = 'writing'"
    );
    tx.run(sql, args![run]).await.map(drop)
}

/// Lets the files of runs inserted before a moment go without their bytes, the oldest first and at most so many; gives
/// back how many those were. Files with mails still to send wait.
pub async fn expire(tx: &mut Write, before: Instant, most: i64) -> Result<u64> {
    let sql =
        "SELECT a.id, a.content_id FROM artefacts a WHERE a.content_id IS NOT NULL AND a.created_at < $1
               AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.run_id = a.run_id
                               AND d.status IN ('pending', 'sending'))
               ORDER BY a.created_at LIMIT $2";
    let rows = tx.all(sql, args![before, most]).await?;
    let watch = concat!("UPDATE contents SET look_at = ", grace_end!(), " WHERE id = $1 AND state = 'whole'");
    for row in &rows {
        tx.run("UPDATE artefacts SET content_id = NULL WHERE id = $1", args![row.text("id")?]).await?;
        tx.run(watch, args![row.text("content_id")?]).await?;
    }
    Ok(rows.len() as u64)
}

/// Whether a sweep would look at anything now, or a file was kept since before this moment.
pub async fn is_any_due(conn: &mut Conn, before: Option<Instant>) -> Result<bool> {
    let sql = concat!("SELECT COUNT(*) AS n FROM contents WHERE look_at <= ", lease_now!());
    if conn.count(sql, args![]).await? > 0 {
        return Ok(true);
    }
    let sql = "SELECT COUNT(*) AS n FROM
               (SELECT id FROM artefacts WHERE content_id IS NOT NULL AND created_at < $1 LIMIT 1) AS kept";
    Ok(conn.count(sql, args![before]).await? > 0)
}

/// A content whose bytes are to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaving {
    /// What it was.
    pub content: Content,
    /// An upload in parts that was never ended.
    pub upload_id: Option<String>,
    /// Its object was deleted before: this is the second time, after which nobody can send it any more.
    pub is_last: bool,
}

/// Looks at contents whose time for that has come, at most so many, and takes those that nothing refers to: their bytes are
/// this node's to remove, for ten minutes.
pub async fn sweep(tx: &mut Write, most: i64) -> Result<Vec<Leaving>> {
    let kept = concat!(
        "UPDATE contents SET look_at = NULL WHERE id IN
         (SELECT c.id FROM contents c WHERE c.look_at <= ",
        lease_now!(),
        " AND c.state = 'whole' AND EXISTS (SELECT 1 FROM artefacts a WHERE a.content_id = c.id)
          ORDER BY c.look_at LIMIT $1)"
    );
    tx.run(kept, args![most]).await?;
    let leaving = concat!(
        "UPDATE contents SET look_at = ",
        turn_end!(),
        ", run_id = NULL, state = CASE state WHEN 'gone' THEN 'gone' ELSE 'leaving' END WHERE id IN
         (SELECT c.id FROM contents c WHERE c.look_at <= ",
        lease_now!(),
        " AND NOT EXISTS (SELECT 1 FROM artefacts a WHERE a.content_id = c.id)
          ORDER BY c.look_at LIMIT $1)
         RETURNING id, sha256, place, size_bytes, plain_bytes, upload_id, state"
    );
    let rows = tx.all(leaving, args![most]).await?;
    let leaving = rows.iter().map(|row| {
        let is_last = row.text("state")? == "gone";
        Ok(Leaving { content: content(row)?, upload_id: row.opt_text("upload_id")?, is_last })
    });
    leaving.collect()
}

/// Deletes the row of a content whose bytes are gone for good.
pub async fn delete(tx: &mut Write, id: ContentId) -> Result<()> {
    tx.run("DELETE FROM contents WHERE id = $1", args![id]).await.map(drop)
}

/// Keeps the row of a content whose object was deleted, which is to be deleted once more.
pub async fn mark_gone(tx: &mut Write, id: ContentId) -> Result<()> {
    let sql = concat!(
        "UPDATE contents SET state = 'gone', upload_id = NULL, look_at = ",
        again_at!(),
        " WHERE id = $1"
    );
    tx.run(sql, args![id]).await.map(drop)
}

/// Contents that nothing refers to and no sweep will look at, at most so many: there should be none.
pub async fn kept_for_nothing(conn: &mut Conn, most: i64) -> Result<Vec<Content>> {
    let sql = "SELECT c.id, c.sha256, c.place, c.size_bytes, c.plain_bytes FROM contents c
               WHERE c.look_at IS NULL
               AND NOT EXISTS (SELECT 1 FROM artefacts a WHERE a.content_id = c.id) ORDER BY c.id LIMIT $1";
    conn.all(sql, args![most]).await?.iter().map(content).collect()
}

/// Lets a sweep look at contents that nothing refers to and none would look at; gives back how many those are.
pub async fn look_at_kept_for_nothing(tx: &mut Write) -> Result<u64> {
    let sql = concat!(
        "UPDATE contents SET look_at = ",
        lease_now!(),
        " WHERE look_at IS NULL AND NOT EXISTS (SELECT 1 FROM artefacts a WHERE a.content_id = contents.id)"
    );
    tx.run(sql, args![]).await
}
