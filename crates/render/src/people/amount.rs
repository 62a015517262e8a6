//! Figures as text: GB of 1024^3 and hours with two decimals, counts as integers (reports-api, section 10).
//!
//! One form in every language and file, without separators of thousands, so that a figure found in one file can be
//! searched for in another. Integer arithmetic throughout: a sum may be larger than any float holds exactly.

use std::cmp::Ordering;

use domain::catalogue::Unit;

const BYTES_PER_GB: u128 = 1 << 30;
const SECONDS_PER_HOUR: u128 = 3600;

/// The figure in its printed unit, without the unit's name.
pub(crate) fn amount(unit: Unit, figure: i128) -> String {
    match unit {
        Unit::Bytes => hundredths(figure, BYTES_PER_GB),
        Unit::Seconds => hundredths(figure, SECONDS_PER_HOUR),
        Unit::Quantity | Unit::Feature => figure.to_string(),
    }
}

/// A change: with its sign above zero too, but without one where nothing is left of it in print.
pub(crate) fn change(unit: Unit, figure: i128) -> String {
    let amount = amount(unit, figure);
    let is_in_print = amount.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
    if figure > 0 && is_in_print { format!("+{amount}") } else { amount }
}

/// The name of the printed unit, in English; empty for counts.
pub(crate) const fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Bytes => "GB",
        Unit::Seconds => "hours",
        Unit::Quantity | Unit::Feature => "",
    }
}

/// `figure / per`, rounded half-even to two decimals.
fn hundredths(figure: i128, per: u128) -> String {
    let magnitude = figure.unsigned_abs();
    let (mut whole, rest) = (magnitude / per, magnitude % per);
    let (mut decimals, left) = (rest * 100 / per, rest * 100 % per);
    match (left * 2).cmp(&per) {
        Ordering::Greater => decimals += 1,
        Ordering::Equal => decimals += decimals % 2,
        Ordering::Less => {}
    }
    if decimals == 100 {
        (whole, decimals) = (whole + 1, 0);
    }
    let sign = if figure < 0 && (whole, decimals) != (0, 0) { "-" } else { "" };
    format!("{sign}{whole}.{decimals:02}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::{Decimal, RoundingStrategy};

    use super::*;

    #[test]
    fn halves_go_to_the_even_hundredth() {
        let hours = |seconds| amount(Unit::Seconds, seconds);
        // A hundredth of an hour is 36 seconds.
        for (seconds, text) in [
            (0, "0.00"),
            (17, "0.00"),
            (18, "0.00"),
            (19, "0.01"),
            (54, "0.02"),
            (90, "0.02"),
            (3600, "1.00"),
            (3581, "0.99"),
            (3582, "1.00"),
            (-18, "0.00"),
            (-19, "-0.01"),
            (-3582, "-1.00"),
        ] {
            assert_eq!(hours(seconds), text, "{seconds} s");
        }
    }

    #[test]
    fn nothing_is_too_large() {
        assert_eq!(amount(Unit::Bytes, i128::MAX), "158456325028528675187087900672.00");
        assert_eq!(amount(Unit::Bytes, i128::MIN), "-158456325028528675187087900672.00");
        assert_eq!(amount(Unit::Quantity, i128::MIN), i128::MIN.to_string());
    }

    #[test]
    fn changes_show_their_sign() {
        assert_eq!(change(Unit::Quantity, 3), "+3");
        assert_eq!(change(Unit::Quantity, 0), "0");
        assert_eq!(change(Unit::Bytes, 6), "0.00");
        assert_eq!(change(Unit::Seconds, 19), "+0.01");
        assert_eq!(change(Unit::Bytes, -(3 << 29)), "-1.50");
    }

    proptest! {
        #[test]
        fn a_decimal_says_the_same(figure in -(1_i128 << 62)..(1_i128 << 62)) {
            for (unit, per) in [(Unit::Bytes, 1_u64 << 30), (Unit::Seconds, 3600)] {
                let exact = Decimal::from_i128_with_scale(figure, 0) / Decimal::from(per);
                let mut rounded = exact.round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven);
                rounded.rescale(2);
                let rounded = if rounded.is_zero() { "0.00".to_owned() } else { rounded.to_string() };
                prop_assert_eq!(amount(unit, figure), rounded);
            }
        }
    }
}
