//! The ledger's rows.

use domain::history::Batch;
use domain::ids::{RangeNo, Seq};
use domain::time::Day;

use crate::{Conn, Result, Row, Write, args};

/// The most entries that are packed into one block.
const MAX_ENTRIES: i64 = 500_000;

/// Writes batches of this transaction. An entry for a day before `frozen` leaves its block pending.
pub async fn append(tx: &mut Write, batches: &[Batch], frozen: Day) -> Result<()> {
    let mut rows = Vec::with_capacity(batches.len());
    for batch in batches {
        let Some((row, _)) = row(batch, 0) else { continue };
        let pending = batch.days().is_some_and(|(first, _)| first < frozen);
        rows.push([row, args![pending]].concat());
    }
    tx.insert_many(
        "INSERT INTO ledger (range_no, first_seq, last_seq, first_day, last_day, level, entries, bytes, pending)",
        "",
        rows,
    )
    .await
}

fn row(batch: &Batch, level: i64) -> Option<(Vec<crate::Arg>, Seq)> {
    let ((first_seq, last_seq), (first_day, last_day)) = batch.numbers().zip(batch.days())?;
    let entries = i64::try_from(batch.entries.len()).unwrap_or(i64::MAX);
    let row = args![batch.range, first_seq, last_seq, first_day, last_day, level, entries, batch.encode()];
    Some((row, last_seq))
}

/// The batch of a row with its columns range_no, first_day, last_day and bytes.
pub(super) fn batch(row: &Row) -> Result<Batch> {
    let range = RangeNo(row.int("range_no")?);
    Ok(Batch::decode(&row.blob("bytes")?, range, row.day("first_day")?, row.day("last_day")?)?)
}

/// Blocks that become one.
#[derive(Debug)]
pub struct PackedUp {
    rows: Vec<i64>,
    level: i64,
    batch: Batch,
}

/// A range with several blocks that could be one: of days that are over, or of months that are.
pub async fn unpacked_range(conn: &mut Conn) -> Result<Option<RangeNo>> {
    let Some(days) = super::days(conn).await? else { return Ok(None) };
    let row = conn
        .one(
            "SELECT range_no FROM ledger WHERE pending = 0 AND
               (level = 0 AND last_day < $1 OR level <= 1 AND last_day < $2)
             GROUP BY range_no, CASE WHEN last_day < $2 THEN 2 ELSE 1 END
             HAVING COUNT(*) > 1 AND MIN(entries) < $3 / 2 LIMIT 1",
            args![days.frozen, days.frozen.first_of_month(), MAX_ENTRIES],
        )
        .await?;
    row.map(|row| row.int("range_no").map(RangeNo)).transpose()
}

/// Packs the oldest of a range's blocks that may be packed, outside of any transaction that writes.
pub async fn pack(conn: &mut Conn, range: RangeNo) -> Result<Option<PackedUp>> {
    let Some(days) = super::days(conn).await? else { return Ok(None) };
    let month = days.frozen.first_of_month();
    for (level, before) in [(2, month), (1, days.frozen)] {
        let rows = conn
            .all(
                "SELECT no, range_no, first_day, last_day, entries FROM ledger
                 WHERE range_no = $1 AND pending = 0 AND level < $2 AND last_day < $3 ORDER BY first_seq, no",
                args![range, level, before],
            )
            .await?;
        let (mut numbers, mut entries) = (Vec::new(), 0);
        for row in &rows {
            entries += row.int("entries")?;
            if !numbers.is_empty() && entries > MAX_ENTRIES {
                break;
            }
            numbers.push(row.int("no")?);
        }
        if numbers.len() > 1 {
            let mut batches = Vec::with_capacity(numbers.len());
            for no in &numbers {
                let row = conn
                    .one("SELECT range_no, first_day, last_day, bytes FROM ledger WHERE no = $1", args![*no])
                    .await?;
                batches.extend(row.as_ref().map(batch).transpose()?);
            }
            return Ok(Some(PackedUp { rows: numbers, level, batch: Batch::merge(range, batches) }));
        }
    }
    Ok(None)
}

/// Puts the packed block in the place of those it holds; `false` where one of them is not there any more.
pub async fn insert_packed(tx: &mut Write, packed: &PackedUp) -> Result<bool> {
    for no in &packed.rows {
        if tx.run("DELETE FROM ledger WHERE no = $1 AND pending = 0", args![*no]).await? != 1 {
            return Ok(false);
        }
    }
    let Some((row, _)) = row(&packed.batch, packed.level) else { return Ok(true) };
    tx.insert_many(
        "INSERT INTO ledger (range_no, first_seq, last_seq, first_day, last_day, level, entries, bytes, pending)",
        "",
        vec![[row, args![false]].concat()],
    )
    .await?;
    Ok(true)
}
