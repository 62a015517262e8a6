//! What all blocks share: a header with version and checksum, compressed frames of columns, variable-length numbers.
//!
//! A block is the four bytes of its kind, a version, the CRC-32 of everything behind it, the range and the days it is
//! for, and its frames, each compressed by itself with zstd. Numbers are LEB128; signed ones are folded by zigzag first.
//! Differences are taken modulo 2^64, so that every difference can be written and none is lost.

use std::fmt;

use crate::ids::RangeNo;
use crate::time::Day;

/// The version of the format that is written.
const VERSION: u8 = 1;
/// zstd's own default: half the time of the levels above for a few percent more bytes.
const ZSTD_LEVEL: i32 = 3;
/// No frame is larger than this when unpacked: four times what 4,096 tenants with 100 meters each need for a month of
/// large readings. More is damage.
const MAX_FRAME_BYTES: usize = 1 << 28;
/// Magic, version, checksum.
const CHECKED_FROM: usize = 9;

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// Levels.
    Segment,
    /// Ledger entries.
    Ledger,
    /// Which meters were heard on a day.
    Heard,
    /// Who stood below whom.
    Tree,
}

impl BlockKind {
    const fn magic(self) -> [u8; 4] {
        match self {
            Self::Segment => *b"TMSG",
            Self::Ledger => *b"TMLG",
            Self::Heard => *b"TMHD",
            Self::Tree => *b"TMTR",
        }
    }
}

impl fmt::Display for BlockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Segment => "history segment",
            Self::Ledger => "ledger block",
            Self::Heard => "heard block",
            Self::Tree => "tree block",
        })
    }
}

/// Which block it is: what the row that holds it says, and what its header must say too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What it holds.
    pub kind: BlockKind,
    /// Of which tenants.
    pub range: RangeNo,
    /// The first day it is for.
    pub first: Day,
    /// The last day it is for.
    pub last: Day,
}

/// A block is not what was written: its figures must not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{} of range {} from {} to {} is damaged: {why}", place.kind, place.range, place.first, place.last)]
pub struct Damaged {
    /// Which block.
    pub place: Place,
    /// What is wrong with it.
    pub why: &'static str,
}

/// The bytes do not say what they should.
#[derive(Debug, Clone, Copy)]
pub(super) struct Malformed(pub(super) &'static str);

pub(super) type Read<T> = Result<T, Malformed>;

impl Place {
    pub(super) fn damaged(self, Malformed(why): Malformed) -> Damaged {
        Damaged { place: self, why }
    }
}

/// Puts frames of columns into a block.
pub(super) fn seal(place: Place, frames: &[Writer]) -> Vec<u8> {
    let mut body = Writer::default();
    body.signed(place.range.0);
    body.signed(place.first.0.into());
    body.signed(place.last.0.into());
    for frame in frames {
        body.column(&Writer(compress(&frame.0)));
    }
    let mut block = Vec::with_capacity(CHECKED_FROM + body.0.len());
    block.extend_from_slice(&place.kind.magic());
    block.push(VERSION);
    block.extend_from_slice(&crc32fast::hash(&body.0).to_le_bytes());
    block.extend_from_slice(&body.0);
    block
}

#[expect(
    clippy::expect_used,
    reason = "zstd fails on a buffer too small alone, and this one is sized by its bound"
)]
fn compress(plain: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(plain, ZSTD_LEVEL).expect("zstd compresses into a buffer of its own bound")
}

/// The frames of a block, still compressed, once kind, version, checksum and place are right.
#[derive(Clone, Copy)]
pub(super) struct Frames<'a> {
    rest: Cursor<'a>,
}

impl<'a> Frames<'a> {
    /// Checks the block and opens it.
    pub(super) fn open(block: &'a [u8], place: Place) -> Read<Self> {
        let (head, body) = block.split_at_checked(CHECKED_FROM).ok_or(Malformed("it is too short"))?;
        let (magic, head) = head.split_at_checked(4).ok_or(Malformed("it is too short"))?;
        let (version, sum) = head.split_first().ok_or(Malformed("it is too short"))?;
        if magic != place.kind.magic() {
            return Err(Malformed("it is no block of this kind"));
        }
        if *version != VERSION {
            return Err(Malformed("its version is not known"));
        }
        if *sum != crc32fast::hash(body).to_le_bytes() {
            return Err(Malformed("its checksum is wrong"));
        }
        let mut rest = Cursor(body);
        let says = (rest.signed()?, rest.signed()?, rest.signed()?);
        if says != (place.range.0, place.first.0.into(), place.last.0.into()) {
            return Err(Malformed("it is the block of another place"));
        }
        Ok(Self { rest })
    }

    /// The next frame, unpacked.
    pub(super) fn next(&mut self) -> Read<Vec<u8>> {
        let packed = self.rest.column()?.0;
        // zstd writes down how long the frame was, and unpacks no other length.
        let says = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten();
        let plain = says.and_then(|plain| usize::try_from(plain).ok());
        let plain =
            plain.filter(|plain| *plain <= MAX_FRAME_BYTES).ok_or(Malformed("a frame is too large"))?;
        zstd::bulk::decompress(packed, plain).map_err(|_| Malformed("a frame does not unpack"))
    }

    /// That no frame is left.
    pub(super) fn end(&self) -> Read<()> {
        self.rest.end()
    }
}

/// Numbers and columns being written.
#[derive(Debug, Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn number(&mut self, mut value: u64) {
        loop {
            let low = u8::try_from(value & 0x7f).unwrap_or_default();
            value >>= 7;
            if value == 0 {
                return self.0.push(low);
            }
            self.0.push(low | 0x80);
        }
    }

    pub(super) fn signed(&mut self, value: i64) {
        self.number(((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    pub(super) fn size(&mut self, value: usize) {
        self.number(value as u64);
    }

    /// The difference of two values, modulo 2^64.
    pub(super) fn difference(&mut self, value: i64, from: i64) {
        self.signed(value.wrapping_sub(from));
    }

    pub(super) fn text(&mut self, text: &str) {
        self.size(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Another column as a whole.
    pub(super) fn column(&mut self, column: &Self) {
        self.size(column.0.len());
        self.0.extend_from_slice(&column.0);
    }
}

/// What is left to read of a column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    #[inline]
    pub(super) fn number(&mut self) -> Read<u64> {
        if let Some((byte, rest)) = self.0.split_first()
            && *byte < 0x80
        {
            self.0 = rest;
            return Ok(u64::from(*byte));
        }
        self.long_number()
    }

    fn long_number(&mut self) -> Read<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(Malformed("a column is too short"))?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed("a number is too long"))
    }

    #[inline]
    pub(super) fn signed(&mut self) -> Read<i64> {
        let folded = self.number()?;
        Ok((folded >> 1).cast_signed() ^ -((folded & 1).cast_signed()))
    }

    #[inline]
    pub(super) fn size(&mut self) -> Read<usize> {
        usize::try_from(self.number()?).map_err(|_| Malformed("a size is too large"))
    }

    #[inline]
    pub(super) fn difference(&mut self, from: i64) -> Read<i64> {
        Ok(self.signed()?.wrapping_add(from))
    }

    /// A day so many days before `from`.
    pub(super) fn day_before(&mut self, from: Day) -> Read<Day> {
        let day = i64::from(from.0).checked_sub(self.signed()?).and_then(|day| i32::try_from(day).ok());
        day.map(Day).ok_or(Malformed("a day is out of bounds"))
    }

    pub(super) fn bytes(&mut self, count: usize) -> Read<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(Malformed("a column is too short"))?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(super) fn text(&mut self) -> Read<&'a str> {
        let count = self.size()?;
        self.text_of(count)
    }

    pub(super) fn text_of(&mut self, bytes: usize) -> Read<&'a str> {
        std::str::from_utf8(self.bytes(bytes)?).map_err(|_| Malformed("a text is not UTF-8"))
    }

    pub(super) fn column(&mut self) -> Read<Self> {
        let count = self.size()?;
        self.bytes(count).map(Self)
    }

    /// That nothing is left.
    pub(super) fn end(&self) -> Read<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed("a column is too long")) }
    }
}
