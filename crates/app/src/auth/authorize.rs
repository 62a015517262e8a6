//! From a browser session to an authorisation code (RFC 6749, 4.1; RFC 7636; OpenID Connect Core 1.0, 3.1.2).
//!
//! Nobody is asked for consent, so a client must be one that may be trusted with all that the user is: it has to belong
//! to the user's tenant or to one above it, as the API clients that can make one-time tokens for the user do.

use domain::access::{Actor, Client, ClientAuthMethod, ClientStatus};
use domain::ids::ClientId;
use domain::oauth;
use serde::Deserialize;
use store::Conn;
use store::sign_in::Code;
use uuid::Uuid;

use super::jwt::Unverified;
use super::{Refusal, Scope, access, fingerprint, keys, sessions};
use crate::access::Proof;
use crate::ids::hex;
use crate::{App, Caller, Error, Result};

/// How long a code is good.
const CODE_SECONDS: i64 = 60;
/// How long a second use is noticed: until the refresh token of the first would have run out.
const NOTICED_SECONDS: i64 = super::REFRESH_SECONDS;
/// The longest `nonce`.
const NONCE_MAX_CHARS: usize = 512;

/// The parameters of an authorisation request, as sent; empty ones count as absent.
#[derive(Debug, Clone, Default)]
pub struct AuthorizationRequest {
    /// Who wants the code.
    pub client_id: Option<String>,
    /// Where to send it.
    pub redirect_uri: Option<String>,
    /// `code`.
    pub response_type: Option<String>,
    /// What is asked for.
    pub scope: Option<String>,
    /// `none`: show nothing; `login`: have the person sign in again.
    pub prompt: Option<String>,
    /// An id_token of the person who is to be signed in.
    pub id_token_hint: Option<String>,
    /// SHA-256 of the verifier, in base64url.
    pub code_challenge: Option<String>,
    /// `S256`.
    pub code_challenge_method: Option<String>,
    /// To be repeated in the id_token.
    pub nonce: Option<String>,
}

/// What to do with the browser.
#[derive(Debug, Clone)]
pub enum Authorization {
    /// Send it back to the client with this code.
    Code(String),
    /// Have the person sign in, and come back.
    SignIn,
    /// Send it back to the client with an error (RFC 6749, 4.1.2.1).
    Refused {
        /// One of the words of RFC 6749 and OpenID Connect.
        error: &'static str,
        /// What exactly, for developers.
        description: String,
    },
}

fn refused(error: &'static str, description: &str) -> Authorization {
    Authorization::Refused { error, description: description.to_owned() }
}

/// What a request asks for, once its form is right.
struct Asked {
    scope: Scope,
    challenge: Option<String>,
    prompt: Prompt,
}

#[derive(PartialEq, Eq)]
enum Prompt {
    AsNeeded,
    None,
    Login,
}

/// Decides on an authorisation request of a browser with this session cookie. An error must be shown to the person: it
/// is not known that the redirect address is the client's.
pub async fn authorize(
    app: &App,
    request: &AuthorizationRequest,
    session: Option<&str>,
) -> Result<Authorization, Refusal> {
    let client = client(app, request).await?;
    let asked = match asked(request, &client) {
        Ok(asked) => asked,
        Err(refused) => return Ok(refused),
    };
    let caller = match session {
        Some(session) if asked.prompt != Prompt::Login => sessions::caller(app, session).await?,
        _ => None,
    };
    let mut conn = app.read().await?;
    let caller = match (caller, request.id_token_hint.as_deref()) {
        (Some(caller), Some(hint)) => {
            is_of(app, &mut conn, hint, client.id, caller.actor).await?.then_some(caller)
        }
        (caller, _) => caller,
    };
    match caller {
        Some(caller) => Ok(code(app, conn, &client, request, asked, &caller).await?),
        None if asked.prompt == Prompt::None => Ok(refused("login_required", "nobody is signed in")),
        None => Ok(Authorization::SignIn),
    }
}

/// The client, where the request names one that gets tokens, and an address registered with it.
async fn client(app: &App, request: &AuthorizationRequest) -> Result<Client, Refusal> {
    let id = request.client_id.as_deref().ok_or_else(|| Refusal::malformed("client_id: required"))?;
    let mut conn = app.read().await?;
    let known = match id.parse() {
        Ok(id) => store::clients::by_id(&mut conn, id).await?,
        Err(_) => None,
    };
    let client = known.filter(|client| client.status == ClientStatus::Enabled);
    let client = client.ok_or(Refusal::UnknownClient)?;
    let live = access::caller(app, &mut conn, Actor::Client(client.id), None, Proof::Bearer).await?;
    if live.is_none() {
        return Err(Refusal::UnknownClient);
    }
    let sent = request.redirect_uri.as_ref();
    let sent = sent.ok_or_else(|| Refusal::malformed("redirect_uri: required"))?;
    // Exactly one of those registered: anything looser has let codes be stolen (RFC 9700, 2.1).
    if !client.redirect_uris.contains(sent) || oauth::check_redirect_uri(sent).is_err() {
        return Err(Refusal::malformed("redirect_uri: not registered with the client"));
    }
    Ok(client)
}

fn asked(request: &AuthorizationRequest, client: &Client) -> Result<Asked, Authorization> {
    let invalid = |why: &str| refused("invalid_request", why);
    match request.response_type.as_deref() {
        Some("code") => {}
        Some(_) => return Err(refused("unsupported_response_type", "response_type: must be code")),
        None => return Err(invalid("response_type: required")),
    }
    match (request.code_challenge.as_deref(), request.code_challenge_method.as_deref()) {
        (Some(challenge), Some("S256")) if oauth::is_challenge(challenge) => {}
        (Some(_), Some("S256")) => return Err(invalid("code_challenge: must be SHA-256 in base64url")),
        (Some(_), _) => return Err(invalid("code_challenge_method: must be S256")),
        (None, Some(_)) => return Err(invalid("code_challenge: required with a method")),
        (None, None) if client.auth_method == ClientAuthMethod::None => {
            return Err(invalid("code_challenge: required of a client without a secret"));
        }
        (None, None) => {}
    }
    let prompt = match request.prompt.as_deref() {
        None => Prompt::AsNeeded,
        Some("none") => Prompt::None,
        Some("login") => Prompt::Login,
        Some(_) => return Err(invalid("prompt: must be none or login")),
    };
    if request.nonce.as_ref().is_some_and(|nonce| nonce.chars().count() > NONCE_MAX_CHARS) {
        return Err(invalid("nonce: is too long"));
    }
    let scope = Scope::read(request.scope.as_deref().unwrap_or(""))
        .map_err(|refusal| refused("invalid_scope", &refusal.to_string()))?;
    Ok(Asked { scope, challenge: request.code_challenge.clone(), prompt })
}

/// The claims of an id_token that tell whose it is. It may have run out.
#[derive(Deserialize)]
struct Hint {
    iss: String,
    sub: Uuid,
    aud: ClientId,
}

/// Whether an id_token was issued to this client for this person.
async fn is_of(app: &App, conn: &mut Conn, hint: &str, client: ClientId, person: Actor) -> Result<bool> {
    let Some(unverified) = Unverified::read(hint) else { return Ok(false) };
    let Some(key) = keys::verifier(app, conn, &unverified.kid).await? else { return Ok(false) };
    let is_so =
        |hint: Hint| hint.iss == app.settings.public_url && hint.sub == person.id() && hint.aud == client;
    Ok(unverified.verify::<Hint>(&key).is_some_and(is_so))
}

async fn code(
    app: &App,
    mut conn: Conn,
    client: &Client,
    request: &AuthorizationRequest,
    asked: Asked,
    caller: &Caller,
) -> Result<Authorization> {
    if !store::sign_in::covers(&mut conn, client.tenant, caller.actor).await? {
        return Ok(refused("access_denied", "the client is not for users of this tenant"));
    }
    if let Some(to) = asked.scope.narrowed_to
        && !access::may_narrow(&mut conn, caller.actor, None, to).await?
    {
        return Ok(refused("access_denied", "scope: the user does not reach this tenant"));
    }
    drop(conn);
    let Actor::User(user) = caller.actor else { return Err(Error::Forbidden) };
    let secret = hex(&app.ids.bytes::<32>()?);
    let mut tx = app.write(caller).await?;
    let code = Code {
        sha256: fingerprint(&secret),
        client: client.id,
        user,
        redirect_uri: request.redirect_uri.clone().unwrap_or_default(),
        scope: asked.scope.to_string(),
        challenge: asked.challenge,
        nonce: request.nonce.clone(),
        family: app.ids.other()?,
        expires_at: tx.now().plus_seconds(CODE_SECONDS),
        forget_at: tx.now().plus_seconds(NOTICED_SECONDS),
        used_at: None,
    };
    store::sign_in::insert_code(&mut tx, &code).await?;
    tx.commit().await?;
    Ok(Authorization::Code(secret))
}
