//! The keys that sign tokens: made here, kept sealed in the database, rotated by the scheduler.

use std::sync::{Arc, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::access::Actor;
use domain::time::Instant;
use store::keys::{KeyState, SealedKey};
use store::{Conn, Write};

use super::TOKEN_SECONDS;
use super::sealing::SealingKey;
use crate::ids::hex;
use crate::{App, Error, Result};

pub use store::keys::PublicKey;

/// How long a key signs before [`rotate_if_due`] retires it.
const ACTIVE_SECONDS: i64 = 30 * 24 * 60 * 60;
/// How long a retired key stays published: as long as the last token it signed, and a little for one that was being
/// signed while it was retired.
const RETIRED_SECONDS: i64 = TOKEN_SECONDS + 300;

/// A key with its private half.
#[derive(Debug)]
pub struct SigningKey {
    pair: RsaKeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// A new RSA key of 2,048 bits, on a thread of its own: it takes a moment.
    pub async fn generate() -> Result<Self> {
        let made = tokio::task::spawn_blocking(|| RsaKeyPair::generate(KeySize::Rsa2048)).await;
        let pair = made.map_err(Error::internal)?.map_err(Error::internal)?;
        Ok(Self::of(pair))
    }

    /// A key from its PKCS #8 form.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self> {
        RsaKeyPair::from_pkcs8(pkcs8).map(Self::of).map_err(Error::internal)
    }

    fn of(pair: RsaKeyPair) -> Self {
        let base64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let modulus = base64(pair.public_key().modulus().big_endian_without_leading_zero());
        let exponent = base64(pair.public_key().exponent().big_endian_without_leading_zero());
        let kid = key_id(&modulus, &exponent);
        Self { pair, public: PublicKey { kid, modulus, exponent } }
    }

    /// The public half.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256: `RS256` (RFC 7518, 3.3).
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(Error::internal)?;
        Ok(signature)
    }

    fn seal(&self, sealing: &SealingKey, activated_at: Option<Instant>) -> Result<SealedKey> {
        let pkcs8 = self.pair.as_der().map_err(Error::internal)?;
        let sealed_pkcs8 = sealing.seal(&self.public.kid, pkcs8.as_ref())?;
        Ok(SealedKey { public: self.public.clone(), sealed_pkcs8, activated_at })
    }
}

/// The first 40 hex digits of SHA-256 over the JWK's thumbprint input (RFC 7638, 3; accounts-api, 1.1).
fn key_id(modulus: &str, exponent: &str) -> String {
    let input = format!(r#"{{"e":"{exponent}","kty":"RSA","n":"{modulus}"}}"#);
    let mut id = hex(digest(&SHA256, input.as_bytes()).as_ref());
    id.truncate(40);
    id
}

/// Keeps the first two keys: one that signs, and the next.
pub async fn insert_first(app: &App, tx: &mut Write, active: &SigningKey, next: &SigningKey) -> Result<()> {
    let now = tx.now();
    store::keys::insert(tx, &active.seal(&app.sealing, Some(now))?, KeyState::Active).await?;
    store::keys::insert(tx, &next.seal(&app.sealing, None)?, KeyState::Next).await?;
    Ok(())
}

/// Retires the active key, lets the next one sign, and makes a new next one. Tokens that the retired key signed stay
/// valid until they run out.
pub async fn rotate(app: &App) -> Result<()> {
    let fresh = SigningKey::generate().await?;
    let mut tx = app.write_as(Actor::System).await?;
    rotate_to(app, &mut tx, &fresh).await?;
    tx.commit().await?;
    Ok(())
}

/// Rotates where the active key has signed for 30 days; says whether it did.
pub async fn rotate_if_due(app: &App) -> Result<bool> {
    if !is_due(app, &mut app.read().await?).await? {
        return Ok(false);
    }
    let fresh = SigningKey::generate().await?;
    let mut tx = app.write_as(Actor::System).await?;
    // Somebody else may have rotated while the key was made.
    if !is_due(app, &mut tx).await? {
        return Ok(false);
    }
    rotate_to(app, &mut tx, &fresh).await?;
    tx.commit().await?;
    Ok(true)
}

/// Rotates where it is due; gives back when the next rotation is. For the jobs.
pub(crate) async fn work(app: &App) -> Result<Option<Instant>> {
    rotate_if_due(app).await?;
    let active = store::keys::active(&mut app.read().await?).await?;
    Ok(active.and_then(|key| key.activated_at).map(|since| since.plus_seconds(ACTIVE_SECONDS)))
}

async fn is_due(app: &App, conn: &mut Conn) -> Result<bool> {
    let since = store::keys::active(conn).await?.and_then(|key| key.activated_at);
    Ok(since.is_some_and(|since| app.clock.now() >= since.plus_seconds(ACTIVE_SECONDS)))
}

async fn rotate_to(app: &App, tx: &mut Write, fresh: &SigningKey) -> Result<()> {
    let now = tx.now();
    store::keys::forget(tx, now.plus_seconds(-RETIRED_SECONDS)).await?;
    if let Some(active) = store::keys::active(tx).await? {
        store::keys::set_state(tx, &active.public.kid, KeyState::Active, KeyState::Retired).await?;
    }
    if let Some(next) = store::keys::next(tx).await? {
        store::keys::set_state(tx, &next.public.kid, KeyState::Next, KeyState::Active).await?;
    }
    store::keys::insert(tx, &fresh.seal(&app.sealing, None)?, KeyState::Next).await?;
    Ok(())
}

/// The keys to publish (accounts-api, 1.1).
pub async fn published(app: &App) -> Result<Vec<PublicKey>> {
    let retired_after = app.clock.now().plus_seconds(-RETIRED_SECONDS);
    Ok(store::keys::published(&mut app.read().await?, retired_after).await?)
}

/// Opens the key that signs now: asked at every start, so that a wrong key file shows there and not in the first sign-in.
pub async fn check(app: &App) -> Result<()> {
    signer(app, &mut app.read().await?).await.map(|_| ())
}

/// The key that signs now. Opened once and kept, as opening takes longer than signing.
pub(super) async fn signer(app: &App, conn: &mut Conn) -> Result<Arc<SigningKey>> {
    let sealed = store::keys::active(conn).await?.ok_or_else(|| Error::internal("no key signs"))?;
    let kept = app.auth.signer.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(kept) = kept.filter(|kept| kept.public.kid == sealed.public.kid) {
        return Ok(kept);
    }
    let pkcs8 = app.sealing.open(&sealed.public.kid, &sealed.sealed_pkcs8).map_err(Error::internal)?;
    let opened = Arc::new(SigningKey::from_pkcs8(&pkcs8)?);
    *app.auth.signer.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&opened));
    Ok(opened)
}

/// The public half of the key with this id, as verifying needs it. Kept once found: under one id it never changes, and
/// a token of a key that is gone has run out.
pub(super) async fn verifier(
    app: &App,
    conn: &mut Conn,
    kid: &str,
) -> Result<Option<Arc<RsaPublicKeyComponents<Vec<u8>>>>> {
    let kept = app.auth.verifiers.lock().unwrap_or_else(PoisonError::into_inner).get(kid).cloned();
    if kept.is_some() {
        return Ok(kept);
    }
    let Some(key) = store::keys::by_kid(conn, kid).await? else { return Ok(None) };
    let number = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(Error::internal);
    let found = Arc::new(RsaPublicKeyComponents { n: number(&key.modulus)?, e: number(&key.exponent)? });
    let mut verifiers = app.auth.verifiers.lock().unwrap_or_else(PoisonError::into_inner);
    verifiers.insert(key.kid, Arc::clone(&found));
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_id_is_the_thumbprint_of_rfc_7638() {
        // The example key of RFC 7638, 3.1, whose thumbprint is NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs.
        let modulus = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXj\
                       BZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqz\
                       s8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ\
                       -G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let whole = URL_SAFE_NO_PAD.decode("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs").unwrap();
        assert_eq!(key_id(modulus, "AQAB"), hex(&whole)[..40]);
    }
}
