//! JSON Web Tokens (RFC 7519), signed with RS256 and nothing else.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::keys::SigningKey;
use crate::{Error, Result};

/// The header; the wire has its members in this order (accounts-api, 1.3).
#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    alg: &'static str,
    kid: &'a str,
}

#[derive(Deserialize)]
struct ReadHeader {
    alg: String,
    kid: String,
    crit: Option<serde_json::Value>,
}

/// A token with these claims.
pub(super) fn sign(key: &SigningKey, claims: &impl Serialize) -> Result<String> {
    let header = Header { typ: "JWT", alg: "RS256", kid: &key.public().kid };
    let message = format!("{}.{}", encode(&header)?, encode(claims)?);
    let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes())?);
    Ok(format!("{message}.{signature}"))
}

fn encode(part: &impl Serialize) -> Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(serde_json::to_vec(part).map_err(Error::internal)?))
}

/// A token that nobody has verified yet: all it tells is which key to ask.
pub(super) struct Unverified<'a> {
    /// The key's id.
    pub(super) kid: String,
    message: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Unverified<'a> {
    /// Takes a token apart; `None` where it is none, names another algorithm, or demands an extension.
    pub(super) fn read(token: &'a str) -> Option<Self> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let header: ReadHeader = serde_json::from_slice(&decode(header)?).ok()?;
        if header.alg != "RS256" || header.crit.is_some() {
            return None;
        }
        Some(Self { kid: header.kid, message, payload: decode(payload)?, signature: decode(signature)? })
    }

    /// The claims, where this key has signed them and they are of this shape.
    pub(super) fn verify<C: DeserializeOwned>(&self, key: &RsaPublicKeyComponents<Vec<u8>>) -> Option<C> {
        key.verify(&RSA_PKCS1_2048_8192_SHA256, self.message.as_bytes(), &self.signature).ok()?;
        serde_json::from_slice(&self.payload).ok()
    }
}
