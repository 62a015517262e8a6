//! Pricing modes, currencies, prices and quotas.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::catalogue::Unit;
use crate::tenant::words;
use crate::time::{Day, Instant};
use crate::timeline::Timeline;
use crate::usage::MAX_READING;

words! {
    /// How a tenant is billed (accounts-api, 1.13).
    PricingMode {
        /// Not yet billed.
        Trial = "trial",
        /// Billed.
        Production = "production",
        /// Billed, but held.
        Suspended = "suspended",
    }
}

impl PricingMode {
    /// Whether a change by hand is allowed: trial ends once, production and suspended alternate.
    pub const fn may_become(self, new: Self) -> bool {
        match (self, new) {
            (Self::Trial, Self::Trial | Self::Production) => true,
            (Self::Trial, Self::Suspended) | (_, Self::Trial) => false,
            _ => true,
        }
    }
}

words! {
    /// The currencies of accounts-api 1.13.
    Currency {
        /// Australian dollar.
        Aud = "AUD",
        /// Brazilian real.
        Brl = "BRL",
        /// Canadian dollar.
        Cad = "CAD",
        /// Euro.
        Eur = "EUR",
        /// Renminbi.
        Cny = "CNY",
        /// Pound sterling.
        Gbp = "GBP",
        /// Yen, without decimals.
        Jpy = "JPY",
        /// Tenge.
        Kzt = "KZT",
        /// New Zealand dollar.
        Nzd = "NZD",
        /// Rouble.
        Rub = "RUB",
        /// US dollar.
        Usd = "USD",
        /// Rand.
        Zar = "ZAR",
    }
}

impl Currency {
    /// Digits behind the point.
    pub const fn digits(self) -> u32 {
        match self {
            Self::Jpy => 0,
            _ => 2,
        }
    }
}

/// The text was not a decimal number of 0 or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number such as 0.05")]
pub struct BadPrice;

/// Reads a price: digits, and where there is a point some on both sides of it; no sign, no exponent.
pub fn parse_price(text: &str) -> Result<Decimal, BadPrice> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let plain =
        text.split_once('.').map_or_else(|| digits(text), |(whole, part)| digits(whole) && digits(part));
    if plain { Decimal::from_str_exact(text).map_err(|_| BadPrice) } else { Err(BadPrice) }
}

/// The cost of a row: price x effective production usage, per piece, GB (1024^3) or hour, rounded half-even to the
/// currency's digits (reports-api, section 11). `None` where the product is beyond what a decimal can hold.
pub fn total_cost(
    price: Decimal,
    effective_production: i128,
    unit: Unit,
    currency: Currency,
) -> Option<Decimal> {
    let per = match unit {
        Unit::Bytes => Decimal::from(1024_u64 * 1024 * 1024),
        Unit::Seconds => Decimal::from(3600_u64),
        Unit::Quantity | Unit::Feature => Decimal::ONE,
    };
    let usage = Decimal::try_from_i128_with_scale(effective_production, 0).ok()?;
    // Multiplied first, so that nothing is lost to the quotient's rounding; divided first only where that overflows.
    let cost = usage
        .checked_mul(price)
        .and_then(|product| product.checked_div(per))
        .or_else(|| usage.checked_div(per)?.checked_mul(price))?;
    let mut rounded = cost.round_dp_with_strategy(currency.digits(), RoundingStrategy::MidpointNearestEven);
    rounded.rescale(currency.digits());
    Some(rounded)
}

/// The mode at `now`: a customer's trial ends by itself one calendar month after its creation, computed wherever the
/// mode is read, never by a job.
pub fn mode_at(stored: PricingMode, created_at: Instant, now: Instant) -> PricingMode {
    match stored {
        PricingMode::Trial if now >= created_at.plus_one_month() => PricingMode::Production,
        other => other,
    }
}

/// The first day whose usage belongs to the production column, `None` while on trial: a tenant counts as
/// production from the first day of the month of its switch, by hand or by itself, as known at `as_known`
/// (reports-api, section 10).
pub fn counts_as_production_from(
    stored: &Timeline<PricingMode>,
    created_at: Instant,
    as_known: Day,
) -> Option<Day> {
    if *stored.at(Day::FOREVER_AGO) != PricingMode::Trial {
        return Some(Day::FOREVER_AGO);
    }
    let by_hand = stored.versions().find(|(from, mode)| **mode != PricingMode::Trial && *from <= as_known);
    let by_itself = created_at.plus_one_month().day();
    let by_itself = (by_itself <= as_known).then_some(by_itself);
    by_hand.map(|(from, _)| from).into_iter().chain(by_itself).min().map(Day::first_of_month)
}

/// Whether the tenant's usage of `day` belongs to the trial column: see [`counts_as_production_from`].
pub fn counts_as_trial(stored: &Timeline<PricingMode>, created_at: Instant, as_known: Day, day: Day) -> bool {
    counts_as_production_from(stored, created_at, as_known).is_none_or(|from| day < from)
}

/// A quota: a soft limit and how far beyond it usage may go. Both null: unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// Soft limit in the item's unit.
    pub value: Option<i64>,
    /// Further allowance that makes it hard.
    pub overage: Option<i64>,
    /// 0 exactly when both are null, else milliseconds since 1970.
    pub version: i64,
}

impl Quota {
    /// The usage at which it is used up: value and overage together. `None`: it warns, and nothing more
    /// (accounts-api, 1.11).
    pub fn hard_limit(self) -> Option<i128> {
        self.value.zip(self.overage).map(|(value, overage)| i128::from(value) + i128::from(overage))
    }

    /// What two items may use that become one: as much as both, and unlimited where either was. Its version is that of
    /// the first.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let sum =
            |a: Option<i64>, b: Option<i64>| a.zip(b).map(|(a, b)| a.saturating_add(b).min(MAX_READING));
        let value = sum(self.value, other.value);
        Self { value, overage: value.and(sum(self.overage, other.overage)), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Decimal {
        parse_price(text).unwrap()
    }

    #[test]
    fn costs_are_rounded_half_even_in_the_currency() {
        let cost = |p: &str, n, unit, currency| total_cost(price(p), n, unit, currency).unwrap().to_string();
        assert_eq!(cost("0.005", 1, Unit::Quantity, Currency::Usd), "0.00");
        assert_eq!(cost("0.015", 1, Unit::Quantity, Currency::Usd), "0.02");
        assert_eq!(cost("0.05", 3 << 30, Unit::Bytes, Currency::Eur), "0.15");
        assert_eq!(cost("10", 5400, Unit::Seconds, Currency::Jpy), "15");
        assert_eq!(cost("2", 4, Unit::Quantity, Currency::Usd), "8.00");
        assert_eq!(cost("1", -4, Unit::Quantity, Currency::Usd), "-4.00");
        assert_eq!(total_cost(price("1"), i128::MAX, Unit::Quantity, Currency::Usd), None);
    }

    #[test]
    fn a_price_is_plain_decimal_text() {
        assert!(
            ["", ".", "1.", ".5", "-1", "1e3", "+1", "1,5", "NaN", "1.2.3"]
                .iter()
                .all(|bad| parse_price(bad).is_err())
        );
        assert_eq!(price("0.050").to_string(), "0.050");
    }

    #[test]
    fn quotas_of_items_that_become_one_are_added_and_no_limit_stays_none() {
        let quota = |value, overage| Quota { value, overage, version: 7 };
        assert_eq!(quota(Some(10), Some(1)).with(quota(Some(5), Some(2))), quota(Some(15), Some(3)));
        assert_eq!(quota(Some(10), Some(1)).with(quota(Some(5), None)), quota(Some(15), None));
        assert_eq!(quota(Some(10), Some(1)).with(quota(None, None)), quota(None, None));
        assert_eq!(quota(Some(MAX_READING), None).with(quota(Some(5), None)), quota(Some(MAX_READING), None));
        assert_eq!(quota(Some(0), Some(0)).hard_limit(), Some(0));
        assert_eq!(quota(Some(10), None).hard_limit(), None);
    }

    #[test]
    fn a_switch_counts_for_its_whole_month() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let created: Instant = "2026-01-20T10:00:00Z".parse().unwrap();
        let by_itself = Timeline::always(PricingMode::Trial);
        assert!(counts_as_trial(&by_itself, created, day("2026-02-19"), day("2026-02-10")));
        assert!(!counts_as_trial(&by_itself, created, day("2026-02-20"), day("2026-02-01")));
        assert!(counts_as_trial(&by_itself, created, day("2026-02-20"), day("2026-01-31")));
        let mut by_hand = Timeline::always(PricingMode::Trial);
        by_hand.push(day("2026-01-25"), PricingMode::Production);
        assert!(!counts_as_trial(&by_hand, created, day("2026-03-01"), day("2026-01-01")));
        assert!(counts_as_trial(&by_hand, created, day("2026-03-01"), day("2025-12-31")));
        let from_the_start = Timeline::always(PricingMode::Production);
        assert!(!counts_as_trial(&from_the_start, created, day("2026-03-01"), day("2020-01-01")));
    }

    #[test]
    fn modes_change_as_published() {
        use PricingMode::{Production, Suspended, Trial};
        let allowed: Vec<_> = [Trial, Production, Suspended]
            .into_iter()
            .flat_map(|old| [Trial, Production, Suspended].map(|new| (old, new)))
            .filter(|(old, new)| old.may_become(*new))
            .collect();
        let expected = [
            (Trial, Trial),
            (Trial, Production),
            (Production, Production),
            (Production, Suspended),
            (Suspended, Production),
            (Suspended, Suspended),
        ];
        assert_eq!(allowed, expected);
    }
}
