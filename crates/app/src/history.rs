//! Day close.
