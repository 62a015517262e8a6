//! Who stood below whom on which day.

use std::collections::BTreeMap;

use crate::history::Twig;
use crate::ids::{RANGE_TENANTS, RangeNo, TenantNo};
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
    parent: u32,
    kind: TenantKind,
    alive: bool,
}

/// Indexes by number: an array for each range, as numbers are dense there.
#[derive(Debug, Default)]
struct ByNumber(BTreeMap<RangeNo, Vec<u32>>);

/// The index of a number that no tenant has.
const NOBODY: u32 = u32::MAX;

impl ByNumber {
    fn offset(no: TenantNo) -> usize {
        usize::try_from(no.0.rem_euclid(RANGE_TENANTS)).unwrap_or(0)
    }

    fn insert(&mut self, no: TenantNo, index: Index) {
        let all = usize::try_from(RANGE_TENANTS).unwrap_or(0);
        let of_range = self.0.entry(no.range()).or_insert_with(|| vec![NOBODY; all]);
        if let Some(slot) = of_range.get_mut(Self::offset(no)) {
            *slot = u32::try_from(index).unwrap_or(NOBODY);
        }
    }

    fn get(&self, no: TenantNo) -> Option<Index> {
        let index = *self.0.get(&no.range())?.get(Self::offset(no))?;
        (index != NOBODY).then_some(index as Index)
    }
}

/// The tree of every day.
#[derive(Debug)]
pub(super) struct Tree {
    numbers: Vec<TenantNo>,
    by_number: ByNumber,
    links: Vec<Timeline<Link>>,
    /// On which day each tenant was made.
    born: Vec<Day>,
    /// From when on each tenant's own mode counts as production.
    production_from: Vec<Option<Day>>,
    subject: Index,
}

impl Tree {
    /// `None` when the subject is not among the tenants.
    pub(super) fn new<'a>(
        twigs: impl Iterator<Item = &'a Twig> + Clone,
        subject: TenantNo,
        as_known: Day,
    ) -> Option<Self> {
        let mut by_number = ByNumber::default();
        twigs.clone().enumerate().for_each(|(index, twig)| by_number.insert(twig.no, index));
        let links = twigs.clone().enumerate().map(|(index, twig)| links(index, twig, &by_number)).collect();
        let born = twigs.clone().map(|twig| twig.created_at.day()).collect();
        let production_from = twigs
            .clone()
            .map(|twig| counts_as_production_from(&twig.pricing_mode, twig.created_at, as_known))
            .collect();
        let subject = by_number.get(subject)?;
        Some(Self {
            numbers: twigs.map(|twig| twig.no).collect(),
            by_number,
            links,
            born,
            production_from,
            subject,
        })
    }

    /// Whom the report is about.
    pub(super) fn subject(&self) -> Index {
        self.subject
    }

    /// How many tenants there are.
    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    /// The number of the tenant.
    #[expect(clippy::indexing_slicing, reason = "an Index comes from numbering the tenants and nowhere else")]
    pub(super) fn no(&self, tenant: Index) -> TenantNo {
        self.numbers[tenant]
    }

    /// The tenant with this number.
    pub(super) fn find(&self, no: TenantNo) -> Option<Index> {
        self.by_number.get(no)
    }

    /// What the tenant was on the day.
    pub(super) fn kind(&self, tenant: Index, day: Day) -> TenantKind {
        self.link(tenant, day).kind
    }

    /// Its parent on the day; a top tenant is its own.
    pub(super) fn parent(&self, tenant: Index, day: Day) -> Index {
        self.link(tenant, day).parent as Index
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

    /// The first day after `day` on which something of the tenant's chain changes.
    pub(super) fn next_change(&self, tenant: Index, day: Day) -> Option<Day> {
        self.chain(tenant, day).filter_map(|at| self.links.get(at)?.next_change(day)).min()
    }

    /// The day on which the tenant was made. Its first version reaches back for ever, so that what it used before is not
    /// lost, but it is counted from that day on alone (reports-api, 10).
    #[expect(clippy::indexing_slicing, reason = "an Index comes from numbering the tenants and nowhere else")]
    pub(super) fn born(&self, tenant: Index) -> Day {
        self.born[tenant]
    }

    /// From when on the tenant's own mode counts as production.
    pub(super) fn production_from(&self, tenant: Index) -> Option<Day> {
        self.production_from.get(tenant).copied().flatten()
    }

    /// The first day after `day` on which something of the tenant itself changes.
    pub(super) fn next_own_change(&self, tenant: Index, day: Day) -> Option<Day> {
        self.links.get(tenant)?.next_change(day)
    }

    /// Whether the tenant is not deleted on the day.
    pub(super) fn is_alive(&self, tenant: Index, day: Day) -> bool {
        self.link(tenant, day).alive
    }

    /// Whether the tenant is the subject or below it on the day, with nobody deleted in between.
    pub(super) fn is_member(&self, tenant: Index, day: Day) -> bool {
        self.chain(tenant, day).take_while(|at| self.link(*at, day).alive).any(|at| at == self.subject)
    }

    #[expect(clippy::indexing_slicing, reason = "an Index comes from numbering the tenants and nowhere else")]
    fn link(&self, tenant: Index, day: Day) -> Link {
        *self.links[tenant].at(day)
    }
}

fn links(index: Index, twig: &Twig, by_number: &ByNumber) -> Timeline<Link> {
    let days = twig.parent.changes().chain(twig.kind.changes()).chain(twig.deleted.changes());
    Timeline::composed(days, |day| Link {
        parent: u32::try_from(by_number.get(*twig.parent.at(day)).unwrap_or(index)).unwrap_or(u32::MAX),
        kind: *twig.kind.at(day),
        alive: !*twig.deleted.at(day),
    })
}
