//! Pricing modes, currencies and prices.
