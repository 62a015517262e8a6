//! When a report is due, and for which period.

use crate::tenant::words;
use crate::time::{Day, Instant, Period};

words! {
    /// The schedules of the compatible API.
    ScheduleType {
        /// One generation, on the generation date.
        Once = "once",
        /// 23:59:59 UTC on the first of every month, for the month before.
        Monthly = "monthly",
    }
}

/// The period of a `once` report that names none: the current month up to yesterday; on the 1st, the whole previous
/// month. `counted_from` is today, or the generation date where that is later.
pub fn default_period(counted_from: Day) -> Period {
    if counted_from.day_of_month() == 1 {
        counted_from.previous_month()
    } else {
        Period { start: counted_from.first_of_month(), end: counted_from }
    }
}

/// The next moment a monthly report is due: 23:59:59 UTC of the coming 1st, which may be today.
pub fn next_monthly_due(now: Instant) -> Instant {
    let today = now.day();
    let this_month = today.first_of_month().last_second();
    if today.day_of_month() == 1 && now < this_month {
        this_month
    } else {
        today.first_of_next_month().last_second()
    }
}

/// The due moment one month after another.
pub fn following_monthly_due(due_at: Instant) -> Instant {
    due_at.day().first_of_next_month().last_second()
}

/// The month that a monthly run due at this moment reports.
pub fn monthly_period(due_at: Instant) -> Period {
    due_at.day().previous_month()
}

/// The first moment the mail of a monthly run may leave: 00:00:00 UTC of the day after it was due.
pub fn monthly_mail_from(due_at: Instant) -> Instant {
    due_at.day().next().start()
}

/// The last day that must be closed before figures for `period` are final: its last day or yesterday, whichever is
/// earlier (reports-api, 8.2).
pub fn last_needed_day(period: Period, today: Day) -> Day {
    period.last().min(today.previous())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn a_report_without_a_period_covers_the_month_so_far() {
        // Both pairs were observed on the reference platform in March 2020.
        assert_eq!(default_period(day("2020-03-04")).to_string(), "2020-03-01 - 2020-03-03");
        assert_eq!(default_period(day("2020-03-12")).to_string(), "2020-03-01 - 2020-03-11");
        assert_eq!(default_period(day("2020-03-01")).to_string(), "2020-02-01 - 2020-02-29");
        assert_eq!(default_period(day("2027-01-01")).to_string(), "2026-12-01 - 2026-12-31");
    }

    #[test]
    fn monthly_reports_are_due_in_the_last_second_of_the_first() {
        assert_eq!(next_monthly_due(at("2026-12-15T10:00:00Z")), at("2027-01-01T23:59:59Z"));
        assert_eq!(next_monthly_due(at("2027-01-01T23:59:58Z")), at("2027-01-01T23:59:59Z"));
        assert_eq!(next_monthly_due(at("2027-01-01T23:59:59Z")), at("2027-02-01T23:59:59Z"));
        assert_eq!(following_monthly_due(at("2024-01-01T23:59:59Z")), at("2024-02-01T23:59:59Z"));
        assert_eq!(monthly_period(at("2024-03-01T23:59:59Z")).to_string(), "2024-02-01 - 2024-02-29");
        assert_eq!(monthly_mail_from(at("2024-03-01T23:59:59Z")), at("2024-03-02T00:00:00Z"));
    }
}
