//! The levels of settled members, straight from the blocks.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use super::members::{Members, Place};
use super::question::Question;
use crate::history::{Archive, Ask, Damaged, Levels, RangeLevels};
use crate::ids::{RangeNo, TenantNo};

/// Blocks are unpacked by so many threads.
const THREADS: usize = 2;
/// So many ranges are worth a thread.
const RANGES_PER_THREAD: usize = 4;

/// The meters of all ranges that some members lie in.
#[derive(Debug, Default)]
pub(super) struct Meters(BTreeMap<RangeNo, RangeLevels>);

impl Meters {
    /// Reads what the members at these places need.
    pub(super) fn read(
        archive: &Archive,
        members: &Members,
        question: &Question,
        places: Range<Place>,
    ) -> Result<Self, Damaged> {
        let settled = places.filter(|place| members.at(*place).settled.is_some());
        let mut ranges: Vec<RangeNo> = settled.map(|place| members.no(place).range()).collect();
        ranges.dedup();
        ranges.sort_unstable();
        ranges.dedup();
        let used = (question.period.start, question.period.last());
        // Of a member that is not settled, whole series are read elsewhere.
        let ask = Ask { days: &question.days, used, whole: &HashSet::new() };
        let unpack = |ranges: &[RangeNo]| -> Result<Vec<(RangeNo, RangeLevels)>, Damaged> {
            ranges.iter().map(|range| Ok((*range, archive.levels(*range, &ask)?))).collect()
        };
        let threads = (ranges.len() / RANGES_PER_THREAD).clamp(1, THREADS);
        let (here, there) = ranges.split_at(ranges.len() / threads);
        if there.is_empty() {
            return Ok(Self(unpack(here)?.into_iter().collect()));
        }
        let (here, there) = std::thread::scope(|scope| {
            let there = scope.spawn(|| unpack(there));
            (unpack(here), there.join())
        });
        let there = there.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(Self(here?.into_iter().chain(there).collect()))
    }

    /// The meters of one member.
    pub(super) fn of(&self, no: TenantNo) -> impl Iterator<Item = Levels<'_>> {
        self.0.get(&no.range()).into_iter().flat_map(move |levels| levels.of(no))
    }
}
