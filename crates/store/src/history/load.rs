//! Loading an archive: three statements, however many tenants it is about.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::history::{Archive, Live, Series, Shelf, Stored};
use domain::ids::{RangeNo, Seq, TenantNo};
use domain::time::Day;
use domain::usage::MeterKey;

use super::meters::Meter;
use super::{bounds, ledger};
use crate::usage::meter_key;
use crate::{Arg, Conn, Result, args, dialect};

/// The most tenants whose meters are asked for by name rather than by range.
const FEW: usize = 500;

/// Whose history is loaded.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// The ranges with the tenants.
    pub ranges: Vec<RangeNo>,
    /// The tenants, where they are few: of days that no segment holds yet, others are left out.
    pub few: Option<Vec<TenantNo>>,
}

impl Scope {
    /// The history of these tenants.
    pub fn of(tenants: impl IntoIterator<Item = TenantNo>) -> Self {
        let mut tenants: Vec<TenantNo> = tenants.into_iter().collect();
        tenants.sort_unstable();
        tenants.dedup();
        let mut ranges: Vec<RangeNo> = tenants.iter().map(|tenant| tenant.range()).collect();
        ranges.dedup();
        Self { ranges, few: (tenants.len() <= FEW).then_some(tenants) }
    }

    /// The history of whole ranges.
    pub fn whole(ranges: Vec<RangeNo>) -> Self {
        Self { ranges, few: None }
    }
}

/// The history from `first` to `last`, as known at `as_of`, of one snapshot.
pub async fn load(conn: &mut Conn, scope: &Scope, first: Day, last: Day, as_of: Seq) -> Result<Archive> {
    let mut shelves: BTreeMap<RangeNo, Shelf> = BTreeMap::new();
    for ranges in scope.ranges.chunks(dialect::MAX_LIST / 2) {
        segments(conn, ranges, first, last, &mut shelves).await?;
        entries(conn, ranges, last, as_of, &mut shelves).await?;
    }
    if let Some(days) = super::days(conn).await?.filter(|days| days.frozen <= last) {
        live(conn, scope, days.frozen, &mut shelves).await?;
    }
    Ok(Archive { first, last, as_of, shelves })
}

fn in_ranges(ranges: &[RangeNo], first: usize) -> (String, Vec<Arg>) {
    let list = dialect::placeholders(first, ranges.len());
    (format!("range_no IN ({list})"), ranges.iter().map(|range| Arg::from(*range)).collect())
}

/// The last segment that begins no later than `first`, and those after it that begin no later than `last`.
async fn segments(
    conn: &mut Conn,
    ranges: &[RangeNo],
    first: Day,
    last: Day,
    shelves: &mut BTreeMap<RangeNo, Shelf>,
) -> Result<()> {
    let (ranges, values) = in_ranges(ranges, 3);
    let sql = format!(
        "SELECT range_no, first_day, last_day, seq, bytes FROM segments s WHERE {ranges} AND first_day <= $2
         AND first_day >= COALESCE((SELECT MAX(p.first_day) FROM segments p
           WHERE p.range_no = s.range_no AND p.first_day <= $1), $1)
         ORDER BY range_no, first_day"
    );
    conn.each_of(sql, false, [args![first, last], values].concat(), |row| {
        let shelf = shelves.entry(RangeNo(row.int("range_no")?)).or_default();
        shelf.segments.push(Stored {
            first: row.day("first_day")?,
            last: row.day("last_day")?,
            seq: Seq(row.int("seq")?),
            block: row.blob("bytes")?,
        });
        Ok(())
    })
    .await
}

/// What the segments do not hold yet, and what came after `as_of`.
async fn entries(
    conn: &mut Conn,
    ranges: &[RangeNo],
    last: Day,
    as_of: Seq,
    shelves: &mut BTreeMap<RangeNo, Shelf>,
) -> Result<()> {
    let (ranges, values) = in_ranges(ranges, 3);
    // Two halves, so that each finds its index.
    let sql = format!(
        "SELECT no, range_no, first_day, last_day, bytes FROM ledger WHERE {ranges} AND pending = 1 AND first_day <= $1
         UNION ALL
         SELECT no, range_no, first_day, last_day, bytes FROM ledger
         WHERE {ranges} AND pending = 0 AND last_seq > $2 AND first_day <= $1"
    );
    conn.each_of(sql, false, [args![last, as_of], values].concat(), |row| {
        let batch = ledger::batch(row)?;
        let shelf = shelves.entry(batch.range).or_default();
        let entries = batch.entries.iter().filter(|recorded| recorded.entry.day <= last);
        shelf.entries.extend(entries.map(|recorded| (recorded.key, batch.seq(recorded), recorded.entry)));
        Ok(())
    })
    .await?;
    for shelf in shelves.values_mut() {
        // Stable: those of one meter in one transaction stay in the order of acceptance.
        shelf.entries.sort_by_key(|(key, seq, _)| (*key, *seq));
    }
    Ok(())
}

const METERS: &str =
    "SELECT tenant_no, item_no, infra_no, level, heard_on, before_on, before_level FROM meters WHERE ";

/// What the meters say of the days from `frozen` on.
async fn live(
    conn: &mut Conn,
    scope: &Scope,
    frozen: Day,
    shelves: &mut BTreeMap<RangeNo, Shelf>,
) -> Result<()> {
    let seq = super::newest(conn).await?;
    let mut found: BTreeMap<RangeNo, Vec<(MeterKey, Series)>> = BTreeMap::new();
    let mut take = |row: &crate::Row| {
        let key = meter_key(row)?;
        let series = Meter::from_row(row)?.series().from(frozen);
        found.entry(key.tenant.range()).or_default().push((key, series));
        Ok(())
    };
    if let Some(tenants) = scope.few.as_ref().filter(|tenants| !tenants.is_empty()) {
        let list = dialect::placeholders(1, tenants.len());
        let sql = format!("{METERS} tenant_no IN ({list}) ORDER BY tenant_no, item_no, infra_no");
        let values = tenants.iter().map(|tenant| Arg::from(*tenant)).collect();
        conn.each_of(sql, false, values, &mut take).await?;
    } else {
        for range in &scope.ranges {
            let (first, behind) = bounds(*range);
            let sql =
                format!("{METERS} tenant_no >= $1 AND tenant_no < $2 ORDER BY tenant_no, item_no, infra_no");
            conn.each_of(sql, false, args![first, behind], &mut take).await?;
        }
    }
    for range in &scope.ranges {
        let series = found.remove(range).unwrap_or_default();
        shelves.entry(*range).or_default().live = Some(Live { first: frozen, seq, series });
    }
    Ok(())
}

/// The level of each meter at the end of a day, as known now and as it is kept: below zero where a correction moved it
/// there. Meters never heard by then are left out.
pub async fn levels_at(conn: &mut Conn, wanted: &[(MeterKey, Day)]) -> Result<HashMap<MeterKey, i64>> {
    let mut by_day: BTreeMap<Day, HashSet<MeterKey>> = BTreeMap::new();
    for (key, day) in wanted {
        by_day.entry(*day).or_default().insert(*key);
    }
    let as_of = super::newest(conn).await?;
    let mut found = HashMap::new();
    for (day, keys) in by_day {
        let scope = Scope::of(keys.iter().map(|key| key.tenant));
        let archive = load(conn, &scope, day, day, as_of).await?;
        for range in &scope.ranges {
            let series = archive.series(*range, |key| keys.contains(key))?;
            let level = |(key, series): (MeterKey, Series)| Some((key, series.last_reported(day)?.level));
            found.extend(series.into_iter().filter_map(level));
        }
    }
    Ok(found)
}
