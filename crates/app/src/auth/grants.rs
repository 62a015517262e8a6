//! The grants of the token endpoint (accounts-api, 1.2): from a proof to tokens.

use std::net::IpAddr;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::access::Actor;
use domain::ids::ClientId;
use store::Conn;

use super::access::{self, Verified};
use super::devices::{self, Approved};
use super::settle::{ASSERTION, CODE, REFRESH_TOKEN, Session, Source, settle};
use super::{Password, Refusal, Scope, fingerprint, sign_in};
use crate::App;

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
    Password(Password),
    /// A refresh token.
    Refresh(String),
    /// An access token, to be narrowed.
    Assertion(String),
    /// An authorisation code.
    Code(CodeExchange),
    /// The code of a device that a person has approved.
    Device(String),
}

/// What an authorisation code is exchanged with (RFC 6749, 4.1.3; RFC 7636, 4.5).
#[derive(Debug, Clone)]
pub struct CodeExchange {
    /// The code.
    pub code: String,
    /// Where it was sent.
    pub redirect_uri: String,
    /// What the code's challenge is the hash of.
    pub verifier: Option<String>,
}

/// A token request.
#[derive(Debug, Clone)]
pub struct Request {
    /// What is asked with.
    pub grant: Grant,
    /// What is asked for.
    pub scope: Scope,
    /// The client that asks, where it proves who it is.
    pub client: Option<Credentials>,
    /// The client that asks, where it only says so: one that cannot keep a secret.
    pub client_id: Option<String>,
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

/// Gives tokens for a grant.
pub async fn issue(app: &App, request: Request) -> Result<Issued, Refusal> {
    let scope = request.scope;
    let fresh = |owner| Session { owner, client: None, scope, source: Source::Proof, nonce: None };
    let session = match &request.grant {
        Grant::ClientCredentials => {
            let mut conn = app.read().await?;
            let client = client(&mut conn, request.client.as_ref()).await?;
            return settle(app, conn, fresh(Actor::Client(client)), request.from).await;
        }
        Grant::Password(sent) => fresh(Actor::User(sign_in::person(app, sent, request.from).await?)),
        Grant::Refresh(token) => refreshed(app, token, &request).await?,
        Grant::Assertion(token) => narrowed(app, token, scope).await?,
        Grant::Code(sent) => exchanged(app, sent, &request).await?,
        Grant::Device(code) => polled(app, code, &request).await?,
    };
    settle(app, app.read().await?, session, request.from).await
}

async fn client(conn: &mut Conn, credentials: Option<&Credentials>) -> Result<ClientId, Refusal> {
    let Credentials { id, secret } = credentials.ok_or(Refusal::BadClient)?;
    let client = sign_in::client(conn, id, secret).await?;
    client.ok_or(Refusal::BadClient)
}

/// The client that a user has signed in for: one that can keep a secret has to prove itself.
async fn client_of_user(app: &App, request: &Request) -> Result<ClientId, Refusal> {
    match (&request.client, &request.client_id) {
        (None, Some(id)) => {
            let public = sign_in::public_client(&mut app.read().await?, id).await?;
            public.ok_or(Refusal::BadClient)
        }
        (proven, _) => client(&mut app.read().await?, proven.as_ref()).await,
    }
}

/// A refresh token of a client, or of a user who signed in for one, needs that client; any other stands for itself.
async fn refreshed(app: &App, token: &str, request: &Request) -> Result<Session, Refusal> {
    let sha256 = fingerprint(token);
    let known = store::tokens::refresh_by_sha256(&mut app.read().await?, &sha256).await?;
    let known = known.ok_or(Refusal::BadGrant(REFRESH_TOKEN))?;
    let is_its_own = match (known.client, known.owner) {
        (Some(client), _) => client_of_user(app, request).await? == client,
        (None, Actor::Client(owner)) => {
            client(&mut app.read().await?, request.client.as_ref()).await? == owner
        }
        (None, _) => true,
    };
    if !is_its_own {
        return Err(Refusal::BadGrant(REFRESH_TOKEN));
    }
    let asked = request.scope;
    if let (Some(within), Some(to)) = (known.narrowed_to, asked.narrowed_to) {
        let mut conn = app.read().await?;
        if !access::may_narrow(&mut conn, known.owner, Some(within), to).await? {
            return Err(Refusal::ScopeNotAllowed);
        }
    }
    let granted = Scope::read(&known.scope)?;
    Ok(Session {
        owner: known.owner,
        client: known.client,
        scope: Scope { narrowed_to: asked.narrowed_to.or(granted.narrowed_to), ..granted },
        source: Source::Refresh(sha256),
        nonce: None,
    })
}

/// A narrowed token ends with its assertion, so it gets no refresh token, which would outlive it.
async fn narrowed(app: &App, assertion: &str, asked: Scope) -> Result<Session, Refusal> {
    let to = asked.narrowed_to.ok_or_else(|| Refusal::malformed("scope: names no tenant to narrow to"))?;
    let mut conn = app.read().await?;
    let verified = access::verify(app, &mut conn, assertion).await?;
    let Verified { claims, caller, live, .. } = verified.ok_or(Refusal::BadGrant(ASSERTION))?;
    if !access::may_narrow(&mut conn, caller.actor, caller.narrowed_to, to).await? {
        return Err(Refusal::ScopeNotAllowed);
    }
    Ok(Session {
        owner: caller.actor,
        client: live.client,
        scope: Scope { offline_access: false, ..asked },
        source: Source::Assertion { jti: claims.jti, exp: claims.exp },
        nonce: None,
    })
}

/// A code needs the client that it was made for, the address that it was sent to, and the verifier of its challenge; one
/// without a challenge takes no verifier, as somebody may have left the challenge out on the way (RFC 9700, 4.8.2).
async fn exchanged(app: &App, sent: &CodeExchange, request: &Request) -> Result<Session, Refusal> {
    let bad = || Refusal::BadGrant(CODE);
    let client = client_of_user(app, request).await?;
    let sha256 = fingerprint(&sent.code);
    let known = store::sign_in::code(&mut app.read().await?, &sha256).await?;
    let known = known.filter(|known| known.client == client).ok_or_else(bad)?;
    let hashed = sent.verifier.as_deref().map(challenge_of);
    // Of a code that comes a second time nothing else counts: it has been stolen.
    let is_right = known.redirect_uri == sent.redirect_uri && known.challenge == hashed;
    if known.used_at.is_none() && !is_right {
        return Err(bad());
    }
    Ok(Session {
        owner: Actor::User(known.user),
        client: Some(client),
        scope: Scope::read(&known.scope)?,
        source: Source::Code(sha256),
        nonce: known.nonce,
    })
}

/// A device needs no more than the id of the client that it runs; one that proves more has to be right.
async fn polled(app: &App, code: &str, request: &Request) -> Result<Session, Refusal> {
    let client = match (&request.client, &request.client_id) {
        (None, Some(id)) => devices::client(app, id).await?,
        (None, None) => return Err(Refusal::malformed("client_id: required")),
        (proven, _) => client(&mut app.read().await?, proven.as_ref()).await?,
    };
    let Approved { owner, scope } = devices::poll(app, client, code).await?;
    let source = Source::Device(fingerprint(code));
    Ok(Session { owner, client: Some(client), scope, source, nonce: None })
}

/// The challenge that a verifier belongs to, by the method S256.
fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}
