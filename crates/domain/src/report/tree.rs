//! Who stood below whom on which day.
//!
//! A tenant's life within the days a report reads is cut into stays: runs of days on which it was alive
//! below the subject and nothing changed in the chain above it. Almost every tenant has one stay that
//! covers everything.

use std::collections::HashMap;

use super::TenantTimeline;
use crate::ids::TenantNo;
use crate::pricing::counts_as_production_from;
use crate::tenant::TenantKind;
use crate::time::Day;
use crate::timeline::Timeline;

/// A tenant's place among the tenants of the input.
pub(super) type Index = usize;

/// What binds a tenant into the tree of a day.
#[derive(Debug, Clone, Copy)]
struct Link {
    /// A top tenant, or one whose parent the input does not hold, is its own.
    parent: Index,
    kind: TenantKind,
    alive: bool,
}

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

/// The tree of every day.
#[derive(Debug)]
pub(super) struct Tree {
    links: Vec<Timeline<Link>>,
    /// From when on each tenant's own mode counts as production.
    production_from: Vec<Option<Day>>,
    subject: Index,
}

impl Tree {
    /// `None` when the subject is not among the tenants.
    pub(super) fn new(tenants: &[TenantTimeline], subject: TenantNo, as_known: Day) -> Option<Self> {
        let numbers: HashMap<TenantNo, Index> =
            tenants.iter().enumerate().map(|(index, tenant)| (tenant.no, index)).collect();
        let links =
            tenants.iter().enumerate().map(|(index, tenant)| links(index, tenant, &numbers)).collect();
        let production_from = tenants
            .iter()
            .map(|tenant| counts_as_production_from(&tenant.pricing_mode, tenant.created_at, as_known))
            .collect();
        Some(Self { links, production_from, subject: *numbers.get(&subject)? })
    }

    /// Whom the report is about.
    pub(super) fn subject(&self) -> Index {
        self.subject
    }

    /// What the tenant was on the day.
    pub(super) fn kind(&self, tenant: Index, day: Day) -> TenantKind {
        self.link(tenant, day).kind
    }

    /// Its parent on the day; a top tenant is its own.
    pub(super) fn parent(&self, tenant: Index, day: Day) -> Index {
        self.link(tenant, day).parent
    }

    /// The tenant itself, its parent of the day, and so on to the top.
    pub(super) fn chain(&self, tenant: Index, day: Day) -> impl Iterator<Item = Index> {
        let above = move |at: &Index| Some(self.parent(*at, day)).filter(|parent| parent != at);
        // A ring of parents is a fault of the data; it must not become an endless loop.
        std::iter::successors(Some(tenant), above).take(self.links.len())
    }

    /// The chain up to the subject, which must be in it.
    pub(super) fn chain_to_subject(&self, tenant: Index, day: Day) -> impl Iterator<Item = Index> {
        let mut arrived = false;
        self.chain(tenant, day).take_while(move |at| !std::mem::replace(&mut arrived, *at == self.subject))
    }

    /// Whose mode the tenant's is: units and personal tenants follow their customer (reports-api, 10).
    pub(super) fn payer(&self, tenant: Index, day: Day) -> Index {
        if self.kind(tenant, day) != TenantKind::Unit {
            return tenant;
        }
        self.chain(tenant, day).find(|at| self.kind(*at, day) == TenantKind::Customer).unwrap_or(tenant)
    }

    /// The tenant's stays from `first` to `last`, in order, each with one mode.
    pub(super) fn stays(&self, tenant: Index, first: Day, last: Day) -> Vec<Stay> {
        let mut stays = Vec::new();
        let mut day = first;
        while day <= last {
            let end = self.next_change(tenant, day).map_or(last, |change| change.previous().min(last));
            if self.is_member(tenant, day) {
                let from = self.production_from.get(self.payer(tenant, day)).copied().flatten();
                stays.extend(split_by_mode(day, end, from));
            }
            day = end.next();
        }
        stays
    }

    /// Whether the tenant is the subject or below it on the day, with nobody deleted in between.
    fn is_member(&self, tenant: Index, day: Day) -> bool {
        self.chain(tenant, day).take_while(|at| self.link(*at, day).alive).any(|at| at == self.subject)
    }

    /// The first day after `day` on which something of the tenant's chain changes.
    fn next_change(&self, tenant: Index, day: Day) -> Option<Day> {
        self.chain(tenant, day).filter_map(|at| self.links.get(at)?.next_change(day)).min()
    }

    #[expect(clippy::indexing_slicing, reason = "an Index comes from numbering the links and nowhere else")]
    fn link(&self, tenant: Index, day: Day) -> Link {
        *self.links[tenant].at(day)
    }
}

fn links(index: Index, tenant: &TenantTimeline, numbers: &HashMap<TenantNo, Index>) -> Timeline<Link> {
    let days = tenant.parent.changes().chain(tenant.kind.changes()).chain(tenant.deleted.changes());
    Timeline::composed(days, |day| Link {
        parent: numbers.get(tenant.parent.at(day)).copied().unwrap_or(index),
        kind: *tenant.kind.at(day),
        alive: !*tenant.deleted.at(day),
    })
}

/// The trial days and the production days of a stay.
fn split_by_mode(first: Day, last: Day, production_from: Option<Day>) -> impl Iterator<Item = Stay> {
    let from = production_from.unwrap_or(last.next());
    let trial = Stay { first, last: last.min(from.previous()), trial: true };
    let production = Stay { first: first.max(from), last, trial: false };
    [trial, production].into_iter().filter(|stay| stay.first <= stay.last)
}
