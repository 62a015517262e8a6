//! The files of runs, each in a state of its own. What they hold is [`crate::contents`].

use domain::ids::{ArtefactId, ReportId, RunId};
use domain::report::{Artefact, ArtefactStatus, Content, Format, Level};

use crate::{Conn, Result, Row, Write, args, contents};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT a.id, a.run_id, a.format, a.status, a.created_at, a.size_bytes, a.sha256, r.level
             FROM artefacts a JOIN runs r ON r.id = a.run_id ",
            $rest
        )
    };
}

/// Inserts the files of a new run, in the order of its formats.
pub async fn insert(tx: &mut Write, run: RunId, files: Vec<(ArtefactId, Format)>) -> Result<()> {
    let now = tx.now();
    let status = ArtefactStatus::InProgress.as_str();
    let rows = (0_i64..)
        .zip(files)
        .map(|(at, (id, format))| args![id, run, at, format.as_str(), status, now])
        .collect();
    tx.insert_many("INSERT INTO artefacts (id, run_id, position, format, status, created_at)", "", rows).await
}

/// The files of a run, in the order of its formats.
pub async fn of_run(conn: &mut Conn, run: RunId) -> Result<Vec<Artefact>> {
    let rows = conn.all(select!("WHERE a.run_id = $1 ORDER BY a.position"), args![run]).await?;
    rows.iter().map(artefact).collect()
}

/// How many files are saved, and their bytes before compression.
pub async fn saved_total(conn: &mut Conn) -> Result<(i64, i64)> {
    let row = conn
        .one(
            "SELECT COUNT(*) AS files, CAST(COALESCE(SUM(plain_bytes), 0) AS BIGINT) AS bytes
             FROM artefacts WHERE status = $1",
            args![ArtefactStatus::Saved.as_str()],
        )
        .await?;
    row.map_or(Ok((0, 0)), |row| Ok((row.int("files")?, row.int("bytes")?)))
}

/// The files a report keeps for download: those of runs that save, oldest run first (reports-api, 7.2), without those
/// whose bytes were kept long enough. Where what lies inside its subject is not `open`, saved ones are of level `itself`
/// only.
pub async fn kept(conn: &mut Conn, report: ReportId, open: bool) -> Result<Vec<Artefact>> {
    let sql = select!(
        "WHERE r.report_id = $1 AND r.result_action = 'save'
         AND (a.status <> 'saved' OR a.content_id IS NOT NULL)
         AND ($2 = 1 OR a.status <> 'saved' OR r.level = 'itself') ORDER BY r.no, a.position"
    );
    let rows = conn.all(sql, args![report, open]).await?;
    rows.iter().map(artefact).collect()
}

/// One of [`kept`], where it can be downloaded, with the level of its run.
pub async fn saved(conn: &mut Conn, report: ReportId, id: ArtefactId) -> Result<Option<(Artefact, Level)>> {
    let sql = select!(
        "WHERE a.id = $2 AND r.report_id = $1 AND r.result_action = 'save' AND a.status = 'saved'
         AND a.content_id IS NOT NULL"
    );
    let row = conn.one(sql, args![report, id]).await?;
    row.map(|row| Ok((artefact(&row)?, row.parsed("level")?))).transpose()
}

/// How many bytes the saved files of a run have, uncompressed.
pub async fn plain_bytes(conn: &mut Conn, run: RunId) -> Result<i64> {
    let sql = "SELECT CAST(COALESCE(SUM(plain_bytes), 0) AS BIGINT) AS n FROM artefacts WHERE run_id = $1 AND status = 'saved'";
    conn.count(sql, args![run]).await
}

/// The file holds this and can be downloaded from now on.
pub async fn mark_saved(tx: &mut Write, id: ArtefactId, content: &Content) -> Result<()> {
    tx.run(
        "UPDATE artefacts SET status = 'saved', size_bytes = $2, plain_bytes = $3, sha256 = $4, content_id = $5
         WHERE id = $1",
        args![id, content.size_bytes, content.plain_bytes, content.sha256.as_str(), content.id],
    )
    .await
    .map(|_| ())
}

/// What a run has not saved never will be.
pub async fn mark_unfinished_failed(tx: &mut Write, run: RunId, why: &str) -> Result<()> {
    contents::give_up_of_run(tx, run).await?;
    tx.run(
        "UPDATE artefacts SET status = 'failed', reason = $2 WHERE run_id = $1 AND status = 'in_progress'",
        args![run, why],
    )
    .await
    .map(|_| ())
}

fn artefact(row: &Row) -> Result<Artefact> {
    Ok(Artefact {
        id: row.parsed("id")?,
        run_id: row.parsed("run_id")?,
        format: row.parsed("format")?,
        status: row.parsed("status")?,
        created_at: row.instant("created_at")?,
        size_bytes: row.opt_int("size_bytes")?,
        sha256: row.opt_text("sha256")?,
    })
}
