//! The commands, one module each.

pub mod backup;
pub mod changes;
pub mod check_config;
pub mod deliveries;
pub mod demo;
pub mod export;
pub mod health;
pub mod held_mails;
pub mod import;
pub mod init;
pub mod migrate_store;
pub mod move_artefacts;
pub mod nodes;
pub mod openapi;
pub mod pages;
pub mod restore;
pub mod serve;
pub mod verify;
