//! Blocks that are not what was written: named, never read as numbers, and cheap to refuse.

use std::collections::{BTreeMap, HashSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::arbitrary::{batch, heard, segment};
use crate::history::codec::{Frames, Writer, seal};
use crate::history::{Archive, Ask, Batch, BlockKind, Damaged, Heard, Place, Segment, Shelf, Stored};
use crate::ids::{RangeNo, Seq, TenantNo};
use crate::time::Day;

fn batch_place(batch: &Batch) -> Place {
    let (first, last) = batch.days().unwrap_or((Day(0), Day(0)));
    Place { kind: BlockKind::Ledger, range: batch.range, first, last }
}

/// A block of any kind, and its place.
fn block() -> impl Strategy<Value = (Place, Vec<u8>)> {
    prop_oneof![
        segment().prop_map(|it| (Segment::place(it.range, it.first, it.last), it.encode())),
        batch().prop_map(|it| (batch_place(&it), it.encode())),
        heard().prop_map(|it| {
            let place = Place { kind: BlockKind::Heard, range: it.range, first: it.day, last: it.day };
            (place, it.encode())
        }),
    ]
}

/// One change of some bytes.
#[derive(Debug, Clone)]
enum Change {
    Flip(Index, u8),
    Cut(Index),
    Remove(Index),
    Insert(Index, u8),
    Append(Vec<u8>),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Append(more) => bytes.extend(more),
            Self::Insert(at, byte) => bytes.insert(at.index(bytes.len() + 1), *byte),
            _ if bytes.is_empty() => {}
            Self::Flip(at, bits) => {
                let at = at.index(bytes.len());
                bytes[at] ^= bits;
            }
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Self::Remove(at) => drop(bytes.remove(at.index(bytes.len()))),
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), 1..=255_u8).prop_map(|(at, bits)| Change::Flip(at, bits)),
        1 => at().prop_map(Change::Cut),
        1 => at().prop_map(Change::Remove),
        1 => (at(), any::<u8>()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        1 => vec(any::<u8>(), 1..4).prop_map(Change::Append),
    ]
}

/// Reads a block in every way there is. What is read must be something that can be written and read again.
fn read(place: Place, block: &[u8]) -> Result<(), Damaged> {
    let Place { kind, range, first, last } = place;
    match kind {
        BlockKind::Segment => {
            let levels = read_levels(place, block, &[first]);
            let all: Vec<Day> = (0..4).map(|day| first.plus(day * 10).min(last)).collect();
            let all_levels = read_levels(place, block, &all);
            let segment = Segment::decode(block, range, first, last);
            // The first frame alone may do for the levels at the ends.
            assert!(all_levels.is_err() || segment.is_ok());
            assert!(levels.is_ok() || segment.is_err());
            let segment = segment?;
            assert_eq!(Segment::decode(&segment.encode(), range, first, last), Ok(segment));
        }
        BlockKind::Ledger => {
            let batch = Batch::decode(block, range, first, last)?;
            let place = batch_place(&batch);
            assert_eq!(Batch::decode(&batch.encode(), range, place.first, place.last), Ok(batch));
        }
        BlockKind::Heard => {
            let heard = Heard::decode(block, range, first)?;
            assert_eq!(Heard::decode(&heard.encode(), range, first), Ok(heard));
        }
        // Its own file tests it.
        BlockKind::Tree => drop(crate::history::Twig::unpack(block, range)?),
    }
    Ok(())
}

fn read_levels(place: Place, block: &[u8], days: &[Day]) -> Result<(), Damaged> {
    let Place { range, first, last, .. } = place;
    let segments = vec![Stored { first, last, seq: Seq(1), block: block.to_vec() }];
    let shelves = BTreeMap::from([(range, Shelf { segments, ..Shelf::default() })]);
    let archive = Archive { first, last, as_of: Seq(1), shelves };
    let whole = HashSet::from([TenantNo(range.first().0 + 1)]);
    for whole in [HashSet::new(), whole] {
        archive.levels(range, &Ask { days, used: (first, last), whole: &whole, few: None })?;
    }
    Ok(())
}

fn is_named(place: Place, block: &[u8]) {
    let damaged = read(place, block).unwrap_err();
    assert_eq!(damaged.place, place);
    let (text, kind) = (damaged.to_string(), place.kind.to_string());
    for part in [kind, format!("range {}", place.range), place.first.to_string(), place.last.to_string()] {
        assert!(text.contains(&part), "{text}");
    }
}

/// Writes the right checksum for what stands behind it.
fn reseal(block: &mut [u8]) {
    if let Some((head, body)) = block.split_at_mut_checked(9) {
        head[5..].copy_from_slice(&crc32fast::hash(body).to_le_bytes());
    }
}

fn frames(place: Place, block: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Frames::open(block, place).unwrap();
    std::iter::from_fn(|| frames.next().ok()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_changed_byte_is_named((place, block) in block(), change in change()) {
        let mut changed = block.clone();
        change.apply(&mut changed);
        if changed != block {
            is_named(place, &changed);
        }
    }

    #[test]
    fn the_block_of_another_place_is_named((place, block) in block(), other in block().prop_map(|it| it.0)) {
        if other != place {
            is_named(other, &block);
        }
    }

    #[test]
    fn arbitrary_bytes_are_named((place, block) in block(), bytes in vec(any::<u8>(), 0..60), has_head in any::<bool>()) {
        let mut bytes = bytes;
        if has_head {
            bytes.splice(0..0, block[..9].iter().copied());
        }
        is_named(place, &bytes);
    }

    #[test]
    fn changes_behind_the_checksum_do_no_harm((place, block) in block(), changes in vec(change(), 1..4)) {
        let mut body = block[9..].to_vec();
        for change in &changes {
            change.apply(&mut body);
        }
        let mut changed = [&block[..9], &body].concat();
        reseal(&mut changed);
        let _ = read(place, &changed);
    }

    #[test]
    fn changed_columns_do_no_harm(
        (place, block) in block(),
        changes in vec((any::<Index>(), change()), 1..4),
    ) {
        let mut frames = frames(place, &block);
        for (frame, change) in &changes {
            let frame = frame.index(frames.len());
            change.apply(&mut frames[frame]);
        }
        let frames: Vec<Writer> = frames.into_iter().map(Writer).collect();
        let _ = read(place, &seal(place, &frames));
    }

    #[test]
    fn arbitrary_columns_do_no_harm((place, block) in block(), columns in vec(vec(any::<u8>(), 0..9), 0..12)) {
        let mut frame = Writer::default();
        for column in columns {
            frame.column(&Writer(column));
        }
        let mut frames: Vec<Writer> = frames(place, &block).into_iter().map(Writer).collect();
        frames[0] = frame;
        let _ = read(place, &seal(place, &frames));
    }
}

const PLACE: Place =
    Place { kind: BlockKind::Segment, range: RangeNo(0), first: Day(20_000), last: Day(20_030) };

/// Every number of a column as large as can be written: none is believed.
#[test]
fn huge_counts_are_refused_at_once() {
    let huge = || {
        let mut column = Writer::default();
        column.number(u64::MAX >> 4);
        column.number(u64::MAX >> 4);
        column
    };
    for kind in [BlockKind::Segment, BlockKind::Ledger, BlockKind::Heard] {
        let place =
            Place { kind, last: if kind == BlockKind::Heard { PLACE.first } else { PLACE.last }, ..PLACE };
        is_named(place, &seal(place, &[huge(), Writer::default()]));
        is_named(place, &seal(place, &[huge()]));
        for large in 0..11 {
            let mut frame = Writer::default();
            (0..11).for_each(|at| frame.column(&if at == large { huge() } else { Writer(vec![0]) }));
            is_named(place, &seal(place, &[frame]));
        }
    }
}

/// A frame whose header promises more than any block holds is refused before room is made for it.
#[test]
fn a_frame_that_promises_too_much_is_refused() {
    let mut block = seal(PLACE, &[Writer(vec![0; 300]), Writer::default()]);
    let magic = block.windows(4).position(|bytes| bytes == [0x28, 0xb5, 0x2f, 0xfd]).unwrap();
    // Its descriptor says that the length of the content stands in eight bytes behind it.
    let promise = [&[0xe0_u8], &(1_u64 << 60).to_le_bytes()[..]].concat();
    block.splice(magic + 4..magic + 7, promise);
    reseal(&mut block);
    assert_eq!(read_levels(PLACE, &block, &[]).unwrap_err().why, "a frame is too large");
}
