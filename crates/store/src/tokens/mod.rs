//! Issued tokens. A family is a sign-in with everything issued or narrowed from it.

mod principals;

use domain::access::Actor;
use domain::ids::{ClientId, TenantId};
use domain::time::Instant;

pub(crate) use principals::opt_actor;
pub use principals::{
    Held, Principal, SignInClient, SignInUser, client_for_sign_in, grants, principal, user_for_sign_in,
};

use crate::{Conn, Result, Write, args};

/// How many dead rows are cleared away for each token that is issued: more than one is added, so none pile up.
const CLEARED_FOR_EACH: usize = 8;

/// An access token, as it is stored.
#[derive(Debug, Clone)]
pub struct AccessToken {
    /// Its id, the claim `jti`.
    pub jti: uuid::Uuid,
    /// What it is revoked with.
    pub family: uuid::Uuid,
    /// Whose it is.
    pub owner: Actor,
    /// The client that its owner, a user, signed in for.
    pub client: Option<ClientId>,
    /// The token it was narrowed from.
    pub parent: Option<uuid::Uuid>,
    /// When it runs out.
    pub expires_at: Instant,
}

/// Keeps access tokens, and clears away a few that have run out. One that is kept already stays as it is.
pub async fn insert(tx: &mut Write, tokens: &[AccessToken]) -> Result<()> {
    let row = |token: &AccessToken| {
        args![
            token.jti,
            token.family,
            token.owner.kind(),
            token.owner.id(),
            token.client,
            token.parent,
            token.expires_at
        ]
    };
    tx.insert_many(
        "INSERT INTO tokens (jti, family, principal_kind, principal_id, client_id, parent_jti, expires_at)",
        "ON CONFLICT (jti) DO NOTHING",
        tokens.iter().map(row).collect(),
    )
    .await?;
    let (now, most) = (tx.now(), i64::try_from(tokens.len() * CLEARED_FOR_EACH).unwrap_or(i64::MAX));
    tx.run(
        "DELETE FROM tokens WHERE jti IN (SELECT jti FROM tokens WHERE expires_at <= $1 LIMIT $2)",
        args![now, most],
    )
    .await?;
    tx.run(
        "DELETE FROM refresh_tokens WHERE sha256 IN (SELECT sha256 FROM refresh_tokens WHERE expires_at <= $1 LIMIT $2)",
        args![now, most],
    )
    .await
    .map(|_| ())
}

/// What an access token belongs to that is known and not revoked.
#[derive(Debug, Clone, Copy)]
pub struct Live {
    /// What it is revoked with.
    pub family: uuid::Uuid,
    /// The client that its owner, a user, signed in for.
    pub client: Option<ClientId>,
}

/// What an access token belongs to; `None` where it is unknown, revoked, or was given through a client that gets no
/// tokens any more.
pub async fn live(conn: &mut Conn, jti: uuid::Uuid) -> Result<Option<Live>> {
    let row = conn
        .one(
            "SELECT k.family, k.client_id FROM tokens k LEFT JOIN clients c ON c.id = k.client_id
             WHERE k.jti = $1 AND k.revoked_at IS NULL
             AND (k.client_id IS NULL OR (c.status = 'enabled' AND c.deleted_at IS NULL))",
            args![jti],
        )
        .await?;
    row.map(|row| Ok(Live { family: row.parsed("family")?, client: row.opt_parsed("client_id")? }))
        .transpose()
}

/// Revokes an access token: the whole family, or, where it was narrowed from another one, it and what was narrowed from
/// it. Unknown ones are none of ours to revoke.
pub async fn revoke(tx: &mut Write, jti: uuid::Uuid) -> Result<()> {
    let row = tx.one("SELECT family, parent_jti FROM tokens WHERE jti = $1", args![jti]).await?;
    let Some(row) = row else { return Ok(()) };
    if row.opt_text("parent_jti")?.is_none() {
        return revoke_family(tx, row.parsed("family")?).await;
    }
    let now = tx.now();
    tx.run(
        "WITH RECURSIVE below (jti) AS (
             SELECT jti FROM tokens WHERE jti = $1
             UNION SELECT t.jti FROM tokens t JOIN below b ON t.parent_jti = b.jti)
         UPDATE tokens SET revoked_at = $2 WHERE revoked_at IS NULL AND jti IN (SELECT jti FROM below)",
        args![jti, now],
    )
    .await
    .map(|_| ())
}

/// Revokes everything of a family.
pub async fn revoke_family(tx: &mut Write, family: uuid::Uuid) -> Result<()> {
    let now = tx.now();
    tx.run("UPDATE tokens SET revoked_at = $2 WHERE family = $1 AND revoked_at IS NULL", args![family, now])
        .await?;
    tx.run(
        "UPDATE refresh_tokens SET revoked_at = $2 WHERE family = $1 AND revoked_at IS NULL",
        args![family, now],
    )
    .await
    .map(|_| ())
}

/// Revokes all that was issued to a client or user, and ends its browser sessions.
pub async fn revoke_all(tx: &mut Write, owner: Actor) -> Result<()> {
    let now = tx.now();
    tx.run(
        "UPDATE tokens SET revoked_at = $2 WHERE principal_id = $1 AND revoked_at IS NULL",
        args![owner.id(), now],
    )
    .await?;
    tx.run(
        "UPDATE refresh_tokens SET revoked_at = $2 WHERE principal_id = $1 AND revoked_at IS NULL",
        args![owner.id(), now],
    )
    .await?;
    crate::sign_in::end_all(tx, owner).await
}

/// A refresh token, as it is stored.
#[derive(Debug, Clone)]
pub struct RefreshToken {
    /// SHA-256 of the token, in hex.
    pub sha256: String,
    /// What it is revoked with.
    pub family: uuid::Uuid,
    /// Whose it is.
    pub owner: Actor,
    /// The client that its owner, a user, signed in for: nobody else may exchange it.
    pub client: Option<ClientId>,
    /// The scope that was granted, as the wire shows it.
    pub scope: String,
    /// The tenant its access tokens are narrowed to.
    pub narrowed_to: Option<TenantId>,
    /// When it runs out.
    pub expires_at: Instant,
    /// When it was exchanged; a second time is theft.
    pub used_at: Option<Instant>,
    /// When it was revoked.
    pub revoked_at: Option<Instant>,
}

/// Keeps a refresh token. One that is kept already stays as it is.
pub async fn insert_refresh(tx: &mut Write, token: &RefreshToken) -> Result<()> {
    tx.run(
        "INSERT INTO refresh_tokens (sha256, family, principal_kind, principal_id, client_id, scope, narrowed_to,
         expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (sha256) DO NOTHING",
        args![
            token.sha256.as_str(),
            token.family,
            token.owner.kind(),
            token.owner.id(),
            token.client,
            token.scope.as_str(),
            token.narrowed_to,
            token.expires_at
        ],
    )
    .await
    .map(|_| ())
}

/// The refresh token with this SHA-256, in whatever state.
pub async fn refresh_by_sha256(conn: &mut Conn, sha256: &str) -> Result<Option<RefreshToken>> {
    let row = conn.one("SELECT * FROM refresh_tokens WHERE sha256 = $1", args![sha256]).await?;
    row.map(|row| {
        Ok(RefreshToken {
            sha256: row.text("sha256")?,
            family: row.parsed("family")?,
            owner: principals::actor(&row)?,
            client: row.opt_parsed("client_id")?,
            scope: row.text("scope")?,
            narrowed_to: row.opt_parsed("narrowed_to")?,
            expires_at: row.instant("expires_at")?,
            used_at: row.opt_instant("used_at")?,
            revoked_at: row.opt_instant("revoked_at")?,
        })
    })
    .transpose()
}

/// Marks a refresh token as exchanged.
pub async fn use_refresh(tx: &mut Write, sha256: &str) -> Result<()> {
    let now = tx.now();
    tx.run("UPDATE refresh_tokens SET used_at = $2 WHERE sha256 = $1", args![sha256, now]).await.map(|_| ())
}
