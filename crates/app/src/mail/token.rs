//! A delivery's name outside the server: its id with proof that this installation wrote it.
//!
//! Letters and digits of one case, short enough for the local part of an address (64 octets, RFC 5321, 4.5.3.1.1), which
//! servers on the way may fold to either case.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use domain::ids::DeliveryId;
use domain::text::{base32, bytes_of_base32};
use uuid::Uuid;

use crate::auth::sealing::SealingKey;

/// Bytes of the id.
const ID_BYTES: usize = 16;
/// Bytes of the proof: whoever guesses has to ask this server each time.
const PROOF_BYTES: usize = 10;
/// How long every token is.
pub(crate) const TOKEN_CHARS: usize = 42;

/// What a token is good for; one is no proof of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To say that the mail came back.
    Bounce,
    /// To fetch the files that the mail was to bring.
    Files,
}

impl Purpose {
    const fn words(self) -> &'static str {
        match self {
            Self::Bounce => "a mail came back",
            Self::Files => "files of a mail",
        }
    }
}

/// The token of a delivery.
pub(crate) fn write(key: &SealingKey, purpose: Purpose, delivery: DeliveryId) -> String {
    let id = delivery.0.as_bytes();
    let signature = key.signature(purpose.words(), id);
    let (proof, _) = signature.split_at(PROOF_BYTES);
    base32(&[id.as_slice(), proof].concat()).to_ascii_lowercase()
}

/// The delivery that a token was written for; `None` for any other text.
pub(crate) fn read(key: &SealingKey, purpose: Purpose, token: &str) -> Option<DeliveryId> {
    if token.len() != TOKEN_CHARS {
        return None;
    }
    let bytes = bytes_of_base32(token)?;
    let (id, proof) = bytes.split_at_checked(ID_BYTES)?;
    let signature = key.signature(purpose.words(), id);
    verify_slices_are_equal(proof, signature.get(..PROOF_BYTES)?).ok()?;
    Uuid::from_slice(id).ok().map(DeliveryId)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SealingKey {
        SealingKey::from_bytes(&[byte; 32]).unwrap()
    }

    #[test]
    fn a_token_names_its_delivery_in_either_case() {
        let delivery = DeliveryId(Uuid::from_u128(0x1234_5678_9abc_4def_8123_4567_89ab_cdef));
        let token = write(&key(1), Purpose::Bounce, delivery);
        assert_eq!(token.len(), TOKEN_CHARS);
        assert!(token.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{token}");
        assert_eq!(read(&key(1), Purpose::Bounce, &token), Some(delivery));
        assert_eq!(read(&key(1), Purpose::Bounce, &token.to_uppercase()), Some(delivery));
    }

    #[test]
    fn a_token_that_was_touched_or_made_elsewhere_names_nothing() {
        let delivery = DeliveryId(Uuid::from_u128(7));
        let token = write(&key(1), Purpose::Bounce, delivery);
        assert_eq!(read(&key(2), Purpose::Bounce, &token), None);
        assert_eq!(read(&key(1), Purpose::Files, &token), None);
        for at in 0..token.len() {
            let other = if token.as_bytes()[at] == b'a' { "b" } else { "a" };
            let mut touched = token.clone();
            touched.replace_range(at..=at, other);
            assert_eq!(read(&key(1), Purpose::Bounce, &touched), None, "{touched}");
        }
        for text in ["", "a", &token[1..], &format!("{token}a"), &"+".repeat(TOKEN_CHARS), &"ä".repeat(21)] {
            assert_eq!(read(&key(1), Purpose::Bounce, text), None, "{text}");
        }
    }
}
