//! Who asks: tokens, passwords, and the [`Caller`] that they prove.

mod access;
mod authorize;
pub mod devices;
pub(crate) mod factor;
mod grants;
mod jwt;
pub mod keys;
pub mod one_time;
pub mod pages;
pub mod passwords;
mod refusal;
mod revocation;
mod scope;
pub mod sealing;
pub mod sessions;
mod settle;
mod sign_in;
mod throttle;
pub mod totp;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::RsaPublicKeyComponents;
use domain::access::Actor;
use domain::mfa::MfaStatus;
use tokio::sync::Semaphore;

use crate::access::Proof;
use crate::group_commit::Queue;
use crate::ids::hex;
use crate::{App, Caller, Error, Result};

pub use access::{Claims, ScopeItem};
pub use authorize::{Authorization, AuthorizationRequest, authorize};
pub use grants::{CodeExchange, Credentials, Grant, Issued, Request, issue};
pub use refusal::Refusal;
pub use revocation::{Introspected, introspect, revoke};
pub use scope::Scope;
pub use sign_in::Password;

/// How long an access token lives (accounts-api, 1.3).
pub const TOKEN_SECONDS: i64 = 7_200;
/// How long a refresh token lives unless it is exchanged: then the new one lives as long again.
const REFRESH_SECONDS: i64 = 30 * 24 * 60 * 60;

/// The caller that a bearer token proves; 401 where the token is forged, run out, revoked, or of somebody disabled.
pub async fn bearer(app: &App, token: &str) -> Result<Caller> {
    let verified = access::verify(app, &mut app.read().await?, token).await?;
    verified.map(|verified| verified.caller).ok_or_else(|| Error::unauthenticated("invalid token"))
}

/// The caller that a user's login and password prove, where no second factor is there or demanded (wire-conventions,
/// section 4). Failures are throttled by login and by address.
pub async fn basic(app: &App, login: &str, password: &str, from: Option<IpAddr>) -> Result<Caller> {
    by_password(app, login, password, from, MfaStatus::password_suffices).await
}

/// As [`basic`], also for a user who must set up a second factor first: for that and nothing else.
pub async fn basic_to_enrol(app: &App, login: &str, password: &str, from: Option<IpAddr>) -> Result<Caller> {
    by_password(app, login, password, from, |mfa| mfa != MfaStatus::Enabled).await
}

async fn by_password(
    app: &App,
    login: &str,
    password: &str,
    from: Option<IpAddr>,
    does: impl Fn(MfaStatus) -> bool,
) -> Result<Caller> {
    let wrong = || Error::unauthenticated("wrong login or password");
    let user = sign_in::user(app, login, password, from).await?.ok_or_else(wrong)?;
    let mut conn = app.read().await?;
    let found = access::caller(app, &mut conn, Actor::User(user), None, Proof::Basic).await?;
    let (caller, principal) = found.ok_or_else(wrong)?;
    if !does(principal.mfa) {
        return Err(Error::unauthenticated(
            "a second factor is needed, so login and password alone do not do",
        ));
    }
    Ok(caller)
}

/// What is stored of a secret that is random itself: SHA-256, in hex.
pub(crate) fn fingerprint(secret: &str) -> String {
    hex(digest(&SHA256, secret.as_bytes()).as_ref())
}

/// What signing in keeps between calls. All of it can be lost.
#[derive(Debug)]
pub struct State {
    signer: Mutex<Option<Arc<keys::SigningKey>>>,
    verifiers: Mutex<HashMap<String, Arc<RsaPublicKeyComponents<Vec<u8>>>>>,
    throttle: Mutex<throttle::Throttle>,
    proven: Mutex<sign_in::Proven>,
    kept: Queue<settle::Kept>,
    hashing: Semaphore,
}

impl Default for State {
    fn default() -> Self {
        Self {
            signer: Mutex::default(),
            verifiers: Mutex::default(),
            throttle: Mutex::default(),
            proven: Mutex::default(),
            kept: Queue::default(),
            hashing: Semaphore::new(passwords::AT_ONCE),
        }
    }
}
