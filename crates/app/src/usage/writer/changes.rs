//! What the readings of a transaction change, one after the other.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::billing::BillingDay;
use domain::history::{Batch, Entry, Origin, Recorded, Reported, Series};
use domain::ids::{RangeNo, Seq};
use domain::time::{Day, Instant};
use domain::usage::{MeterKey, accumulate};
use store::history::Meter;

use super::{Call, Verdict, refused};
use crate::usage::check::Accepted;

/// The meters of a transaction, as its readings change them.
#[derive(Debug)]
pub(super) struct Changes {
    /// The open day.
    today: Day,
    meters: HashMap<MeterKey, Meter>,
    /// Those heard, or changed by a reading of an earlier day.
    touched: HashSet<MeterKey>,
    /// Those whose every reading was taken back.
    silenced: HashSet<MeterKey>,
    /// Of accumulating meters, and of no others.
    pub(super) billing_days: HashMap<MeterKey, BillingDay>,
    /// The level just before the billing period of the open day, as it was when the transaction began.
    begins: HashMap<MeterKey, i64>,
    /// The history of meters with readings of earlier days, as far back as these need.
    pub(super) series: HashMap<MeterKey, Series>,
    /// The first day of that history.
    pub(super) known_from: Day,
    /// Accumulating meters some day of which was changed: by how much and from when on.
    shifts: HashMap<MeterKey, Vec<(Day, i64)>>,
    /// By range: the call and what it changed.
    entries: BTreeMap<RangeNo, Vec<(usize, MeterKey, Entry)>>,
}

impl Changes {
    pub(super) fn new(today: Day, meters: HashMap<MeterKey, Meter>) -> Self {
        Self {
            today,
            meters,
            touched: HashSet::new(),
            silenced: HashSet::new(),
            billing_days: HashMap::new(),
            begins: HashMap::new(),
            series: HashMap::new(),
            known_from: today,
            shifts: HashMap::new(),
            entries: BTreeMap::new(),
        }
    }

    /// The last day before the billing period of `day`; `None` of a meter that does not accumulate.
    fn begin(&self, key: MeterKey, day: Day) -> Option<Day> {
        Some(self.billing_days.get(&key)?.period_of(day).start.previous())
    }

    /// The level just before the open day's billing period, where the meter's row says it.
    fn begin_by_row(&self, key: MeterKey, begin: Day) -> Option<i64> {
        let Some(meter) = self.meters.get(&key) else { return Some(0) };
        let last = Reported { day: meter.heard_on, level: meter.level };
        [Some(last), meter.before].into_iter().flatten().find(|it| it.day <= begin).map(|it| it.level)
    }

    /// The meters, each with the day, whose level before the open day's billing period must be looked up.
    pub(super) fn unknown_begins(&self, known: &HashMap<(MeterKey, Day), i64>) -> Vec<(MeterKey, Day)> {
        let begins = self.billing_days.keys().filter_map(|key| Some((*key, self.begin(*key, self.today)?)));
        begins.filter(|it| self.begin_by_row(it.0, it.1).is_none() && !known.contains_key(it)).collect()
    }

    /// Takes what the rows do not say from what is known.
    pub(super) fn remember(&mut self, known: &HashMap<(MeterKey, Day), i64>) {
        let begins = self.billing_days.keys().filter_map(|key| Some((*key, self.begin(*key, self.today)?)));
        let level = |it: &(MeterKey, Day)| self.begin_by_row(it.0, it.1).or_else(|| known.get(it).copied());
        self.begins = begins.filter_map(|it| Some((it.0, level(&it)?))).collect();
    }

    /// The days whose history a reading needs: none for one that the meter's row is enough for.
    pub(super) fn looks_back_to(&self, reading: &Accepted) -> Option<(Day, Day)> {
        let day = reading.day.unwrap_or(self.today);
        if day >= self.today && reading.value.is_some() {
            return None;
        }
        let first = self.begin(reading.key, day).unwrap_or(day).min(day.previous());
        Some((first, day))
    }

    /// Takes the next reading of a call.
    pub(super) fn take(&mut self, call: usize, reading: &Accepted) -> Verdict {
        match reading.day.unwrap_or(self.today) {
            day if day > self.today => refused("date", "lies in the future"),
            day if day == self.today && reading.value.is_some() => self.take_current(call, reading),
            day => self.take_back_or_correct(call, reading, day),
        }
    }

    /// A reading of the open day.
    fn take_current(&mut self, call: usize, reading: &Accepted) -> Verdict {
        let (key, today) = (reading.key, self.today);
        let meter = self.meters.get(&key).copied();
        let value = reading.value.unwrap_or_default();
        let level = match self.begin(key, today) {
            None => value.get(),
            Some(begin) => {
                let shifts = self.shifts.get(&key).into_iter().flatten().filter(|(day, _)| *day <= begin);
                let at_begin = self.begins.get(&key).copied().unwrap_or(0);
                let at_begin = shifts.fold(at_begin, |level, (_, by)| level.saturating_add(*by));
                accumulate(meter.map_or(0, |meter| meter.level), at_begin, value)
            }
        };
        self.touched.insert(key);
        self.silenced.remove(&key);
        let last = meter.map(|meter| Reported { day: meter.heard_on, level: meter.level });
        let earlier = last.filter(|last| last.day < today);
        let before = earlier.or_else(|| meter.and_then(|meter| meter.before));
        self.meters.insert(key, Meter { level, heard_on: today, before });
        if last.is_some_and(|last| last.level == level) {
            return Verdict::Absorbed;
        }
        let old = last.filter(|last| last.day == today).map(|last| last.level);
        let shifts = self.billing_days.contains_key(&key);
        let entry = Entry { shifts, last: true, ..Entry::new(today, old, Some(level), earlier) };
        self.record(call, key, entry);
        Verdict::Accepted
    }

    /// A reading of a day that is over, or one taken back.
    fn take_back_or_correct(&mut self, call: usize, reading: &Accepted, day: Day) -> Verdict {
        let key = reading.key;
        let shifts = self.billing_days.contains_key(&key);
        let begin = self.begin(key, day);
        let meter = self.meters.get(&key).copied();
        let series = self.series.entry(key).or_default();
        let prior = series.last_reported(day.previous());
        let old = if day == self.today {
            // The open day is in the meter's row alone.
            meter.filter(|meter| meter.heard_on == day).map(|meter| meter.level)
        } else {
            series.reported_on(day)
        };
        let new = reading.value.map(|value| match begin {
            Some(begin) => {
                let at_begin = series.last_reported(begin).map_or(0, |last| last.level);
                at_begin.saturating_add(value.get()).max(0)
            }
            None => value.get(),
        });
        if old == new {
            return match new {
                Some(_) => Verdict::Absorbed,
                None => refused("retract", "nothing was reported for that day"),
            };
        }
        let last = meter.is_none_or(|meter| meter.heard_on <= day);
        let entry = Entry { shifts, last, ..Entry::new(day, old, new, prior) };
        series.apply(self.known_from, Day(i32::MAX), &entry);
        if let Some(repeated) = meter.and_then(|meter| self.repeated_today(meter, &entry)) {
            self.record(call, key, repeated);
        }
        self.change_meter(key, meter, &entry);
        if shifts {
            self.shifts.entry(key).or_default().push((day, entry.difference()));
        }
        self.record(call, key, entry);
        Verdict::Accepted
    }

    /// An entry for the open day's reading where it has none, as it repeats what the change takes away: it said so, and
    /// says so still. Readings of frozen days that repeat an earlier one stand in the heard blocks.
    fn repeated_today(&self, meter: Meter, entry: &Entry) -> Option<Entry> {
        let level = entry.old.or(entry.prior.map(|prior| prior.level));
        let repeats = meter.heard_on == self.today
            && entry.day < self.today
            && meter.before.is_none_or(|before| before.day <= entry.day)
            && level == Some(meter.level);
        let told = Some(meter.level);
        repeats.then(|| Entry::new(self.today, told, told, None))
    }

    /// What the row of a meter says after a change of an earlier day, or of its last one.
    fn change_meter(&mut self, key: MeterKey, meter: Option<Meter>, entry: &Entry) {
        let mut series = meter.map(|meter| meter.series()).unwrap_or_default();
        let first = meter.map_or(entry.day, |meter| meter.heard_on);
        series.apply(first, Day(i32::MAX), entry);
        if series.is_empty()
            && let Some(prior) = entry.prior
        {
            series.push(prior.day, prior.level);
        }
        // Where the last reading was taken back, the row does not know the one before it; what is said now of a day before
        // its last may lie before that one, too.
        let knows_before = meter.is_none_or(|meter| meter.before.is_some() || meter.heard_on == self.today);
        let now = Meter::of_series(&series)
            .map(|now| Meter { before: now.before.filter(|_| knows_before || now.heard_on != first), ..now });
        if now == meter {
            return;
        }
        if let Some(now) = now {
            self.meters.insert(key, now);
            self.touched.insert(key);
            self.silenced.remove(&key);
        } else {
            self.meters.remove(&key);
            self.touched.remove(&key);
            self.silenced.insert(key);
        }
    }

    fn record(&mut self, call: usize, key: MeterKey, entry: Entry) {
        self.entries.entry(key.tenant.range()).or_default().push((call, key, entry));
    }

    /// The calls that changed something.
    pub(super) fn changed_calls(&self) -> HashSet<usize> {
        self.entries.values().flatten().map(|(call, _, _)| *call).collect()
    }

    /// What the ledger gets.
    pub(super) fn batches(&self, calls: &[Call], seq: Seq, now: Instant, open_day: Day) -> Vec<Batch> {
        let batch = |(range, entries): (&RangeNo, &Vec<(usize, MeterKey, Entry)>)| {
            // Entries came call by call.
            let mut origins: Vec<(usize, Origin)> = Vec::new();
            let mut recorded = Vec::with_capacity(entries.len());
            for (call, key, entry) in entries {
                if origins.last().is_none_or(|(last, _)| last != call) {
                    let of = calls.get(*call);
                    let actor = of.map_or(domain::access::Actor::System, |of| of.actor);
                    let reason = of.and_then(|of| of.reason.as_deref()).map(str::to_owned);
                    origins.push((*call, Origin { seq, recorded_at: now, actor, reason, open_day }));
                }
                recorded.push(Recorded { key: *key, origin: origins.len() - 1, entry: *entry });
            }
            Batch::new(*range, origins.into_iter().map(|(_, origin)| origin).collect(), recorded)
        };
        self.entries.iter().map(batch).collect()
    }

    /// The meters whose row changes.
    pub(super) fn meters(&self) -> Vec<(MeterKey, Meter)> {
        let mut meters: Vec<_> =
            self.touched.iter().filter_map(|key| Some((*key, *self.meters.get(key)?))).collect();
        meters.sort_unstable_by_key(|(key, _)| *key);
        meters
    }

    /// The meters whose row goes.
    pub(super) fn silenced(&self) -> Vec<MeterKey> {
        self.silenced.iter().copied().collect()
    }

    /// The accumulating meters that have a changed past.
    pub(super) fn into_shifted(self) -> HashSet<MeterKey> {
        self.shifts.into_keys().collect()
    }
}
