//! The rows of meters: what each says now, and said before.

use std::collections::HashMap;

use domain::history::{Reported, Series};
use domain::time::Day;
use domain::usage::MeterKey;

use crate::usage::{key_args, meter_key, wanted};
use crate::{Conn, Result, Row, Write, args};

/// What a meter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meter {
    /// Its level, accumulated since the item was switched on.
    pub level: i64,
    /// The last day it was heard on.
    pub heard_on: Day,
    /// Its last reading of an earlier day; `None` where there was none, or it is not known any more.
    pub before: Option<Reported>,
}

impl Meter {
    pub(super) fn from_row(row: &Row) -> Result<Self> {
        let before = row.opt_day("before_on")?.zip(row.opt_int("before_level")?);
        Ok(Self {
            level: row.int("level")?,
            heard_on: row.day("heard_on")?,
            before: before.map(|(day, level)| Reported { day, level }),
        })
    }

    /// Its readings, oldest first.
    pub fn series(&self) -> Series {
        let mut series = Series::with_capacity(2);
        if let Some(before) = self.before {
            series.push(before.day, before.level);
        }
        series.push(self.heard_on, self.level);
        series
    }

    /// What a meter with these readings says; `None` without any.
    pub fn of_series(series: &Series) -> Option<Self> {
        let (last, earlier) = series.readings().split_last()?;
        let before = earlier.last().map(|(day, level)| Reported { day: *day, level: *level });
        Some(Self { level: last.1, heard_on: last.0, before })
    }
}

/// Counts this transaction among those that write meters; gives its number. Nobody else has written one where it is the
/// one behind the last number seen.
pub async fn count_batch(tx: &mut Write) -> Result<i64> {
    let row = tx.one("UPDATE acceptance SET batches = batches + 1 RETURNING batches", Vec::new()).await?;
    row.map_or(Ok(0), |row| row.int("batches"))
}

/// What these meters say; those never heard are left out.
pub async fn meters(conn: &mut Conn, keys: &[MeterKey]) -> Result<HashMap<MeterKey, Meter>> {
    let select = "SELECT m.tenant_no, m.item_no, m.infra_no, m.level, m.heard_on, m.before_on, m.before_level
        FROM wanted w CROSS JOIN meters m
        WHERE m.tenant_no = w.tenant_no AND m.item_no = w.item_no AND m.infra_no = w.infra_no";
    let mut found = HashMap::with_capacity(keys.len());
    wanted(conn, "", select, keys.iter().map(key_args).collect(), |row| {
        found.insert(meter_key(row)?, Meter::from_row(row)?);
        Ok(())
    })
    .await?;
    Ok(found)
}

/// Sets meters to what they say now, heard at this moment.
pub async fn set_meters(tx: &mut Write, meters: &[(MeterKey, Meter)]) -> Result<()> {
    let now = tx.now();
    let row = |(key, meter): &(MeterKey, Meter)| {
        let mut row = key_args(key);
        let before = meter.before;
        row.extend(args![meter.level, meter.heard_on, now]);
        row.extend(args![before.map(|before| before.level), before.map(|before| before.day)]);
        row
    };
    tx.insert_many(
        "INSERT INTO meters (tenant_no, item_no, infra_no, level, heard_on, heard_at, before_level, before_on)",
        "ON CONFLICT (tenant_no, item_no, infra_no) DO UPDATE SET level = excluded.level,
         heard_on = excluded.heard_on, heard_at = excluded.heard_at, before_level = excluded.before_level,
         before_on = excluded.before_on",
        meters.iter().map(row).collect(),
    )
    .await
}

/// Removes meters whose every reading was taken back.
pub async fn remove_meters(tx: &mut Write, keys: &[MeterKey]) -> Result<()> {
    for key in keys {
        tx.run("DELETE FROM meters WHERE tenant_no = $1 AND item_no = $2 AND infra_no = $3", key_args(key))
            .await?;
    }
    Ok(())
}
