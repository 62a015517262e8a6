//! The readings of meters: closed days from the history, the open day from the meters, less what is not known yet.

use std::collections::{HashMap, HashSet};

use domain::history::{Archive, Series};
use domain::time::Day;

use super::{Wanted, below};
use crate::{Conn, Result, args};
use domain::usage::MeterKey;

/// The readings of one meter, by day.
type Readings = Vec<(Day, i64)>;

// From the last reading before the day $2, where there is one, so that the day itself can carry it; a run of the key.
const HISTORY: &str = concat!(
    below!(),
    "SELECT h.tenant_no, h.item_no, h.infra_no, h.day, h.level FROM below b CROSS JOIN meters m CROSS JOIN history h
     WHERE m.tenant_no = b.no AND h.tenant_no = m.tenant_no AND h.item_no = m.item_no AND h.infra_no = m.infra_no
       AND h.day < $3 AND h.day >= COALESCE((SELECT MAX(p.day) FROM history p WHERE p.tenant_no = m.tenant_no
         AND p.item_no = m.item_no AND p.infra_no = m.infra_no AND p.day < $2), $2)"
);

// Nothing of the open day stands in the history, and nothing of a closed day is wanted from the meters.
const OPEN_DAYS: &str = concat!(
    below!(),
    "SELECT m.tenant_no, m.item_no, m.infra_no, m.heard_on, m.level FROM below b CROSS JOIN meters m
     WHERE m.tenant_no = b.no AND m.heard_on < $3 AND m.heard_on >= (SELECT open_day FROM day_close)"
);

/// The meters of the subject and of those that were below it.
pub(super) async fn load(conn: &mut Conn, wanted: &Wanted) -> Result<Archive> {
    let mut meters: HashMap<MeterKey, Readings> = HashMap::new();
    let mut arguments = wanted.scope();
    arguments.extend(args![wanted.period.end]);
    conn.each(HISTORY, arguments.clone(), |row| {
        meters.entry(crate::usage::meter_key(row)?).or_default().push((row.day("day")?, row.int("level")?));
        Ok(())
    })
    .await?;
    conn.each(OPEN_DAYS, arguments, |row| {
        meters
            .entry(crate::usage::meter_key(row)?)
            .or_default()
            .push((row.day("heard_on")?, row.int("level")?));
        Ok(())
    })
    .await?;
    undo(conn, wanted, &mut meters).await?;
    let series = |(key, mut readings): (MeterKey, Readings)| {
        readings.sort_unstable_by_key(|(day, _)| *day);
        let mut series = Series::default();
        for (day, level) in readings {
            series.push(day, level);
        }
        (key, series)
    };
    let heard = meters.into_iter().filter(|(_, readings)| !readings.is_empty());
    Ok(Archive::of_series(wanted.earliest(), wanted.period.last(), heard.map(series).collect()))
}

/// Takes back the readings accepted after `as_of`. The first of a meter says what the meter said before: from its day
/// on nothing else is known. An equal reading leaves no trace in the ledger, so that a day heard but for such a one
/// alone stays reported; its level is the same.
async fn undo(conn: &mut Conn, wanted: &Wanted, meters: &mut HashMap<MeterKey, Readings>) -> Result<()> {
    let sql = "SELECT tenant_no, item_no, infra_no, day, old_level, old_heard_on FROM ledger
               WHERE seq > $1 AND day < $2 ORDER BY seq, ordinal";
    let mut undone = HashSet::new();
    conn.each(sql, args![wanted.as_of, wanted.period.end], |row| {
        let key = crate::usage::meter_key(row)?;
        let Some(readings) = meters.get_mut(&key).filter(|_| undone.insert(key)) else { return Ok(()) };
        let day = row.day("day")?;
        readings.retain(|(reported_on, _)| *reported_on < day);
        // What the history would have given before that day, too: it may have been overtaken by what is now undone.
        readings.extend(row.opt_day("old_heard_on")?.zip(row.opt_int("old_level")?));
        Ok(())
    })
    .await
}
