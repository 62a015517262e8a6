//! The members of a report in the order of its rows.
//!
//! Everyone stands below the parent it had last within the period, so that a subtree is a run of places. Who stood there
//! on all days that are read, in one mode, is settled: what it used rolls up from child to parent. [`Visit`]s name the
//! tenants above all others, day by day.

use std::ops::Range;

use super::question::Question;
use super::stays::{Stay, Stays};
use super::tree::{Index, Tree};
use crate::ids::TenantNo;
use crate::time::Day;

/// A tenant's place in the order of the rows.
pub(super) type Place = usize;

/// The place of the report's subject.
pub(super) const SUBJECT: Place = 0;

/// A tenant that was below the subject, or is it.
#[derive(Debug)]
pub(super) struct Member {
    /// The tenant.
    pub(super) tenant: Index,
    /// How many tenants stand above it up to the subject.
    pub(super) depth: usize,
    /// Behind the last place of its subtree.
    pub(super) end: Place,
    /// The last day of the period on which it was below the subject: its rows show it as it was then.
    pub(super) seen_last: Day,
    /// Whether its usage goes to the trial column; `None` of those that are not settled.
    pub(super) settled: Option<bool>,
}

/// Days on which a member that is not settled counts for `host`, which may be itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visit {
    /// Whose figures it is part of.
    pub(super) host: Place,
    /// The member.
    pub(super) guest: Place,
    /// The days.
    pub(super) stay: Stay,
}

/// All members, and the tree they stand in.
#[derive(Debug)]
pub(super) struct Members {
    /// The tree of every day.
    pub(super) tree: Tree,
    stays: Stays,
    /// By place. Behind the subject's subtree stand those that left before the period began.
    list: Vec<Member>,
    /// By tenant.
    places: Vec<Option<u32>>,
    /// By host.
    visits: Vec<Visit>,
}

impl Members {
    /// Arranges the members of the days that are asked for; `sort` puts siblings in order, each with the day it was seen
    /// last on.
    pub(super) fn new(tree: Tree, question: &Question, mut sort: impl FnMut(&mut [(Index, Day)])) -> Self {
        let stays = Stays::new(&tree, question.first(), question.last());
        let mut members =
            Self { places: vec![None; tree.len()], tree, stays, list: Vec::new(), visits: Vec::new() };
        members.place_subtree(question, &mut sort);
        members.close_subtrees();
        members.place_the_gone();
        members.visits = members.visits();
        members
    }

    /// The member at this place.
    #[expect(clippy::indexing_slicing, reason = "a Place comes from numbering the list and nowhere else")]
    pub(super) fn at(&self, place: Place) -> &Member {
        &self.list[place]
    }

    /// Every place.
    pub(super) fn places(&self) -> Range<Place> {
        0..self.list.len()
    }

    /// The places of those that were below the subject within the period.
    pub(super) fn subtree(&self) -> Range<Place> {
        0..self.at(SUBJECT).end
    }

    /// The number of a member.
    pub(super) fn no(&self, place: Place) -> TenantNo {
        self.tree.no(self.at(place).tenant)
    }

    /// Where the tenant stands.
    pub(super) fn place(&self, tenant: Index) -> Option<Place> {
        self.places.get(tenant).copied().flatten().map(|place| place as Place)
    }

    /// When a member was below the subject, oldest first.
    pub(super) fn stays(&self, place: Place) -> &[Stay] {
        self.stays.of(self.at(place).tenant)
    }

    /// The days on which unsettled members count for this one.
    pub(super) fn visits_to(&self, host: Place) -> &[Visit] {
        let from = self.visits.partition_point(|visit| visit.host < host);
        let behind = self.visits.partition_point(|visit| visit.host <= host);
        self.visits.get(from..behind).unwrap_or_default()
    }

    /// The subject and all that were below it within the period, depth first.
    fn place_subtree(&mut self, question: &Question, sort: &mut impl FnMut(&mut [(Index, Day)])) {
        let subject = self.tree.subject();
        let seen_last = |tenant| self.stays.of(tenant).last().map(|stay| stay.last);
        let of_period = |tenant| seen_last(tenant).filter(|day| *day >= question.period.start);
        let mut below = Children::new(&self.tree, subject, of_period);
        let mut waiting = vec![(subject, of_period(subject).unwrap_or(question.last()), 0)];
        while let Some((tenant, seen_last, depth)) = waiting.pop() {
            let settled = match self.stays.of(tenant) {
                [stay] if (stay.first, stay.last) == (question.first(), question.last()) => Some(stay.trial),
                _ => None,
            };
            if let Some(place) = self.places.get_mut(tenant) {
                *place = u32::try_from(self.list.len()).ok();
            }
            self.list.push(Member { tenant, depth, end: 0, seen_last, settled });
            let children = below.of(tenant);
            sort(children);
            waiting.extend(children.iter().rev().map(|(child, seen_last)| (*child, *seen_last, depth + 1)));
        }
    }

    /// Gives every place of the subtree its end: backwards, from subtree to subtree.
    fn close_subtrees(&mut self) {
        for place in (0..self.list.len()).rev() {
            let depth = self.at(place).depth;
            let mut end = place + 1;
            while let Some(next) = self.list.get(end).filter(|next| next.depth > depth) {
                end = next.end;
            }
            if let Some(member) = self.list.get_mut(place) {
                member.end = end;
            }
        }
    }

    /// Those that left before the period began: they have no rows but count in what parents had at its begin.
    fn place_the_gone(&mut self) {
        for tenant in 0..self.tree.len() {
            let Some(stay) = self.stays.of(tenant).last() else { continue };
            if let Some(place) = self.places.get_mut(tenant).filter(|place| place.is_none()) {
                *place = u32::try_from(self.list.len()).ok();
                let end = self.list.len() + 1;
                self.list.push(Member { tenant, depth: 0, end, seen_last: stay.last, settled: None });
            }
        }
    }

    fn visits(&self) -> Vec<Visit> {
        let unsettled = self.places().filter(|place| self.at(*place).settled.is_none());
        let stays = unsettled.flat_map(|guest| self.stays(guest).iter().map(move |stay| (guest, *stay)));
        let visits = stays.flat_map(|(guest, stay)| {
            let hosts = self.tree.chain_to_subject(self.at(guest).tenant, stay.first);
            hosts.filter_map(|host| self.place(host)).map(move |host| Visit { host, guest, stay })
        });
        let mut visits: Vec<Visit> = visits.collect();
        visits.sort_by_key(|visit| visit.host);
        visits
    }
}

/// By tenant: those whose last parent within the period it was, each with the day it was seen last on.
struct Children {
    list: Vec<(Index, Day)>,
    /// Where those of each tenant begin, and behind the last.
    starts: Vec<usize>,
}

impl Children {
    fn new(tree: &Tree, subject: Index, seen_last: impl Fn(Index) -> Option<Day>) -> Self {
        let others = (0..tree.len()).filter(|tenant| *tenant != subject);
        let seen = others.filter_map(|tenant| Some((tenant, seen_last(tenant)?)));
        let mut placed: Vec<(Index, (Index, Day))> =
            seen.map(|(tenant, day)| (tree.parent(tenant, day), (tenant, day))).collect();
        placed.sort_by_key(|(parent, _)| *parent);
        let mut starts = Vec::with_capacity(tree.len() + 1);
        for (at, (parent, _)) in placed.iter().enumerate() {
            starts.resize(starts.len().max(parent + 1), at);
        }
        starts.resize(tree.len() + 1, placed.len());
        Self { list: placed.into_iter().map(|(_, child)| child).collect(), starts }
    }

    fn of(&mut self, tenant: Index) -> &mut [(Index, Day)] {
        let range = self.starts.get(tenant).zip(self.starts.get(tenant + 1));
        range.and_then(|(from, behind)| self.list.get_mut(*from..*behind)).unwrap_or_default()
    }
}
