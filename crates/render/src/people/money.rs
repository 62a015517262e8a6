//! Sums of money.

use std::collections::BTreeMap;
use std::fmt;

use domain::pricing::Currency;
use domain::report::RowPricing;
use rust_decimal::Decimal;

/// Sums of rounded rows, apart by currency: a tenant may change its own within a period.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Money {
    /// `None` beyond what a decimal holds.
    sums: BTreeMap<Currency, Option<Decimal>>,
}

impl Money {
    /// Adds the cost of a row.
    pub(crate) fn add(&mut self, pricing: &RowPricing) {
        let sum = self.sums.entry(pricing.currency).or_insert(Some(Decimal::ZERO));
        *sum = sum.zip(pricing.total_cost).and_then(|(sum, cost)| sum.checked_add(cost));
    }

    /// Whether no row with a price was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// Whether there is nothing to pay.
    pub(crate) fn is_zero(&self) -> bool {
        self.sums.values().all(|sum| sum.is_some_and(|sum| sum.is_zero()))
    }
}

impl fmt::Display for Money {
    /// `15.00 EUR`; a sum that cannot be told is a dash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (currency, sum)) in self.sums.iter().enumerate() {
            let separator = if place == 0 { "" } else { " + " };
            match sum {
                Some(sum) => write!(f, "{separator}{sum} {currency}")?,
                None => write!(f, "{separator}– {currency}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use domain::pricing::{PricingMode, parse_price};

    use super::*;

    fn row(currency: Currency, total_cost: Option<&str>) -> RowPricing {
        RowPricing {
            currency,
            mode: PricingMode::Production,
            price: Decimal::ONE,
            total_cost: total_cost.map(|text| parse_price(text).unwrap()),
        }
    }

    #[test]
    fn currencies_are_never_added_up() {
        let mut money = Money::default();
        assert!(money.is_empty());
        money.add(&row(Currency::Jpy, Some("12")));
        money.add(&row(Currency::Eur, Some("0.10")));
        money.add(&row(Currency::Eur, Some("0.20")));
        assert_eq!(money.to_string(), "0.30 EUR + 12 JPY");
    }

    #[test]
    fn a_sum_that_cannot_be_told_stays_so() {
        let mut money = Money::default();
        money.add(&row(Currency::Eur, None));
        money.add(&row(Currency::Eur, Some("1.00")));
        assert_eq!(money.to_string(), "– EUR");
        assert!(!money.is_zero());
    }
}
