//! Billing periods, billing settings and price lists.
