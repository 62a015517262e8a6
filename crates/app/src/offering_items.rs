//! Offering items of tenants.
