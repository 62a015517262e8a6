//! What the rows of a report count, in the order of the rows of one tenant.

use std::collections::{HashMap, HashSet};

use super::{InfraTimeline, ItemTimeline, Label};
use crate::catalogue::Edition;
use crate::ids::InfraNo;

/// A place in that order.
pub(super) type Slot = usize;

/// What is counted on which storage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    /// What.
    pub(super) label: Label,
    /// On which storage.
    pub(super) infra: InfraNo,
}

impl Counted {
    fn key(self) -> (&'static str, InfraNo) {
        (self.label.name(), self.infra)
    }
}

/// Everything that a row of the report may count: the metrics, and what any tenant has an item or a meter of.
#[derive(Debug)]
pub(super) struct Slots {
    list: Vec<Counted>,
    by_key: HashMap<(&'static str, InfraNo), Slot>,
}

impl Slots {
    /// By service, name, edition and storage id, none first (reports-api, section 11).
    pub(super) fn new(
        items: &[ItemTimeline],
        metered: impl Iterator<Item = (Label, InfraNo)>,
        infras: &[InfraTimeline],
    ) -> Self {
        let metrics = Label::METRICS.map(|label| (label, InfraNo::NONE));
        let items = items.iter().map(|it| (Label::Item(it.item), it.infra));
        let all = metrics.into_iter().chain(items).chain(metered);
        let mut seen = HashSet::new();
        let all = all.map(|(label, infra)| Counted { label, infra });
        let mut list: Vec<_> = all.filter(|counted| seen.insert(counted.key())).collect();
        let infras: HashMap<_, _> = infras.iter().map(|infra| (infra.no, infra.id)).collect();
        list.sort_by_cached_key(|Counted { label, infra }| {
            let edition = label.edition().map(Edition::as_str);
            (label.service(), label.name(), edition, infras.get(infra).copied(), *infra)
        });
        let by_key = list.iter().enumerate().map(|(slot, counted)| (counted.key(), slot)).collect();
        Self { list, by_key }
    }

    /// What is counted in the slot.
    #[expect(clippy::indexing_slicing, reason = "a Slot comes from numbering the list and nowhere else")]
    pub(super) fn at(&self, slot: Slot) -> Counted {
        self.list[slot]
    }

    /// Where this is counted, if any tenant has it.
    pub(super) fn slot(&self, label: Label, infra: InfraNo) -> Option<Slot> {
        self.by_key.get(&Counted { label, infra }.key()).copied()
    }

    /// Where the platform metrics are counted.
    pub(super) fn metrics(&self) -> impl Iterator<Item = (Label, Slot)> {
        Label::METRICS.into_iter().filter_map(|label| Some((label, self.slot(label, InfraNo::NONE)?)))
    }
}
