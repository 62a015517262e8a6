//! Billing periods: when a month begins for whom.

use crate::tenant::words;
use crate::time::{Day, Period};

words! {
    /// Who bills a tenant (accounts-api, 2.7); stored, without effect.
    BillingMode {
        /// Another system.
        External = "external",
        /// This one.
        Internal = "internal",
    }
}

words! {
    /// Which figure of a period is billed (accounts-api, 2.7); stored, without effect.
    UsageCalculationMode {
        /// That of its last day.
        LastDay = "last_day",
        /// The mean of its days.
        Average = "average",
    }
}

/// A period given by its first and last day is no billing period that `today` lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must begin on one of the days 1 to 28, end before the next such day, and hold today")]
pub struct NoBillingPeriod;

/// More days than any billing period has.
pub const LONGEST_BILLING_PERIOD: i32 = 32;

/// The first day of a tenant's billing month, 1 to 28.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BillingDay(i8);

impl BillingDay {
    /// The calendar month.
    pub const CALENDAR: Self = Self(1);

    /// From a day of the month.
    pub fn new(day: i64) -> Option<Self> {
        i8::try_from(day).ok().filter(|day| (1..=28).contains(day)).map(Self)
    }

    /// The day whose current billing period is the one from `start` to `last`, both included.
    pub fn of_current_period(start: Day, last: Day, today: Day) -> Result<Self, NoBillingPeriod> {
        let day = Self::new(i64::from(start.day_of_month())).ok_or(NoBillingPeriod)?;
        let current = day.period_of(today);
        if current == Period::inclusive(start, last) { Ok(day) } else { Err(NoBillingPeriod) }
    }

    /// The day of the month.
    pub const fn get(self) -> i8 {
        self.0
    }

    /// The billing period that `day` lies in.
    pub fn period_of(self, day: Day) -> Period {
        let start = day.last_anchor(self.0);
        Period { start, end: start.plus(31).last_anchor(self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_period_may_cross_the_year() {
        let period = BillingDay::new(15).unwrap().period_of("2027-01-03".parse().unwrap());
        assert_eq!(period.to_string(), "2026-12-15 - 2027-01-14");
        assert_eq!(BillingDay::new(29), None);
        assert_eq!(BillingDay::new(0), None);
    }

    proptest! {
        #[test]
        fn periods_follow_each_other_without_gap(day in 0..60_000, anchor in 1_i64..=28) {
            let anchor = BillingDay::new(anchor).unwrap();
            let period = anchor.period_of(Day(day));
            prop_assert!(period.contains(Day(day)));
            prop_assert!(period.end < period.start.plus(LONGEST_BILLING_PERIOD));
            prop_assert_eq!(anchor.period_of(period.end).start, period.end);
        }
    }
}
