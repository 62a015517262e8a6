#![no_main]
use std::collections::{BTreeMap, HashSet};

use domain::history::{Archive, Ask, Shelf, Stored};
use domain::ids::{Seq, TenantNo};
use libfuzzer_sys::fuzz_target;
use tidemark_fuzz::{FIRST, LAST, RANGE, sealed};

// Levels read straight from the block are those of the series.
fuzz_target!(|data: &[u8]| {
    let stored = Stored { first: FIRST, last: LAST, seq: Seq(1), block: sealed(*b"TMSG", LAST, data) };
    let shelf = Shelf { segments: vec![stored], ..Shelf::default() };
    let archive = Archive { first: FIRST, last: LAST, as_of: Seq(1), shelves: BTreeMap::from([(RANGE, shelf)]) };
    let days = [FIRST, FIRST.plus(9), LAST];
    let ask = Ask { days: &days, used: (FIRST.next(), LAST), whole: &HashSet::from([TenantNo(1)]), few: None };
    let (Ok(levels), Ok(series)) = (archive.levels(RANGE, &ask), archive.series(RANGE, |_| true)) else { return };
    let fast = levels.iter().map(|(key, found)| (key, found.levels.to_vec(), found.used));
    let fast = fast.filter(|(key, ..)| key.tenant != TenantNo(1));
    let slow = series.iter().map(|(key, series)| {
        (*key, days.map(|day| series.level(day)).to_vec(), series.any_above_zero(ask.used.0, ask.used.1))
    });
    let slow = slow.filter(|(key, ..)| key.tenant != TenantNo(1));
    assert!(fast.eq(slow));
});
