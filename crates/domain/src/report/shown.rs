//! Who has rows, and for which days.

use super::members::{Members, Place, SUBJECT};
use super::stays::Stay;
use super::{Level, TenantTimeline};
use crate::tenant::TenantKind;
use crate::time::Day;

/// By place: the days for which each member has rows.
#[derive(Debug)]
pub(super) struct Shown(Vec<Vec<Stay>>);

impl Shown {
    /// By the level and the tree of each day from `start` on, none where a tenant between the two is closed (reports-api, 9.1).
    pub(super) fn new(members: &Members, tenants: &[TenantTimeline], start: Day, level: Level) -> Self {
        Self(members.subtree().map(|place| shown_on(members, tenants, start, level, place)).collect())
    }

    /// Whether the member has rows. The subject always has.
    pub(super) fn is_shown(&self, place: Place) -> bool {
        place == SUBJECT || !self.on(place).is_empty()
    }

    /// The days for which it has.
    pub(super) fn on(&self, place: Place) -> &[Stay] {
        self.0.get(place).map_or(&[], Vec::as_slice)
    }
}

fn shown_on(
    members: &Members,
    tenants: &[TenantTimeline],
    start: Day,
    level: Level,
    place: Place,
) -> Vec<Stay> {
    let member = members.at(place);
    if place == SUBJECT {
        return members.stays(place).to_vec();
    }
    let subject = members.tree.subject();
    let is_open =
        |at: usize| tenants.get(at).is_some_and(|tenant| *tenant.ancestral_access.at(member.seen_last));
    let chain = members.tree.chain_to_subject(member.tenant(), member.seen_last);
    if !chain.skip(1).filter(|at| *at != subject).all(is_open) {
        return Vec::new();
    }
    let in_period = members.stays(place).iter().filter(|stay| stay.last >= start);
    let is_of_level = |stay: &&Stay| is_of_level(members, level, member.tenant(), stay.first.max(start));
    in_period.filter(is_of_level).copied().collect()
}

fn is_of_level(members: &Members, level: Level, tenant: usize, day: Day) -> bool {
    use TenantKind::{Customer, Folder, Partner};
    let kind = members.tree.kind(tenant, day);
    match level {
        Level::Itself => false,
        Level::DirectPartners => {
            members.tree.parent(tenant, day) == members.tree.subject()
                && matches!(kind, Partner | Folder | Customer)
        }
        Level::AllCustomers => matches!(kind, Partner | Folder | Customer),
        Level::Accounts => true,
        Level::AllPartners => matches!(kind, Partner | Folder),
    }
}
