//! The members of a report in the order of its rows.
//!
//! Everyone stands below the parent it had last within the period, so that a subtree is a run of places,
//! and the figures of a tenant are summed over that run. Tenants that stood elsewhere for some of the days
//! are left out of such runs; [`Visit`]s name, tenant by tenant above, the days on which they count there.

use std::ops::Range;

use super::tree::{Index, Stay, Tree};
use super::{Level, ReportInput, TenantTimeline};
use crate::tenant::TenantKind;
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
    /// When it was below the subject, oldest first.
    pub(super) stays: Vec<Stay>,
    /// The last of those days within the period: its rows show it as it was then.
    pub(super) seen_last: Day,
    /// Behind the last place of its subtree.
    pub(super) end: Place,
    /// Whether all its days were spent below the tenants it stands below here.
    pub(super) settled: bool,
    /// Those of its days for which the level gives it rows.
    pub(super) shown_on: Vec<Stay>,
    /// Whether it has rows.
    pub(super) shown: bool,
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

/// All members.
#[derive(Debug)]
pub(super) struct Members {
    /// By place. Behind the subject's subtree stand those that left before the period began.
    list: Vec<Member>,
    /// By host.
    visits: Vec<Visit>,
}

impl Members {
    /// Arranges the members of the days from `first` to the end of the period.
    pub(super) fn new(tree: &Tree, input: &ReportInput, first: Day) -> Self {
        let last = input.period.last();
        let stays: Vec<Vec<Stay>> =
            (0..input.tenants.len()).map(|tenant| tree.stays(tenant, first, last)).collect();
        let mut arrangement = Arrangement { tree, input, stays, list: Vec::new() };
        arrangement.place_subtree();
        arrangement.close_subtrees();
        arrangement.place_the_gone();
        let visits = visits(tree, &arrangement.list);
        Self { list: arrangement.list, visits }
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

    /// The days on which unsettled members count for this one.
    pub(super) fn visits(&self, host: Place) -> &[Visit] {
        let from = self.visits.partition_point(|visit| visit.host < host);
        let behind = self.visits.partition_point(|visit| visit.host <= host);
        self.visits.get(from..behind).unwrap_or_default()
    }
}

/// The members while they are being put in order.
struct Arrangement<'a> {
    tree: &'a Tree,
    input: &'a ReportInput,
    /// By tenant; taken out when the tenant gets its place.
    stays: Vec<Vec<Stay>>,
    list: Vec<Member>,
}

impl Arrangement<'_> {
    /// The subject and all that were below it within the period, depth first.
    fn place_subtree(&mut self) {
        let children = self.children();
        // The tenant and whether its parent is settled.
        let mut waiting = vec![(self.tree.subject(), true)];
        while let Some((tenant, parent_settled)) = waiting.pop() {
            let member = self.member(tenant, parent_settled);
            let settled = member.settled;
            self.list.push(member);
            let below = children.get(tenant).into_iter().flatten().rev();
            waiting.extend(below.map(|child| (*child, settled)));
        }
    }

    /// By tenant: those whose last parent within the period it was, by name, then id.
    fn children(&self) -> Vec<Vec<Index>> {
        let mut children = vec![Vec::new(); self.stays.len()];
        for tenant in (0..self.stays.len()).filter(|tenant| *tenant != self.tree.subject()) {
            let Some(day) = self.seen_last(tenant) else { continue };
            if let Some(siblings) = children.get_mut(self.tree.parent(tenant, day)) {
                siblings.push(tenant);
            }
        }
        for siblings in &mut children {
            siblings.sort_by_cached_key(|tenant| {
                let day = self.seen_last(*tenant);
                self.input.tenants.get(*tenant).zip(day).map(|(it, day)| (it.name.at(day).clone(), it.id))
            });
        }
        children
    }

    /// The last day of the period on which the tenant was below the subject.
    fn seen_last(&self, tenant: Index) -> Option<Day> {
        let last = self.stays.get(tenant)?.last()?.last;
        (last >= self.input.period.start).then_some(last)
    }

    fn member(&mut self, tenant: Index, parent_settled: bool) -> Member {
        let subject = self.tree.subject();
        let seen_last = self.seen_last(tenant).unwrap_or(self.input.period.last());
        let stays = self.stays.get_mut(tenant).map(std::mem::take).unwrap_or_default();
        let parent = self.tree.parent(tenant, seen_last);
        // If neither the parent ever stood elsewhere nor the tenant below another, no chain ever differed.
        let stayed = || stays.iter().all(|stay| self.tree.parent(tenant, stay.first) == parent);
        let settled = tenant == subject || parent_settled && stayed();
        let shown_on =
            if tenant == subject { stays.clone() } else { self.shown_on(tenant, &stays, seen_last) };
        let shown = tenant == subject || !shown_on.is_empty();
        Member { tenant, stays, seen_last, end: self.list.len() + 1, settled, shown_on, shown }
    }

    /// The days for which a tenant below the subject has rows: by the level and the tree of each day, none where a
    /// tenant between the two is closed (reports-api, 9.1).
    fn shown_on(&self, tenant: Index, stays: &[Stay], seen_last: Day) -> Vec<Stay> {
        let subject = self.tree.subject();
        let is_open = |at: &TenantTimeline| *at.ancestral_access.at(seen_last);
        let mut between = self.tree.chain_to_subject(tenant, seen_last).skip(1).filter(|at| *at != subject);
        if !between.all(|at| self.input.tenants.get(at).is_some_and(is_open)) {
            return Vec::new();
        }
        let start = self.input.period.start;
        let in_period = stays.iter().filter(|stay| stay.last >= start);
        in_period.filter(|stay| self.is_of_level(tenant, stay.first.max(start))).copied().collect()
    }

    fn is_of_level(&self, tenant: Index, day: Day) -> bool {
        use TenantKind::{Customer, Folder, Partner};
        let kind = self.tree.kind(tenant, day);
        match self.input.level {
            Level::Itself => false,
            Level::DirectPartners => {
                self.tree.parent(tenant, day) == self.tree.subject()
                    && matches!(kind, Partner | Folder | Customer)
            }
            Level::AllCustomers => matches!(kind, Partner | Folder | Customer),
            Level::Accounts => true,
            Level::AllPartners => matches!(kind, Partner | Folder),
        }
    }

    /// Gives every place of the subtree its end.
    fn close_subtrees(&mut self) {
        let mut places = vec![None; self.stays.len()];
        for (place, member) in self.list.iter().enumerate() {
            if let Some(slot) = places.get_mut(member.tenant) {
                *slot = Some(place);
            }
        }
        // Backwards, so that a subtree is complete before it is reported to the tenant above.
        for place in (1..self.list.len()).rev() {
            let Some(member) = self.list.get(place) else { continue };
            let (end, parent) = (member.end, self.tree.parent(member.tenant, member.seen_last));
            let above = places.get(parent).copied().flatten();
            if let Some(above) = above.and_then(|above| self.list.get_mut(above)) {
                above.end = above.end.max(end);
            }
        }
    }

    /// Those that left before the period began: they have no rows but count in what parents had at its begin.
    fn place_the_gone(&mut self) {
        for (tenant, stays) in std::mem::take(&mut self.stays).into_iter().enumerate() {
            if let Some(last) = stays.last() {
                let (seen_last, end) = (last.last, self.list.len() + 1);
                let shown_on = Vec::new();
                self.list.push(Member {
                    tenant,
                    stays,
                    seen_last,
                    end,
                    settled: false,
                    shown_on,
                    shown: false,
                });
            }
        }
    }
}

fn visits(tree: &Tree, list: &[Member]) -> Vec<Visit> {
    let shown: std::collections::HashMap<Index, Place> = list
        .iter()
        .enumerate()
        .filter(|(_, member)| member.shown)
        .map(|(place, member)| (member.tenant, place))
        .collect();
    let mut visits: Vec<Visit> = list
        .iter()
        .enumerate()
        .filter(|(_, member)| !member.settled)
        .flat_map(|(guest, member)| member.stays.iter().map(move |stay| (guest, member.tenant, *stay)))
        .flat_map(|(guest, tenant, stay)| {
            let hosts = tree.chain_to_subject(tenant, stay.first).filter_map(|host| shown.get(&host));
            hosts.map(move |host| Visit { host: *host, guest, stay })
        })
        .collect();
    visits.sort_unstable_by_key(|visit| visit.host);
    visits
}
