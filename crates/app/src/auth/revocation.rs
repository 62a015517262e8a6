//! Revocation and introspection (accounts-api, 1.4).

use domain::access::{Actor, ClientType};

use super::access::{self, Claims, Verified};
use super::{Credentials, Refusal, fingerprint, sign_in};
use crate::{App, Caller, Error, Result};

/// Revokes an access or refresh token with what was issued together with it and narrowed from it. To have the token is
/// enough; a client that names itself must prove it. An unknown token is as good as revoked (RFC 7009, 2.2).
pub async fn revoke(
    app: &App,
    token: &str,
    client: Option<&Credentials>,
) -> std::result::Result<(), Refusal> {
    let mut conn = app.read().await?;
    let mut actor = Actor::System;
    if let Some(Credentials { id, secret }) = client {
        let proven = sign_in::client(&mut conn, id, secret).await?;
        actor = Actor::Client(proven.ok_or(Refusal::BadClient)?);
    }
    let claims = access::signed_claims(app, &mut conn, token).await?;
    drop(conn);
    if let Some(owner) = claims.as_ref().and_then(Claims::owner) {
        actor = owner;
    }
    let mut tx = app.write_as(actor).await?;
    if let Some(claims) = claims {
        store::tokens::revoke(&mut tx, claims.jti).await?;
    } else if let Some(known) = store::tokens::refresh_by_sha256(&mut tx, &fingerprint(token)).await? {
        store::tokens::revoke_family(&mut tx, known.family).await?;
    }
    Ok(tx.commit().await?)
}

/// What a good token says.
#[derive(Debug, Clone)]
pub struct Introspected {
    /// Its claims, with the roles that are held now.
    pub claims: Claims,
    /// The type of its client; `None` for a user's.
    pub client_type: Option<ClientType>,
}

/// What an access token says, for whoever may ask; `None` where it is not good, or no longer.
pub async fn introspect(app: &App, caller: &Caller, token: &str) -> Result<Option<Introspected>> {
    if !caller.introspects {
        return Err(Error::Forbidden);
    }
    let verified = access::verify(app, &mut app.read().await?, token).await?;
    Ok(verified.map(|Verified { claims, caller, principal, .. }| Introspected {
        claims: Claims { scope: access::scope_items(&caller.grants), ..claims },
        client_type: principal.client_type,
    }))
}
