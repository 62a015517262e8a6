//! The real `tidemark` process: started, asked over HTTP, stopped, killed, started again.

mod aiosmtpd;
mod changes;
pub(crate) mod channel;
mod demo;
#[cfg(feature = "parquet")]
mod export;
mod foreign_smtp;
pub(crate) mod full_disk;
pub(crate) mod harness;
mod host_header;
mod import;
mod kill;
mod kill_history;
mod measures;
mod memory;
mod nodes;
mod python;
mod schemathesis;
mod start;
mod stop;
mod upload;
mod walks;
