//! Signing keys: the next one, the active one, and retired ones whose tokens may still be in use.

use domain::ids::TenantNo;
use domain::time::Instant;

use crate::audit::{Change, Object};
use crate::{Conn, Result, Row, Write, args};

/// A signing key's place in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published, so that readers know it before it signs.
    Next,
    /// Signs.
    Active,
    /// Signs no more; published until its last token has run out.
    Retired,
}

impl KeyState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}

/// The public half of a key, its numbers in base64url as a JWK has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Its id.
    pub kid: String,
    /// The modulus.
    pub modulus: String,
    /// The exponent.
    pub exponent: String,
}

/// A key with its private half, which only the key file opens.
#[derive(Debug, Clone)]
pub struct SealedKey {
    /// The public half.
    pub public: PublicKey,
    /// The private half, sealed.
    pub sealed_pkcs8: Vec<u8>,
    /// Since when it signs.
    pub activated_at: Option<Instant>,
}

/// Inserts a key.
pub async fn insert(tx: &mut Write, key: &SealedKey, state: KeyState) -> Result<()> {
    let now = tx.now();
    tx.run(
        "INSERT INTO signing_keys (kid, state, sealed_pkcs8, modulus, exponent, created_at, activated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        args![
            key.public.kid.as_str(),
            state.as_str(),
            key.sealed_pkcs8.clone(),
            key.public.modulus.as_str(),
            key.public.exponent.as_str(),
            now,
            key.activated_at
        ],
    )
    .await?;
    let new = Some(state.as_str().to_owned());
    let kid = &key.public.kid;
    tx.log_first(Change {
        object: Object::Key,
        id: kid,
        tenant: TenantNo::TOP,
        field: "state",
        old: None,
        new,
    })
    .await
}

/// The key that signs; `None` before the first setup.
pub async fn active(conn: &mut Conn) -> Result<Option<SealedKey>> {
    in_state(conn, KeyState::Active).await
}

/// The key that will sign next.
pub async fn next(conn: &mut Conn) -> Result<Option<SealedKey>> {
    in_state(conn, KeyState::Next).await
}

async fn in_state(conn: &mut Conn, state: KeyState) -> Result<Option<SealedKey>> {
    let row = conn
        .one(
            "SELECT kid, modulus, exponent, sealed_pkcs8, activated_at FROM signing_keys WHERE state = $1",
            args![state.as_str()],
        )
        .await?;
    row.map(|row| {
        Ok(SealedKey {
            public: public(&row)?,
            sealed_pkcs8: row.blob("sealed_pkcs8")?,
            activated_at: row.opt_instant("activated_at")?,
        })
    })
    .transpose()
}

/// The public half of the key with this id.
pub async fn by_kid(conn: &mut Conn, kid: &str) -> Result<Option<PublicKey>> {
    let row = conn.one("SELECT kid, modulus, exponent FROM signing_keys WHERE kid = $1", args![kid]).await?;
    row.map(|row| public(&row)).transpose()
}

/// The keys to publish: all but those retired before this instant.
pub async fn published(conn: &mut Conn, retired_after: Instant) -> Result<Vec<PublicKey>> {
    let rows = conn
        .all(
            "SELECT kid, modulus, exponent FROM signing_keys WHERE retired_at IS NULL OR retired_at > $1
             ORDER BY created_at, kid",
            args![retired_after],
        )
        .await?;
    rows.iter().map(public).collect()
}

/// Moves a key on to another state.
pub async fn set_state(tx: &mut Write, kid: &str, from: KeyState, to: KeyState) -> Result<()> {
    let now = tx.now();
    let (activated, retired) = (to == KeyState::Active, to == KeyState::Retired);
    tx.run(
        "UPDATE signing_keys SET state = $2, activated_at = COALESCE($3, activated_at), retired_at = $4 WHERE kid = $1",
        args![kid, to.as_str(), activated.then_some(now), retired.then_some(now)],
    )
    .await?;
    let (old, new) = (Some(from.as_str().to_owned()), Some(to.as_str().to_owned()));
    tx.log(Change { object: Object::Key, id: kid, tenant: TenantNo::TOP, field: "state", old, new }).await
}

/// Deletes the keys that were retired before this instant.
pub async fn forget(tx: &mut Write, retired_before: Instant) -> Result<()> {
    let sql = "DELETE FROM signing_keys WHERE retired_at <= $1 RETURNING kid";
    for row in tx.all(sql, args![retired_before]).await? {
        let (kid, old) = (row.text("kid")?, Some(KeyState::Retired.as_str().to_owned()));
        let (object, tenant) = (Object::Key, TenantNo::TOP);
        tx.log(Change { object, id: &kid, tenant, field: "state", old, new: None }).await?;
    }
    Ok(())
}

fn public(row: &Row) -> Result<PublicKey> {
    Ok(PublicKey { kid: row.text("kid")?, modulus: row.text("modulus")?, exponent: row.text("exponent")? })
}
