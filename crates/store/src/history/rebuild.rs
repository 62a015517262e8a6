//! The history made from the ledger alone, to prove that the segments say the same, or to write them anew.

use std::collections::{BTreeMap, BTreeSet};

use domain::history::{Entry, Heard, Segment, Series};
use domain::ids::{RangeNo, Seq};
use domain::time::Day;
use domain::usage::MeterKey;

use super::freeze::{insert_segment, live_ranges};
use super::load::{Scope, load};
use super::meters::Meter;
use super::{bounds, ledger};
use crate::usage::meter_key;
use crate::{Conn, Result, Write, args};

/// What the ledger says of one range.
#[derive(Debug, Default)]
pub struct Rebuilt {
    /// Every meter, all its days.
    pub series: BTreeMap<MeterKey, Series>,
    /// The days that entries are for.
    days: BTreeSet<Day>,
    /// How many entries it took.
    pub entries: usize,
}

/// The ledger and the segments disagree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "tenant number {}, item number {}, storage number {}, {when}: the ledger says {by_ledger}, {place} say {stored}",
    key.tenant, key.item, key.infra
)]
pub struct Difference {
    /// Of which meter.
    pub key: MeterKey,
    /// Of which days.
    pub when: String,
    /// What follows from the ledger.
    pub by_ledger: String,
    /// Which part is compared with it.
    pub place: &'static str,
    /// What is stored.
    pub stored: String,
}

/// Every range that has meters or blocks.
pub async fn all_ranges(conn: &mut Conn) -> Result<Vec<RangeNo>> {
    let mut ranges: BTreeSet<RangeNo> = live_ranges(conn).await?.into_iter().collect();
    for sql in ["SELECT DISTINCT range_no FROM segments", "SELECT DISTINCT range_no FROM ledger"] {
        for row in conn.all(sql, Vec::new()).await? {
            ranges.insert(RangeNo(row.int("range_no")?));
        }
    }
    Ok(ranges.into_iter().collect())
}

/// One step of the replay; of two with one number the entries come first.
enum Step {
    Entry(MeterKey, Entry),
    Heard(Heard),
}

/// Replays the ledger of a range from its first entry.
pub async fn rebuild(conn: &mut Conn, range: RangeNo) -> Result<Rebuilt> {
    let mut steps: Vec<(Seq, u8, Step)> = Vec::new();
    let blocks =
        "SELECT range_no, first_day, last_day, bytes FROM ledger WHERE range_no = $1 ORDER BY first_seq, no";
    conn.each(blocks, args![range], |row| {
        let batch = ledger::batch(row)?;
        let entries = batch.entries.iter();
        steps.extend(entries.map(|it| (batch.seq(it), 0, Step::Entry(it.key, it.entry))));
        Ok(())
    })
    .await?;
    let entries = steps.len();
    let heard = "SELECT day, seq, bytes FROM heard WHERE range_no = $1 ORDER BY day";
    conn.each(heard, args![range], |row| {
        let heard = Heard::decode(&row.blob("bytes")?, range, row.day("day")?)?;
        steps.push((Seq(row.int("seq")?), 1, Step::Heard(heard)));
        Ok(())
    })
    .await?;
    steps.sort_by_key(|(seq, order, _)| (*seq, *order));
    let (mut series, mut days) = (BTreeMap::<MeterKey, Series>::new(), BTreeSet::new());
    for (_, _, step) in steps {
        match step {
            Step::Entry(key, entry) => {
                days.insert(entry.day);
                series.entry(key).or_default().apply(Day(i32::MIN), Day(i32::MAX), &entry);
            }
            Step::Heard(heard) => mark(&mut series, &heard),
        }
    }
    series.retain(|_, series| !series.is_empty());
    Ok(Rebuilt { series, days, entries })
}

/// Marks a day as reported where a meter was heard on it without a change.
fn mark(series: &mut BTreeMap<MeterKey, Series>, heard: &Heard) {
    let known = series.values_mut().filter_map(|series| Some((series.last_reported(heard.day)?, series)));
    for ((last, series), mark) in known.zip(&heard.marks) {
        if *mark && last.day < heard.day {
            let again = Entry::new(heard.day, None, Some(last.level), Some(last));
            series.apply(Day(i32::MIN), Day(i32::MAX), &again);
        }
    }
}

/// Where the segments and the meters of a range say something else than the ledger.
pub async fn compare(conn: &mut Conn, range: RangeNo, rebuilt: &Rebuilt) -> Result<Vec<Difference>> {
    let Some(days) = super::days(conn).await? else { return Ok(Vec::new()) };
    let mut differences = Vec::new();
    let as_of = super::newest(conn).await?;
    let first = rebuilt.series.values().filter_map(|series| Some(series.readings().first()?.0)).min();
    let stored_first =
        conn.one("SELECT MIN(first_day) AS day FROM segments WHERE range_no = $1", args![range]).await?;
    let stored_first = stored_first.as_ref().map(|row| row.opt_day("day")).transpose()?.flatten();
    let mut month = first.into_iter().chain(stored_first).min();
    while let Some(start) = month.filter(|start| *start < days.frozen) {
        let last = start.month().last().min(days.frozen.previous());
        let archive = load(conn, &Scope::whole(vec![range]), start, last, as_of).await?;
        let stored: BTreeMap<MeterKey, Series> = archive.series(range, |_| true)?.into_iter().collect();
        let expected =
            rebuilt.series.iter().map(|(key, series)| (*key, series.clone().up_to(last).from(start)));
        let expected: BTreeMap<_, _> = expected.filter(|(_, series)| !series.is_empty()).collect();
        let when = || format!("{start} to {last}");
        differences.extend(differing(&expected, &stored, "the segments", when));
        month = Some(last.next());
    }
    differences.extend(compare_meters(conn, range, rebuilt, days.frozen).await?);
    Ok(differences)
}

/// The rows of the meters: the level, and since when it holds. Equal readings of days that are not frozen are in the
/// rows alone.
async fn compare_meters(
    conn: &mut Conn,
    range: RangeNo,
    rebuilt: &Rebuilt,
    frozen: Day,
) -> Result<Vec<Difference>> {
    let (first, behind) = bounds(range);
    let mut stored = BTreeMap::new();
    conn.each(
        "SELECT tenant_no, item_no, infra_no, level, heard_on, before_on, before_level FROM meters
         WHERE tenant_no >= $1 AND tenant_no < $2",
        args![first, behind],
        |row| {
            let meter = Meter::from_row(row)?;
            let mut last = Series::default();
            last.push(meter.heard_on.min(frozen), meter.level);
            stored.insert(meter_key(row)?, last);
            Ok(())
        },
    )
    .await?;
    let last = |series: &Series| {
        let mut last = Series::default();
        if let Some((day, level)) = series.readings().last() {
            last.push((*day).min(frozen), *level);
        }
        last
    };
    let mut expected: BTreeMap<MeterKey, Series> =
        rebuilt.series.iter().map(|(key, series)| (*key, last(series))).collect();
    for (key, series) in &mut expected {
        let same_level = |stored: &&Series| stored.level(frozen) == series.level(frozen);
        if let Some(stored) =
            stored.get(key).filter(same_level).filter(|stored| stored.reported_on(frozen).is_some())
        {
            *series = stored.clone();
        }
    }
    Ok(differing(&expected, &stored, "the meters", || "last reading".to_owned()).collect())
}

fn differing<'a>(
    expected: &'a BTreeMap<MeterKey, Series>,
    stored: &'a BTreeMap<MeterKey, Series>,
    place: &'static str,
    when: impl Fn() -> String + 'a,
) -> impl Iterator<Item = Difference> + 'a {
    let keys: BTreeSet<&MeterKey> = expected.keys().chain(stored.keys()).collect();
    keys.into_iter().filter(|key| expected.get(key) != stored.get(key)).map(move |key| Difference {
        key: *key,
        when: when(),
        by_ledger: told(expected.get(key)),
        place,
        stored: told(stored.get(key)),
    })
}

fn told(series: Option<&Series>) -> String {
    let readings = series.map(Series::readings).unwrap_or_default();
    if readings.is_empty() {
        return "nothing".to_owned();
    }
    let told: Vec<String> = readings.iter().map(|(day, level)| format!("{level} on {day}")).collect();
    told.join(", ")
}

/// Writes all segments of a range anew from what its ledger says: a month each, and the days of the month that is not
/// over.
pub async fn write(tx: &mut Write, range: RangeNo, rebuilt: &Rebuilt) -> Result<()> {
    let Some(days) = super::days(tx).await? else { return Ok(()) };
    let seq = super::newest(tx).await?;
    tx.run("DELETE FROM segments WHERE range_no = $1", args![range]).await?;
    let month = days.frozen.first_of_month();
    let reported = rebuilt.series.values().flat_map(|series| series.readings().iter().map(|(day, _)| *day));
    // Days whose every reading was taken back, too: what is known of them changed.
    let windows: BTreeSet<(Day, Day)> = reported
        .chain(rebuilt.days.iter().copied())
        .filter(|day| *day < days.frozen)
        .map(|day| if day < month { (day.month().start, day.month().last()) } else { (day, day) })
        .collect();
    for (first, last) in windows {
        let series =
            rebuilt.series.iter().map(|(key, series)| (*key, series.clone().up_to(last).from(first)));
        let series = series.filter(|(_, series)| !series.is_empty()).collect();
        let segment = Segment { range, first, last, series };
        let bytes = segment.encode();
        insert_segment(tx, &segment, bytes, seq).await?;
    }
    tx.run("UPDATE ledger SET pending = 0 WHERE range_no = $1", args![range]).await.map(|_| ())
}
