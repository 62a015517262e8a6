//! Whether credentials are right.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{MutexGuard, PoisonError};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Context, SHA256};
use domain::access::{Actor, ClientAuthMethod, ClientStatus};
use domain::ids::{ClientId, UserId};
use domain::mfa::MfaStatus;
use domain::time::Instant;
use store::Conn;
use store::tokens::SignInUser;

use super::throttle::{Guess, Throttle};
use super::{Refusal, access, factor, fingerprint, passwords};
use crate::access::Proof;
use crate::{App, Error, Result};

/// How long a password that was right is not hashed again: Basic sends it with every request.
const PROVEN_SECONDS: i64 = 60;
/// More than this are never remembered.
const MOST_PROVEN: usize = 10_000;

/// The client that this id and secret prove; its tenants are not looked at.
pub(super) async fn client(conn: &mut Conn, id: &str, secret: &str) -> Result<Option<ClientId>> {
    let Ok(id) = id.parse::<ClientId>() else { return Ok(None) };
    let Some(known) = store::tokens::client_for_sign_in(conn, id).await? else { return Ok(None) };
    let sent = fingerprint(secret);
    let is_right = verify_slices_are_equal(sent.as_bytes(), known.secret_sha256.as_bytes()).is_ok();
    Ok((is_right && known.status == ClientStatus::Enabled).then_some(id))
}

/// The client with this id, where it registered as one that cannot keep a secret.
pub(super) async fn public_client(conn: &mut Conn, id: &str) -> Result<Option<ClientId>> {
    let Ok(id) = id.parse::<ClientId>() else { return Ok(None) };
    let known = store::tokens::client_for_sign_in(conn, id).await?;
    let is_public = known.is_some_and(|known| {
        known.auth_method == ClientAuthMethod::None && known.status == ClientStatus::Enabled
    });
    Ok(is_public.then_some(id))
}

/// What a person signs in with, at the token endpoint or on the login page.
#[derive(Debug, Clone)]
pub struct Password {
    /// The login.
    pub login: String,
    /// The password.
    pub password: String,
    /// The code of the second factor, where the user has one.
    pub totp_code: Option<String>,
}

/// The user that this proves, by the password grant and on the login page alike, where it may sign in.
pub(super) async fn person(app: &App, sent: &Password, from: Option<IpAddr>) -> Result<UserId, Refusal> {
    let user = user(app, &sent.login, &sent.password, from).await?.ok_or(Refusal::BadUser)?;
    let caller = access::caller(app, &mut app.read().await?, Actor::User(user), None, Proof::Bearer).await?;
    let (_, principal) = caller.ok_or(Refusal::BadUser)?;
    match (principal.mfa, &sent.totp_code) {
        (MfaStatus::Disabled | MfaStatus::ForciblyDisabled, _) => Ok(user),
        (MfaStatus::SetupRequired, _) => Err(Refusal::TotpSetupRequired),
        (MfaStatus::Enabled, None) => Err(Refusal::TotpRequired),
        (MfaStatus::Enabled, Some(code)) => {
            let is_right = factor::signs_in(app, user, code, from).await?;
            is_right.then_some(user).ok_or(Refusal::InvalidTotp)
        }
    }
}

/// The user that this login and password prove; whether it may sign in is not asked here. Fails with
/// [`Error::Throttled`] after too many failures.
pub(super) async fn user(
    app: &App,
    login: &str,
    password: &str,
    from: Option<IpAddr>,
) -> Result<Option<UserId>> {
    let user = store::tokens::user_for_sign_in(&mut app.read().await?, login).await?;
    let hash = user.as_ref().and_then(|user| user.password_hash.as_deref());
    let credential = hash.map(|hash| credential(login, password, hash));
    let now = app.clock.now();
    if credential.is_some_and(|credential| proven(app).holds(&credential, now)) {
        return Ok(user.map(|user| user.id));
    }
    begin_try(app, Guess::Password(login), from)?;
    if !passwords::verify(app, password, hash).await? {
        return Ok(None);
    }
    end_try(app, Guess::Password(login), from);
    if let Some(credential) = credential {
        proven(app).remember(credential, now);
    }
    Ok(user.map(|SignInUser { id, .. }| id))
}

/// Begins a try to guess something, which counts as failed until [`end_try`]. Fails with [`Error::Throttled`] after too
/// many failures.
pub(super) fn begin_try(app: &App, guess: Guess<'_>, from: Option<IpAddr>) -> Result<()> {
    let begun = throttle(app).begin(app.clock.now(), guess, from);
    begun.map_err(|retry_after_seconds| Error::Throttled { retry_after_seconds })
}

/// The try was right.
pub(super) fn end_try(app: &App, guess: Guess<'_>, from: Option<IpAddr>) {
    throttle(app).succeed(guess, from);
}

fn throttle(app: &App) -> MutexGuard<'_, Throttle> {
    app.auth.throttle.lock().unwrap_or_else(PoisonError::into_inner)
}

fn proven(app: &App) -> MutexGuard<'_, Proven> {
    app.auth.proven.lock().unwrap_or_else(PoisonError::into_inner)
}

type Credential = [u8; 32];

/// A new password gives a new hash, so that the old one is forgotten with it.
fn credential(login: &str, password: &str, hash: &str) -> Credential {
    let mut context = Context::new(&SHA256);
    for part in [login, password, hash] {
        context.update(&part.len().to_le_bytes());
        context.update(part.as_bytes());
    }
    let mut credential = [0; 32];
    credential.copy_from_slice(context.finish().as_ref());
    credential
}

/// Credentials that were right a moment ago.
#[derive(Debug, Default)]
pub(super) struct Proven(HashMap<Credential, Instant>);

impl Proven {
    fn holds(&self, credential: &Credential, now: Instant) -> bool {
        self.0.get(credential).is_some_and(|at| is_fresh(*at, now))
    }

    fn remember(&mut self, credential: Credential, now: Instant) {
        if self.0.len() >= MOST_PROVEN {
            self.0.retain(|_, at| is_fresh(*at, now));
        }
        if self.0.len() < MOST_PROVEN {
            self.0.insert(credential, now);
        }
    }
}

/// A clock that went back makes nothing fresher.
fn is_fresh(at: Instant, now: Instant) -> bool {
    (0..PROVEN_SECONDS * 1_000_000).contains(&now.0.saturating_sub(at.0))
}
