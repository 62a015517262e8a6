//! What goes into a block comes out of it.

use proptest::prelude::*;

use super::arbitrary::{batch, heard, segment};
use crate::history::{Batch, Heard, Segment, Series};
use crate::ids::{InfraNo, ItemNo, RANGE_TENANTS, RangeNo, TenantNo};
use crate::time::Day;
use crate::usage::MeterKey;

fn is_kept(segment: &Segment) {
    let block = segment.encode();
    let read = Segment::decode(&block, segment.range, segment.first, segment.last);
    assert_eq!(read.as_ref(), Ok(segment));
}

proptest! {
    #[test]
    fn a_segment_is_kept(segment in segment()) {
        is_kept(&segment);
    }

    #[test]
    fn a_batch_is_kept(batch in batch()) {
        let (first, last) = batch.days().unwrap_or((Day(0), Day(0)));
        let read = Batch::decode(&batch.encode(), batch.range, first, last);
        prop_assert_eq!(read, Ok(batch));
    }

    #[test]
    fn which_meters_were_heard_is_kept(heard in heard()) {
        prop_assert_eq!(Heard::decode(&heard.encode(), heard.range, heard.day), Ok(heard));
    }

    #[test]
    fn merged_batches_have_every_entry_with_its_origin(first in batch(), second in batch()) {
        let second = Batch { range: first.range, ..second };
        let all = |batch: &Batch| -> Vec<_> {
            let told = |recorded: &crate::history::Recorded| {
                (recorded.key, batch.origins[recorded.origin].clone(), recorded.entry)
            };
            batch.entries.iter().map(told).collect()
        };
        let mut told = [all(&first), all(&second)].concat();
        // Packed blocks overlap in their numbers where one of them was pending for long.
        told.sort_by_key(|(key, origin, _)| (*key, origin.seq));
        let merged = Batch::merge(first.range, vec![first, second]);
        prop_assert_eq!(all(&merged), told);
        prop_assert!(merged.origins.is_sorted_by_key(|origin| origin.seq));
    }
}

fn key(tenant: i64) -> MeterKey {
    MeterKey { tenant: TenantNo(tenant), item: ItemNo(7), infra: InfraNo::NONE }
}

#[test]
fn a_full_range_is_kept_for_every_length_of_a_month() {
    for days in [1, 28, 29, 30, 31] {
        let (range, first) = (RangeNo(3), Day(20_000));
        let series = (0..RANGE_TENANTS).map(|n| {
            let mut series = Series::default();
            (0..days).for_each(|day| series.push(first.plus(day), n * i64::from(day)));
            (key(range.first().0 + n), series)
        });
        is_kept(&Segment { range, first, last: first.plus(days - 1), series: series.collect() });
    }
}

#[test]
fn a_meter_of_which_nothing_was_heard_has_no_place() {
    let mut later = Series::default();
    later.push(Day(2), 5);
    let mut heard = Series::default();
    heard.push(Day(0), 9);
    let (range, first) = (RangeNo(0), Day(1));
    let series = vec![(key(1), Series::default()), (key(2), later), (key(3), heard.clone())];
    let block = Segment { range, first, last: first, series }.encode();
    assert_eq!(Segment::decode(&block, range, first, first).unwrap().series, [(key(3), heard)]);
}
