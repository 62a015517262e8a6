//! The stable numbers of offering items in one database.

use std::collections::HashMap;
use std::sync::Arc;

use super::Item;
use crate::ids::ItemNo;

/// Items by number and numbers by item name. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct ItemNumbers(Arc<Both>);

#[derive(Debug, Default)]
struct Both {
    by_name: HashMap<&'static str, ItemNo>,
    by_no: HashMap<ItemNo, &'static Item>,
}

impl ItemNumbers {
    /// The number of the item with this full name.
    pub fn no(&self, name: &str) -> Option<ItemNo> {
        self.0.by_name.get(name).copied()
    }

    /// Every item of the catalogue with its number, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (ItemNo, &'static Item)> + '_ {
        self.0.by_no.iter().map(|(no, item)| (*no, *item))
    }

    /// The item with this number; `None` for one that this binary's catalogue does not know.
    pub fn item(&self, no: ItemNo) -> Option<&'static Item> {
        self.0.by_no.get(&no).copied()
    }
}

impl FromIterator<(ItemNo, &'static Item)> for ItemNumbers {
    fn from_iter<I: IntoIterator<Item = (ItemNo, &'static Item)>>(numbered: I) -> Self {
        let mut numbers = Both::default();
        for (no, item) in numbered {
            numbers.by_name.insert(&item.name, no);
            numbers.by_no.insert(no, item);
        }
        Self(Arc::new(numbers))
    }
}
