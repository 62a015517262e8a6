//! The offering items of the members.

use super::ItemTimeline;
use super::Label;
use super::members::{Members, Place};
use super::slots::{Slot, Slots};

/// An item of a member.
#[derive(Debug)]
struct Owned {
    place: Place,
    slot: Slot,
    item: ItemTimeline,
}

/// All items: by place, then slot.
#[derive(Debug)]
pub(super) struct Items(Vec<Owned>);

impl Items {
    /// Puts them in order; those of tenants that are no members are dropped.
    pub(super) fn new(items: Vec<ItemTimeline>, members: &Members, slots: &Slots) -> Self {
        let owned = items.into_iter().filter_map(|item| {
            let place = members.place(members.tree.find(item.tenant)?)?;
            let slot = slots.slot(Label::Item(item.item), item.infra)?;
            Some(Owned { place, slot, item })
        });
        let mut list: Vec<Owned> = owned.collect();
        list.sort_by_key(|owned| (owned.place, owned.slot));
        Self(list)
    }

    /// Those of one member.
    pub(super) fn of(&self, place: Place) -> impl Iterator<Item = (Slot, &ItemTimeline)> {
        let from = self.0.partition_point(|owned| owned.place < place);
        let rest = self.0.get(from..).unwrap_or_default();
        rest.iter().take_while(move |owned| owned.place == place).map(|owned| (owned.slot, &owned.item))
    }

    /// What the member has of one kind.
    pub(super) fn find(&self, place: Place, slot: Slot) -> Option<&ItemTimeline> {
        let at = self.0.binary_search_by_key(&(place, slot), |owned| (owned.place, owned.slot)).ok()?;
        self.0.get(at).map(|owned| &owned.item)
    }
}
