//! The readings of meters, out of the history.

use domain::report::Cell;
use domain::time::Day;

use super::{Wanted, below};
use crate::catalogue::ItemNumbers;
use crate::history::Scope;
use crate::{Conn, Result};

const RANGES: &str =
    concat!(below!(), "SELECT DISTINCT b.no / 4096 AS range_no FROM below b ORDER BY range_no");

/// The meters of the ranges that hold the subject and those that were below it.
pub(super) async fn load(conn: &mut Conn, wanted: &Wanted, numbers: &ItemNumbers) -> Result<Vec<Cell>> {
    let rows = conn.all(RANGES, wanted.scope()).await?;
    let ranges =
        rows.iter().map(|row| row.int("range_no").map(domain::ids::RangeNo)).collect::<Result<_>>()?;
    let last: Day = wanted.period.last();
    let archive =
        crate::history::load(conn, &Scope::whole(ranges), wanted.earliest(), last, wanted.as_of).await?;
    let mut cells = Vec::new();
    for range in archive.shelves.keys() {
        for (key, series) in archive.series(*range, |_| true)? {
            let cell = |item| Cell { tenant: key.tenant, item, infra: key.infra, series };
            cells.extend(numbers.item(key.item).map(cell));
        }
    }
    Ok(cells)
}
