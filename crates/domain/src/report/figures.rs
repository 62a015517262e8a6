//! The nine figures of a row.

/// One figure, split by the pricing mode of the tenants it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figure {
    /// Usage of tenants in production, and of suspended ones.
    pub production: i128,
    /// Usage of tenants on trial.
    pub trial: i128,
}

impl Figure {
    /// Production and trial together.
    pub const fn total(self) -> i128 {
        self.production + self.trial
    }
}

impl std::ops::Add for Figure {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { production: self.production + other.production, trial: self.trial + other.trial }
    }
}

impl std::ops::Sub for Figure {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { production: self.production - other.production, trial: self.trial - other.trial }
    }
}

impl std::ops::AddAssign for Figure {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// The figures of a row: sums are exact. 2^53 per reading leaves room for 2^74 readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// The level at the end.
    pub absolute: Figure,
    /// Its change over the span of the report's kind.
    pub delta: Figure,
    /// The one to bill: delta for accumulating items, otherwise absolute.
    pub effective: Figure,
}

impl Figures {
    /// Whether all nine are zero.
    pub fn are_zero(&self) -> bool {
        [self.absolute, self.delta, self.effective]
            .iter()
            .all(|figure| figure.production == 0 && figure.trial == 0)
    }
}
