//! The one fold behind all reports: from the meters of each tenant up to the subject.
//!
//! Places are visited backwards, so that children come before their parent. What a tenant used itself is added to what its
//! children gave, kept if its rows are wanted, and added to what its parent will get: every meter is read once, and
//! every sum is added once more at each tenant above.

use std::ops::Range;

use super::counters::{CUSTOMERS, Counters, PARTNERS, WITH_LOCAL_BACKUP};
use super::guests::{self, Guests};
use super::members::{Members, Place};
use super::meters::Meters;
use super::question::Question;
use super::sums::{Accounts, Column, Kept, Sums};
use crate::catalogue::ItemNumbers;
use crate::history::{Archive, Damaged};
use crate::tenant::TenantKind;
use crate::threads::on_two_threads;

/// What is folded.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) archive: &'a Archive,
    pub(super) members: &'a Members,
    pub(super) question: &'a Question,
    pub(super) guests: &'a Guests,
    pub(super) numbers: &'a ItemNumbers,
}

/// Two threads take pieces of a run of so many members in turn. Smaller ones are not worth the way to another thread; but to
/// tests, whose channels are small.
const MEMBERS_OF_PIECE: usize = if cfg!(test) { 2 } else { 1 << 11 };

/// Folds runs of places, given in order, that together are whole subtrees; keeps the sums of those that are hosts.
pub(super) fn fold(
    source: Source<'_>,
    runs: &[Range<Place>],
    counters: &mut Counters,
    is_host: impl Fn(Place) -> bool + Sync,
) -> Result<Accounts, Damaged> {
    let mut accounts = Accounts::default();
    let mut gathered = Gathered::default();
    for run in runs.iter().rev() {
        let meters = Meters::read(source, run.clone(), counters)?;
        let common = Common { source, counters, meters: &meters, is_host: &is_host };
        gathered = common.sweep(run, gathered, &mut accounts);
    }
    accounts.in_order();
    Ok(accounts)
}

/// What the tenants visited so far have given to those above them that are still to come.
#[derive(Default)]
struct Gathered {
    /// By depth: what goes to the parent, which comes next at that depth.
    sums: Vec<Sums>,
    /// Customers that have local backup by what stands below them, each with the number of the day.
    backed_up: Vec<(Place, usize)>,
}

/// What two threads have in common.
struct Common<'a, F> {
    source: Source<'a>,
    counters: &'a Counters,
    meters: &'a Meters,
    is_host: &'a F,
}

impl<F: Fn(Place) -> bool + Sync> Common<'_, F> {
    /// Goes through a run from its end, where `gathered` is what those behind it give to parents in it or before it; gives
    /// what the run itself gives on.
    fn sweep(&self, run: &Range<Place>, gathered: Gathered, accounts: &mut Accounts) -> Gathered {
        let pieces = self.pieces(run);
        let mut all = Sweep::new(self, run.clone(), gathered);
        let swept = on_two_threads(&pieces, |piece| match piece {
            Piece::Subtrees(places) => {
                let mut sweep = Sweep::new(self, places.clone(), Gathered::default());
                let kept = sweep.visit_all(places.clone());
                Some((sweep.gathered, kept))
            }
            Piece::Joint(_) => None,
        });
        for (piece, swept) in pieces.into_iter().zip(swept).rev() {
            if let Some((gathered, kept)) = swept {
                all.absorb(gathered);
                accounts.push(kept);
            }
            if let Piece::Joint(place) = piece {
                accounts.push(all.visit_all(place..place + 1));
            }
        }
        all.gathered
    }

    /// Cuts a run into whole subtrees and the members above them.
    fn pieces(&self, run: &Range<Place>) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut subtrees = run.start..run.start;
        while subtrees.end < run.end {
            let place = subtrees.end;
            let end = self.source.members.at(place).end();
            let is_joint = end > run.end || end - place > MEMBERS_OF_PIECE;
            if !subtrees.is_empty() && (is_joint || end - subtrees.start > MEMBERS_OF_PIECE) {
                pieces.push(Piece::Subtrees(subtrees));
                subtrees = place..place;
            }
            if is_joint {
                pieces.push(Piece::Joint(place));
                subtrees = place + 1..place + 1;
            } else {
                subtrees.end = end;
            }
        }
        if !subtrees.is_empty() {
            pieces.push(Piece::Subtrees(subtrees));
        }
        pieces
    }
}

/// A part of a run.
enum Piece {
    /// Whole subtrees, one after the other: all that is given to their members comes from members among them.
    Subtrees(Range<Place>),
    /// A member with more below it than one piece or the run holds: it comes when all those are done.
    Joint(Place),
}

/// One thread's way through some places, from the last to the first.
struct Sweep<'a, F> {
    common: &'a Common<'a, F>,
    gathered: Gathered,
    /// Which customers have local backup.
    backed_up: Marks,
}

impl<'a, F: Fn(Place) -> bool> Sweep<'a, F> {
    fn new(common: &'a Common<'a, F>, places: Range<Place>, mut gathered: Gathered) -> Self {
        let Source { members, question, guests, .. } = common.source;
        let width = question.days.len();
        let deepest = places.clone().map(|place| members.at(place).depth()).max().unwrap_or(0);
        gathered.sums.resize_with(gathered.sums.len().max(deepest + 2), || Sums::new(width));
        let mut backed_up = Marks::new(places.clone(), width);
        for (place, day) in &guests.backed_up {
            backed_up.set(*place, *day);
        }
        gathered.backed_up.retain(|(place, day)| !backed_up.set(*place, *day));
        Self { common, gathered, backed_up }
    }

    fn visit_all(&mut self, places: Range<Place>) -> Kept {
        let mut kept = Kept::new(self.common.source.question.days.len(), places.clone());
        for place in places.rev() {
            self.visit(place, &mut kept);
        }
        kept
    }

    fn visit(&mut self, place: Place, kept: &mut Kept) {
        let depth = self.common.source.members.at(place).depth();
        let Gathered { sums, backed_up } = &mut self.gathered;
        let Some([above, sums]) = sums.get_mut(depth..).and_then(<[Sums]>::first_chunk_mut) else { return };
        add_meters(self.common, place, sums, |customer, day| {
            if !self.backed_up.set(customer, day) {
                backed_up.push((customer, day));
            }
        });
        if (self.common.is_host)(place) {
            keep(self.common, place, sums, kept);
        }
        above.absorb(sums);
        count_itself(self.common, place, above, &self.backed_up);
        sums.clear();
    }

    /// Adds what others give to those that are still to come.
    fn absorb(&mut self, others: Gathered) {
        let width = self.common.source.question.days.len();
        let Gathered { sums, backed_up } = &mut self.gathered;
        sums.resize_with(sums.len().max(others.sums.len()), || Sums::new(width));
        sums.iter_mut().zip(&others.sums).for_each(|(own, others)| own.absorb(others));
        let others = others.backed_up.into_iter();
        backed_up.extend(others.filter(|(place, day)| !self.backed_up.set(*place, *day)));
    }
}

/// What the tenant used itself.
fn add_meters<F>(
    common: &Common<'_, F>,
    place: Place,
    sums: &mut Sums,
    mut has_local_backup: impl FnMut(Place, usize),
) {
    let Source { members, question, .. } = common.source;
    let Some(trial) = members.at(place).settled else { return };
    let leaves_out = trial && question.leave_out_trial;
    common.meters.each(members.at(place).no, |counter, meter| {
        if !leaves_out {
            sums.add(counter, Column::levels(trial), meter.levels, meter.used);
            sums.cells += meter.cells;
        }
        if common.counters.is_local_storage(counter)
            && let Some(customer) = guests::backed_up(members, place, question.last())
        {
            let used = meter.levels.iter().enumerate().filter(|(_, level)| **level > 0);
            used.for_each(|(day, _)| has_local_backup(customer, day));
        }
    });
}

/// Keeps what counts for the tenant, with the days that unsettled ones spent there.
fn keep<F>(common: &Common<'_, F>, place: Place, sums: &Sums, kept: &mut Kept) {
    let Source { members, question, guests, .. } = common.source;
    let visits = members.visits_to(place);
    if visits.is_empty() {
        return kept.keep(place, sums);
    }
    let mut sums = sums.clone();
    for visit in visits {
        guests.add(&mut sums, visit, members, question, common.counters);
    }
    kept.keep(place, &sums);
}

/// What the tenant is to those above it, from the day on which it was made: nobody is its own customer or partner.
fn count_itself<F>(common: &Common<'_, F>, place: Place, above: &mut Sums, backed_up: &Marks) {
    let Source { members, question, .. } = common.source;
    let member = members.at(place);
    let Some(trial) = member.settled.filter(|trial| !(*trial && question.leave_out_trial)) else { return };
    let counter = match member.kind {
        TenantKind::Customer => CUSTOMERS,
        TenantKind::Partner => PARTNERS,
        _ => return,
    };
    let born = question.at_or_after(members.tree.born(member.tenant()));
    above.count(counter, Column::levels(trial), born, std::iter::repeat(true));
    if member.kind == TenantKind::Customer
        && let Some(days) = backed_up.days(place)
    {
        above.count(WITH_LOCAL_BACKUP, Column::levels(trial), born, days.iter().copied());
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

    /// Marks the customer, unless it stands elsewhere.
    fn set(&mut self, place: Place, day: usize) -> bool {
        let at = place.checked_sub(self.first).map(|at| at * self.width + day);
        let mark = at.and_then(|at| self.days.get_mut(at));
        mark.map(|mark| *mark = true).is_some()
    }

    /// A mark for each day; `None` where there is none.
    fn days(&self, place: Place) -> Option<&[bool]> {
        let at = place.checked_sub(self.first)? * self.width;
        self.days.get(at..at + self.width).filter(|days| days.contains(&true))
    }
}
