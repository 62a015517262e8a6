//! Tidemark's vocabulary and arithmetic.
//!
//! Everything here is a pure function of its arguments: no clock, no random number, no database, no network.
//! The nouns are the API's nouns; a feature's file has the same name in every crate.

pub mod access;
pub mod billing;
pub mod branch;
pub mod brand;
pub mod catalogue;
pub mod delivery;
pub mod history;
pub mod ids;
pub mod infra;
pub mod mfa;
pub mod network;
pub mod node;
pub mod oauth;
pub mod pricing;
pub mod report;
pub mod schedule;
pub mod tenant;
pub mod text;
pub mod threads;
pub mod time;
pub mod timeline;
pub mod usage;
pub mod user;
pub mod words;
