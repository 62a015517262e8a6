//! The history of usage: closed days, and which day is open.

use domain::time::Day;

use crate::{Conn, Result, Write, args};

/// The first day that is not yet closed; `None` before the first setup.
pub async fn open_day(conn: &mut Conn) -> Result<Option<Day>> {
    let row = conn.one("SELECT open_day FROM day_close", Vec::new()).await?;
    row.map(|row| row.day("open_day")).transpose()
}

/// Begins the history: days before `day` are closed and empty.
pub async fn begin(tx: &mut Write, day: Day) -> Result<()> {
    tx.run("INSERT INTO day_close (one, open_day) VALUES (1, $1)", args![day]).await.map(|_| ())
}
