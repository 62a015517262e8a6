//! Levels on some days, meter by meter.

use std::collections::HashSet;

use super::{Cells, Series};
use crate::ids::{InfraNo, ItemNo, RANGE_TENANTS, RangeNo, TenantNo};
use crate::time::Day;
use crate::usage::MeterKey;

/// What a report asks of a range.
pub struct Ask<'a> {
    /// The days whose levels are wanted, ascending, within the archive's window.
    pub days: &'a [Day],
    /// From which day to which it is asked whether a level was above zero.
    pub used: (Day, Day),
    /// The tenants whose whole series are wanted instead.
    pub whole: &'a HashSet<TenantNo>,
    /// The only tenants that matter, in order, where they are few; `None`: all.
    pub few: Option<&'a [TenantNo]>,
}

impl Ask<'_> {
    pub(super) fn wants(&self, tenant: TenantNo) -> bool {
        self.few.is_none_or(|few| few.binary_search(&tenant).is_ok())
    }
}

/// The meters of a range, each with its levels on the days asked for.
#[derive(Debug, Default)]
pub struct RangeLevels {
    /// The lowest tenant number.
    first: i64,
    /// How many days were asked for.
    width: usize,
    labels: Vec<(ItemNo, InfraNo)>,
    /// By tenant, then label.
    meters: Vec<Meter>,
    levels: Vec<i64>,
    /// Where the meters of each tenant number of the range begin, and behind the last.
    runs: Vec<u32>,
    /// The meters of the tenants whose whole series were wanted, in order.
    pub series: Vec<(MeterKey, Series)>,
}

/// What is known of a meter beside its levels.
#[derive(Debug, Clone, Copy)]
struct Meter {
    label: u32,
    used: bool,
    cells: Cells,
}

/// One meter of them.
#[derive(Debug, Clone, Copy)]
pub struct Levels<'a> {
    /// Which.
    pub key: MeterKey,
    /// The place of what it counts among [`RangeLevels::labels`].
    pub label: usize,
    /// Its levels, none below zero, one for each day asked for.
    pub levels: &'a [i64],
    /// Whether it was above zero on one of the days that were asked about.
    pub used: bool,
    /// Its cells on those days.
    pub cells: Cells,
}

/// What was read of a meter, beside its levels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) key: MeterKey,
    pub(super) used: bool,
    pub(super) cells: Cells,
}

impl RangeLevels {
    /// Takes the meters of a range, which are in order, with the levels of one after the other.
    pub(super) fn new(range: RangeNo, width: usize, found: &[Found], levels: Vec<i64>) -> Self {
        let mut packed = Self { first: range.first().0, width, levels, ..Self::default() };
        packed.meters.reserve(found.len());
        let mut places: Vec<((ItemNo, InfraNo), u32)> = Vec::new();
        for (at, Found { key, used, cells }) in (0..).zip(found) {
            let label = (key.item, key.infra);
            let place = places.binary_search_by_key(&label, |(known, _)| *known);
            let place = place.unwrap_or_else(|place| {
                places.insert(place, (label, u32::try_from(packed.labels.len()).unwrap_or(u32::MAX)));
                packed.labels.push(label);
                place
            });
            let label = places.get(place).map_or(u32::MAX, |(_, label)| *label);
            packed.meters.push(Meter { label, used: *used, cells: *cells });
            let tenant = usize::try_from(key.tenant.0 - packed.first).unwrap_or(0);
            packed.runs.resize(packed.runs.len().max(tenant + 1), at);
        }
        let behind = u32::try_from(found.len()).unwrap_or(u32::MAX);
        packed.runs.resize(usize::try_from(RANGE_TENANTS).unwrap_or(0) + 1, behind);
        packed
    }

    /// What the meters count, each once, in no order.
    pub fn labels(&self) -> &[(ItemNo, InfraNo)] {
        &self.labels
    }

    /// The meters in order.
    pub fn iter(&self) -> impl Iterator<Item = Levels<'_>> {
        (self.first..).take(self.runs.len()).flat_map(|tenant| self.of(TenantNo(tenant)))
    }

    /// The meters of one tenant.
    pub fn of(&self, tenant: TenantNo) -> impl Iterator<Item = Levels<'_>> {
        let at = usize::try_from(tenant.0 - self.first).ok().and_then(|at| self.runs.get(at..at + 2));
        let (from, behind) = match at {
            Some([from, behind]) => (*from as usize, *behind as usize),
            _ => (0, 0),
        };
        let meters = self.meters.get(from..behind).unwrap_or_default();
        meters.iter().zip(from..).filter_map(move |(meter, at)| {
            let label = meter.label as usize;
            let (item, infra) = *self.labels.get(label)?;
            let levels = self.levels.get(at * self.width..(at + 1) * self.width)?;
            let Meter { used, cells, .. } = *meter;
            Some(Levels { key: MeterKey { tenant, item, infra }, label, levels, used, cells })
        })
    }
}
