//! When each tenant was below the subject of a report.
//!
//! A tenant's life within the days a report reads is cut into stays: runs of days on which it was alive below the subject
//! and nothing changed in the chain between the two. Almost every tenant has one stay that covers everything.

use super::tree::{Index, Tree};
use crate::tenant::TenantKind;
use crate::time::Day;

/// Days in a row on which a tenant was below the subject, always by the same chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stay {
    /// The first of them.
    pub(super) first: Day,
    /// The last of them.
    pub(super) last: Day,
    /// Whether its usage goes to the trial column.
    pub(super) trial: bool,
}

impl Stay {
    /// Whether the tenant was there on the day.
    pub(super) fn contains(&self, day: Day) -> bool {
        self.first <= day && day <= self.last
    }
}

/// The stays of all tenants.
#[derive(Debug)]
pub(super) struct Stays {
    list: Vec<Stay>,
    /// Where those of each tenant begin, and behind the last.
    starts: Vec<u32>,
}

impl Stays {
    /// The stays within these days.
    pub(super) fn new(tree: &Tree, first: Day, last: Day) -> Self {
        let steady = Steadiness::of_all(tree, first, last);
        let mut stays =
            Self { list: Vec::with_capacity(tree.len()), starts: Vec::with_capacity(tree.len() + 1) };
        stays.starts.push(0);
        for tenant in 0..tree.len() {
            let payer = if steady.is(tenant) { tree.payer(tenant, first) } else { tenant };
            let follows = tree.kind(tenant, first) == TenantKind::Unit;
            if steady.is(tenant) && (!follows || payer != tenant && steady.is(payer)) {
                let production_from = tree.production_from(payer);
                stays.list.extend(split_by_mode(first, last, production_from));
            } else {
                stays.cut(tree, tenant, first, last);
            }
            stays.starts.push(u32::try_from(stays.list.len()).unwrap_or(u32::MAX));
        }
        stays
    }

    /// Those of one tenant, in order, each with one mode.
    pub(super) fn of(&self, tenant: Index) -> &[Stay] {
        let range = self.starts.get(tenant).zip(self.starts.get(tenant + 1));
        range.and_then(|(from, behind)| self.list.get(*from as usize..*behind as usize)).unwrap_or_default()
    }

    /// Goes from change to change of the chain.
    fn cut(&mut self, tree: &Tree, tenant: Index, first: Day, last: Day) {
        let oldest = self.list.len();
        let mut day = first;
        while day <= last {
            let end = tree.next_change(tenant, day).map_or(last, |change| change.previous().min(last));
            if tree.is_member(tenant, day) {
                let from = tree.production_from(tree.payer(tenant, day));
                for stay in split_by_mode(day, end, from) {
                    self.add(tree, tenant, oldest, stay);
                }
            }
            day = end.next();
        }
    }

    /// What changes above the subject, or back on the same day, makes no new stay.
    fn add(&mut self, tree: &Tree, tenant: Index, oldest: usize, stay: Stay) {
        let chain = |day| tree.chain_to_subject(tenant, day).map(move |at| (at, tree.kind(at, day)));
        match self.list.get_mut(oldest..).and_then(<[Stay]>::last_mut) {
            Some(before)
                if before.last.next() == stay.first
                    && before.trial == stay.trial
                    && chain(before.last).eq(chain(stay.first)) =>
            {
                before.last = stay.last;
            }
            _ => self.list.push(stay),
        }
    }
}

/// The trial days and the production days of a stay.
fn split_by_mode(first: Day, last: Day, production_from: Option<Day>) -> impl Iterator<Item = Stay> {
    let from = production_from.unwrap_or(last.next());
    let trial = Stay { first, last: last.min(from.previous()), trial: true };
    let production = Stay { first: first.max(from), last, trial: false };
    [trial, production].into_iter().filter(|stay| stay.first <= stay.last)
}

/// Who was below the subject on all of some days, with nothing changing in between.
struct Steadiness(Vec<Option<bool>>);

impl Steadiness {
    fn of_all(tree: &Tree, first: Day, last: Day) -> Self {
        let mut known = Self(vec![None; tree.len()]);
        let mut path = Vec::new();
        for tenant in 0..tree.len() {
            let mut at = tenant;
            let verdict = loop {
                if let Some(verdict) = known.0.get(at).copied().flatten() {
                    break verdict;
                }
                // Whoever comes back to it goes in a ring.
                known.set(at, false);
                path.push(at);
                let changes = tree.next_own_change(at, first).is_some_and(|day| day <= last);
                let parent = tree.parent(at, first);
                if changes || !tree.is_alive(at, first) {
                    break false;
                } else if at == tree.subject() {
                    break true;
                } else if parent == at {
                    break false;
                }
                at = parent;
            };
            path.drain(..).for_each(|at| known.set(at, verdict));
        }
        known
    }

    fn set(&mut self, tenant: Index, verdict: bool) {
        if let Some(known) = self.0.get_mut(tenant) {
            *known = Some(verdict);
        }
    }

    fn is(&self, tenant: Index) -> bool {
        self.0.get(tenant).copied().flatten() == Some(true)
    }
}
