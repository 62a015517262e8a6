//! Browser sessions: what the console's cookie stands for (wire-conventions, section 4).
//!
//! The cookie's value is a secret of which the database keeps a hash. A session lasts for half a day; it ends before
//! with a sign-out, with a new password or second factor, and while its user may not sign in.

use std::net::IpAddr;

use domain::access::Actor;
use domain::ids::UserId;
use store::sign_in::BrowserSession;
use store::{Conn, Write};

use super::{Password, Refusal, access, fingerprint, sign_in};
use crate::access::Proof;
use crate::{App, Caller, Result};

/// How long a session lasts.
pub const SESSION_SECONDS: i64 = 12 * 60 * 60;

/// Signs a person in whose browser sends these; gives what its cookie is to hold. The session that the browser had
/// before ends.
pub async fn begin(
    app: &App,
    sent: &Password,
    from: Option<IpAddr>,
    before: Option<&str>,
) -> Result<String, Refusal> {
    let user = sign_in::person(app, sent, from).await?;
    let mut tx = app.write_as(Actor::User(user)).await?;
    if let Some(before) = before {
        store::sign_in::delete_session(&mut tx, &fingerprint(before)).await?;
    }
    let secret = insert(app, &mut tx, user).await?;
    tx.commit().await?;
    Ok(secret)
}

/// Begins a session of a user who has proven who it is.
pub(super) async fn insert(app: &App, tx: &mut Write, user: UserId) -> Result<String> {
    let secret = app.ids.secret()?;
    let session = BrowserSession {
        sha256: fingerprint(&secret),
        user,
        expires_at: tx.now().plus_seconds(SESSION_SECONDS),
    };
    store::sign_in::insert_session(tx, &session).await?;
    Ok(secret)
}

/// The caller that a session's cookie proves; `None` where there is no such session, or no longer.
pub async fn caller(app: &App, secret: &str) -> Result<Option<Caller>> {
    let mut conn = app.read().await?;
    let Some(session) = store::sign_in::session(&mut conn, &fingerprint(secret)).await? else {
        return Ok(None);
    };
    if session.expires_at <= app.clock.now() {
        return Ok(None);
    }
    let found = access::caller(app, &mut conn, Actor::User(session.user), None, Proof::Cookie).await?;
    Ok(found.map(|(caller, _)| caller))
}

/// Ends a session, where there is one.
pub async fn end(app: &App, secret: &str) -> Result<()> {
    let mut tx = app.write_as(Actor::System).await?;
    store::sign_in::delete_session(&mut tx, &fingerprint(secret)).await?;
    Ok(tx.commit().await?)
}

/// Whether a user is enabled, with all tenants above it.
pub(super) async fn may_sign_in(app: &App, conn: &mut Conn, user: UserId) -> Result<bool> {
    Ok(access::caller(app, conn, Actor::User(user), None, Proof::Cookie).await?.is_some())
}
