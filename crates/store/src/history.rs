//! The history of usage: closed days, and which day is open.
//!
//! A meter knows one day only, the last one it was heard on. Before a reading of a new day overwrites it, the days
//! before are closed: what the meters heard on them say is copied into the history and stays.

use domain::time::Day;

use crate::{Conn, Result, Write, args};

/// The first day that is not yet closed; `None` before the first setup.
pub async fn open_day(conn: &mut Conn) -> Result<Option<Day>> {
    let row = conn.one("SELECT open_day FROM day_close", Vec::new()).await?;
    row.map(|row| row.day("open_day")).transpose()
}

/// Moves the begin of a history that holds no reading back to `day`: a rehearsal may start before the first setup was
/// made. Once a reading is in, a closed day stays closed.
pub async fn begin_no_later_than(tx: &mut Write, day: Day) -> Result<()> {
    tx.run(
        "UPDATE day_close SET open_day = $1 WHERE open_day > $1 AND NOT EXISTS (SELECT 1 FROM meters)",
        args![day],
    )
    .await
    .map(|_| ())
}

/// Begins the history: days before `day` are closed and empty.
pub async fn begin(tx: &mut Write, day: Day) -> Result<()> {
    tx.run("INSERT INTO day_close (one, open_day) VALUES (1, $1)", args![day]).await.map(|_| ())
}

/// Closes every open day up to and with `day`; says whether there was one. Never goes back, and a second call changes
/// nothing. However many days are open, two statements do: a meter was heard last on one of them only.
pub async fn close_through(tx: &mut Write, day: Day) -> Result<bool> {
    let Some(open) = open_day(tx).await?.filter(|open| *open <= day) else { return Ok(false) };
    tx.run(
        "INSERT INTO history (tenant_no, item_no, infra_no, day, level)
         SELECT tenant_no, item_no, infra_no, heard_on, level FROM meters WHERE heard_on BETWEEN $1 AND $2",
        args![open, day],
    )
    .await?;
    tx.run("UPDATE day_close SET open_day = $1", args![day.next()]).await?;
    Ok(true)
}
