//! A change applied to a window of days, and taken back.

use proptest::collection::vec;
use proptest::prelude::*;

use super::archive::told;
use super::ledger::Ledger;
use crate::time::Day;

proptest! {
    #[test]
    fn a_change_is_applied_to_any_window_and_taken_back(
        told in vec(told(), 1..40),
        first in 0..40_i32,
        length in 1..31_i32,
    ) {
        let (first, last) = (Day(first), Day(first + length - 1));
        for (key, before, entry, after) in Ledger::new(&told).steps {
            let mut series = before.window(key, first, last);
            series.apply(first, last, &entry);
            prop_assert_eq!(&series, &after.window(key, first, last), "{:?} was not applied", entry);
            series.apply(first, last, &entry.inverse());
            prop_assert_eq!(&series, &before.window(key, first, last), "{:?} was not taken back", entry);
        }
    }
}
