//! The acceptance number: where it stands, and when it went on.

use domain::ids::Seq;
use domain::time::{Day, Instant};

use crate::{Conn, Result, args, conn::corrupt};

/// What is known so far.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// The number of the newest accepted change.
    pub newest: Seq,
    /// The first day that is not closed; `None` before the first setup.
    pub open_day: Option<Day>,
}

/// How far the snapshot knows.
pub async fn standing(conn: &mut Conn) -> Result<Standing> {
    let sql = "SELECT a.seq, d.open_day FROM acceptance a LEFT JOIN day_close d ON d.one = a.one";
    let row = conn.one(sql, Vec::new()).await?;
    let row = row.ok_or_else(|| corrupt("seq", "no row".to_owned(), "an acceptance number"))?;
    Ok(Standing { newest: Seq(row.int("seq")?), open_day: row.opt_day("open_day")? })
}

/// When the first change or reading after this number was recorded: up to then nothing later was known. `None` where
/// nothing came after it.
pub async fn next_recorded_at(conn: &mut Conn, seq: Seq) -> Result<Option<Instant>> {
    let sql = "SELECT recorded_at FROM (
                 SELECT * FROM (SELECT seq, recorded_at FROM changes WHERE seq > $1 ORDER BY seq LIMIT 1) c
                 UNION ALL
                 SELECT * FROM (SELECT seq, recorded_at FROM ledger WHERE seq > $1 ORDER BY seq LIMIT 1) l) n
               ORDER BY seq LIMIT 1";
    conn.one(sql, args![seq]).await?.map(|row| row.instant("recorded_at")).transpose()
}
