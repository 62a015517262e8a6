//! Completeness: which readings are missing, meter by meter.
//!
//! Everybody's days are known from the start; the meters are read some tenants at a time, each time from a snapshot of
//! its own and as known at one acceptance number. So memory does not grow with the channel, and a slow reader of the
//! answer holds no snapshot open.

use std::collections::{BTreeMap, HashMap};

use domain::access::Permission;
use domain::history::{Archive, Cells, Coverage, Damaged, Series};
use domain::ids::{InfraId, InfraNo, Seq, TenantId};
use domain::report::{Kind, Level, Present, present};
use domain::time::{Day, Instant, Period};
use domain::usage::MeterKey;
use store::completeness::{Names, Switch};
use store::history::Scope;
use store::report_input::Wanted;

use crate::access::{Deleted, Depth};
use crate::{App, Caller, Error, Result};

/// The longest period, in days.
const MOST_DAYS: u32 = 400;
/// How many tenants, times days, are read at a time: with five meters a tenant, 16 bytes a reading, some 40 MB.
const MOST_CELLS: usize = 1 << 19;

/// What is asked, checked for form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The first day; `None` for the 1st of the last one's month.
    pub from: Option<Day>,
    /// The last day; `None` for the last one that is closed.
    pub to: Option<Day>,
    /// Whether items that are on, and of whose meter nothing was ever heard, are listed.
    pub never_heard: bool,
}

/// A meter with something missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meter {
    /// Whose.
    pub tenant: TenantId,
    /// The item's name, with edition prefix.
    pub offering_item: &'static str,
    /// On which storage.
    pub infra: Option<InfraId>,
    /// The day of its first reading, where that is one of the tenant's days in the period.
    pub first_heard: Option<Day>,
    /// The day of its last reading, up to the tenant's last day in the period.
    pub last_day: Option<Day>,
    /// When something of it came in last, whatever day it was for; `None` of a tenant that has left since.
    pub last_heard: Option<Instant>,
    /// Whether nothing was heard on any day that counts.
    pub silent: bool,
    /// The days that count, have no reading, and come after the first one.
    pub gaps: Vec<Period>,
}

/// Of all meters, those without a fault too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Meters whose item was on on some day that counts.
    pub meters: u64,
    /// Of those: nothing was heard on any day that counts.
    pub silent: u64,
    /// Of those: nothing had ever been heard.
    pub never_heard: u64,
    /// Their cells on the days that count.
    pub cells: Cells,
}

/// The answer, in parts.
#[must_use = "the meters are still to be read"]
pub struct Survey {
    app: App,
    /// Whom it is about.
    pub subject: TenantId,
    /// The days it is about.
    pub period: Period,
    /// What came after this number is not known.
    pub as_of: Seq,
    lists_never_heard: bool,
    names: Names,
    /// Still to be read; those of one part lie in one range.
    parts: std::vec::IntoIter<Vec<Present>>,
    totals: Totals,
}

/// Begins. The rights are those to read a report that shows all below the subject; what such a report leaves out
/// (whoever stands below a tenant that hides its inside) is left out here, and so are days on which a tenant was not
/// below the subject.
pub async fn survey(app: &App, caller: &Caller, subject: TenantId, asked: &Asked) -> Result<Survey> {
    let mut conn = app.read().await?;
    let (permission, depth) = (Permission::ReportReader, Depth::Inside);
    let granted = app.allow_at(&mut conn, caller, permission, subject, depth, Deleted::Hidden).await?;
    let now = app.clock.now();
    let last_closed = store::history::days(&mut conn).await?.map_or(now.day(), |days| days.frozen).previous();
    let period = period(asked, last_closed)?;
    let as_of = store::history::newest(&mut conn).await?;
    let wanted = Wanted {
        subject: granted.tenant().no,
        period,
        kind: Kind::UsageSummary,
        level: Level::Accounts,
        hide_zero_usage: false,
        show_skus: false,
        leave_out_trial: false,
        as_known: now.day(),
        as_of,
    };
    let tenants = store::report_input::tenants(&mut conn, &wanted).await?;
    let names = Names::load(&mut conn).await?;
    drop(conn);
    let parts = tokio::task::spawn_blocking(move || {
        present(&tenants, wanted.subject, period, now.day()).map(|present| in_parts(present, period))
    });
    let parts = parts.await.map_err(Error::internal)?.unwrap_or_default().into_iter();
    let (app, subject, lists_never_heard) = (app.clone(), granted.tenant().id, asked.never_heard);
    Ok(Survey { app, subject, period, as_of, lists_never_heard, names, parts, totals: Totals::default() })
}

fn period(asked: &Asked, last_closed: Day) -> Result<Period> {
    let to = asked.to.unwrap_or(last_closed);
    if to > last_closed {
        return Err(Error::invalid("to", format!("is not closed yet; the last closed day is {last_closed}")));
    }
    let from = asked.from.unwrap_or_else(|| to.first_of_month());
    if from > to {
        return Err(Error::invalid("from", format!("lies after the end, {to}")));
    }
    if to.0.abs_diff(from.0) >= MOST_DAYS {
        return Err(Error::invalid("from", format!("at most {MOST_DAYS} days are answered at a time")));
    }
    Ok(Period::inclusive(from, to))
}

/// Cuts the tenants, which come by number, where a range ends and where they are many.
fn in_parts(present: Vec<Present>, period: Period) -> Vec<Vec<Present>> {
    let most = (MOST_CELLS / period.days().count().max(1)).max(1);
    let mut parts: Vec<Vec<Present>> = Vec::new();
    for tenant in present {
        let range = tenant.no.range();
        match parts.last_mut() {
            Some(part) if part.len() < most && part.last().is_some_and(|last| last.no.range() == range) => {
                part.push(tenant);
            }
            _ => parts.push(vec![tenant]),
        }
    }
    parts
}

impl Survey {
    /// The next meters with something missing, by tenant number, which may be none; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<Meter>>> {
        let Some(tenants) = self.parts.next() else { return Ok(None) };
        let (Some(first), Some(last)) = (tenants.first(), tenants.last()) else {
            return Ok(Some(Vec::new()));
        };
        let numbers = first.no..=last.no;
        let mut conn = self.app.read().await?;
        let scope = Scope::of(tenants.iter().map(|tenant| tenant.no));
        let (start, end) = (self.period.start, self.period.last());
        let archive = store::history::load(&mut conn, &scope, start, end, self.as_of).await?;
        let switches = store::completeness::switches(&mut conn, &numbers, &self.names, self.as_of).await?;
        let part = Part { tenants, archive, switches };
        let found = tokio::task::spawn_blocking(move || part.meters()).await.map_err(Error::internal)?;
        // A damaged block is named in the log; what it held is not guessed.
        let found = found.map_err(Error::internal)?;
        let missing: Vec<Found> = found.into_iter().filter(|found| self.count(found)).collect();
        let keys: Vec<MeterKey> = missing.iter().map(|found| found.key).collect();
        let heard = store::completeness::last_heard(&mut conn, &keys).await?;
        let mut infras: Vec<InfraNo> = keys.iter().map(|key| key.infra).collect();
        infras.sort_unstable();
        infras.dedup();
        let infras = store::usage::infra_ids(&mut conn, &infras).await?;
        Ok(Some(missing.into_iter().filter_map(|found| self.meter(found, &heard, &infras)).collect()))
    }

    /// Of all meters that were read so far.
    pub const fn totals(&self) -> Totals {
        self.totals
    }

    /// Counts a meter, unless this binary's catalogue does not know its item; gives whether it is listed.
    fn count(&mut self, found: &Found) -> bool {
        if self.names.items.item(found.key.item).is_none() {
            return false;
        }
        let (coverage, is_never_heard) = (&found.coverage, found.last_day.is_none());
        self.totals.meters += 1;
        self.totals.cells += coverage.cells;
        self.totals.silent += u64::from(coverage.is_silent());
        self.totals.never_heard += u64::from(is_never_heard);
        if is_never_heard {
            self.lists_never_heard
        } else {
            coverage.is_silent() || !coverage.gaps.is_empty()
        }
    }

    fn meter(
        &self,
        found: Found,
        heard: &HashMap<MeterKey, Instant>,
        infras: &HashMap<InfraNo, InfraId>,
    ) -> Option<Meter> {
        let Found { tenant, is_there, key, first_heard, last_day, coverage } = found;
        Some(Meter {
            tenant,
            offering_item: &self.names.items.item(key.item)?.name,
            infra: infras.get(&key.infra).copied(),
            first_heard,
            last_day,
            // What became of a tenant after it had left is not the subject's to see.
            last_heard: heard.get(&key).copied().filter(|_| is_there),
            silent: coverage.is_silent(),
            gaps: coverage.gaps,
        })
    }
}

/// Some tenants of a range, with what is known of their meters.
struct Part {
    tenants: Vec<Present>,
    archive: Archive,
    switches: HashMap<MeterKey, Switch>,
}

/// A meter that counts.
struct Found {
    tenant: TenantId,
    is_there: bool,
    key: MeterKey,
    first_heard: Option<Day>,
    last_day: Option<Day>,
    coverage: Coverage,
}

impl Part {
    /// The meters whose item was on on some day that counts, in order.
    fn meters(self) -> std::result::Result<Vec<Found>, Damaged> {
        let tenant = |key: &MeterKey| {
            let at = self.tenants.binary_search_by_key(&key.tenant, |tenant| tenant.no).ok()?;
            self.tenants.get(at)
        };
        let mut series: BTreeMap<MeterKey, Series> = BTreeMap::new();
        if let Some(first) = self.tenants.first() {
            series.extend(self.archive.series(first.no.range(), |key| tenant(key).is_some())?);
        }
        for key in self.switches.keys() {
            series.entry(*key).or_default();
        }
        let found = series.into_iter().filter_map(|(key, series)| {
            // Items that are off again keep their rows: what has none was never on.
            let (tenant, switch) = (tenant(&key)?, self.switches.get(&key)?);
            let series = series.up_to(tenant.days.last()?.last());
            // Readings of days before an item was first on may come late, but are not expected.
            let since = if series.is_empty() { switch.since } else { Day::FOREVER_AGO };
            let coverage = Coverage::of(&series, &from(&tenant.days, since), &switch.on)?;
            let first = series.readings().first().map(|(day, _)| *day);
            Some(Found {
                tenant: tenant.id,
                is_there: tenant.is_there,
                key,
                first_heard: first.filter(|day| tenant.days.iter().any(|run| run.contains(*day))),
                last_day: series.readings().last().map(|(day, _)| *day),
                coverage,
            })
        });
        Ok(found.collect())
    }
}

/// The days from this one on.
fn from(days: &[Period], first: Day) -> Vec<Period> {
    let cut = days.iter().map(|days| Period { start: days.start.max(first), end: days.end });
    cut.filter(|days| days.start < days.end).collect()
}
