//! Rows in, domain objects out.
//!
//! [`Db`] gives a [`Conn`] to read a snapshot with, and a [`Write`] to change things with; the functions of the noun
//! modules take one of them. A statement is a constant in the portable subset of SQL; the drivers are named in
//! [`conn`] alone. No decision about permission is made here: methods that touch tenant data take a root and join the
//! closure table.

pub mod audit;
mod conn;
mod dialect;
mod error;
pub mod tenants;

pub use conn::{Arg, Conn, Db, Row, Write};
pub use error::Error;

/// What every function here gives back.
pub type Result<T> = std::result::Result<T, Error>;
