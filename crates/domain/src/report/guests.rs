//! Members that are not settled: what they moved, switched or deleted within the days that are read is told day by day,
//! from their whole series.

use std::collections::{BTreeSet, HashSet};

use super::counters::{CUSTOMERS, Counters, PARTNERS, WITH_LOCAL_BACKUP};
use super::members::{Members, Place, Visit};
use super::question::Question;
use super::stays::Stay;
use super::sums::{Column, Counter, Sums};
use crate::catalogue::ItemNumbers;
use crate::history::{Archive, Damaged, Series};
use crate::ids::{RangeNo, TenantNo};
use crate::tenant::TenantKind;
use crate::time::Day;

/// A meter of a member that is not settled.
#[derive(Debug)]
struct Guest {
    place: Place,
    counter: Counter,
    series: Series,
}

/// The meters of all members that are not settled.
#[derive(Debug, Default)]
pub(super) struct Guests {
    /// By place.
    list: Vec<Guest>,
    /// Customers with local backup, each with the number of the day: those known from these meters.
    pub(super) backed_up: HashSet<(Place, usize)>,
}

impl Guests {
    /// Reads their series.
    pub(super) fn read(
        archive: &Archive,
        members: &Members,
        question: &Question,
        counters: &mut Counters,
        numbers: &ItemNumbers,
    ) -> Result<Self, Damaged> {
        let unsettled = members.places().filter(|place| members.at(*place).settled.is_none());
        let tenants: HashSet<TenantNo> = unsettled.map(|place| members.at(place).no).collect();
        let ranges: BTreeSet<RangeNo> = tenants.iter().map(|no| no.range()).collect();
        let mut guests = Self::default();
        for range in ranges {
            for (key, series) in archive.series(range, |key| tenants.contains(&key.tenant))? {
                let place = members.tree.find(key.tenant).and_then(|tenant| members.place(tenant));
                let counter = counters.find(key.item, key.infra, numbers);
                guests.list.extend(place.map(|place| Guest { place, counter, series }));
            }
        }
        guests.list.sort_by_key(|guest| guest.place);
        guests.mark_local_backup(members, question, counters);
        Ok(guests)
    }

    fn mark_local_backup(&mut self, members: &Members, question: &Question, counters: &Counters) {
        for guest in self.list.iter().filter(|guest| counters.is_local_storage(guest.counter)) {
            for stay in members.stays(guest.place) {
                let Some(customer) = backed_up(members, guest.place, stay.first) else { continue };
                let days = question.days.iter().enumerate();
                let used = days.filter(|(_, day)| stay.contains(**day) && guest.series.level(**day) > 0);
                self.backed_up.extend(used.map(|(at, _)| (customer, at)));
            }
        }
    }

    /// Adds what a visitor gives its host.
    pub(super) fn add(
        &self,
        sums: &mut Sums,
        visit: &Visit,
        members: &Members,
        question: &Question,
        counters: &Counters,
    ) {
        let Visit { host, guest, stay } = visit;
        if stay.trial && question.leave_out_trial {
            return;
        }
        let from = self.list.partition_point(|it| it.place < *guest);
        for it in self.list.iter().skip(from).take_while(|it| it.place == *guest) {
            add_meter(sums, it, stay, question, counters.is_range(it.counter));
        }
        // Nobody is its own customer or partner.
        if host == guest {
            return;
        }
        let tenant = members.at(*guest).tenant();
        // Its usage reaches back before the day it was made on; it itself does not.
        let stay = Stay { first: stay.first.max(members.tree.born(tenant)), ..*stay };
        let was = |day: Day, kind| stay.contains(day) && members.tree.kind(tenant, day) == kind;
        let mut count = |counter, counts: &dyn Fn(usize, Day) -> bool| {
            let days = question.days.iter().enumerate();
            let counted: Vec<bool> = days.map(|(at, day)| counts(at, *day)).collect();
            if counted.contains(&true) {
                sums.add(counter, Column::levels(stay.trial), &counted, false);
            }
        };
        count(CUSTOMERS, &|_, day| was(day, TenantKind::Customer));
        count(PARTNERS, &|_, day| was(day, TenantKind::Partner));
        count(WITH_LOCAL_BACKUP, &|at, day| stay.contains(day) && self.backed_up.contains(&(*guest, at)));
    }
}

/// The customer that has local backup if the member uses local storage: itself, or that of the unit or user.
pub(super) fn backed_up(members: &Members, place: Place, day: Day) -> Option<Place> {
    let payer = members.tree.payer(members.at(place).tenant(), day);
    let is_customer = members.tree.kind(payer, day) == TenantKind::Customer;
    members.place(payer).filter(|_| is_customer)
}

/// Adds what a meter said while its tenant was there.
fn add_meter(sums: &mut Sums, guest: &Guest, stay: &Stay, question: &Question, is_range: bool) {
    let Question { period, days, .. } = question;
    let series = &guest.series;
    let levels: Vec<i64> =
        days.iter().map(|day| if stay.contains(*day) { series.level(*day) } else { 0 }).collect();
    let (first, last) = (stay.first.max(period.start), stay.last.min(period.last()));
    let used = first <= last && series.any_above_zero(first, last);
    sums.add(guest.counter, Column::levels(stay.trial), &levels, used);
    sums.cells += series.cells(first, last);
    if is_range {
        let came = came(series, stay, days, &levels);
        if came.iter().any(|came| *came != 0) {
            sums.add(guest.counter, Column::came(stay.trial), &came, false);
        }
    }
}

/// How much of the level up to each day came or went with the tenant: what is no growth within its stay.
fn came(series: &Series, stay: &Stay, days: &[Day], levels: &[i64]) -> Vec<i128> {
    let mut sum = 0;
    let steps = days.windows(2).zip(levels.windows(2)).map(|(days, levels)| {
        let ([before, day], [level_before, level]) = (days, levels) else { return 0 };
        // The increments of days in a row add up to the difference of their ends.
        let (first, last) = (stay.first.max(before.next()), stay.last.min(*day));
        let growth = if first <= last {
            i128::from(series.level(last)) - i128::from(series.level(first.previous()))
        } else {
            0
        };
        i128::from(*level) - i128::from(*level_before) - growth
    });
    std::iter::once(0)
        .chain(steps)
        .map(|step| {
            sum += step;
            sum
        })
        .collect()
}
