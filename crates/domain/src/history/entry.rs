//! A change of what a meter said.

use crate::time::Day;

/// A reading and its day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reported {
    /// For which day.
    pub day: Day,
    /// The level.
    pub level: i64,
}

/// A change of what one meter said of one day: enough to apply it to any window of days, and to undo it.
///
/// A level holds until the next day with a reading of its own. Where an accumulating meter is corrected, the days after
/// move by the same difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The day.
    pub day: Day,
    /// The level reported for it before; `None` where none was.
    pub old: Option<i64>,
    /// The level reported for it now; `None` where the reading was taken back.
    pub new: Option<i64>,
    /// The last reading of an earlier day. Needed, and told, only where the day has no reading of its own before or after
    /// the change.
    pub prior: Option<Reported>,
    /// Whether later days move by the same difference: the meter accumulates.
    pub shifts: bool,
    /// Whether no later day had a reading. Whatever is reported of later days then repeats this one, as equal readings
    /// have no entry of their own, and follows where this one is undone.
    pub last: bool,
}

impl Entry {
    /// A change of one day; `prior` may be given always.
    pub fn new(day: Day, old: Option<i64>, new: Option<i64>, prior: Option<Reported>) -> Self {
        let prior = prior.filter(|_| old.is_none() || new.is_none());
        Self { day, old, new, prior, shifts: false, last: false }
    }

    /// The change that takes this one back.
    #[must_use]
    pub const fn inverse(&self) -> Self {
        Self { old: self.new, new: self.old, ..*self }
    }

    /// By how much the level at the end of the day changes.
    pub fn difference(&self) -> i64 {
        let level = |reported: Option<i64>| reported.or(self.prior.map(|prior| prior.level)).unwrap_or(0);
        level(self.new).saturating_sub(level(self.old))
    }
}
