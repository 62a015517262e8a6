//! The tree of tenants over time, packed by range.
//!
//! One frame of columns: numbers, moments of creation and first parents, each as the difference from the tenant before; a
//! byte for all first words; and then, property by property, the few tenants that changed, with their later versions.

use super::codec::{BlockKind, Cursor, Damaged, Frames, Malformed, Place, Read, Writer, seal};
use crate::ids::{RANGE_TENANTS, RangeNo, TenantNo};
use crate::pricing::PricingMode;
use crate::tenant::TenantKind;
use crate::time::{Day, Instant};
use crate::timeline::Timeline;

/// What the fold over a whole channel needs of a tenant: whom it stood below on which day, and how it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twig {
    /// Its number.
    pub no: TenantNo,
    /// When it was made: its trial ends by itself one month later.
    pub created_at: Instant,
    /// Whether it is one user's personal tenant.
    pub is_personal: bool,
    /// Its parent; a root is its own.
    pub parent: Timeline<TenantNo>,
    /// What it is.
    pub kind: Timeline<TenantKind>,
    /// Whether it is deleted.
    pub deleted: Timeline<bool>,
    /// The mode as stored; the switch by itself is computed.
    pub pricing_mode: Timeline<PricingMode>,
}

/// The bits of a twig's byte: three for the kind, two for the mode, then these.
const MODE_SHIFT: u32 = 3;
const DELETED: u64 = 1 << 5;
const PERSONAL: u64 = 1 << 6;

const fn place(range: RangeNo) -> Place {
    Place { kind: BlockKind::Tree, range, first: Day::FOREVER_AGO, last: Day::FOREVER_AGO }
}

impl Twig {
    /// The block of a range: all its tenants, by number.
    pub fn pack(range: RangeNo, twigs: &[Self]) -> Vec<u8> {
        let [mut numbers, mut moments, mut parents, mut words]: [Writer; 4] = Default::default();
        let (mut no, mut created_at, mut parent) = (range.first().0, 0, 0);
        for twig in twigs {
            numbers.difference(twig.no.0, no);
            moments.difference(twig.created_at.0, created_at);
            parents.difference(twig.parent.first().0, parent);
            words.number(twig.words());
            (no, created_at, parent) = (twig.no.0, twig.created_at.0, twig.parent.first().0);
        }
        let later = [
            later_versions(twigs, |twig| &twig.parent, |parent| parent.0),
            later_versions(twigs, |twig| &twig.kind, |kind| code(TenantKind::ALL, kind)),
            later_versions(twigs, |twig| &twig.deleted, |deleted| i64::from(*deleted)),
            later_versions(twigs, |twig| &twig.pricing_mode, |mode| code(PricingMode::ALL, mode)),
        ];
        let mut frame = Writer::default();
        for column in [numbers, moments, parents, words].iter().chain(&later) {
            frame.column(column);
        }
        seal(place(range), &[frame])
    }

    /// Reads the block of a range.
    pub fn unpack(block: &[u8], range: RangeNo) -> Result<Vec<Self>, Damaged> {
        read(block, range).map_err(|malformed| place(range).damaged(malformed))
    }

    /// The first versions of all its words in one byte below 128.
    fn words(&self) -> u64 {
        let kind = code(TenantKind::ALL, self.kind.first()).cast_unsigned();
        let mode = code(PricingMode::ALL, self.pricing_mode.first()).cast_unsigned();
        kind | mode << MODE_SHIFT
            | if *self.deleted.first() { DELETED } else { 0 }
            | if self.is_personal { PERSONAL } else { 0 }
    }
}

/// The place of a word among all words of its enumeration.
fn code<T: PartialEq>(all: &[T], word: &T) -> i64 {
    all.iter().zip(0..).find(|(known, _)| *known == word).map_or(0, |(_, code)| code)
}

fn word<T: Copy>(all: &[T], code: i64) -> Read<T> {
    let word = usize::try_from(code).ok().and_then(|code| all.get(code));
    word.copied().ok_or(Malformed("a word is not known"))
}

/// Of each tenant that changed: the step to it from the one before, how often, and each day with its value.
fn later_versions<T>(
    twigs: &[Twig],
    of: impl Fn(&Twig) -> &Timeline<T>,
    value: impl Fn(&T) -> i64,
) -> Writer {
    let mut column = Writer::default();
    let mut before = 0;
    for (at, twig) in twigs.iter().enumerate() {
        let count = of(twig).versions().skip(1).count();
        if count == 0 {
            continue;
        }
        column.size(at - before);
        column.size(count);
        before = at;
        let mut previous = 0;
        for (day, version) in of(twig).versions().skip(1) {
            column.difference(day.0.into(), previous);
            column.signed(value(version));
            previous = day.0.into();
        }
    }
    column
}

fn read(block: &[u8], range: RangeNo) -> Read<Vec<Twig>> {
    let mut frames = Frames::open(block, place(range))?;
    let frame = frames.next()?;
    frames.end()?;
    let mut frame = Cursor(&frame);
    let mut twigs = read_first(&mut frame, range)?;
    read_later(&mut frame, &mut twigs, |twig, day, parent| {
        twig.parent.push(day, TenantNo(parent));
        Ok(())
    })?;
    read_later(&mut frame, &mut twigs, |twig, day, kind| {
        twig.kind.push(day, word(TenantKind::ALL, kind)?);
        Ok(())
    })?;
    read_later(&mut frame, &mut twigs, |twig, day, deleted| {
        twig.deleted.push(day, word(&[false, true], deleted)?);
        Ok(())
    })?;
    read_later(&mut frame, &mut twigs, |twig, day, mode| {
        twig.pricing_mode.push(day, word(PricingMode::ALL, mode)?);
        Ok(())
    })?;
    frame.end()?;
    Ok(twigs)
}

fn read_first(frame: &mut Cursor<'_>, range: RangeNo) -> Read<Vec<Twig>> {
    let (mut numbers, mut moments) = (frame.column()?, frame.column()?);
    let (mut parents, mut words) = (frame.column()?, frame.column()?);
    let (mut no, mut created_at, mut parent) = (range.first().0, 0, 0);
    let mut behind = no..no.saturating_add(RANGE_TENANTS);
    let mut twigs = Vec::with_capacity(words.0.len());
    while !words.0.is_empty() {
        no = numbers.difference(no)?;
        created_at = moments.difference(created_at)?;
        parent = parents.difference(parent)?;
        let bits = words.number()?;
        if !behind.contains(&no) {
            return Err(Malformed("a tenant is out of order or of another range"));
        }
        behind.start = no + 1;
        twigs.push(Twig {
            no: TenantNo(no),
            created_at: Instant(created_at),
            is_personal: bits & PERSONAL != 0,
            parent: Timeline::always(TenantNo(parent)),
            kind: Timeline::always(word(TenantKind::ALL, (bits & 7).cast_signed())?),
            deleted: Timeline::always(bits & DELETED != 0),
            pricing_mode: Timeline::always(word(PricingMode::ALL, (bits >> MODE_SHIFT & 3).cast_signed())?),
        });
    }
    for column in [numbers, moments, parents] {
        column.end()?;
    }
    Ok(twigs)
}

/// Reads what [`later_versions`] wrote.
fn read_later(
    frame: &mut Cursor<'_>,
    twigs: &mut [Twig],
    mut push: impl FnMut(&mut Twig, Day, i64) -> Read<()>,
) -> Read<()> {
    let mut column = frame.column()?;
    let mut at = 0_usize;
    while !column.0.is_empty() {
        at = at.checked_add(column.size()?).ok_or(Malformed("a version is of no tenant"))?;
        let twig = twigs.get_mut(at).ok_or(Malformed("a version is of no tenant"))?;
        let mut day = 0;
        for _ in 0..column.size()? {
            day = column.difference(day)?;
            let on = i32::try_from(day).map(Day).map_err(|_| Malformed("a day is out of bounds"))?;
            push(twig, on, column.signed()?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn timeline<T: Clone + std::fmt::Debug>(
        value: impl Strategy<Value = T> + Clone,
    ) -> impl Strategy<Value = Timeline<T>> {
        let later = prop::collection::btree_map(-900_000..900_000_i32, value.clone(), 0..3);
        (value, later).prop_map(|(first, later)| {
            let mut timeline = Timeline::always(first);
            for (day, value) in later {
                timeline.push(Day(day), value);
            }
            timeline
        })
    }

    fn twigs(range: RangeNo) -> impl Strategy<Value = Vec<Twig>> {
        let numbers = prop::collection::btree_set(0..RANGE_TENANTS, 0..40);
        let twig = (
            any::<i64>(),
            any::<bool>(),
            timeline(any::<i64>().prop_map(TenantNo)),
            timeline(prop::sample::select(TenantKind::ALL)),
            timeline(any::<bool>()),
            timeline(prop::sample::select(PricingMode::ALL)),
        );
        (numbers, prop::collection::vec(twig, 40)).prop_map(move |(numbers, twigs)| {
            let twig = |(no, (created_at, is_personal, parent, kind, deleted, pricing_mode))| Twig {
                no: TenantNo(range.first().0 + no),
                created_at: Instant(created_at),
                is_personal,
                parent,
                kind,
                deleted,
                pricing_mode,
            };
            numbers.into_iter().zip(twigs).map(twig).collect()
        })
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_out_again(twigs in twigs(RangeNo(3))) {
            let block = Twig::pack(RangeNo(3), &twigs);
            prop_assert_eq!(Twig::unpack(&block, RangeNo(3)), Ok(twigs));
            prop_assert!(Twig::unpack(&block, RangeNo(4)).is_err());
        }

        #[test]
        fn damage_is_never_read_as_tenants(twigs in twigs(RangeNo(0)), at: prop::sample::Index, bit in 0..8_u32) {
            let mut block = Twig::pack(RangeNo(0), &twigs);
            let at = at.index(block.len());
            block[at] ^= 1 << bit;
            prop_assert!(Twig::unpack(&block, RangeNo(0)).is_err());
            prop_assert!(Twig::unpack(&block[..at], RangeNo(0)).is_err());
        }

        /// With a checksum that fits, so that the reader of columns itself is put to the test.
        #[test]
        fn no_frame_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let block = seal(place(RangeNo(0)), &[Writer(bytes)]);
            let _ = Twig::unpack(&block, RangeNo(0));
        }
    }
}
