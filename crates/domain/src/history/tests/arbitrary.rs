//! Arbitrary segments, batches and heard blocks, their numbers often at the ends of what they can be.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use uuid::Uuid;

use crate::access::Actor;
use crate::history::{Batch, Entry, Heard, Origin, Recorded, Reported, Segment, Series};
use crate::ids::{ClientId, InfraNo, ItemNo, RANGE_TENANTS, RangeNo, Seq, TenantNo, UserId};
use crate::time::{Day, Instant};
use crate::usage::MeterKey;

pub(super) fn number() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 0..50_i64, 1 => any::<i64>(), 1 => Just(i64::MIN), 1 => Just(i64::MAX), 1 => Just(-1_i64)]
}

fn day() -> impl Strategy<Value = Day> {
    prop_oneof![6 => 20_000..20_100_i32, 1 => any::<i32>(), 1 => Just(i32::MIN), 1 => Just(i32::MAX)]
        .prop_map(Day)
}

fn range() -> impl Strategy<Value = RangeNo> {
    prop_oneof![0..3_i64, -2..0_i64, Just(i64::MAX / RANGE_TENANTS)].prop_map(RangeNo)
}

fn key(range: RangeNo) -> impl Strategy<Value = MeterKey> {
    let tenant = prop_oneof![0..5_i64, 0..RANGE_TENANTS, Just(RANGE_TENANTS - 1)];
    (tenant, number(), prop_oneof![3 => Just(0), 1 => number()]).prop_map(move |(tenant, item, infra)| {
        MeterKey { tenant: TenantNo(range.first().0 + tenant), item: ItemNo(item), infra: InfraNo(infra) }
    })
}

/// Days of which a segment is: one, or a month, where time begins, where it ends, and between.
fn window() -> impl Strategy<Value = (Day, Day)> {
    let length = prop_oneof![Just(1), 28..=31_i32];
    let first = prop_oneof![6 => 19_000..21_000_i32, 1 => Just(i32::MIN), 1 => Just(i32::MAX - 31)];
    (first, length).prop_map(|(first, length)| (Day(first), Day(first + length - 1)))
}

fn series(first: Day, last: Day) -> impl Strategy<Value = Series> {
    let before = option::of((prop_oneof![3 => Just(1_u32), 1 => 1..400_u32, 1 => Just(u32::MAX)], number()));
    let length = last.0 - first.0 + 1;
    let all = vec(number(), usize::try_from(length).unwrap()).prop_map(|levels| (0..).zip(levels).collect());
    let some = btree_map(0..length, number(), 0..6);
    let inside = prop_oneof![3 => some, 1 => all];
    (before, inside).prop_map(move |(before, inside)| {
        let mut series = Series::default();
        let before = before.and_then(|(gap, level)| Some((first.0.checked_sub_unsigned(gap)?, level)));
        if let Some((day, level)) = before {
            series.push(Day(day), level);
        }
        let inside: BTreeMap<i32, i64> = inside;
        for (day, level) in inside {
            series.push(first.plus(day), level);
        }
        series
    })
}

pub(super) fn segment() -> impl Strategy<Value = Segment> {
    (range(), window()).prop_flat_map(|(range, (first, last))| {
        btree_map(key(range), series(first, last), 0..12).prop_map(move |series| {
            let series = series.into_iter().filter(|(_, series)| !series.is_empty()).collect();
            Segment { range, first, last, series }
        })
    })
}

fn actor() -> impl Strategy<Value = Actor> {
    let id = any::<u128>().prop_map(Uuid::from_u128);
    prop_oneof![
        id.clone().prop_map(|id| Actor::Client(ClientId(id))),
        id.prop_map(|id| Actor::User(UserId(id))),
        Just(Actor::System)
    ]
}

fn origin() -> impl Strategy<Value = Origin> {
    (number(), number(), actor(), option::of(".{0,12}"), day()).prop_map(
        |(seq, at, actor, reason, open_day)| Origin {
            seq: Seq(seq),
            recorded_at: Instant(at),
            actor,
            reason,
            open_day,
        },
    )
}

fn entry() -> impl Strategy<Value = Entry> {
    let prior = (day(), number()).prop_map(|(day, level)| Reported { day, level });
    (day(), option::of(number()), option::of(number()), option::of(prior), any::<bool>(), any::<bool>())
        .prop_map(|(day, old, new, prior, shifts, last)| Entry { day, old, new, prior, shifts, last })
}

pub(super) fn batch() -> impl Strategy<Value = Batch> {
    (range(), vec(origin(), 1..6)).prop_flat_map(|(range, origins)| {
        let keys = btree_set(key(range), 1..5).prop_map(Vec::from_iter);
        let entries = vec((any::<prop::sample::Index>(), 0..origins.len(), entry()), 0..30);
        (keys, entries).prop_map(move |(keys, entries)| {
            let recorded = |(key, origin, entry): (prop::sample::Index, usize, Entry)| Recorded {
                key: *key.get(&keys),
                origin,
                entry,
            };
            Batch::new(range, origins.clone(), entries.into_iter().map(recorded).collect())
        })
    })
}

pub(super) fn heard() -> impl Strategy<Value = Heard> {
    (range(), day(), vec(any::<bool>(), 0..70)).prop_map(|(range, day, marks)| Heard { range, day, marks })
}
