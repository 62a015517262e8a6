//! Blocks of the history whose seal is right whatever they hold, so that a fuzzer gets past checksum and compression.

use domain::ids::RangeNo;
use domain::time::Day;

/// The place that all blocks say they are of.
pub const RANGE: RangeNo = RangeNo(0);
/// The first day of it.
pub const FIRST: Day = Day(20_000);
/// The last day of a month.
pub const LAST: Day = Day(20_030);

/// A block of this kind, up to the last day, whose frames are parts of the data.
pub fn sealed(magic: [u8; 4], last: Day, data: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for number in [RANGE.0, FIRST.0.into(), last.0.into()] {
        leb128(&mut body, u64::try_from(number).unwrap() << 1);
    }
    // The first two bytes say where the first frame ends and the second one begins.
    let (cut, data) = data.split_first_chunk().map_or((0, data), |(cut, data)| (u16::from_le_bytes(*cut), data));
    let (first, second) = data.split_at(usize::from(cut).min(data.len()));
    let frames: &[&[u8]] = if magic == *b"TMSG" { &[first, second] } else { &[data] };
    for frame in frames {
        let packed = zstd::bulk::compress(frame, 1).unwrap();
        leb128(&mut body, packed.len() as u64);
        body.extend(packed);
    }
    [&magic[..], &[1], &crc32fast::hash(&body).to_le_bytes(), &body].concat()
}

fn leb128(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}
