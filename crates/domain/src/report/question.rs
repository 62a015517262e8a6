//! Which days of the history a report reads, and what of it counts.

use super::Kind;
use crate::billing::BillingDay;
use crate::time::{Day, Period};

/// Tenants times days whose sums one pass keeps at most: with five meters a tenant some 75 MB, if none is a unit. A summary
/// of 500,000 tenants is within it.
const MOST_SHARED: usize = 1 << 20;

/// What is asked of the history: the same for all reports that one pass can serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The days reported.
    pub(super) period: Period,
    /// The days whose levels are read, ascending. The last is that of the period.
    pub(super) days: Vec<Day>,
    /// Switches to production after this day are not known.
    pub(super) as_known: Day,
    /// Monthly reports leave the usage of trial tenants out.
    pub(super) leave_out_trial: bool,
}

impl Question {
    /// What a report of this kind asks; for [`Kind::UsageCurrent`] with the day just before each billing period that ends
    /// with the period. Billing days come in any order, repeats allowed.
    pub fn new(
        period: Period,
        kind: Kind,
        billing: impl IntoIterator<Item = BillingDay>,
        as_known: Day,
        leave_out_trial: bool,
    ) -> Self {
        let last = period.last();
        let mut days: Vec<Day> = match kind {
            Kind::UsageCurrent => {
                billing.into_iter().map(|day| before_billing(day, last)).chain([last]).collect()
            }
            Kind::UsageSummary => vec![period.start, last],
            Kind::UsageDaily | Kind::UsageBreakdown => {
                std::iter::once(period.start.previous()).chain(period.days()).collect()
            }
        };
        days.sort_unstable();
        days.dedup();
        Self { period, days, as_known, leave_out_trial }
    }

    /// The first day that matters.
    pub fn first(&self) -> Day {
        self.days.first().map_or(self.period.start, |day| self.period.start.min(*day))
    }

    /// The last day that matters.
    pub fn last(&self) -> Day {
        self.period.last()
    }

    /// Where the day stands among those whose levels are read.
    pub(super) fn at(&self, day: Day) -> Option<usize> {
        self.days.binary_search(&day).ok()
    }

    /// The number of the first of those days that is no earlier than `day`; how many there are if none is.
    pub(super) fn at_or_after(&self, day: Day) -> usize {
        self.days.partition_point(|read| *read < day)
    }

    /// Whether the sums of so many tenants are few enough to be kept for all reports: [`MOST_SHARED`] at most.
    pub const fn may_be_shared(&self, tenants: usize) -> bool {
        tenants.saturating_mul(self.days.len()) <= MOST_SHARED
    }

    /// Whether what is read for this question answers the other one too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let same = |it: &Self| (it.period, it.as_known, it.leave_out_trial);
        same(self) == same(other) && other.days.iter().all(|day| self.at(*day).is_some())
    }
}

/// The day before the billing period that `end` lies in.
pub(super) fn before_billing(day: BillingDay, end: Day) -> Day {
    day.period_of(end).start.previous()
}
