//! The readings of meters, out of the history.

use domain::history::Archive;
use domain::ids::RangeNo;

use super::{Wanted, below};
use crate::history::Scope;
use crate::{Conn, Result};

pub(super) const RANGES: &str =
    concat!(below!(), "SELECT DISTINCT b.no / 4096 AS range_no FROM below b ORDER BY range_no");

/// What the meters of the subject and of those that were below it said, with the rest of their ranges. Of any snapshot
/// that holds the acceptance number.
pub async fn load(conn: &mut Conn, wanted: &Wanted) -> Result<Archive> {
    let rows = conn.all(RANGES, wanted.scope()).await?;
    let ranges = rows.iter().map(|row| row.int("range_no").map(RangeNo)).collect::<Result<_>>()?;
    let (first, last) = (wanted.earliest(), wanted.period.last());
    crate::history::load(conn, &Scope::whole(ranges), first, last, wanted.as_of).await
}
