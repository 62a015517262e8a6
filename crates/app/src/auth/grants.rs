//! The grants of the token endpoint (accounts-api, 1.2): from a proof to tokens.

use std::net::IpAddr;

use domain::access::Actor;
use domain::ids::{TenantId, UserId};
use domain::mfa::MfaStatus;
use domain::time::Instant;
use serde::Serialize;
use store::tokens::{AccessToken, RefreshToken};
use store::{Conn, Write};
use uuid::Uuid;

use super::access::{self, Claims, Verified};
use super::{Refusal, Scope, TOKEN_SECONDS, factor, fingerprint, jwt, keys, sign_in};
use crate::access::Proof;
use crate::ids::hex;
use crate::{App, Caller};

/// How long a refresh token lives unless it is exchanged: then the new one lives as long again.
const REFRESH_SECONDS: i64 = 30 * 24 * 60 * 60;

/// A client's id and secret, from the Basic header or the form.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// As sent.
    pub id: String,
    /// As sent.
    pub secret: String,
}

/// What a token is asked for with.
#[derive(Debug, Clone)]
pub enum Grant {
    /// The client's own credentials.
    ClientCredentials,
    /// A user's login and password.
    Password {
        /// The login.
        login: String,
        /// The password.
        password: String,
        /// The code of the second factor.
        totp_code: Option<String>,
    },
    /// A refresh token.
    Refresh(String),
    /// An access token, to be narrowed.
    Assertion(String),
}

/// A token request.
#[derive(Debug, Clone)]
pub struct Request {
    /// What is asked with.
    pub grant: Grant,
    /// What is asked for.
    pub scope: Scope,
    /// The client that asks, where it says so.
    pub client: Option<Credentials>,
    /// The other end of the connection.
    pub from: Option<IpAddr>,
}

/// The answer to a token request.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The access token.
    pub access_token: String,
    /// The id_token.
    pub id_token: String,
    /// The refresh token, with `offline_access` only.
    pub refresh_token: Option<String>,
    /// When the access token runs out, in Unix seconds.
    pub expires_on: i64,
    /// How many seconds that is from now.
    pub expires_in: i64,
    /// What was granted.
    pub scope: Scope,
}

/// Who gets a token, and under which conditions.
struct Session {
    owner: Actor,
    scope: Scope,
    /// Continues a family; `None` begins one.
    family: Option<Uuid>,
    /// The token it is narrowed from.
    parent: Option<Uuid>,
    /// The end it may not go beyond, in Unix seconds.
    not_after: Option<i64>,
    /// The fingerprint of the refresh token that is exchanged.
    exchanged: Option<String>,
}

/// Gives tokens for a grant.
pub async fn issue(app: &App, request: Request) -> Result<Issued, Refusal> {
    let scope = request.scope;
    let session =
        |owner| Session { owner, scope, family: None, parent: None, not_after: None, exchanged: None };
    let session = match &request.grant {
        Grant::ClientCredentials => session(client(app, request.client.as_ref()).await?),
        Grant::Password { login, password, totp_code } => {
            let user = sign_in::user(app, login, password, request.from).await?.ok_or(Refusal::BadUser)?;
            second_factor(app, user, totp_code.as_deref(), request.from).await?;
            session(Actor::User(user))
        }
        Grant::Refresh(token) => refreshed(app, token, scope, request.client.as_ref()).await?,
        Grant::Assertion(token) => narrowed(app, token, scope).await?,
    };
    app.admit(session.owner)?;
    settle(app, session, request.from).await
}

/// Checks the code of a user who has set a second factor up. Who must still do so is refused in [`caller`].
async fn second_factor(
    app: &App,
    user: UserId,
    code: Option<&str>,
    from: Option<IpAddr>,
) -> Result<(), Refusal> {
    let caller = access::caller(app, &mut app.read().await?, Actor::User(user), None, Proof::Bearer).await?;
    let (_, principal) = caller.ok_or(Refusal::BadUser)?;
    if principal.mfa != MfaStatus::Enabled {
        return Ok(());
    }
    let code = code.ok_or(Refusal::TotpRequired)?;
    if factor::signs_in(app, user, code, from).await? { Ok(()) } else { Err(Refusal::InvalidTotp) }
}

async fn client(app: &App, credentials: Option<&Credentials>) -> Result<Actor, Refusal> {
    let Credentials { id, secret } = credentials.ok_or(Refusal::BadClient)?;
    let client = sign_in::client(&mut app.read().await?, id, secret).await?;
    client.map(Actor::Client).ok_or(Refusal::BadClient)
}

const REFRESH_TOKEN: &str = "refresh token";
const ASSERTION: &str = "assertion";

/// A refresh token of a client needs that client's credentials; one of a user stands for itself.
async fn refreshed(
    app: &App,
    token: &str,
    asked: Scope,
    credentials: Option<&Credentials>,
) -> Result<Session, Refusal> {
    let sha256 = fingerprint(token);
    let known = store::tokens::refresh_by_sha256(&mut app.read().await?, &sha256).await?;
    let known = known.ok_or(Refusal::BadGrant(REFRESH_TOKEN))?;
    if matches!(known.owner, Actor::Client(_)) && client(app, credentials).await? != known.owner {
        return Err(Refusal::BadGrant(REFRESH_TOKEN));
    }
    if let (Some(within), Some(to)) = (known.narrowed_to, asked.narrowed_to) {
        let mut conn = app.read().await?;
        if !access::may_narrow(&mut conn, known.owner, Some(within), to).await? {
            return Err(Refusal::ScopeNotAllowed);
        }
    }
    let granted = Scope::read(&known.scope)?;
    Ok(Session {
        owner: known.owner,
        scope: Scope { narrowed_to: asked.narrowed_to.or(granted.narrowed_to), ..granted },
        family: Some(known.family),
        parent: None,
        not_after: None,
        exchanged: Some(sha256),
    })
}

/// A narrowed token ends with its assertion, so it gets no refresh token, which would outlive it.
async fn narrowed(app: &App, assertion: &str, asked: Scope) -> Result<Session, Refusal> {
    let to = asked.narrowed_to.ok_or_else(|| Refusal::malformed("scope: names no tenant to narrow to"))?;
    let mut conn = app.read().await?;
    let verified = access::verify(app, &mut conn, assertion).await?;
    let Verified { claims, caller, .. } = verified.ok_or(Refusal::BadGrant(ASSERTION))?;
    if !access::may_narrow(&mut conn, caller.actor, caller.narrowed_to, to).await? {
        return Err(Refusal::ScopeNotAllowed);
    }
    Ok(Session {
        owner: caller.actor,
        scope: Scope { offline_access: false, ..asked },
        family: None,
        parent: Some(claims.jti),
        not_after: Some(claims.exp),
        exchanged: None,
    })
}

/// Checks that the owner may have the token, keeps it, and signs it.
async fn settle(app: &App, session: Session, from: Option<IpAddr>) -> Result<Issued, Refusal> {
    let mut conn = app.read().await?;
    let caller = caller(app, &mut conn, &session).await?;
    let signer = keys::signer(app, &mut conn).await?;
    drop(conn);
    let mut tx = app.write_as(session.owner).await?;
    let family = family(app, &mut tx, &session).await?;
    let Some(family) = family else {
        // A refresh token that came a second time has been stolen: what it gave is revoked, and that is to last.
        tx.commit().await?;
        return Err(Refusal::BadGrant(REFRESH_TOKEN));
    };
    let now = app.clock.now().unix_seconds();
    let expires_on = session.not_after.map_or(now + TOKEN_SECONDS, |end| end.min(now + TOKEN_SECONDS));
    let jti = app.ids.other()?;
    let expires_at = Instant(expires_on.saturating_mul(1_000_000));
    let token = AccessToken { jti, family, owner: session.owner, parent: session.parent, expires_at };
    store::tokens::insert(&mut tx, &token).await?;
    let refresh_token = if session.scope.offline_access {
        Some(new_refresh(app, &mut tx, &session, family).await?)
    } else {
        None
    };
    if let Actor::Client(id) = session.owner {
        store::clients::touch(&mut tx, id, from.map(|from| from.to_canonical().to_string())).await?;
    }
    tx.commit().await?;
    let claims = access_claims(app, &caller, jti, now, expires_on);
    let id_token = IdClaims { iss: &claims.iss, sub: claims.sub, aud: claims.sub, exp: expires_on, iat: now };
    Ok(Issued {
        access_token: jwt::sign(&signer, &claims)?,
        id_token: jwt::sign(&signer, &id_token)?,
        refresh_token,
        expires_on,
        expires_in: expires_on - now,
        scope: session.scope,
    })
}

async fn caller(app: &App, conn: &mut Conn, session: &Session) -> Result<Caller, Refusal> {
    let narrowed_to = session.scope.narrowed_to;
    if let Some(to) = narrowed_to
        && !access::may_narrow(conn, session.owner, None, to).await?
    {
        return Err(Refusal::ScopeNotAllowed);
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

/// The family that the new token belongs to, looked at again now that nobody else writes; `None` where the refresh token
/// was used before, and its family is revoked.
async fn family(app: &App, tx: &mut Write, session: &Session) -> Result<Option<Uuid>, Refusal> {
    if let Some(parent) = session.parent {
        let family = store::tokens::live_family(tx, parent).await?;
        return family.map(Some).ok_or(Refusal::BadGrant(ASSERTION));
    }
    let Some(sha256) = &session.exchanged else { return Ok(Some(app.ids.other()?)) };
    let known =
        store::tokens::refresh_by_sha256(tx, sha256).await?.ok_or(Refusal::BadGrant(REFRESH_TOKEN))?;
    if known.used_at.is_some() {
        store::tokens::revoke_family(tx, known.family).await?;
        return Ok(None);
    }
    if known.revoked_at.is_some() || known.expires_at <= app.clock.now() {
        return Err(Refusal::BadGrant(REFRESH_TOKEN));
    }
    store::tokens::use_refresh(tx, sha256).await?;
    Ok(session.family)
}

async fn new_refresh(app: &App, tx: &mut Write, session: &Session, family: Uuid) -> Result<String, Refusal> {
    let token = hex(&app.ids.bytes::<32>()?);
    let row = RefreshToken {
        sha256: fingerprint(&token),
        family,
        owner: session.owner,
        scope: session.scope.to_string(),
        narrowed_to: session.scope.narrowed_to,
        expires_at: app.clock.now().plus_seconds(REFRESH_SECONDS),
        used_at: None,
        revoked_at: None,
    };
    store::tokens::insert_refresh(tx, &row).await?;
    Ok(token)
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
}
