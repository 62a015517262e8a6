//! Who asks: tokens, passwords, and the [`Caller`] that they prove.

use std::net::IpAddr;

use crate::{App, Caller, Error, Result};

/// The caller that a bearer token proves; 401 where the token is forged, run out, revoked, or of somebody disabled.
pub async fn bearer(_app: &App, _token: &str) -> Result<Caller> {
    Err(Error::unauthenticated("invalid token"))
}

/// The caller that a user's login and password prove. Failures are throttled by login and by address.
pub async fn basic(_app: &App, _login: &str, _password: &str, _from: Option<IpAddr>) -> Result<Caller> {
    Err(Error::unauthenticated("wrong login or password"))
}

/// What signing in keeps between calls.
#[derive(Debug, Default)]
pub struct State {}
