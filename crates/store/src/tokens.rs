//! Issued tokens and their families.
