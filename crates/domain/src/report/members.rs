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
use crate::tenant::TenantKind;
use crate::time::Day;

/// A tenant's place in the order of the rows.
pub(super) type Place = usize;

/// The place of the report's subject.
pub(super) const SUBJECT: Place = 0;

/// A tenant that was below the subject, or is it. There are as many as a channel has tenants, so it is kept small.
#[derive(Debug)]
pub(super) struct Member {
    /// Its number.
    pub(super) no: TenantNo,
    tenant: u32,
    depth: u32,
    end: u32,
    /// The last day of the period on which it was below the subject: its rows show it as it was then.
    pub(super) seen_last: Day,
    /// What it was on the last day of the period.
    pub(super) kind: TenantKind,
    /// Whether its usage goes to the trial column; `None` of those that are not settled.
    pub(super) settled: Option<bool>,
}

impl Member {
    /// The tenant.
    pub(super) const fn tenant(&self) -> Index {
        self.tenant as Index
    }

    /// How many tenants stand above it up to the subject.
    pub(super) const fn depth(&self) -> usize {
        self.depth as usize
    }

    /// Behind the last place of its subtree.
    pub(super) const fn end(&self) -> Place {
        self.end as Place
    }
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

/// The place of a tenant that is no member.
const NOWHERE: u32 = u32::MAX;

/// All members, and the tree they stand in.
#[derive(Debug)]
pub(super) struct Members {
    /// The tree of every day.
    pub(super) tree: Tree,
    stays: Stays,
    /// By place. Behind the subject's subtree stand those that left before the period began.
    list: Vec<Member>,
    /// By tenant; [`NOWHERE`] of one that is no member.
    places: Vec<u32>,
    /// By host.
    visits: Vec<Visit>,
}

impl Members {
    /// Arranges the members of the days that are asked for; `sort` puts siblings in order, each with the day it was seen
    /// last on.
    pub(super) fn new(tree: Tree, question: &Question, mut sort: impl FnMut(&mut [(Index, Day)])) -> Self {
        let stays = Stays::new(&tree, question.first(), question.last());
        let mut members =
            Self { places: vec![NOWHERE; tree.len()], tree, stays, list: Vec::new(), visits: Vec::new() };
        members.place_subtree(question, &mut sort);
        members.close_subtrees();
        members.place_the_gone(question);
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
        0..self.at(SUBJECT).end()
    }

    /// Where the tenant stands.
    pub(super) fn place(&self, tenant: Index) -> Option<Place> {
        self.places.get(tenant).filter(|place| **place != NOWHERE).map(|place| *place as Place)
    }

    /// When a member was below the subject, oldest first.
    pub(super) fn stays(&self, place: Place) -> &[Stay] {
        self.stays.of(self.at(place).tenant())
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
        self.list.reserve(below.list.len() + 1);
        while let Some((tenant, seen_last, depth)) = waiting.pop() {
            let settled = match self.stays.of(tenant) {
                [stay] if (stay.first, stay.last) == (question.first(), question.last()) => Some(stay.trial),
                _ => None,
            };
            self.push(tenant, depth, seen_last, settled, question);
            let children = below.of(tenant);
            sort(children);
            waiting.extend(children.iter().rev().map(|(child, seen_last)| (*child, *seen_last, depth + 1)));
        }
    }

    fn push(
        &mut self,
        tenant: Index,
        depth: u32,
        seen_last: Day,
        settled: Option<bool>,
        question: &Question,
    ) {
        let place = u32::try_from(self.list.len()).unwrap_or(NOWHERE);
        if let Some(known) = self.places.get_mut(tenant) {
            *known = place;
        }
        self.list.push(Member {
            no: self.tree.no(tenant),
            tenant: u32::try_from(tenant).unwrap_or(u32::MAX),
            depth,
            end: place.saturating_add(1),
            seen_last,
            kind: self.tree.kind(tenant, question.last()),
            settled,
        });
    }

    /// Gives every place of the subtree its end: backwards, from subtree to subtree.
    fn close_subtrees(&mut self) {
        for place in (0..self.list.len()).rev() {
            let depth = self.at(place).depth;
            let mut end = self.at(place).end;
            while let Some(next) = self.list.get(end as Place).filter(|next| next.depth > depth) {
                end = next.end;
            }
            if let Some(member) = self.list.get_mut(place) {
                member.end = end;
            }
        }
    }

    /// Those that left before the period began: they have no rows but count in what parents had at its begin.
    fn place_the_gone(&mut self, question: &Question) {
        for tenant in 0..self.tree.len() {
            let Some(stay) = self.stays.of(tenant).last().copied() else { continue };
            if self.place(tenant).is_none() {
                self.push(tenant, 0, stay.last, None, question);
            }
        }
    }

    fn visits(&self) -> Vec<Visit> {
        let unsettled = self.places().filter(|place| self.at(*place).settled.is_none());
        let stays = unsettled.flat_map(|guest| self.stays(guest).iter().map(move |stay| (guest, *stay)));
        let visits = stays.flat_map(|(guest, stay)| {
            let hosts = self.tree.chain_to_subject(self.at(guest).tenant(), stay.first);
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
    starts: Vec<u32>,
}

impl Children {
    /// Counts those of each parent first, and then puts each where there is room for it.
    fn new(tree: &Tree, subject: Index, seen_last: impl Fn(Index) -> Option<Day>) -> Self {
        let seen = |tenant| {
            let day = seen_last(tenant).filter(|_| tenant != subject)?;
            Some((tree.parent(tenant, day), day))
        };
        let mut starts = vec![0_u32; tree.len() + 1];
        for (parent, _) in (0..tree.len()).filter_map(seen) {
            if let Some(count) = starts.get_mut(parent) {
                *count += 1;
            }
        }
        let mut behind = 0;
        for start in &mut starts {
            behind += *start;
            *start = behind;
        }
        let mut list = vec![(0, Day(0)); behind as usize];
        for tenant in (0..tree.len()).rev() {
            let Some((parent, day)) = seen(tenant) else { continue };
            if let Some(start) = starts.get_mut(parent) {
                *start -= 1;
                if let Some(child) = list.get_mut(*start as usize) {
                    *child = (tenant, day);
                }
            }
        }
        Self { list, starts }
    }

    fn of(&mut self, tenant: Index) -> &mut [(Index, Day)] {
        let range = self.starts.get(tenant).zip(self.starts.get(tenant + 1));
        range
            .and_then(|(from, behind)| self.list.get_mut(*from as usize..*behind as usize))
            .unwrap_or_default()
    }
}
