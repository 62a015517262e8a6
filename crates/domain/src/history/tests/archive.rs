//! An archive of segments from random moments and of the entries it asks for says what the naive ledger says.

use std::collections::{BTreeMap, HashSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseResult;

use super::ledger::{Ledger, METERS, RANGE, Told, meter};
use crate::history::{Archive, Ask, Live, Segment, Series, Shelf, Stored};
use crate::ids::{Seq, TenantNo};
use crate::time::Day;
use crate::usage::MeterKey;

const DAYS: i32 = 45;

pub(super) fn told() -> impl Strategy<Value = Told> {
    let level = prop_oneof![4 => (0..9_i64).prop_map(Some), 1 => Just(None)];
    (0..METERS, 0..DAYS, level, prop::bool::weighted(0.2)).prop_map(|(meter, day, level, joins)| Told {
        meter,
        day: Day(day),
        level,
        joins,
    })
}

/// How the days were frozen: windows one behind the other, of some of which there is no segment.
#[derive(Debug, Clone)]
struct Freezing {
    /// Their lengths, the moment each was frozen, and whether it was.
    windows: Vec<(i32, Index, bool)>,
    /// Whether the moments count: else all were frozen at the newest.
    at_moments: bool,
    /// Whether the days behind the windows are live.
    has_live: bool,
}

fn freezing() -> impl Strategy<Value = Freezing> {
    let length = prop_oneof![2 => Just(1), 1 => 2..=31_i32];
    let window = (length, any::<Index>(), prop::bool::weighted(0.75));
    (vec(window, 0..8), any::<bool>(), any::<bool>()).prop_map(|(windows, at_moments, has_live)| Freezing {
        windows,
        at_moments,
        has_live,
    })
}

/// What is asked of the archive.
#[derive(Debug, Clone)]
struct Question {
    first: i32,
    length: i32,
    days: Vec<Index>,
    used: (Index, Index),
    whole: Option<usize>,
    /// Entries beyond those that are needed: those whose place is drawn here.
    surplus: Vec<bool>,
}

fn question() -> impl Strategy<Value = Question> {
    let days = vec(any::<Index>(), 0..4);
    let used = (any::<Index>(), any::<Index>());
    let surplus = prop_oneof![Just(vec![false]), Just(vec![true]), vec(any::<bool>(), 1..20)];
    (-3..DAYS, 1..20_i32, days, used, prop::option::of(0..METERS), surplus).prop_map(
        |(first, length, days, used, whole, surplus)| Question { first, length, days, used, whole, surplus },
    )
}

struct Case<'a> {
    ledger: &'a Ledger,
    /// Nothing is frozen, and nothing asked, as of an earlier moment.
    since: usize,
    question: &'a Question,
    segments: Vec<Stored>,
    live: Option<(Day, Seq)>,
}

impl<'a> Case<'a> {
    fn new(ledger: &'a Ledger, since: usize, freezing: &Freezing, question: &'a Question) -> Self {
        let mut case = Self { ledger, since, question, segments: Vec::new(), live: None };
        let moment = |index: &Index| {
            let seq = if freezing.at_moments {
                since + index.index(ledger.at.len() - since)
            } else {
                ledger.at.len() - 1
            };
            Seq(i64::try_from(seq).unwrap())
        };
        let mut first = Day(0);
        for (length, index, is_frozen) in &freezing.windows {
            let (last, seq) = (first.plus(length - 1), moment(index));
            if *is_frozen {
                let series = case.known(seq).windows(first, last);
                let block = Segment { range: RANGE, first, last, series }.encode();
                case.segments.push(Stored { first, last, seq, block });
            }
            first = last.next();
        }
        if freezing.has_live {
            case.live = Some((first, ledger.newest()));
        }
        case
    }

    fn known(&self, seq: Seq) -> &super::ledger::State {
        &self.ledger.at[usize::try_from(seq.0).unwrap()]
    }

    fn archive(&self, as_of: Seq) -> Archive {
        let Question { first, length, .. } = *self.question;
        let (first, last) = (Day(first), Day(first + length - 1));
        let begins = self.segments.iter().rposition(|stored| stored.first <= first).unwrap_or(0);
        let segments = self.segments.iter().skip(begins).filter(|stored| stored.first <= last).cloned();
        let live = self.live.filter(|(live_first, _)| *live_first <= last).map(|(first, seq)| Live {
            first,
            seq,
            series: self.known(seq).windows(first, Day(i32::MAX)),
        });
        let mut shelf = Shelf { segments: segments.collect(), entries: Vec::new(), live };
        shelf.entries = self.entries(&shelf, first, last, as_of);
        Archive { first, last, as_of, shelves: BTreeMap::from([(RANGE, shelf)]) }
    }

    /// The entries that a shelf must have, and some that it may.
    fn entries(
        &self,
        shelf: &Shelf,
        first: Day,
        last: Day,
        as_of: Seq,
    ) -> Vec<(MeterKey, Seq, crate::history::Entry)> {
        let held = shelf.segments.iter().map(|stored| (stored.first, stored.last, stored.seq));
        let live = shelf.live.as_ref().map(|live| (live.first, Day(i32::MAX), live.seq));
        let held: Vec<_> = held.chain(live).collect();
        let begins = held.first().map(|(begins, ..)| *begins).filter(|begins| *begins <= first);
        let is_between = |day: Day| {
            begins.is_none_or(|begins| begins <= day)
                && !held.iter().any(|(first, last, _)| (*first..=*last).contains(&day))
        };
        let all = || self.ledger.entries.iter().filter(|(_, _, entry)| entry.day <= last);
        let between = all().filter(|(_, _, entry)| is_between(entry.day)).map(|(_, seq, _)| *seq).min();
        let oldest = held.iter().map(|(.., seq)| *seq).min();
        let is_needed = |seq: Seq| {
            seq > as_of
                || oldest.is_some_and(|oldest| oldest < seq)
                || between.is_some_and(|from| from <= seq)
        };
        let may = self.question.surplus.iter().cycle();
        all()
            .zip(may)
            .filter(|((_, seq, _), may)| **may || is_needed(*seq))
            .map(|(entry, _)| *entry)
            .collect()
    }

    fn check(&self) -> TestCaseResult {
        for as_of in self.since..self.ledger.at.len() {
            let as_of = Seq(i64::try_from(as_of).unwrap());
            let archive = self.archive(as_of);
            self.check_series(&archive)?;
            self.check_levels(&archive)?;
        }
        Ok(())
    }

    fn check_series(&self, archive: &Archive) -> TestCaseResult {
        let series = archive.series(RANGE, |_| true).unwrap();
        let known = self.known(archive.as_of);
        prop_assert_eq!(&series, &known.windows(archive.first, archive.last), "as of {:?}", archive.as_of);
        for (key, series) in &series {
            for day in archive.first.0..=archive.last.0 {
                prop_assert_eq!(series.cell(Day(day)), known.cell(*key, Day(day)));
            }
        }
        Ok(())
    }

    fn check_levels(&self, archive: &Archive) -> TestCaseResult {
        let known = self.known(archive.as_of);
        let length = usize::try_from(self.question.length).unwrap();
        let pick = |index: &Index| archive.first.plus(i32::try_from(index.index(length)).unwrap());
        let mut days: Vec<Day> = self.question.days.iter().map(pick).collect();
        days.sort();
        let used = (pick(&self.question.used.0), pick(&self.question.used.1));
        let used = (used.0.min(used.1), used.0.max(used.1));
        let whole: HashSet<TenantNo> = self.question.whole.map(|n| meter(n).tenant).into_iter().collect();
        let levels = archive.levels(RANGE, &Ask { days: &days, used, whole: &whole, few: None }).unwrap();

        let windows = known.windows(archive.first, archive.last).into_iter();
        let (in_whole, others): (Vec<(MeterKey, Series)>, Vec<_>) =
            windows.partition(|(key, _)| whole.contains(&key.tenant));
        let level = |key: MeterKey, day: Day| known.cell(key, day).level();
        let expected = others.iter().map(|(key, _)| {
            let is_used = (used.0.0..=used.1.0).any(|day| level(*key, Day(day)) > 0);
            (*key, days.iter().map(|day| level(*key, *day)).collect::<Vec<_>>(), is_used)
        });
        let found = levels.iter().map(|(key, found)| (key, found.levels.to_vec(), found.used));
        prop_assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "as of {:?}", archive.as_of);
        prop_assert_eq!(&levels.series, &in_whole);
        let by_tenant = (0..METERS / 2).flat_map(|n| levels.of(meter(n * 2).tenant).map(|found| found.label));
        prop_assert!(by_tenant.eq(levels.iter().map(|(_, found)| found.label)));
        Ok(())
    }
}

proptest! {
    #[test]
    fn it_knows_what_was_known_at_every_number(
        told in vec(told(), 0..40),
        freezing in freezing(),
        question in question(),
    ) {
        let ledger = Ledger::new(&told);
        Case::new(&ledger, 0, &freezing, &question).check()?;
    }

    /// Readings that repeat the level before have no entry, so that only the segment knows of them: it is exact as of any
    /// number from the last of them on.
    #[test]
    fn readings_without_an_entry_stay_under_corrections(
        on_time in vec((0..METERS, 0..DAYS, prop::option::of(0..4_i64)), 0..60),
        told in vec(told(), 0..20),
        mut freezing in freezing(),
        question in question(),
    ) {
        let mut ledger = Ledger::new(&[]);
        let mut on_time = on_time;
        on_time.sort_by_key(|(_, day, _)| *day);
        for (meter, day, level) in on_time {
            match level {
                None => ledger.repeat(meter, Day(day)),
                level => ledger.accept(&Told { meter, day: Day(day), level, joins: false }),
            }
        }
        let since = ledger.at.len() - 1;
        for told in &told {
            ledger.accept(told);
        }
        // Every day on which something was heard is frozen, or live.
        freezing.has_live = true;
        freezing.windows.iter_mut().for_each(|(_, _, is_frozen)| *is_frozen = true);
        Case::new(&ledger, since, &freezing, &question).check()?;
    }
}
