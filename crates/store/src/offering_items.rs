//! What tenants have switched on.
