//! Usages.
