//! Tests of the fold: cases worked out by hand, and random histories against a computation as plain as can
//! be.

mod against_naive;
mod births;
mod figures;
mod naive;
mod passes;
mod plan;
mod rows;
mod tree;
mod world;
