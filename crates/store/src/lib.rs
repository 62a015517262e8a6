//! Rows in, domain objects out.
//!
//! [`Db`] gives a [`Conn`] to read a snapshot with, and a [`Write`] to change things with; the functions of the noun
//! modules take one of them. A statement is a constant in the portable subset of SQL; the drivers are named in
//! [`conn`] alone. No decision about permission is made here: methods that touch tenant data take a root and join the
//! closure table.

pub mod alerts;
mod arg;
pub mod audit;
pub mod billing;
pub mod brands;
pub mod catalogue;
pub mod changes;
pub mod clients;
pub mod completeness;
mod conn;
pub mod contacts;
pub mod contents;
pub mod deliveries;
mod dialect;
mod error;
pub mod history;
pub mod infra;
pub mod keys;
pub mod lists;
pub mod mailed_links;
pub mod mfa;
mod moment;
pub mod moments_due;
pub mod nodes;
pub mod objects;
pub mod offering_items;
pub mod policies;
pub mod pricing;
pub mod reading_keys;
pub mod report_input;
pub mod reports;
pub mod restores;
pub mod runs;
pub mod search;
pub mod settings;
pub mod sign_in;
pub mod sizes;
pub mod tables;
pub mod tenants;
pub mod tokens;
pub mod tree;
pub mod usage;
pub mod users;

pub use arg::Arg;
pub use conn::{Conn, Db, Hints, Postgres, Row, Write, newest_schema};
pub use error::Error;
pub use objects::Objects;

/// What every function here gives back.
pub type Result<T> = std::result::Result<T, Error>;
