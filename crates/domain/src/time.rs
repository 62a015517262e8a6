//! Instants, days and periods. Days are UTC days, always.
//!
//! An [`Instant`] is a count of microseconds since 1970 and a [`Day`] a count of days since 1970: both are what the
//! database holds. [`Period`] is half-open inside; the wire's inclusive dates are converted here, once.

mod read;

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, ToSpan};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
const EPOCH: Date = jiff::civil::date(1970, 1, 1);
/// 0000-01-01 and 9999-12-31: the dates the wire can write.
const FIRST_WRITABLE: i32 = -719_528;
const LAST_WRITABLE: i32 = 2_932_896;
/// From the first moment of the one to the last of the other.
const WRITABLE: RangeInclusive<i64> =
    Day(FIRST_WRITABLE).start().0..=Day(LAST_WRITABLE).start().0 + MICROS_PER_DAY - 1;

/// The text was not a date or time in a form the wire knows (wire-conventions, section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTime {
    /// Not `YYYY-MM-DD`, or no such day.
    #[error("not a date of the form YYYY-MM-DD")]
    Date,
    /// Not an RFC 3339-like time.
    #[error("not a time such as 2026-05-08T10:58:53Z")]
    Instant,
}

/// A moment: microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(pub i64);

impl Instant {
    /// The moment `seconds` after 1970.
    #[must_use]
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// Whole milliseconds since 1970, rounded down: the form of quota and pricing versions.
    pub const fn unix_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// The UTC day this moment lies in.
    pub fn day(self) -> Day {
        // In range by construction: i64 microseconds span 292,000 years, i32 days 5,800,000.
        Day(i32::try_from(self.0.div_euclid(MICROS_PER_DAY)).unwrap_or(i32::MAX))
    }

    /// Moved by a number of seconds, which may be negative.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(MICROS_PER_SECOND)))
    }

    /// From this moment to a later one; zero when `later` is not later.
    pub fn until(self, later: Self) -> std::time::Duration {
        std::time::Duration::from_micros(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }

    /// The same clock time one calendar month later; the last day of the month where the day does not exist.
    #[must_use]
    pub fn plus_one_month(self) -> Self {
        let moved = self.civil().saturating_add(1.month());
        let since = moved.duration_since(EPOCH.at(0, 0, 0, 0)).as_micros();
        i64::try_from(since).map_or(self, Self)
    }

    /// `2026-05-08T10:58:53Z`.
    pub fn with_z(self) -> String {
        self.civil().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// `2026-05-08T10:58:53+00:00`, the form of stored reports.
    pub fn with_offset(self) -> String {
        self.civil().strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
    }

    /// `2026-05-08T10:58:53`, UTC meant.
    pub fn without_zone(self) -> String {
        self.civil().strftime("%Y-%m-%dT%H:%M:%S").to_string()
    }

    /// For people: `2026-05-08 10:58 UTC`.
    pub fn for_people(self) -> String {
        self.civil().strftime("%Y-%m-%d %H:%M UTC").to_string()
    }

    /// Date and time of day in UTC; what cannot be written becomes the nearest moment that can. (A timestamp of the
    /// library ends a day earlier than the calendar, to leave room for every zone.)
    fn civil(self) -> DateTime {
        let micros = self.0.clamp(*WRITABLE.start(), *WRITABLE.end());
        EPOCH.at(0, 0, 0, 0).saturating_add(SignedDuration::from_micros(micros))
    }
}

impl FromStr for Instant {
    type Err = BadTime;

    /// With `Z`, with an offset such as `+02:00`, or without zone (read as UTC); fractions allowed, of
    /// which microseconds are kept: Go writes nine digits.
    fn from_str(text: &str) -> Result<Self, BadTime> {
        read::instant(text).ok_or(BadTime::Instant)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.with_z())
    }
}

/// A UTC day: days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// Before every day: the first version of anything is valid from here.
    pub const FOREVER_AGO: Self = Self(i32::MIN);

    /// The day with this year, month and day of the month, if there is one.
    pub fn from_ymd(year: i16, month: i8, day: i8) -> Option<Self> {
        Date::new(year, month, day).ok().map(Self::from_date)
    }

    /// 00:00:00 UTC of this day.
    pub const fn start(self) -> Instant {
        Instant((self.0 as i64).saturating_mul(MICROS_PER_DAY))
    }

    /// 23:59:59 UTC of this day: when its reading is taken.
    pub const fn last_second(self) -> Instant {
        self.next().start().plus_seconds(-1)
    }

    /// The day after.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The day before.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// Moved by a number of days.
    #[must_use]
    pub const fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// The day of the month, 1 to 31.
    pub fn day_of_month(self) -> i8 {
        self.date().day()
    }

    /// The calendar month it lies in.
    pub fn month(self) -> Period {
        let start = self.first_of_month();
        Period { start, end: start.plus(31).first_of_month() }
    }

    /// The first day of this day's month.
    #[must_use]
    pub fn first_of_month(self) -> Self {
        Self::from_date(self.date().first_of_month())
    }

    /// The first day of the next month.
    #[must_use]
    pub fn first_of_next_month(self) -> Self {
        Self::from_date(self.date().last_of_month()).next()
    }

    /// The calendar month that ended before this day's month began.
    pub fn previous_month(self) -> Period {
        let end = self.first_of_month();
        Period { start: end.previous().first_of_month(), end }
    }

    /// The last day on or before this one whose day of the month is `anchor` (1 to 28).
    #[must_use]
    pub fn last_anchor(self, anchor: i8) -> Self {
        let first = self.first_of_month();
        let candidate = first.plus(i32::from(anchor) - 1);
        if candidate <= self {
            candidate
        } else {
            first.previous().first_of_month().plus(i32::from(anchor) - 1)
        }
    }

    fn from_date(date: Date) -> Self {
        Self(EPOCH.until(date).map_or(0, |span| span.get_days()))
    }

    fn date(self) -> Date {
        EPOCH.saturating_add(self.0.clamp(FIRST_WRITABLE, LAST_WRITABLE).days())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date();
        write!(f, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
    }
}

impl FromStr for Day {
    type Err = BadTime;

    fn from_str(text: &str) -> Result<Self, BadTime> {
        let shape = text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        if text.len() != 10 || !shape {
            return Err(BadTime::Date);
        }
        text.parse::<Date>().map(Self::from_date).map_err(|_| BadTime::Date)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A run of days: from `start` up to, but not with, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Period {
    /// The first day.
    pub start: Day,
    /// The day after the last one.
    pub end: Day,
}

impl Period {
    /// From the wire's inclusive dates.
    pub const fn inclusive(first: Day, last: Day) -> Self {
        Self { start: first, end: last.next() }
    }

    /// The last day that belongs to the period: the wire's `end`.
    pub const fn last(self) -> Day {
        self.end.previous()
    }

    /// Whether the day lies in the period.
    pub fn contains(self, day: Day) -> bool {
        self.start <= day && day < self.end
    }

    /// Every day of the period, in order.
    pub fn days(self) -> impl DoubleEndedIterator<Item = Day> + Clone {
        (self.start.0..self.end.0).map(Day)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} - {}", self.start, self.last())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn months_end_where_the_calendar_says() {
        assert_eq!(day("2024-02-10").first_of_next_month(), day("2024-03-01"));
        assert_eq!(day("2026-12-31").first_of_next_month(), day("2027-01-01"));
        assert_eq!(
            day("2027-01-15").previous_month(),
            Period::inclusive(day("2026-12-01"), day("2026-12-31"))
        );
        assert_eq!(
            day("2024-03-31").previous_month(),
            Period::inclusive(day("2024-02-01"), day("2024-02-29"))
        );
    }

    #[test]
    fn a_month_after_the_31st_is_the_last_day() {
        let at: Instant = "2026-01-31T10:00:00Z".parse().unwrap();
        assert_eq!(at.plus_one_month().with_z(), "2026-02-28T10:00:00Z");
    }

    #[test]
    fn the_last_moment_is_one() {
        let last: Instant = "9999-12-31T23:59:59.999Z".parse().unwrap();
        assert_eq!(last.with_z(), "9999-12-31T23:59:59Z");
        assert_eq!(last.day(), Day(LAST_WRITABLE));
        assert_eq!(last.plus_one_month().with_z(), "9999-12-31T23:59:59Z");
        assert_eq!(Instant(i64::MAX).with_z(), "9999-12-31T23:59:59Z");
        assert_eq!(Instant(i64::MIN).with_z(), "0000-01-01T00:00:00Z");
    }

    #[test]
    fn dates_have_one_form() {
        for bad in ["2026-5-8", "20260508", "2026-02-30", "2026-05-08T00:00:00Z", "+2026-05-8"] {
            assert_eq!(bad.parse::<Day>(), Err(BadTime::Date), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_written_day_reads_back(number in FIRST_WRITABLE..=LAST_WRITABLE) {
            let written = Day(number).to_string();
            prop_assert_eq!(written.parse::<Day>(), Ok(Day(number)));
            prop_assert_eq!(Day(number).start().day(), Day(number));
            prop_assert_eq!(Day(number).last_second().day(), Day(number));
        }

        #[test]
        fn a_written_moment_reads_back(micros in WRITABLE) {
            let second = micros.div_euclid(MICROS_PER_SECOND);
            let at = Instant(micros);
            for written in [at.with_z(), at.with_offset(), at.without_zone()] {
                prop_assert_eq!(written.parse(), Ok(Instant::from_unix_seconds(second)));
            }
            let fraction = micros.rem_euclid(MICROS_PER_SECOND);
            prop_assert_eq!(format!("{}.{fraction:06}", at.without_zone()).parse(), Ok(at));
        }

        #[test]
        fn the_last_anchor_is_at_most_a_month_back(number in 0..60_000, anchor in 1_i8..=28) {
            let begin = Day(number).last_anchor(anchor);
            prop_assert_eq!(begin.day_of_month(), anchor);
            prop_assert!(begin <= Day(number) && Day(number).0 - begin.0 < 31);
        }
    }
}
