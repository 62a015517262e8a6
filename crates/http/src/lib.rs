//! The wire: decode, name the caller, call `app`, encode.
//!
//! A handler takes [`caller::Can`] first, which settles 401, 403 for a missing role and 415 for `Accept`, in that order;
//! then its path, query and body; and calls one use case. Errors become the wire's envelope in [`problem`] alone.

pub mod api;
pub mod caller;
pub mod headers;
pub mod idp;
pub mod json;
mod lenient;
pub mod openapi;
mod origin;
pub mod page;
pub mod params;
pub mod problem;
pub mod schema;
pub mod serve;
mod strict;
pub mod wire;

pub use serve::{router, router_with};
