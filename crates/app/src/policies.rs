//! Access policies.
