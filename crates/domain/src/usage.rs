//! Meters and readings: what counts, and what it says.

use crate::ids::{InfraNo, ItemNo, TenantNo};

/// What one meter counts: an item of a tenant, on a storage where the item is bound to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeterKey {
    /// Whose.
    pub tenant: TenantNo,
    /// Which item.
    pub item: ItemNo,
    /// On which storage; [`InfraNo::NONE`] where the item has none.
    pub infra: InfraNo,
}

/// What is kept of a reading's idempotency key, which its caller chose, and of what the reading said: parts of
/// cryptographic hashes, so that nobody can make two keys collide, and they spread evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash {
    /// Of the key and whose it is.
    pub key: [u8; 16],
    /// Of everything else: the same key with other content is a conflict.
    pub content: [u8; 8],
}

/// The largest single reading: what a JSON number holds exactly in every client, 2^53 - 1.
pub const MAX_READING: i64 = 9_007_199_254_740_991;

/// The value is not an integer from 0 to 2^53 - 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an integer from 0 to 9007199254740991")]
pub struct BadReading;

/// One reading, in base units (bytes, seconds, pieces).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Reading(i64);

impl Reading {
    /// Checks the bounds.
    pub fn new(value: i64) -> Result<Self, BadReading> {
        if (0..=MAX_READING).contains(&value) { Ok(Self(value)) } else { Err(BadReading) }
    }

    /// The number.
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// The level an accumulating meter has after it was told its value since the begin of the billing period.
///
/// `level` is accumulated since the item was switched on, `at_begin` the level just before the period began: the level
/// moves by the same difference as the value, and not below 0 (accounts-api, 1.12).
pub fn accumulate(level: i64, at_begin: i64, value: Reading) -> i64 {
    let value_before = level.saturating_sub(at_begin);
    level.saturating_add(value.get().saturating_sub(value_before)).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accumulating_meter_moves_by_the_difference() {
        let told = |level, at_begin, value| accumulate(level, at_begin, Reading::new(value).unwrap());
        assert_eq!(told(0, 0, 10), 10);
        assert_eq!(told(10, 0, 25), 25);
        assert_eq!(told(100, 100, 5), 105);
        assert_eq!(told(105, 100, 2), 102);
    }

    #[test]
    fn readings_are_bounded() {
        assert_eq!(Reading::new(-1), Err(BadReading));
        assert_eq!(Reading::new(MAX_READING + 1), Err(BadReading));
        assert_eq!(Reading::new(MAX_READING).map(Reading::get), Ok(MAX_READING));
    }
}
