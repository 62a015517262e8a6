//! The levels of settled members, straight from the blocks.

use std::collections::HashSet;
use std::ops::Range;

use super::counters::Counters;
use super::fold::Source;
use super::members::Place;
use super::sums::Counter;
use crate::history::{Ask, Damaged, Levels, RangeLevels};
use crate::ids::{RangeNo, TenantNo};
use crate::threads::on_two_threads;

/// So many tenants are looked up among the others of their ranges; of more, whole ranges are taken. Tests take both ways.
const FEW: usize = if cfg!(test) { 3 } else { 500 };

/// The meters of all ranges that some members lie in, by range.
#[derive(Debug)]
pub(super) struct Meters(Vec<(RangeNo, OfRange)>);

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
        let mut tenants: Vec<TenantNo> = settled.map(|place| members.at(place).no).collect();
        tenants.sort_unstable();
        let mut ranges: Vec<RangeNo> = tenants.iter().map(|tenant| tenant.range()).collect();
        ranges.dedup();
        let few = Some(tenants.as_slice()).filter(|tenants| tenants.len() <= FEW);
        let used = (question.period.start, question.period.last());
        // Of a member that is not settled, whole series are read elsewhere.
        let ask = Ask { days: &question.days, used, whole: &HashSet::new(), few };
        let levels = on_two_threads(&ranges, |range| archive.levels(*range, &ask));
        let mut of_range = |levels: RangeLevels| {
            let labels = levels.labels().iter();
            let counters = labels.map(|(item, infra)| counters.find(*item, *infra, numbers)).collect();
            OfRange { levels, counters }
        };
        let ranges = ranges.into_iter().zip(levels).map(|(range, levels)| Ok((range, of_range(levels?))));
        ranges.collect::<Result<_, _>>().map(Self)
    }

    /// The meters of one member, each with its counter.
    #[inline]
    pub(super) fn each(&self, no: TenantNo, mut take: impl FnMut(Counter, Levels<'_>)) {
        let range = self.0.binary_search_by_key(&no.range(), |(range, _)| *range);
        let Some((_, of_range)) = range.ok().and_then(|at| self.0.get(at)) else { return };
        for meter in of_range.levels.of(no) {
            if let Some(counter) = of_range.counters.get(meter.label) {
                take(*counter, meter);
            }
        }
    }
}
