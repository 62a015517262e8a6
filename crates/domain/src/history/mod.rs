//! The history of usage: levels of meters over days, how they are packed, and what changed them.
//!
//! A [`Segment`] holds a range of tenants over a window of days, one day or one calendar month, and stands by itself: each
//! of its meters also says what it said last before the window. A [`Batch`] of ledger entries says what changed, when that
//! was known, by whom and why. An [`Archive`] puts both together and answers what was known at an acceptance number:
//! entries a segment does not hold yet are applied to it, entries too many are undone. It is all bytes in and levels out;
//! where the bytes lie is the store's business.

mod archive;
mod batch;
mod codec;
mod coverage;
mod entry;
mod fast;
mod heard;
mod keys;
mod levels;
mod segment;
mod series;
#[cfg(test)]
mod tests;
mod twig;

pub use archive::{Archive, Live, Shelf, Stored};
pub use batch::{Batch, Origin, Recorded};
pub use codec::{BlockKind, Damaged, Place};
pub use coverage::Coverage;
pub use entry::{Entry, Reported};
pub use heard::Heard;
pub use levels::{Ask, Levels, RangeLevels};
pub use segment::Segment;
pub use series::{Cell, Cells, Series};
pub use twig::Twig;
