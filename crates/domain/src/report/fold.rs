//! The one fold behind all reports: from the meters of each tenant up to the subject.
//!
//! Places are visited backwards, so that children come before their parent. What a tenant used itself is added to what its
//! children gave, kept if its rows are wanted, and added to what its parent will get: every meter is read once, and
//! every sum is added once more at each tenant above.

use std::ops::Range;

use super::counters::{CUSTOMERS, Counters, PARTNERS, WITH_LOCAL_BACKUP, is_local_storage};
use super::guests::{Guests, backed_up};
use super::members::{Members, Place};
use super::meters::Meters;
use super::question::Question;
use super::sums::{Accounts, Column, Sums};
use crate::catalogue::ItemNumbers;
use crate::history::{Archive, Damaged};
use crate::tenant::TenantKind;

/// What is folded.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) archive: &'a Archive,
    pub(super) members: &'a Members,
    pub(super) question: &'a Question,
    pub(super) guests: &'a Guests,
    pub(super) numbers: &'a ItemNumbers,
}

/// Folds runs of places, given in order, that together are whole subtrees; keeps the sums of those that are hosts.
pub(super) fn fold(
    source: Source<'_>,
    runs: &[Range<Place>],
    counters: &mut Counters,
    is_host: impl Fn(Place) -> bool,
) -> Result<Accounts, Damaged> {
    let width = source.question.days.len();
    let places = runs.first().map_or(0, |run| run.start)..runs.last().map_or(0, |run| run.end);
    let mut folding = Folding {
        source,
        counters,
        gathered: Vec::new(),
        backed_up: Marks::new(places.clone(), width),
        accounts: Accounts::new(width, places),
    };
    for (place, day) in &source.guests.backed_up {
        folding.backed_up.set(*place, *day);
    }
    for run in runs.iter().rev() {
        let meters = Meters::read(source.archive, source.members, source.question, run.clone())?;
        for place in run.clone().rev() {
            folding.visit(place, &meters, is_host(place));
        }
    }
    Ok(folding.accounts)
}

/// A fold under way.
struct Folding<'a> {
    source: Source<'a>,
    counters: &'a mut Counters,
    /// By depth: what the tenants visited there have given their parent, which comes next.
    gathered: Vec<Sums>,
    /// Which customers have local backup.
    backed_up: Marks,
    accounts: Accounts,
}

impl Folding<'_> {
    fn visit(&mut self, place: Place, meters: &Meters, is_host: bool) {
        let member = self.source.members.at(place);
        let mut sums = self.take(member.depth + 1);
        if let Some(trial) = member.settled {
            self.add_meters(place, trial, meters, &mut sums);
        }
        if is_host {
            self.keep(place, &sums);
        }
        let mut above = self.take(member.depth);
        above.absorb(&sums);
        if let Some(trial) = member.settled {
            self.count_itself(place, trial, &mut above);
        }
        sums.clear();
        self.put(member.depth + 1, sums);
        self.put(member.depth, above);
    }

    /// What the tenant used itself.
    fn add_meters(&mut self, place: Place, trial: bool, meters: &Meters, sums: &mut Sums) {
        let Source { members, question, numbers, .. } = self.source;
        for meter in meters.of(members.no(place)) {
            let counter = self.counters.find(meter.key.item, meter.key.infra, numbers);
            if !self.leaves_out(trial) {
                sums.add(counter, Column::levels(trial), meter.levels, meter.used);
                sums.carried += u64::from(meter.carried);
            }
            if self.counters.counted(counter).and_then(|counted| counted.item).is_some_and(is_local_storage)
                && let Some(customer) = backed_up(members, place, question.last())
            {
                let used = meter.levels.iter().enumerate().filter(|(_, level)| **level > 0);
                used.for_each(|(day, _)| self.backed_up.set(customer, day));
            }
        }
    }

    /// Keeps what counts for the tenant, with the days that unsettled ones spent there.
    fn keep(&mut self, place: Place, sums: &Sums) {
        let Source { members, question, guests, .. } = self.source;
        let visits = members.visits_to(place);
        if visits.is_empty() {
            return self.accounts.keep(place, sums);
        }
        let mut sums = sums.clone();
        for visit in visits {
            guests.add(&mut sums, visit, members, question, self.counters);
        }
        self.accounts.keep(place, &sums);
    }

    /// What the tenant is to those above it: nobody is its own customer or partner.
    fn count_itself(&self, place: Place, trial: bool, above: &mut Sums) {
        let Source { members, question, .. } = self.source;
        if self.leaves_out(trial) {
            return;
        }
        let kind = members.tree.kind(members.at(place).tenant, question.last());
        let counter = match kind {
            TenantKind::Customer => CUSTOMERS,
            TenantKind::Partner => PARTNERS,
            _ => return,
        };
        above.add_ones(counter, Column::levels(trial));
        if kind == TenantKind::Customer
            && let Some(days) = self.backed_up.days(place)
        {
            above.add(WITH_LOCAL_BACKUP, Column::levels(trial), days, false);
        }
    }

    fn leaves_out(&self, trial: bool) -> bool {
        trial && self.source.question.leave_out_trial
    }

    fn take(&mut self, depth: usize) -> Sums {
        let width = self.source.question.days.len();
        if self.gathered.len() <= depth {
            self.gathered.resize_with(depth + 1, || Sums::new(width));
        }
        self.gathered
            .get_mut(depth)
            .map_or_else(|| Sums::new(width), |sums| std::mem::replace(sums, Sums::new(width)))
    }

    fn put(&mut self, depth: usize, sums: Sums) {
        if let Some(gathered) = self.gathered.get_mut(depth) {
            *gathered = sums;
        }
    }
}

/// On which days customers have local backup.
struct Marks {
    first: Place,
    width: usize,
    days: Vec<bool>,
}

impl Marks {
    fn new(places: Range<Place>, width: usize) -> Self {
        Self { first: places.start, width, days: vec![false; places.len() * width] }
    }

    /// Customers at other places are passed over.
    fn set(&mut self, place: Place, day: usize) {
        let at = place.checked_sub(self.first).map(|at| at * self.width + day);
        if let Some(mark) = at.and_then(|at| self.days.get_mut(at)) {
            *mark = true;
        }
    }

    /// A mark for each day; `None` where there is none.
    fn days(&self, place: Place) -> Option<&[bool]> {
        let at = place.checked_sub(self.first)? * self.width;
        self.days.get(at..at + self.width).filter(|days| days.contains(&true))
    }
}
