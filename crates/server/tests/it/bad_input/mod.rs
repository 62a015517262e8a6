//! Bad input over a real socket: nonsense in every query and path, forged cursors, wrong versions, changes at once, trees
//! that are deep or wide or go while they are reported on, and names in any script.

mod at_once;
mod cursors;
mod deep;
mod gone;
mod names;
mod queries;
mod versions;
mod wide;
mod world;
