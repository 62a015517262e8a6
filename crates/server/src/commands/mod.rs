//! The commands, one module each.

pub mod changes;
pub mod check_config;
pub mod deliveries;
pub mod demo;
pub mod export;
pub mod import;
pub mod init;
pub mod migrate_store;
pub mod nodes;
pub mod openapi;
pub mod serve;
pub mod verify;
