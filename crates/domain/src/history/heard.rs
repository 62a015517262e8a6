//! Which meters were heard on a day.
//!
//! A reading equal to the one before changes nothing, so that the ledger has no entry of it, and yet the day was reported.
//! What the ledger lacks to say so stands here: a bit for each meter of the range that had ever been heard, in order.

use super::codec::{BlockKind, Cursor, Damaged, Frames, Malformed, Place, Read, Writer, seal};
use crate::ids::RangeNo;
use crate::time::Day;

/// Which meters of a range were heard on a day, as known when the day was frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Of which tenants.
    pub range: RangeNo,
    /// On which day.
    pub day: Day,
    /// Whether each was, of all meters heard up to then, in order.
    pub marks: Vec<bool>,
}

impl Heard {
    fn place(range: RangeNo, day: Day) -> Place {
        Place { kind: BlockKind::Heard, range, first: day, last: day }
    }

    /// Its block.
    pub fn encode(&self) -> Vec<u8> {
        let mut frame = Writer::default();
        frame.size(self.marks.len());
        let byte = |marks: &[bool]| marks.iter().rev().fold(0, |byte, mark| byte << 1 | u8::from(*mark));
        frame.0.extend(self.marks.chunks(8).map(byte));
        seal(Self::place(self.range, self.day), &[frame])
    }

    /// Reads the block that a row gives for the range and the day.
    pub fn decode(block: &[u8], range: RangeNo, day: Day) -> Result<Self, Damaged> {
        let place = Self::place(range, day);
        let marks = read(block, place).map_err(|malformed| place.damaged(malformed))?;
        Ok(Self { range, day, marks })
    }
}

fn read(block: &[u8], place: Place) -> Read<Vec<bool>> {
    let mut frames = Frames::open(block, place)?;
    let frame = frames.next()?;
    frames.end()?;
    let mut frame = Cursor(&frame);
    let count = frame.size()?;
    if frame.0.len() != count.div_ceil(8) {
        return Err(Malformed("its bits are not as many as its meters"));
    }
    let bits = frame.0.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
    Ok(bits.take(count).collect())
}
