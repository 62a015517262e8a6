//! The levels of settled members, straight from the blocks.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use super::counters::Counters;
use super::fold::Source;
use super::members::Place;
use super::sums::Counter;
use crate::history::{Ask, Damaged, Levels, RangeLevels};
use crate::ids::{RangeNo, TenantNo};

/// Blocks are unpacked by so many threads.
const THREADS: usize = 2;
/// So many ranges are worth a thread.
const RANGES_PER_THREAD: usize = 4;

/// So many tenants are looked up among the others of their ranges; of more, whole ranges are taken. Tests take both ways.
const FEW: usize = if cfg!(test) { 3 } else { 500 };

/// The meters of all ranges that some members lie in.
#[derive(Debug)]
pub(super) struct Meters(BTreeMap<RangeNo, OfRange>);

#[derive(Debug)]
struct OfRange {
    levels: RangeLevels,
    /// By label.
    counters: Vec<Counter>,
}

impl Meters {
    /// Reads what the members at these places need.
    pub(super) fn read(
        source: Source<'_>,
        places: Range<Place>,
        counters: &mut Counters,
    ) -> Result<Self, Damaged> {
        let Source { archive, members, question, numbers, .. } = source;
        let settled = places.filter(|place| members.at(*place).settled.is_some());
        let mut tenants: Vec<TenantNo> = settled.map(|place| members.no(place)).collect();
        tenants.sort_unstable();
        let mut ranges: Vec<RangeNo> = tenants.iter().map(|tenant| tenant.range()).collect();
        ranges.dedup();
        let few = Some(tenants.as_slice()).filter(|tenants| tenants.len() <= FEW);
        let used = (question.period.start, question.period.last());
        // Of a member that is not settled, whole series are read elsewhere.
        let ask = Ask { days: &question.days, used, whole: &HashSet::new(), few };
        let unpack = |ranges: &[RangeNo]| -> Result<Vec<RangeLevels>, Damaged> {
            ranges.iter().map(|range| archive.levels(*range, &ask)).collect()
        };
        let threads = (ranges.len() / RANGES_PER_THREAD).clamp(1, THREADS);
        let (here, there) = ranges.split_at(ranges.len() / threads);
        let levels = if there.is_empty() {
            unpack(here)?
        } else {
            let (here, there) = std::thread::scope(|scope| {
                let there = scope.spawn(|| unpack(there));
                (unpack(here), there.join())
            });
            let mut levels = here?;
            levels.append(&mut there.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            levels
        };
        let of_range = |levels: RangeLevels| {
            let labels = levels.labels().iter();
            let counters = labels.map(|(item, infra)| counters.find(*item, *infra, numbers)).collect();
            OfRange { levels, counters }
        };
        Ok(Self(ranges.into_iter().zip(levels.into_iter().map(of_range)).collect()))
    }

    /// The meters of one member, each with its counter.
    pub(super) fn of(&self, no: TenantNo) -> impl Iterator<Item = (Counter, Levels<'_>)> {
        self.0.get(&no.range()).into_iter().flat_map(move |of_range| {
            let meters = of_range.levels.of(no);
            meters.filter_map(|meter| Some((*of_range.counters.get(meter.label)?, meter)))
        })
    }
}
