//! The one fold behind all reports: from the meters of each tenant up to the subject.
//!
//! Places are visited backwards, so that children come before their parent. What a tenant used itself is added to what its
//! children gave, kept if its rows are wanted, and added to what its parent will get: every meter is read once, and
//! every sum is added once more at each tenant above.

use std::ops::Range;

use super::counters::{CUSTOMERS, Counters, PARTNERS, WITH_LOCAL_BACKUP};
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
    let mut backed_up = Marks::new(places.clone(), width);
    for (place, day) in &source.guests.backed_up {
        backed_up.set(*place, *day);
    }
    let mut own = Own { source, counters, backed_up };
    let depth = |run: &Range<Place>| run.clone().map(|place| source.members.at(place).depth).max();
    let deepest = runs.iter().filter_map(depth).max().unwrap_or(0);
    // By depth: what the tenants visited there have given their parent, which comes next.
    let mut gathered = vec![Sums::new(width); deepest + 2];
    let mut accounts = Accounts::new(width, places);
    for run in runs.iter().rev() {
        let meters = Meters::read(source.archive, source.members, source.question, run.clone())?;
        for place in run.clone().rev() {
            let Some([above, sums]) =
                gathered.get_mut(source.members.at(place).depth..).and_then(<[Sums]>::first_chunk_mut)
            else {
                continue;
            };
            own.add_meters(place, &meters, sums);
            if is_host(place) {
                own.keep(place, sums, &mut accounts);
            }
            above.absorb(sums);
            own.count_itself(place, above);
            sums.clear();
        }
    }
    Ok(accounts)
}

/// What tenants are and use themselves.
struct Own<'a> {
    source: Source<'a>,
    counters: &'a mut Counters,
    /// Which customers have local backup.
    backed_up: Marks,
}

impl Own<'_> {
    /// What the tenant used itself.
    fn add_meters(&mut self, place: Place, meters: &Meters, sums: &mut Sums) {
        let Source { members, question, numbers, .. } = self.source;
        let Some(trial) = members.at(place).settled else { return };
        for meter in meters.of(members.no(place)) {
            let counter = self.counters.find(meter.key.item, meter.key.infra, numbers);
            if !self.leaves_out(trial) {
                sums.add(counter, Column::levels(trial), meter.levels, meter.used);
                sums.cells += meter.cells;
            }
            if self.counters.is_local_storage(counter)
                && let Some(customer) = backed_up(members, place, question.last())
            {
                let used = meter.levels.iter().enumerate().filter(|(_, level)| **level > 0);
                used.for_each(|(day, _)| self.backed_up.set(customer, day));
            }
        }
    }

    /// Keeps what counts for the tenant, with the days that unsettled ones spent there.
    fn keep(&self, place: Place, sums: &Sums, accounts: &mut Accounts) {
        let Source { members, question, guests, .. } = self.source;
        let visits = members.visits_to(place);
        if visits.is_empty() {
            return accounts.keep(place, sums);
        }
        let mut sums = sums.clone();
        for visit in visits {
            guests.add(&mut sums, visit, members, question, self.counters);
        }
        accounts.keep(place, &sums);
    }

    /// What the tenant is to those above it: nobody is its own customer or partner.
    fn count_itself(&self, place: Place, above: &mut Sums) {
        let Source { members, question, .. } = self.source;
        let Some(trial) = members.at(place).settled.filter(|trial| !self.leaves_out(*trial)) else { return };
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
