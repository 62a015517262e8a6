//! The history as a file, handed over as it is written.
//!
//! Memory: one range of tenants at a time, whose blocks stay compressed, about a byte a reading; unpacked, at 16 bytes a
//! reading, are those of at most [`MOST_CELLS`] tenants times days. No snapshot is held while the file waits for whoever
//! takes it: each range is read from one of its own, as known at one acceptance number.

use std::collections::HashMap;
use std::io::{self, Write};

use domain::billing::LONGEST_BILLING_PERIOD;
use domain::branch::Branch;
use domain::catalogue::Item;
use domain::history::{Archive, Cell, Series};
use domain::ids::{ItemNo, RangeNo, TenantId, TenantNo};
use domain::time::Day;
use domain::timeline::Timeline;
use domain::usage::MeterKey;
use render::cells::{File, Form, Heading, Line};
use store::history::Scope;
use tokio::runtime::Handle;

use super::{Asked, View};
use crate::reports::Flow;
use crate::{App, Caller, Error, Result};

/// How many tenants, times the days that are read, are unpacked at a time.
const MOST_CELLS: usize = 1 << 18;

/// Begins the file: a line for each meter and day of the tenant and those below it that the caller may see, on days on
/// which the meter had ever been heard. By tenant number, meter and day. A tenant has no lines for days it was elsewhere.
pub async fn file(app: &App, caller: &Caller, tenant: TenantId, asked: &Asked, form: Form) -> Result<Flow> {
    let mut conn = app.read().await?;
    let view = View::of(app, &mut conn, caller, tenant, asked).await?;
    let ranges = view.outlook.ranges(&mut conn).await?;
    drop(conn);
    let (app, runtime) = (app.clone(), Handle::current());
    Ok(Flow::of(move |out| {
        let heading = Heading { tenant_id: view.tenant, period: view.period, as_of: view.outlook.as_of };
        let mut file = File::begin(form, &heading, out)?;
        for range in ranges {
            let part = runtime.block_on(Part::load(&app, &view, range)).map_err(io::Error::other)?;
            part.write(&view, &mut file)?;
        }
        file.end()
    }))
}

/// What the file says of one range.
struct Part {
    range: RangeNo,
    branch: Branch,
    /// Those with days to show.
    seen: Vec<(TenantNo, Timeline<bool>)>,
    archive: Archive,
}

impl Part {
    async fn load(app: &App, view: &View, range: RangeNo) -> Result<Self> {
        let mut conn = app.read().await?;
        let branch = view.outlook.branch(&mut conn, range, &view.numbers).await?;
        let (first, last) = (view.period.start, view.period.last());
        let of_range = branch.nodes.keys().filter(|no| no.range() == range);
        let seen = of_range.map(|no| (*no, branch.sees(*no)));
        let seen: Vec<_> = seen.filter(|(_, seen)| seen.any(first, last, |seen| *seen)).collect();
        let scope = Scope::of(seen.iter().map(|(no, _)| *no));
        let archive =
            store::history::load(&mut conn, &scope, view.earliest(), last, view.outlook.as_of).await?;
        Ok(Self { range, branch, seen, archive })
    }

    fn write(&self, view: &View, file: &mut File<&mut dyn Write>) -> io::Result<()> {
        let days = usize::try_from(self.archive.last.0.abs_diff(self.archive.first.0)).unwrap_or(0) + 1;
        for run in self.seen.chunks((MOST_CELLS / days).max(1)) {
            let run: HashMap<TenantNo, &Timeline<bool>> = run.iter().map(|(no, seen)| (*no, seen)).collect();
            let wanted = |key: &MeterKey| view.wants(key) && run.contains_key(&key.tenant);
            let series = self.archive.series(self.range, wanted).map_err(|damaged| {
                // It is named in the log; what it held is not guessed.
                io::Error::other(Error::internal(damaged))
            })?;
            for (key, series) in &series {
                if let Some(seen) = run.get(&key.tenant) {
                    self.meter(view, key, series, seen, file)?;
                }
            }
        }
        Ok(())
    }

    fn meter(
        &self,
        view: &View,
        key: &MeterKey,
        series: &Series,
        seen: &Timeline<bool>,
        file: &mut File<&mut dyn Write>,
    ) -> io::Result<()> {
        let (Some(item), Some(node)) = (view.numbers.item(key.item), self.branch.nodes.get(&key.tenant))
        else {
            return Ok(());
        };
        for date in view.period.days().filter(|day| *seen.at(*day)) {
            let cell = series.cell(date);
            let state = match cell {
                Cell::Reported(_) => "reported",
                Cell::Carried(_) => "carried",
                Cell::NeverHeard => continue,
            };
            let level = cell.level();
            // Below 0 only where a period was set to begin at a day with a higher level.
            let since_begin =
                || level.saturating_sub(series.level(self.branch.before_billing(key, date))).max(0);
            file.line(&Line {
                tenant_id: node.id,
                tenant_name: node.name.at(date),
                offering_item: &item.name,
                infra_id: view.storages.get(&key.infra).copied(),
                date,
                value: if item.is_range() { since_begin() } else { level },
                level,
                state,
            })?;
        }
        Ok(())
    }
}

impl View {
    /// The first day whose level is needed: accumulating items are counted from the begin of their billing period.
    fn earliest(&self) -> Day {
        let first = self.period.start;
        let accumulates = |item: &ItemNo| self.numbers.item(*item).is_some_and(Item::is_range);
        let is_needed = self.items.as_ref().is_none_or(|items| items.iter().any(accumulates));
        if is_needed { first.plus(-LONGEST_BILLING_PERIOD).previous() } else { first }
    }
}
