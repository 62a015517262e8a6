//! Freezing: days that are over become segments.

use std::collections::{BTreeMap, BTreeSet};

use domain::history::{Heard, Segment, Series};
use domain::ids::{RangeNo, Seq};
use domain::time::Day;
use domain::usage::MeterKey;

use super::load::{Scope, load};
use super::meters::Meter;
use super::{Days, bounds};
use crate::usage::meter_key;
use crate::{Conn, Error, Result, Write, args};

/// The blocks of one range, ready to be written.
#[derive(Debug, Default)]
pub struct Frozen {
    segments: Vec<(Segment, Vec<u8>)>,
    heard: Vec<(Heard, Vec<u8>)>,
}

/// The ranges that have something to be frozen: meters, or entries for a day from `frozen` on.
pub async fn ranges_to_freeze(conn: &mut Conn, frozen: Day) -> Result<Vec<RangeNo>> {
    let mut ranges: BTreeSet<RangeNo> = live_ranges(conn).await?.into_iter().collect();
    for row in conn.all("SELECT DISTINCT range_no FROM ledger WHERE last_day >= $1", args![frozen]).await? {
        ranges.insert(RangeNo(row.int("range_no")?));
    }
    Ok(ranges.into_iter().collect())
}

/// The ranges with meters.
pub(super) async fn live_ranges(conn: &mut Conn) -> Result<Vec<RangeNo>> {
    // From range to range by the primary key, rather than over every meter.
    let rows = conn
        .all(
            "WITH RECURSIVE r (range_no) AS (
               SELECT MIN(tenant_no) / 4096 FROM meters
               UNION ALL
               SELECT (SELECT MIN(m.tenant_no) / 4096 FROM meters m WHERE m.tenant_no >= (r.range_no + 1) * 4096) FROM r
               WHERE r.range_no IS NOT NULL)
             SELECT range_no FROM r WHERE range_no IS NOT NULL",
            Vec::new(),
        )
        .await?;
    rows.iter().map(|row| row.int("range_no").map(RangeNo)).collect()
}

/// The meters of a range, each with its last readings before `days.open`, out of a snapshot.
async fn meters_of(conn: &mut Conn, range: RangeNo, days: Days) -> Result<Vec<(MeterKey, Series)>> {
    let (first, behind) = bounds(range);
    let (mut found, mut cut) = (Vec::new(), BTreeSet::new());
    conn.each(
        "SELECT tenant_no, item_no, infra_no, level, heard_on, before_on, before_level FROM meters
         WHERE tenant_no >= $1 AND tenant_no < $2 ORDER BY tenant_no, item_no, infra_no",
        args![first, behind],
        |row| {
            let meter = Meter::from_row(row)?;
            let series = meter.series().up_to(days.open.previous());
            let Some((day, _)) = series.readings().first() else { return Ok(()) };
            let key = meter_key(row)?;
            // Heard on the open day too, its row has lost what came before the day that is over.
            if days.frozen <= *day && days.open <= meter.heard_on {
                cut.insert(key);
            }
            found.push((key, series));
            Ok(())
        },
    )
    .await?;
    if !cut.is_empty() {
        let before = before(conn, range, days.frozen, &cut).await?;
        for (key, series) in &mut found {
            if let Some(before) = before.get(key) {
                let mut whole = before.clone();
                series.readings().iter().for_each(|(day, level)| whole.push(*day, *level));
                *series = whole;
            }
        }
    }
    Ok(found)
}

/// What these meters said last before the first day that is not frozen. Damage there is no reason to leave a day open:
/// what a segment then lacks, `verify` names.
async fn before(
    conn: &mut Conn,
    range: RangeNo,
    frozen: Day,
    keys: &BTreeSet<MeterKey>,
) -> Result<BTreeMap<MeterKey, Series>> {
    let (last, as_of) = (frozen.previous(), super::newest(conn).await?);
    let archive = match load(conn, &Scope::whole(vec![range]), last, last, as_of).await {
        Err(Error::Damaged(_)) => return Ok(BTreeMap::new()),
        loaded => loaded?,
    };
    let series = archive.series(range, |key| keys.contains(key)).unwrap_or_default();
    Ok(series.into_iter().map(|(key, series)| (key, series.from(frozen))).collect())
}

/// The days from `days.frozen` on that the ledger has entries for.
async fn touched_days(conn: &mut Conn, range: RangeNo, days: Days) -> Result<Vec<(Day, Day)>> {
    let rows = conn
        .all(
            "SELECT first_day, last_day FROM ledger WHERE last_day >= $1 AND range_no = $2",
            args![days.frozen, range],
        )
        .await?;
    rows.iter().map(|row| Ok((row.day("first_day")?, row.day("last_day")?))).collect()
}

/// Builds the segments of a range for the days that are over and not frozen, out of a snapshot.
pub async fn freeze(
    conn: &mut Conn,
    range: RangeNo,
    days: Days,
) -> Result<impl FnOnce() -> Frozen + Send + 'static> {
    let meters = meters_of(conn, range, days).await?;
    let touched = touched_days(conn, range, days).await?;
    Ok(move || {
        let mut frozen = Frozen::default();
        let mut wanted: Vec<Day> = meters
            .iter()
            .flat_map(|(_, series)| series.readings().iter().map(|(day, _)| *day))
            .chain(touched.iter().flat_map(|(first, last)| [*first, *last]))
            .filter(|day| (days.frozen..days.open).contains(day))
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        for day in wanted {
            let known = meters.iter().map(|(key, series)| (*key, series.clone().up_to(day).from(day)));
            let series: Vec<_> = known.filter(|(_, series)| !series.is_empty()).collect();
            let marks = series.iter().map(|(_, series)| series.reported_on(day).is_some()).collect();
            let (heard, segment) =
                (Heard { range, day, marks }, Segment { range, first: day, last: day, series });
            let blocks = (heard.encode(), segment.encode());
            frozen.heard.push((heard, blocks.0));
            frozen.segments.push((segment, blocks.1));
        }
        frozen
    })
}

/// Writes the segments and moves the border of what is frozen to `days.open`; `false` where somebody else has moved it.
pub async fn insert_frozen(tx: &mut Write, frozen: Vec<Frozen>, days: Days, seq: Seq) -> Result<bool> {
    let moved = tx
        .run("UPDATE day_close SET frozen_day = $2 WHERE frozen_day = $1", args![days.frozen, days.open])
        .await?;
    if moved == 0 {
        return Ok(false);
    }
    for range in frozen {
        for (segment, bytes) in range.segments {
            insert_segment(tx, segment.range, (segment.first, segment.last), bytes, seq).await?;
        }
        for (heard, bytes) in range.heard {
            tx.run(
                "INSERT INTO heard (range_no, day, seq, bytes) VALUES ($1, $2, $3, $4)",
                args![heard.range, heard.day, seq, bytes],
            )
            .await?;
        }
    }
    Ok(true)
}

pub(super) async fn insert_segment(
    tx: &mut Write,
    range: RangeNo,
    (first, last): (Day, Day),
    bytes: Vec<u8>,
    seq: Seq,
) -> Result<()> {
    tx.run(
        "INSERT INTO segments (range_no, first_day, last_day, seq, bytes) VALUES ($1, $2, $3, $4, $5)",
        args![range, first, last, seq, bytes],
    )
    .await
    .map(|_| ())
}
