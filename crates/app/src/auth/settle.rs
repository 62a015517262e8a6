//! What becomes of every grant in the end: tokens, which are kept before they are given out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use domain::access::Actor;
use domain::ids::{ClientId, TenantId};
use domain::mfa::MfaStatus;
use domain::time::Instant;
use serde::Serialize;
use store::tokens::{AccessToken, RefreshToken};
use store::{Conn, Write};
use uuid::Uuid;

use super::access::{self, Claims};
use super::keys::SigningKey;
use super::{Issued, REFRESH_SECONDS, Refusal, Scope, TOKEN_SECONDS, fingerprint, jwt, keys};
use crate::access::Proof;
use crate::ids::hex;
use crate::{App, Caller, group_commit};

/// Who gets a token, and under which conditions.
pub(super) struct Session {
    pub(super) owner: Actor,
    /// The client that the owner, a user, has signed in for.
    pub(super) client: Option<ClientId>,
    pub(super) scope: Scope,
    pub(super) source: Source,
    /// To be repeated in the id_token.
    pub(super) nonce: Option<String>,
}

/// What the token is given for. What is good once is named by its SHA-256.
pub(super) enum Source {
    /// Credentials.
    Proof,
    /// A refresh token.
    Refresh(String),
    /// Another access token, which it is narrowed from and may not outlive.
    Assertion { jti: Uuid, exp: i64 },
    /// An authorisation code.
    Code(String),
    /// A device code.
    Device(String),
}

pub(super) const REFRESH_TOKEN: &str = "refresh token";
pub(super) const ASSERTION: &str = "assertion";
pub(super) const CODE: &str = "code";

/// Checks that the owner may have the token, keeps it, and signs it. `conn` shows what is so now.
pub(super) async fn settle(
    app: &App,
    mut conn: Conn,
    session: Session,
    from: Option<IpAddr>,
) -> Result<Issued, Refusal> {
    app.admit(session.owner)?;
    let caller = caller(app, &mut conn, &session).await?;
    drop(conn);
    let now = app.clock.now().unix_seconds();
    let (parent, expires_on) = match session.source {
        Source::Assertion { jti, exp } => (Some(jti), exp.min(now + TOKEN_SECONDS)),
        _ => (None, now + TOKEN_SECONDS),
    };
    let jti = app.ids.other()?;
    let Session { owner, client, .. } = session;
    let of_family = |family| AccessToken {
        jti,
        family,
        owner,
        client,
        parent,
        expires_at: Instant(expires_on.saturating_mul(1_000_000)),
    };
    let from = from.map(|from| from.to_canonical().to_string());
    let (refresh_token, signer) = if let Source::Proof = session.source {
        let token = of_family(app.ids.other()?);
        let (refresh_token, refresh) = new_refresh(app, &session, token.family)?;
        let signer = app.auth.kept.write(app, Kept { token, refresh, from }).await?;
        (refresh_token, signer)
    } else {
        let mut tx = app.write_as(owner).await?;
        let family = match family(app, &mut tx, &session.source).await? {
            Family::Of(family) => family,
            Family::Stolen { what } => {
                // What the first use gave is revoked, and that is to last.
                tx.commit().await?;
                return Err(Refusal::BadGrant(what));
            }
        };
        let (refresh_token, refresh) = new_refresh(app, &session, family)?;
        keep(&mut tx, &[Kept { token: of_family(family), refresh, from }]).await?;
        let signer = keys::signer(app, &mut tx).await?;
        tx.commit().await?;
        (refresh_token, signer)
    };
    let claims = access_claims(app, &caller, jti, now, expires_on);
    let id_token = IdClaims {
        iss: &claims.iss,
        sub: claims.sub,
        aud: client.map_or(claims.sub, |client| client.0),
        exp: expires_on,
        iat: now,
        nonce: session.nonce.as_deref(),
    };
    Ok(Issued {
        access_token: jwt::sign(&signer, &claims)?,
        id_token: jwt::sign(&signer, &id_token)?,
        refresh_token,
        expires_on,
        expires_in: expires_on - now,
        scope: session.scope,
    })
}

/// What is kept of the answer to a token request.
#[derive(Clone)]
pub(super) struct Kept {
    token: AccessToken,
    refresh: Option<RefreshToken>,
    /// Where the request came from.
    from: Option<String>,
}

/// Those whose credentials were right share transactions: at the top of an hour many come at once.
impl group_commit::Call for Kept {
    type Remembered = ();
    type Answer = Arc<SigningKey>;
    const MOST: usize = 500;

    fn weight(&self) -> usize {
        1
    }

    async fn commit(app: &App, (): &mut (), calls: &[Self]) -> crate::Result<Vec<Arc<SigningKey>>> {
        let mut tx = app.write_as(Actor::System).await?;
        keep(&mut tx, calls).await?;
        let signer = keys::signer(app, &mut tx).await?;
        tx.commit().await?;
        Ok(vec![signer; calls.len()])
    }
}

async fn keep(tx: &mut Write, all: &[Kept]) -> crate::Result<()> {
    let tokens: Vec<AccessToken> = all.iter().map(|kept| kept.token.clone()).collect();
    store::tokens::insert(tx, &tokens).await?;
    for refresh in all.iter().filter_map(|kept| kept.refresh.as_ref()) {
        store::tokens::insert_refresh(tx, refresh).await?;
    }
    let mut clients = HashMap::new();
    for Kept { token, from, .. } in all {
        if let (Actor::Client(id), _) | (_, Some(id)) = (token.owner, token.client) {
            clients.insert(id, from.clone());
        }
    }
    for (client, from) in clients {
        store::clients::touch(tx, client, from).await?;
    }
    Ok(())
}

async fn caller(app: &App, conn: &mut Conn, session: &Session) -> Result<Caller, Refusal> {
    let narrowed_to = session.scope.narrowed_to;
    if let Some(to) = narrowed_to
        && !access::may_narrow(conn, session.owner, None, to).await?
    {
        return Err(Refusal::ScopeNotAllowed);
    }
    if let Some(client) = session.client {
        let client = access::caller(app, conn, Actor::Client(client), None, Proof::Bearer).await?;
        let (client, _) = client.ok_or(Refusal::BadClient)?;
        // Asked with every token: the user may have been given more since the last one.
        if !store::sign_in::covers(conn, client.tenant, session.owner).await? {
            return Err(Refusal::ScopeNotAllowed);
        }
    }
    let caller = access::caller(app, conn, session.owner, narrowed_to, Proof::Bearer).await?;
    let (caller, principal) = caller.ok_or(match session.owner {
        Actor::Client(_) => Refusal::BadClient,
        _ => Refusal::BadUser,
    })?;
    // Also where a session began before the factor was demanded: it would go on for ever.
    match principal.mfa {
        MfaStatus::SetupRequired => Err(Refusal::TotpSetupRequired),
        _ => Ok(caller),
    }
}

/// What a new token belongs to.
enum Family {
    /// This sign-in.
    Of(Uuid),
    /// None: what it is given for was used before, so somebody has stolen it, and the sign-in is revoked.
    Stolen { what: &'static str },
}

/// The family that the new token belongs to, looked at again now that nobody else writes.
async fn family(app: &App, tx: &mut Write, source: &Source) -> Result<Family, Refusal> {
    let now = app.clock.now();
    match source {
        Source::Proof => {}
        Source::Assertion { jti, .. } => {
            let live = store::tokens::live(tx, *jti).await?;
            return live.map(|live| Family::Of(live.family)).ok_or(Refusal::BadGrant(ASSERTION));
        }
        Source::Refresh(sha256) => {
            let bad = Refusal::BadGrant(REFRESH_TOKEN);
            let Some(known) = store::tokens::refresh_by_sha256(tx, sha256).await? else { return Err(bad) };
            if known.used_at.is_some() {
                store::tokens::revoke_family(tx, known.family).await?;
                return Ok(Family::Stolen { what: REFRESH_TOKEN });
            }
            if known.revoked_at.is_some() || known.expires_at <= now {
                return Err(bad);
            }
            store::tokens::use_refresh(tx, sha256).await?;
            return Ok(Family::Of(known.family));
        }
        Source::Code(sha256) => {
            let bad = Refusal::BadGrant(CODE);
            let Some(known) = store::sign_in::code(tx, sha256).await? else { return Err(bad) };
            if known.used_at.is_some() {
                store::tokens::revoke_family(tx, known.family).await?;
                return Ok(Family::Stolen { what: CODE });
            }
            if known.expires_at <= now {
                return Err(bad);
            }
            store::sign_in::use_code(tx, sha256).await?;
            return Ok(Family::Of(known.family));
        }
        Source::Device(sha256) => {
            if !store::sign_in::delete_device(tx, sha256).await? {
                return Err(Refusal::BadGrant("device code"));
            }
        }
    }
    Ok(Family::Of(app.ids.other()?))
}

/// A refresh token, where one was asked for, and what is kept of it.
fn new_refresh(
    app: &App,
    session: &Session,
    family: Uuid,
) -> Result<(Option<String>, Option<RefreshToken>), Refusal> {
    if !session.scope.offline_access {
        return Ok((None, None));
    }
    let token = hex(&app.ids.bytes::<32>()?);
    let kept = RefreshToken {
        sha256: fingerprint(&token),
        family,
        owner: session.owner,
        client: session.client,
        scope: session.scope.to_string(),
        narrowed_to: session.scope.narrowed_to,
        expires_at: app.clock.now().plus_seconds(REFRESH_SECONDS),
        used_at: None,
        revoked_at: None,
    };
    Ok((Some(token), Some(kept)))
}

fn access_claims(app: &App, caller: &Caller, jti: Uuid, now: i64, exp: i64) -> Claims {
    let (client_id, uid) = match caller.actor {
        Actor::Client(id) => (Some(id), None),
        Actor::User(id) => (None, Some(id)),
        Actor::System => (None, None),
    };
    let narrowing = |tenant: TenantId| vec![vec![Scope::tenant_word(tenant)]];
    Claims {
        iss: app.settings.public_url.clone(),
        aud: app.settings.host().to_owned(),
        sub: caller.actor.id(),
        uid,
        exp,
        iat: now,
        nbf: now,
        jti,
        ver: 2,
        client_id,
        owner_tuid: caller.tenant_id,
        scope: access::scope_items(&caller.grants),
        narrowing: caller.narrowed_to.map(narrowing),
    }
}

/// The claims of an id_token. Its `aud` is the client's id; a user who came without a client stands for one.
#[derive(Serialize)]
struct IdClaims<'a> {
    iss: &'a str,
    sub: Uuid,
    aud: Uuid,
    exp: i64,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}
