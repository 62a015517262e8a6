//! What tables take on disk.

use crate::{Conn, Result};

/// The bytes of the pages of every table, those of its indexes among them, by name.
pub async fn by_table(conn: &mut Conn) -> Result<Vec<(String, i64)>> {
    let sql = conn.in_dialect(
        "SELECT m.tbl_name AS name, CAST(SUM(s.pgsize) AS BIGINT) AS bytes
         FROM dbstat s JOIN sqlite_master m ON m.name = s.name WHERE s.aggregate = 1
         GROUP BY m.tbl_name ORDER BY m.tbl_name",
        "SELECT CAST(relname AS TEXT) AS name, pg_total_relation_size(relid) AS bytes
         FROM pg_catalog.pg_statio_user_tables ORDER BY relname",
    );
    let rows = conn.all(sql, Vec::new()).await?;
    rows.iter().map(|row| Ok((row.text("name")?, row.int("bytes")?))).collect()
}
