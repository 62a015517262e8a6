//! Who held each tenant on which day, for files that give the history as it is and sum up nothing.

use super::tree::{Index, Tree};
use crate::history::Twig;
use crate::ids::TenantNo;
use crate::tenant::TenantKind;
use crate::time::{Day, Period};

/// Days in a row on which a tenant stood at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held<P = TenantNo> {
    /// The days.
    pub days: Period,
    /// Its parent on them; none for the top tenant.
    pub parent: Option<P>,
    /// What it was on them.
    pub kind: TenantKind,
}

/// For each tenant that stood at or below `root` on some of the days, by the tree of each day and with nobody deleted in
/// between, those of the days on which it did.
pub fn held_below(twigs: &[Twig], root: TenantNo, days: Period) -> Vec<(TenantNo, Vec<Held>)> {
    // Modes play no part here, so that it does not matter when they are looked at.
    let Some(tree) = Tree::new(twigs.iter(), root, days.start) else { return Vec::new() };
    let held = (0..tree.len()).map(|tenant| (tree.no(tenant), of_tenant(&tree, tenant, days)));
    held.filter(|(_, held)| !held.is_empty()).collect()
}

/// Goes from change to change of the chain.
fn of_tenant(tree: &Tree, tenant: Index, days: Period) -> Vec<Held> {
    let mut all: Vec<Held> = Vec::new();
    let mut day = days.start;
    while day < days.end {
        let end = tree.next_change(tenant, day).map_or(days.end, |change| change.min(days.end));
        if tree.is_member(tenant, day) {
            let held = held_on(tree, tenant, day, end);
            match all.last_mut() {
                Some(last) if Held { days: held.days, ..*last } == held && last.days.end == day => {
                    last.days.end = end;
                }
                _ => all.push(held),
            }
        }
        day = end;
    }
    all
}

fn held_on(tree: &Tree, tenant: Index, day: Day, end: Day) -> Held {
    let parent = Some(tree.parent(tenant, day)).filter(|parent| *parent != tenant);
    Held {
        days: Period { start: day, end },
        parent: parent.map(|parent| tree.no(parent)),
        kind: tree.kind(tenant, day),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pricing::PricingMode;
    use crate::time::Instant;
    use crate::timeline::Timeline;

    /// Tenants are 0 to 6; days are 0 to 9, and versions begin on any of them.
    fn timeline<T: Clone + std::fmt::Debug>(
        value: impl Strategy<Value = T> + Clone,
    ) -> impl Strategy<Value = Timeline<T>> {
        (value.clone(), prop::collection::btree_map(0..10_i32, value, 0..3)).prop_map(|(first, later)| {
            let mut timeline = Timeline::always(first);
            for (day, value) in later {
                timeline.push(Day(day), value);
            }
            timeline
        })
    }

    fn twigs() -> impl Strategy<Value = Vec<Twig>> {
        let kind = prop::sample::select(vec![TenantKind::Partner, TenantKind::Folder]);
        let deleted = prop::sample::select(vec![false, false, false, true]);
        // Rings too, and parents that are not there.
        let twig = (timeline((0_i64..8).prop_map(TenantNo)), timeline(kind), timeline(deleted));
        prop::collection::vec(twig, 7).prop_map(|twigs| {
            let twig = |(no, (parent, kind, deleted))| Twig {
                no: TenantNo(no),
                created_at: Instant(0),
                is_personal: false,
                parent: if no == 0 { Timeline::always(TenantNo(0)) } else { parent },
                kind,
                deleted: if no == 0 { Timeline::always(false) } else { deleted },
                pricing_mode: Timeline::always(PricingMode::Production),
            };
            (0..).zip(twigs).map(twig).collect()
        })
    }

    /// Whether one climbs from the tenant to the root on the day over tenants that are there.
    fn arrives(twigs: &[Twig], from: TenantNo, root: TenantNo, day: Day) -> bool {
        let mut at = from;
        for _ in 0..=twigs.len() {
            match twigs.iter().find(|twig| twig.no == at) {
                Some(twig) if !twig.deleted.at(day) && at == root => return true,
                Some(twig) if !twig.deleted.at(day) => at = *twig.parent.at(day),
                _ => return false,
            }
        }
        false
    }

    proptest! {
        #[test]
        fn every_day_is_told_as_if_it_were_the_only_one(twigs in twigs(), root in 0_i64..7) {
            let days = Period::inclusive(Day(2), Day(7));
            let held = held_below(&twigs, TenantNo(root), days);
            for twig in &twigs {
                let stretches = held.iter().find(|(no, _)| *no == twig.no).map(|(_, held)| held.as_slice());
                let stretches = stretches.unwrap_or_default();
                for day in days.days() {
                    let found: Vec<_> = stretches.iter().filter(|held| held.days.contains(day)).collect();
                    prop_assert_eq!(found.len() == 1, arrives(&twigs, twig.no, TenantNo(root), day));
                    prop_assert!(found.len() <= 1);
                    for held in found {
                        let parent = *twig.parent.at(day);
                        let is_there = twigs.iter().any(|twig| twig.no == parent) && parent != twig.no;
                        prop_assert_eq!(held.parent, is_there.then_some(parent));
                        prop_assert_eq!(held.kind, *twig.kind.at(day));
                    }
                }
                prop_assert!(stretches.iter().all(|held| held.days.start >= days.start && held.days.end <= days.end));
                let is_cut_in_vain = |pair: &[Held]| pair[0].days.end == pair[1].days.start
                    && (pair[0].parent, pair[0].kind) == (pair[1].parent, pair[1].kind);
                prop_assert!(!stretches.windows(2).any(is_cut_in_vain));
            }
        }
    }
}
