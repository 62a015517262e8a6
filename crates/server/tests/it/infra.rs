//! Infra.
