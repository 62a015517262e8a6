//! What tables take on disk.

use crate::{Conn, Result};

/// The bytes of the pages of every table, those of its indexes among them, by name.
pub async fn by_table(conn: &mut Conn) -> Result<Vec<(String, i64)>> {
    let rows = conn
        .all(
            "SELECT m.tbl_name AS name, CAST(SUM(s.pgsize) AS BIGINT) AS bytes
             FROM dbstat s JOIN sqlite_master m ON m.name = s.name WHERE s.aggregate = 1
             GROUP BY m.tbl_name ORDER BY m.tbl_name",
            Vec::new(),
        )
        .await?;
    rows.iter().map(|row| Ok((row.text("name")?, row.int("bytes")?))).collect()
}
