//! The history by its properties: what goes into a block comes out, damage is named, and an archive says what a naive
//! ledger says, at every acceptance number.

mod arbitrary;
mod archive;
mod damage;
mod ledger;
mod round_trip;
mod series;
