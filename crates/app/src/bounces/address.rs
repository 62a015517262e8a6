//! The address that the mail of one delivery comes back to: a subaddress (RFC 5233) whose detail is the delivery's token.

use domain::ids::DeliveryId;
use lettre::Address;

use crate::auth::sealing::SealingKey;
use crate::mail::token::{self, Purpose, TOKEN_CHARS};

/// What stands between user and detail (RFC 5233; Postfix calls it `recipient_delimiter`).
const DELIMITER: char = '+';
/// The longest local part (RFC 5321, 4.5.3.1.1).
const LOCAL_MAX_BYTES: usize = 64;

/// An address whose subaddresses mails come back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BounceAddress {
    local: String,
    domain: String,
}

impl BounceAddress {
    /// Reads such an address, `bounces@example.com`; the reason where it has no room for a token.
    pub fn parse(text: &str) -> Result<Self, String> {
        let address: Address = text.parse().map_err(|error| format!("is no address: {error}"))?;
        let (local, domain) = (address.user().to_owned(), address.domain().to_owned());
        let most = LOCAL_MAX_BYTES - 1 - TOKEN_CHARS;
        if !text.is_ascii() || local.contains(DELIMITER) || local.len() > most {
            return Err(format!(
                "must be ASCII, with at most {most} letters and no {DELIMITER} before the @"
            ));
        }
        Ok(Self { local, domain })
    }

    /// Where the mail of a delivery comes back to.
    pub(crate) fn of(&self, key: &SealingKey, delivery: DeliveryId) -> Result<Address, String> {
        let token = token::write(key, Purpose::Bounce, delivery);
        let address = Address::new(format!("{}{DELIMITER}{token}", self.local), &self.domain);
        address.map_err(|error| format!("mail.bounce_address: {error}"))
    }
}

/// The delivery whose address stands in a text such as the value of `Delivered-To`.
pub(super) fn delivery_in(key: &SealingKey, text: &str) -> Option<DeliveryId> {
    text.split(DELIMITER).skip(1).find_map(|detail| {
        let (token, _) = detail.split_once('@')?;
        token::read(key, Purpose::Bounce, token)
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_address_comes_back_as_the_delivery_that_it_was_made_for() {
        let key = SealingKey::from_bytes(&[1; 32]).unwrap();
        let delivery = DeliveryId(Uuid::from_u128(42));
        let most = "a".repeat(21);
        let address = BounceAddress::parse(&format!("{most}@example.com")).unwrap();
        let address = address.of(&key, delivery).unwrap().to_string();
        assert!(address.split('@').next().unwrap().len() <= LOCAL_MAX_BYTES);
        for text in [
            address.clone(),
            format!("<{address}>"),
            format!("\"a + b\" <{address}>, other+x@example.com"),
            address.to_uppercase(),
        ] {
            assert_eq!(delivery_in(&key, &text), Some(delivery), "{text}");
        }
        for text in ["", "+", "+@", "bounces+x@example.com", &address.replace('+', "-")] {
            assert_eq!(delivery_in(&key, text), None, "{text}");
        }
    }

    #[test]
    fn an_address_without_room_for_a_token_is_refused() {
        let long = format!("{}@example.com", "a".repeat(22));
        for text in ["bounces", "bounces+x@example.com", "bouncés@example.com", "", &long] {
            assert!(BounceAddress::parse(text).is_err(), "{text}");
        }
    }
}
