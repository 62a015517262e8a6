//! The one integration test binary: use cases on a real database, routes over a real socket.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it, in helpers too"
)]

mod access;
mod artefacts;
mod auth;
mod authz;
mod backup;
mod bad_input;
mod batches;
mod billing;
mod bounces;
mod brands;
mod changes;
mod clients;
mod completeness;
mod connections;
mod deleted_subjects;
mod deliveries;
mod desk;
mod figures;
mod foreign_clients;
mod headers;
mod history;
mod infra;
mod large_reports;
mod limits;
mod lines;
mod lists;
mod mail;
mod mail_headers;
mod metering;
mod migrate_store;
mod nodes;
mod offering_items;
mod openapi;
mod pricing;
mod process;
mod races;
mod reading_keys;
mod readings;
mod reports;
mod revoked;
mod rolling;
mod runs;
mod sign_in;
mod statements;
mod tenants;
mod upgrades;
mod usages;
mod users;
mod walk;
