//! Meters of the open day, and the ledger.
