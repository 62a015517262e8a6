//! A naive ledger: a map of what was reported for each day, copied at every acceptance number.

use std::collections::BTreeMap;

use crate::history::{Cell, Entry, Reported, Series};
use crate::ids::{InfraNo, ItemNo, RangeNo, Seq, TenantNo};
use crate::time::Day;
use crate::usage::MeterKey;

pub(super) const RANGE: RangeNo = RangeNo(2);
/// Half of the meters accumulate.
pub(super) const METERS: usize = 6;

pub(super) fn meter(n: usize) -> MeterKey {
    let (tenant, item) = (i64::try_from(n / 2).unwrap(), i64::try_from(n % 2).unwrap());
    MeterKey { tenant: TenantNo(RANGE.first().0 + tenant), item: ItemNo(item), infra: InfraNo::NONE }
}

/// What was reported, by meter and day.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct State(BTreeMap<(MeterKey, Day), i64>);

impl State {
    pub(super) fn last_reported(&self, key: MeterKey, day: Day) -> Option<Reported> {
        let mut known = self.0.range((key, Day::FOREVER_AGO)..=(key, day));
        known.next_back().map(|((_, day), level)| Reported { day: *day, level: *level })
    }

    pub(super) fn cell(&self, key: MeterKey, day: Day) -> Cell {
        match self.last_reported(key, day) {
            Some(last) if last.day == day => Cell::Reported(last.level),
            Some(last) => Cell::Carried(last.level),
            None => Cell::NeverHeard,
        }
    }

    fn carried(&self, key: MeterKey, day: Day) -> i64 {
        self.last_reported(key, day).map_or(0, |last| last.level)
    }

    /// What a window of days is told of a meter: its readings there and the last one before.
    pub(super) fn window(&self, key: MeterKey, first: Day, last: Day) -> Series {
        let mut series = Series::default();
        let before = self.last_reported(key, first.previous());
        if let Some(before) = before {
            series.push(before.day, before.level);
        }
        let inside = self.0.range((key, first)..=(key, last));
        inside.for_each(|((_, day), level)| series.push(*day, *level));
        series
    }

    pub(super) fn windows(&self, first: Day, last: Day) -> Vec<(MeterKey, Series)> {
        let windows = (0..METERS).map(|n| (meter(n), self.window(meter(n), first, last)));
        windows.filter(|(_, series)| !series.is_empty()).collect()
    }
}

/// What a caller says of one day of one meter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) meter: usize,
    pub(super) day: Day,
    /// `None` takes the reading back.
    pub(super) level: Option<i64>,
    /// In the same call as the one before, under the same acceptance number.
    pub(super) joins: bool,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) now: State,
    /// The state at each acceptance number.
    pub(super) at: Vec<State>,
    /// By meter, those of a meter in the order of acceptance.
    pub(super) entries: Vec<(MeterKey, Seq, Entry)>,
    /// Each entry with the states before and after it.
    pub(super) steps: Vec<(MeterKey, State, Entry, State)>,
}

impl Ledger {
    pub(super) fn new(told: &[Told]) -> Self {
        let mut ledger = Self { at: vec![State::default()], ..Self::default() };
        for told in told {
            ledger.accept(told);
        }
        ledger
    }

    pub(super) fn newest(&self) -> Seq {
        Seq(i64::try_from(self.at.len() - 1).unwrap())
    }

    /// A reading that changes a cell is an entry, also where it only repeats the level before.
    pub(super) fn accept(&mut self, told: &Told) {
        let Told { day, level: new, .. } = *told;
        let (key, shifts) = (meter(told.meter), told.meter % 2 == 1);
        if !told.joins || self.at.len() == 1 {
            self.at.push(self.now.clone());
        }
        let before = self.now.clone();
        let old = before.0.get(&(key, day)).copied();
        if old == new {
            return;
        }
        match new {
            Some(level) => drop(self.now.0.insert((key, day), level)),
            None => drop(self.now.0.remove(&(key, day))),
        }
        if shifts {
            let moved = self.now.carried(key, day) - before.carried(key, day);
            let later = self.now.0.range_mut((key, day.next())..=(key, Day(i32::MAX)));
            later.for_each(|(_, level)| *level += moved);
        }
        let last = before.last_reported(key, Day(i32::MAX)).is_none_or(|last| last.day <= day);
        let entry = Entry::new(day, old, new, before.last_reported(key, day.previous()));
        let entry = Entry { shifts, last, ..entry };
        let behind = self.entries.partition_point(|(other, ..)| *other <= key);
        self.entries.insert(behind, (key, self.newest(), entry));
        self.steps.push((key, before, entry, self.now.clone()));
        *self.at.last_mut().unwrap() = self.now.clone();
    }

    /// A reading for the open day that repeats the level before: it is accepted, and no entry tells of it.
    pub(super) fn repeat(&mut self, meter_no: usize, day: Day) {
        let key = meter(meter_no);
        let level = self.now.carried(key, day);
        self.now.0.insert((key, day), level);
        self.at.push(self.now.clone());
    }
}
