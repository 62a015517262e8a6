//! Settings of services at tenants.
