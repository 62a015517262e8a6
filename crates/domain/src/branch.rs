//! A tenant and what stood below it, day by day: whose usage whoever looks at the tenant sees on which day.
//!
//! A day belongs to the parent that held the tenant at its end, as in reports. Deleted tenants have no days, and a tenant
//! that hides its inside (`ancestral_access` false) hides it from here too, though not itself (reports-api, 9.1).

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::billing::BillingDay;
use crate::ids::{TenantId, TenantNo};
use crate::time::Day;
use crate::timeline::Timeline;
use crate::usage::MeterKey;

/// A tenant over time, as far as it matters here.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its id.
    pub id: TenantId,
    /// Its display name.
    pub name: Timeline<String>,
    /// Its parent; a top tenant is its own.
    pub parent: Timeline<TenantNo>,
    /// Whether it is deleted.
    pub deleted: Timeline<bool>,
    /// Whether those above may look inside.
    pub open: Timeline<bool>,
    /// The first day of its billing month.
    pub billing_day: Timeline<BillingDay>,
}

/// Some tenants of a branch, with all that stood between them and its root.
#[derive(Debug, Clone)]
pub struct Branch {
    /// Whose branch it is.
    pub subject: TenantNo,
    /// The tenants by number. Others than those of the branch do no harm.
    pub nodes: BTreeMap<TenantNo, Node>,
    /// Of items that have or had one of their own: the first day of their billing month.
    pub billing_days: HashMap<MeterKey, Timeline<Option<BillingDay>>>,
}

impl Branch {
    /// On which days the subject sees the tenant.
    pub fn sees(&self, tenant: TenantNo) -> Timeline<bool> {
        let mut days = Vec::new();
        let (mut waiting, mut passed) = (vec![tenant], HashSet::new());
        while let Some(no) = waiting.pop() {
            let Some(node) = self.nodes.get(&no).filter(|_| passed.insert(no)) else { continue };
            days.extend(node.deleted.changes());
            if no != self.subject {
                days.extend(node.parent.changes().chain(node.open.changes()));
                waiting.extend(node.parent.versions().map(|(_, parent)| *parent));
            }
        }
        Timeline::composed(days.into_iter(), |day| self.sees_on(tenant, day))
    }

    fn sees_on(&self, tenant: TenantNo, day: Day) -> bool {
        let mut at = tenant;
        // A ring of parents is a fault of the data; it must not become an endless loop.
        for _ in 0..=self.nodes.len() {
            let Some(node) = self.nodes.get(&at).filter(|node| !*node.deleted.at(day)) else { return false };
            if at == self.subject {
                return true;
            }
            if at != tenant && !*node.open.at(day) {
                return false;
            }
            at = *node.parent.at(day);
        }
        false
    }

    /// The day before the billing period of a meter began that `day` lies in.
    pub fn before_billing(&self, key: &MeterKey, day: Day) -> Day {
        let own = self.billing_days.get(key).and_then(|own| *own.at(day));
        let of_tenant = || self.nodes.get(&key.tenant).map(|node| *node.billing_day.at(day));
        own.or_else(of_tenant).unwrap_or(BillingDay::CALENDAR).period_of(day).start.previous()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{InfraNo, ItemNo};

    const TOP: TenantNo = TenantNo(1);
    const NORTH: TenantNo = TenantNo(2);
    const SOUTH: TenantNo = TenantNo(3);
    const HARBOUR: TenantNo = TenantNo(4);
    const QUAY: TenantNo = TenantNo(5);

    fn node(parent: TenantNo) -> Node {
        Node {
            id: TenantId(uuid::Uuid::nil()),
            name: Timeline::always(String::new()),
            parent: Timeline::always(parent),
            deleted: Timeline::always(false),
            open: Timeline::always(true),
            billing_day: Timeline::always(BillingDay::CALENDAR),
        }
    }

    /// A channel of two partners; the first has a customer with a unit.
    fn branch(subject: TenantNo, change: impl FnOnce(&mut BTreeMap<TenantNo, Node>)) -> Branch {
        let parents = [(TOP, TOP), (NORTH, TOP), (SOUTH, TOP), (HARBOUR, NORTH), (QUAY, HARBOUR)];
        let mut nodes = parents.map(|(no, parent)| (no, node(parent))).into();
        change(&mut nodes);
        Branch { subject, nodes, billing_days: HashMap::new() }
    }

    fn seen(branch: &Branch, tenant: TenantNo) -> Vec<i32> {
        let seen = branch.sees(tenant);
        (1..7).filter(|day| *seen.at(Day(*day))).collect()
    }

    #[test]
    fn a_day_belongs_to_the_parent_that_held_the_tenant() {
        let moves = |nodes: &mut BTreeMap<TenantNo, Node>| {
            let parent = &mut nodes.get_mut(&HARBOUR).unwrap().parent;
            parent.push(Day(3), SOUTH);
            parent.push(Day(5), NORTH);
        };
        for tenant in [HARBOUR, QUAY] {
            assert_eq!(seen(&branch(NORTH, moves), tenant), [1, 2, 5, 6]);
            assert_eq!(seen(&branch(SOUTH, moves), tenant), [3, 4]);
            assert_eq!(seen(&branch(TOP, moves), tenant), [1, 2, 3, 4, 5, 6]);
            assert_eq!(seen(&branch(HARBOUR, moves), tenant), [1, 2, 3, 4, 5, 6]);
        }
        assert!(seen(&branch(HARBOUR, moves), NORTH).is_empty());
    }

    #[test]
    fn what_a_closed_tenant_hides_is_seen_from_itself_alone() {
        let closes = |nodes: &mut BTreeMap<TenantNo, Node>| {
            nodes.get_mut(&HARBOUR).unwrap().open.push(Day(4), false);
        };
        assert_eq!(seen(&branch(NORTH, closes), QUAY), [1, 2, 3]);
        assert_eq!(seen(&branch(NORTH, closes), HARBOUR), [1, 2, 3, 4, 5, 6]);
        assert_eq!(seen(&branch(HARBOUR, closes), QUAY), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_deleted_tenant_has_no_days_and_none_below_it() {
        let deletes = |nodes: &mut BTreeMap<TenantNo, Node>| {
            nodes.get_mut(&HARBOUR).unwrap().deleted.push(Day(2), true);
        };
        for (subject, tenant) in [(NORTH, HARBOUR), (NORTH, QUAY), (HARBOUR, QUAY)] {
            assert_eq!(seen(&branch(subject, deletes), tenant), [1]);
        }
    }

    #[test]
    fn a_billing_period_begins_by_the_items_own_day_else_by_the_tenants() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let mut branch = branch(TOP, |nodes| {
            nodes.get_mut(&QUAY).unwrap().billing_day.push(day("2026-05-10"), BillingDay::new(5).unwrap());
        });
        let key = |tenant| MeterKey { tenant, item: ItemNo(1), infra: InfraNo::NONE };
        let begins = |branch: &Branch| {
            ["2026-05-09", "2026-05-21"]
                .map(|on| branch.before_billing(&key(QUAY), day(on)).next().to_string())
        };
        assert_eq!(begins(&branch), ["2026-05-01", "2026-05-05"]);
        let mut own = Timeline::always(None);
        own.push(day("2026-05-20"), BillingDay::new(15));
        branch.billing_days.insert(key(QUAY), own);
        assert_eq!(begins(&branch), ["2026-05-01", "2026-05-15"]);
    }

    #[test]
    fn a_ring_of_parents_ends() {
        let ring = branch(NORTH, |nodes| {
            nodes.get_mut(&HARBOUR).unwrap().parent = Timeline::always(QUAY);
        });
        assert!(seen(&ring, QUAY).is_empty());
    }
}
