//! Completeness: which readings are missing, meter by meter.
//!
//! Memory, and what a slow taker of the answer holds: one range of tenants, whose blocks stay compressed, about a byte a
//! reading. Unpacked, at 16 bytes a reading, are those of at most [`MOST_CELLS`] tenants times days, on a thread where no
//! request waits behind them. No snapshot is held between two parts of the answer: each is read from one of its own, as
//! known at one acceptance number.

use std::collections::{BTreeMap, HashMap};

use domain::access::Permission;
use domain::branch::Branch;
use domain::history::{Archive, Cells, Coverage, Damaged, Series};
use domain::ids::{InfraId, InfraNo, RangeNo, Seq, TenantId, TenantNo};
use domain::time::{Day, Instant, Period};
use domain::usage::MeterKey;
use store::Conn;
use store::completeness::{Names, Switch};
use store::history::Scope;
use store::report_input::Outlook;

use crate::access::{Deleted, Depth};
use crate::history::apart;
use crate::{App, Caller, Error, Result};

/// The longest period, in days.
const MOST_DAYS: u32 = 400;
/// How many tenants, times days, are unpacked at a time: with five meters a tenant some 20 MB.
const MOST_CELLS: usize = 1 << 18;

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
    /// When something of it came in last, whatever day it was for; `None` of a tenant that the subject sees no more.
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
    lists_never_heard: bool,
    outlook: Outlook,
    names: Names,
    /// Still to be read.
    ranges: std::vec::IntoIter<RangeNo>,
    /// The one that is being read.
    range: Option<Range>,
    totals: Totals,
}

/// Begins. The rights are those to read a report that shows the inside of the subject. A tenant counts on the days on
/// which the subject sees it, as in the history ([`crate::cells::file()`]).
pub async fn survey(app: &App, caller: &Caller, subject: TenantId, asked: &Asked) -> Result<Survey> {
    let mut conn = app.read().await?;
    let (permission, depth) = (Permission::ReportReader, Depth::Inside);
    let granted = app.allow_at(&mut conn, caller, permission, subject, depth, Deleted::Hidden).await?;
    let today = app.clock.now().day();
    let last_closed = store::history::days(&mut conn).await?.map_or(today, |days| days.frozen).previous();
    let period = period(asked, last_closed)?;
    let as_of = store::history::newest(&mut conn).await?;
    let since = period.start.previous();
    let outlook = Outlook { subject: granted.tenant().no, below_too: true, since, as_of };
    Ok(Survey {
        app: app.clone(),
        subject: granted.tenant().id,
        period,
        lists_never_heard: asked.never_heard,
        outlook,
        names: Names::load(&mut conn).await?,
        ranges: outlook.ranges(&mut conn).await?.into_iter(),
        range: None,
        totals: Totals::default(),
    })
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

impl Survey {
    /// The next meters with something missing, by tenant number, which may be none, and what follows them; `None` after
    /// the last.
    pub async fn next(mut self) -> Result<(Option<Vec<Meter>>, Self)> {
        apart(async move {
            let meters = self.read().await?;
            Ok((meters, self))
        })
        .await
    }

    async fn read(&mut self) -> Result<Option<Vec<Meter>>> {
        let mut conn = self.app.read().await?;
        let mut range = match self.range.take() {
            Some(range) => range,
            None => match self.ranges.next() {
                Some(no) => self.load(&mut conn, no).await?,
                None => return Ok(None),
            },
        };
        let most = (MOST_CELLS / self.period.days().count().max(1)).max(1);
        let tenants: Vec<Seen> = range.waiting.by_ref().take(most).collect();
        let (Some(first), Some(last)) = (tenants.first(), tenants.last()) else {
            return Ok(Some(Vec::new()));
        };
        let numbers = first.no..=last.no;
        let switches = store::completeness::switches(&mut conn, &numbers, &self.names, self.as_of()).await?;
        // A damaged block is named in the log; what it held is not guessed.
        let found = range.meters(&tenants, &switches).map_err(Error::internal)?;
        self.range = Some(range).filter(|range| !range.waiting.as_slice().is_empty());
        let missing: Vec<Found> = found.into_iter().filter(|found| self.count(found)).collect();
        let keys: Vec<MeterKey> = missing.iter().map(|found| found.key).collect();
        let heard = store::completeness::last_heard(&mut conn, &keys).await?;
        let mut infras: Vec<InfraNo> = keys.iter().map(|key| key.infra).collect();
        infras.sort_unstable();
        infras.dedup();
        let infras = store::usage::infra_ids(&mut conn, &infras).await?;
        Ok(Some(missing.into_iter().filter_map(|found| self.meter(found, &heard, &infras)).collect()))
    }

    async fn load(&self, conn: &mut Conn, no: RangeNo) -> Result<Range> {
        let branch = self.outlook.branch(conn, no, &self.names.items).await?;
        let seen = seen(&branch, no, self.period);
        let scope = Scope::of(seen.iter().map(|tenant| tenant.no));
        let (first, last) = (self.period.start, self.period.last());
        let archive = store::history::load(conn, &scope, first, last, self.as_of()).await?;
        Ok(Range { no, waiting: seen.into_iter(), archive })
    }

    /// What came after this number is not known.
    pub const fn as_of(&self) -> Seq {
        self.outlook.as_of
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
        let Found { tenant, is_seen_still, key, first_heard, last_day, coverage } = found;
        Some(Meter {
            tenant,
            offering_item: &self.names.items.item(key.item)?.name,
            infra: infras.get(&key.infra).copied(),
            first_heard,
            last_day,
            // What became of a tenant after it had left, or been closed, is not the subject's to see.
            last_heard: heard.get(&key).copied().filter(|_| is_seen_still),
            silent: coverage.is_silent(),
            gaps: coverage.gaps,
        })
    }
}

/// A tenant that the subject sees on some day of the period.
struct Seen {
    no: TenantNo,
    id: TenantId,
    /// Those days.
    days: Vec<Period>,
    /// Whether it sees it now.
    is_seen_still: bool,
}

/// Those of a range, by number.
fn seen(branch: &Branch, range: RangeNo, period: Period) -> Vec<Seen> {
    let of_range = branch.nodes.iter().filter(|(no, _)| no.range() == range);
    let seen = of_range.map(|(no, node)| {
        let sees = branch.sees(*no);
        Seen { no: *no, id: node.id, days: sees.runs(period), is_seen_still: *sees.latest() }
    });
    seen.filter(|tenant| !tenant.days.is_empty()).collect()
}

/// A range of tenants that is being read.
struct Range {
    no: RangeNo,
    /// Those whose meters are still to be read.
    waiting: std::vec::IntoIter<Seen>,
    archive: Archive,
}

/// A meter that counts.
struct Found {
    tenant: TenantId,
    is_seen_still: bool,
    key: MeterKey,
    first_heard: Option<Day>,
    last_day: Option<Day>,
    coverage: Coverage,
}

impl Range {
    /// The meters of these tenants, sorted, whose item was on on some day that counts; in order.
    fn meters(
        &self,
        tenants: &[Seen],
        switches: &HashMap<MeterKey, Switch>,
    ) -> std::result::Result<Vec<Found>, Damaged> {
        let tenant = |key: &MeterKey| {
            let at = tenants.binary_search_by_key(&key.tenant, |tenant| tenant.no).ok()?;
            tenants.get(at)
        };
        let mut series: BTreeMap<MeterKey, Series> = BTreeMap::new();
        series.extend(self.archive.series(self.no, |key| tenant(key).is_some())?);
        for key in switches.keys() {
            series.entry(*key).or_default();
        }
        let found = series.into_iter().filter_map(|(key, series)| {
            // Items that are off again keep their rows: what has none was never on.
            let (tenant, switch) = (tenant(&key)?, switches.get(&key)?);
            let series = series.up_to(tenant.days.last()?.last());
            // Readings of days before an item was first on may come late, but are not expected.
            let since = if series.is_empty() { switch.since } else { Day::FOREVER_AGO };
            let coverage = Coverage::of(&series, &from(&tenant.days, since), &switch.on)?;
            let first = series.readings().first().map(|(day, _)| *day);
            Some(Found {
                tenant: tenant.id,
                is_seen_still: tenant.is_seen_still,
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
