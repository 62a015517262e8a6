//! The items and the readings of the members, in the order of the rows.
//!
//! A platform metric is a meter too: each customer reads 1 of `euc_count`, so that counting customers is
//! summing.

use std::collections::HashMap;
use std::ops::Range;

use super::members::{Members, Place};
use super::slots::{Slot, Slots};
use super::tree::Tree;
use super::{ItemTimeline, Label, ReportInput, TenantTimeline};
use crate::history::Series;
use crate::ids::TenantNo;
use crate::tenant::TenantKind;
use crate::time::Day;

/// Something that a member has, with what it counts.
#[derive(Debug)]
pub(super) struct Owned<T> {
    /// The member.
    pub(super) place: Place,
    /// What it counts.
    pub(super) slot: Slot,
    /// The thing itself.
    pub(super) it: T,
}

/// All items or all series: by place, then slot.
#[derive(Debug)]
pub(super) struct Belongings<T>(Vec<Owned<T>>);

impl<T> Belongings<T> {
    fn new(mut list: Vec<Owned<T>>) -> Self {
        list.sort_by_key(|owned| (owned.place, owned.slot));
        Self(list)
    }

    /// Those of the members at these places.
    pub(super) fn of(&self, places: Range<Place>) -> &[Owned<T>] {
        let from = self.0.partition_point(|owned| owned.place < places.start);
        let behind = self.0.partition_point(|owned| owned.place < places.end);
        self.0.get(from..behind).unwrap_or_default()
    }

    /// What the member has of one kind.
    pub(super) fn find(&self, place: Place, slot: Slot) -> Option<&T> {
        let at = self.0.binary_search_by_key(&(place, slot), |owned| (owned.place, owned.slot)).ok()?;
        self.0.get(at).map(|owned| &owned.it)
    }
}

/// Takes items and series out of the input; those of tenants that are no members are dropped.
pub(super) fn arrange(
    tree: &Tree,
    members: &Members,
    slots: &Slots,
    input: &mut ReportInput,
) -> (Belongings<ItemTimeline>, Belongings<Series>) {
    let places: HashMap<TenantNo, Place> = members
        .places()
        .filter_map(|place| Some((input.tenants.get(members.at(place).tenant)?.no, place)))
        .collect();
    let find = |tenant, item, infra| Some((*places.get(&tenant)?, slots.slot(Label::Item(item), infra)?));
    let mut items = Vec::with_capacity(input.items.len());
    for it in std::mem::take(&mut input.items) {
        items.extend(find(it.tenant, it.item, it.infra).map(|(place, slot)| Owned { place, slot, it }));
    }
    let mut series = Vec::with_capacity(input.cells.len());
    for cell in std::mem::take(&mut input.cells) {
        let found = find(cell.tenant, cell.item, cell.infra);
        series.extend(found.map(|(place, slot)| Owned { place, slot, it: cell.series }));
    }
    for (metric, slot) in slots.metrics() {
        let counted = match metric {
            Label::Customers => of_kind(&input.tenants, members, slot, TenantKind::Customer),
            Label::Partners => of_kind(&input.tenants, members, slot, TenantKind::Partner),
            _ => with_local_backup(tree, members, &series, slots, slot),
        };
        series.extend(counted);
    }
    (Belongings::new(items), Belongings::new(series))
}

/// A series for each member that was ever of the kind: 1 while it was.
fn of_kind(
    tenants: &[TenantTimeline],
    members: &Members,
    slot: Slot,
    kind: TenantKind,
) -> Vec<Owned<Series>> {
    let was_ever = |place: &Place| {
        let tenant = tenants.get(members.at(*place).tenant)?;
        tenant.kind.versions().any(|(_, then)| *then == kind).then_some(tenant)
    };
    let series = |tenant: &TenantTimeline| {
        let mut series = Series::default();
        tenant.kind.versions().for_each(|(from, then)| series.push(from, i64::from(*then == kind)));
        series
    };
    members
        .places()
        .filter_map(|place| was_ever(&place).map(|tenant| Owned { place, slot, it: series(tenant) }))
        .collect()
}

/// Whether it is the item that the metric of local backup is counted from.
pub(super) fn is_local_storage(label: Label) -> bool {
    matches!(label, Label::Item(item) if item.name == "local_storage")
}

/// A series for each customer with local backup: 1 on the days on which it, or a unit or user of it, had any.
fn with_local_backup(
    tree: &Tree,
    members: &Members,
    series: &[Owned<Series>],
    slots: &Slots,
    slot: Slot,
) -> Vec<Owned<Series>> {
    let places: HashMap<_, Place> = members.places().map(|place| (members.at(place).tenant, place)).collect();
    let mut days_by_customer: HashMap<Place, Vec<(Day, Day)>> = HashMap::new();
    for owned in series.iter().filter(|owned| is_local_storage(slots.at(owned.slot).label)) {
        let member = members.at(owned.place);
        for stay in &member.stays {
            let payer = tree.payer(member.tenant, stay.first);
            let is_customer = tree.kind(payer, stay.first) == TenantKind::Customer;
            let Some(customer) = places.get(&payer).filter(|_| is_customer) else { continue };
            let used = owned.it.runs(stay.first, stay.last).filter(|(_, _, level)| *level > 0);
            days_by_customer.entry(*customer).or_default().extend(used.map(|(from, to, _)| (from, to)));
        }
    }
    days_by_customer.into_iter().map(|(place, days)| Owned { place, slot, it: ones(days) }).collect()
}

/// 1 on every one of these runs of days, which may overlap.
fn ones(mut runs: Vec<(Day, Day)>) -> Series {
    runs.sort_unstable();
    let mut series = Series::default();
    let mut behind = Day::FOREVER_AGO;
    for (from, to) in runs {
        if from > behind {
            series.push(behind, 0);
            series.push(from, 1);
        }
        behind = behind.max(to.next());
    }
    series.push(behind, 0);
    series
}
