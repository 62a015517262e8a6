//! Levels on some days, meter by meter.

use std::collections::HashSet;
use std::ops::Range;

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
    labels: Vec<(ItemNo, InfraNo)>,
    /// By tenant, then what they count.
    meters: Meters,
    /// Where the meters of each tenant number of the range begin, and behind the last.
    runs: Vec<u32>,
    /// The meters of the tenants whose whole series were wanted, in order.
    pub series: Vec<(MeterKey, Series)>,
}

/// What is known of some meters.
///
/// The levels of a meter stand with the rest, because tenants are looked up in the order of the tree, not of their numbers,
/// and each of them from memory far away.
#[derive(Debug, Default)]
pub(super) struct Meters {
    /// How many days were asked for.
    width: usize,
    words: Vec<i64>,
}

/// What is known of a meter beside its levels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meter {
    /// The tenant, counted from the first of the range.
    pub(super) tenant: u16,
    /// The place of what it counts among the labels.
    pub(super) label: u32,
    /// Whether it was above zero on one of the days that were asked about.
    pub(super) used: bool,
    /// Its cells on those days.
    pub(super) cells: Cells,
}

/// How many words hold what is known of a meter beside its levels.
const WORDS: usize = 2;
const USED: u64 = 1 << 32;
const TENANT_SHIFT: u32 = 48;

impl Meter {
    /// Tenant, mark of use and label; and the cells, below them those that were carried: nobody asks for 2^32 days.
    #[inline]
    fn words(&self) -> [i64; WORDS] {
        let used = if self.used { USED } else { 0 };
        let Cells { all, carried } = self.cells;
        let words =
            [u64::from(self.tenant) << TENANT_SHIFT | used | u64::from(self.label), all << 32 | carried];
        words.map(u64::cast_signed)
    }

    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "each part is what is left of a word when the others are cut off"
    )]
    fn from_words(words: [i64; WORDS]) -> Self {
        let [meter, cells] = words.map(i64::cast_unsigned);
        Self {
            tenant: (meter >> TENANT_SHIFT) as u16,
            label: meter as u32,
            used: meter & USED != 0,
            cells: Cells { all: cells >> 32, carried: u64::from(cells as u32) },
        }
    }
}

impl Meters {
    pub(super) fn new(width: usize) -> Self {
        Self { width, words: Vec::new() }
    }

    pub(super) fn reserve(&mut self, meters: usize) {
        self.words.reserve(meters * (WORDS + self.width));
    }

    pub(super) fn len(&self) -> usize {
        self.words.len() / (WORDS + self.width)
    }

    #[inline]
    fn places(&self, meters: Range<usize>) -> Range<usize> {
        let size = WORDS + self.width;
        meters.start * size..meters.end * size
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<Meter> {
        let words = self.words.get(self.places(at..at + 1))?;
        words.first_chunk().copied().map(Meter::from_words)
    }

    /// Adds a meter, and levels of zero.
    #[inline]
    pub(super) fn push(&mut self, meter: Meter) {
        self.words.extend(meter.words());
        self.words.resize(self.words.len() + self.width, 0);
    }

    /// Replaces what is known of a meter; gives its levels.
    #[inline]
    pub(super) fn update(&mut self, at: usize, update: impl FnOnce(&mut Meter, &mut [i64])) {
        let places = self.places(at..at + 1);
        if let Some((words, levels)) = self.words.get_mut(places).and_then(<[i64]>::split_first_chunk_mut) {
            let mut meter = Meter::from_words(*words);
            update(&mut meter, levels);
            *words = meter.words();
        }
    }

    /// Some of them, each with its levels.
    #[inline]
    fn some(&self, meters: Range<usize>) -> impl Iterator<Item = (Meter, &[i64])> {
        let words = self.words.get(self.places(meters)).unwrap_or_default();
        words.chunks_exact(WORDS + self.width).filter_map(|meter| {
            let (words, levels) = meter.split_first_chunk()?;
            Some((Meter::from_words(*words), levels))
        })
    }

    /// All of them, each with its levels.
    fn all(&self) -> impl Iterator<Item = (Meter, &[i64])> {
        self.some(0..self.len())
    }

    pub(super) fn sort_by_key<K: Ord>(&mut self, key: impl Fn(&Meter) -> K) {
        let mut order: Vec<(K, usize)> =
            self.all().enumerate().map(|(at, (meter, _))| (key(&meter), at)).collect();
        order.sort_unstable();
        let words = order.iter().filter_map(|(_, at)| self.words.get(self.places(*at..at + 1)));
        self.words = words.flatten().copied().collect();
    }
}

/// One meter of them.
#[derive(Debug, Clone, Copy)]
pub struct Levels<'a> {
    /// The place of what it counts among [`RangeLevels::labels`].
    pub label: usize,
    /// Its levels, none below zero, one for each day asked for.
    pub levels: &'a [i64],
    /// Whether it was above zero on one of the days that were asked about.
    pub used: bool,
    /// Its cells on those days.
    pub cells: Cells,
}

impl RangeLevels {
    /// Takes the meters of a range, which are in order.
    pub(super) fn new(
        range: RangeNo,
        labels: Vec<(ItemNo, InfraNo)>,
        meters: Meters,
        series: Vec<(MeterKey, Series)>,
    ) -> Self {
        let starts = usize::try_from(RANGE_TENANTS).unwrap_or(0) + 1;
        let mut runs = Vec::with_capacity(starts);
        for (at, (meter, _)) in (0..).zip(meters.all()) {
            runs.resize(runs.len().max(usize::from(meter.tenant) + 1), at);
        }
        runs.resize(starts, u32::try_from(meters.len()).unwrap_or(u32::MAX));
        Self { first: range.first().0, labels, meters, runs, series }
    }

    /// What the meters count, each once, in no order.
    pub fn labels(&self) -> &[(ItemNo, InfraNo)] {
        &self.labels
    }

    /// The meters in order.
    pub fn iter(&self) -> impl Iterator<Item = (MeterKey, Levels<'_>)> {
        let tenants = (self.first..).take(self.runs.len()).map(TenantNo);
        tenants.flat_map(|tenant| self.of(tenant).map(move |levels| (tenant, levels))).filter_map(
            |(tenant, levels)| {
                let (item, infra) = *self.labels.get(levels.label)?;
                Some((MeterKey { tenant, item, infra }, levels))
            },
        )
    }

    /// The meters of one tenant.
    #[inline]
    pub fn of(&self, tenant: TenantNo) -> impl Iterator<Item = Levels<'_>> {
        let at = usize::try_from(tenant.0 - self.first).ok().and_then(|at| self.runs.get(at..at + 2));
        let (from, behind) = match at {
            Some([from, behind]) => (*from as usize, *behind as usize),
            _ => (0, 0),
        };
        self.meters.some(from..behind).map(|(Meter { label, used, cells, .. }, levels)| Levels {
            label: label as usize,
            levels,
            used,
            cells,
        })
    }
}
