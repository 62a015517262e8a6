//! The real `tidemark` process: started, asked over HTTP, stopped, killed, started again.

pub(crate) mod aiosmtpd;
mod alert_rules;
mod bounces;
mod changes;
pub(crate) mod channel;
mod deliveries;
mod demo;
#[cfg(feature = "parquet")]
mod export;
mod foreign_smtp;
pub(crate) mod full_disk;
pub(crate) mod harness;
mod health;
mod host_header;
mod import;
mod kill;
mod kill_history;
mod lost_database;
mod measures;
mod memory;
mod nodes;
#[cfg(feature = "otlp")]
mod otlp;
pub(crate) mod python;
mod schemathesis;
mod secrets;
mod start;
mod stop;
mod systemd;
mod tls;
mod upload;
mod walks;
