//! The bytes of contents that lie in the database, in pieces.

use domain::ids::ContentId;

use crate::{Conn, Result, Write, args};

/// A piece, from 0 on; `None` after the last.
pub async fn chunk(conn: &mut Conn, id: ContentId, ordinal: i64) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT bytes FROM content_chunks WHERE content_id = $1 AND ordinal = $2";
    conn.one(sql, args![id, ordinal]).await?.map(|row| row.blob("bytes")).transpose()
}

/// Appends a piece.
pub async fn insert_chunk(tx: &mut Write, id: ContentId, ordinal: i64, bytes: Vec<u8>) -> Result<()> {
    let sql = "INSERT INTO content_chunks (content_id, ordinal, bytes) VALUES ($1, $2, $3)";
    tx.run(sql, args![id, ordinal, bytes]).await.map(drop)
}

/// Deletes the first pieces that are left, at most so many; `false` where none is left.
pub async fn delete_chunks(tx: &mut Write, id: ContentId, most: i64) -> Result<bool> {
    let sql = "DELETE FROM content_chunks WHERE content_id = $1 AND ordinal IN
               (SELECT ordinal FROM content_chunks WHERE content_id = $1 ORDER BY ordinal LIMIT $2)";
    Ok(tx.run(sql, args![id, most]).await? > 0)
}
