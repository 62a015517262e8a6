//! What a pass counts, numbered as it comes.

use super::Label;
use super::sums::Counter;
use crate::catalogue::{Item, ItemNumbers};
use crate::ids::{InfraNo, ItemNo};

/// Customers below.
pub(super) const CUSTOMERS: Counter = 0;
/// Partners below.
pub(super) const PARTNERS: Counter = 1;
/// Customers below with local backup.
pub(super) const WITH_LOCAL_BACKUP: Counter = 2;

const METRICS: [Label; 3] = [Label::Customers, Label::Partners, Label::CustomersWithLocalBackup];

/// What one counter counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    /// Its item; `None` for one that this binary's catalogue does not know.
    pub(super) item: Option<&'static Item>,
    /// The item's number.
    pub(super) no: ItemNo,
    /// On which storage.
    pub(super) infra: InfraNo,
    is_local_storage: bool,
    is_range: bool,
}

/// The counters: the platform metrics, then what any meter counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Counters {
    list: Vec<Counted>,
    sorted: Vec<((ItemNo, InfraNo), Counter)>,
}

impl Counters {
    /// The counter of an item on a storage.
    pub(super) fn find(&mut self, no: ItemNo, infra: InfraNo, numbers: &ItemNumbers) -> Counter {
        match self.sorted.binary_search_by_key(&(no, infra), |(key, _)| *key) {
            Ok(at) => self.sorted.get(at).map_or(0, |(_, counter)| *counter),
            Err(at) => {
                let counter = METRICS.len() + self.list.len();
                let item = numbers.item(no);
                self.list.push(Counted {
                    item,
                    no,
                    infra,
                    is_local_storage: item.is_some_and(is_local_storage),
                    is_range: item.is_some_and(Item::is_range),
                });
                self.sorted.insert(at, ((no, infra), counter));
                counter
            }
        }
    }

    /// The item and storage of the counter; `None` for a metric.
    pub(super) fn counted(&self, counter: Counter) -> Option<Counted> {
        self.list.get(counter.checked_sub(METRICS.len())?).copied()
    }

    /// What rows show of the counter; `None` for an item that is not known.
    pub(super) fn label(&self, counter: Counter) -> Option<(Label, InfraNo)> {
        if let Some(metric) = METRICS.get(counter) {
            return Some((*metric, InfraNo::NONE));
        }
        let counted = self.counted(counter)?;
        Some((Label::Item(counted.item?), counted.infra))
    }

    /// Whether it accumulates.
    pub(super) fn is_range(&self, counter: Counter) -> bool {
        self.counted(counter).is_some_and(|counted| counted.is_range)
    }

    /// Whether the metric of local backup is counted from it.
    pub(super) fn is_local_storage(&self, counter: Counter) -> bool {
        self.counted(counter).is_some_and(|counted| counted.is_local_storage)
    }

    /// All of them.
    pub(super) fn all(&self) -> std::ops::Range<Counter> {
        0..METRICS.len() + self.list.len()
    }
}

/// Whether the metric of local backup is counted from it.
pub(super) fn is_local_storage(item: &Item) -> bool {
    item.name == "local_storage"
}
