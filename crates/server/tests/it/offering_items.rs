//! Offering items.
