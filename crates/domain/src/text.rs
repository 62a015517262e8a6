//! Rules for short texts: names, logins and passwords, and their form in addresses.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// Why a text was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadText {
    /// Nothing but white space.
    #[error("must not be empty")]
    Empty,
    /// A control character, which mails, CSV files and logs could trip over.
    #[error("must not hold control characters")]
    Control,
    /// More characters than allowed.
    #[error("is too long")]
    TooLong,
    /// A character that logins do not have.
    #[error("may hold ASCII letters, digits and . @ _ - + : ! # $ % ^ * = {{ }} ' / ? ` only, 3 or more")]
    Login,
}

/// The longest name, in characters.
pub const NAME_MAX_CHARS: usize = 256;

/// A name of a tenant, user, client, storage or anything else: no control characters (wire-conventions, section 3).
pub fn check_name(name: &str) -> Result<(), BadText> {
    if name.trim().is_empty() {
        return Err(BadText::Empty);
    }
    check_text(name)
}

/// As [`check_name`], but may be empty.
pub fn check_text(text: &str) -> Result<(), BadText> {
    if text.chars().any(char::is_control) {
        return Err(BadText::Control);
    }
    if text.chars().count() > NAME_MAX_CHARS {
        return Err(BadText::TooLong);
    }
    Ok(())
}

/// How many characters a password has.
pub const PASSWORD_CHARS: RangeInclusive<usize> = 8..=256;

/// A password has neither too few nor too many characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have 8 to 256 characters")]
pub struct BadPassword;

/// A password that may be chosen.
pub fn check_password(password: &str) -> Result<(), BadPassword> {
    if PASSWORD_CHARS.contains(&password.chars().count()) { Ok(()) } else { Err(BadPassword) }
}

/// The trimmed login, if it is one (accounts-api, 1.9).
pub fn check_login(login: &str) -> Result<&str, BadText> {
    let trimmed = login.trim();
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".@_-+:!#$%^*={}'/?`".contains(c);
    if trimmed.len() < 3 || !trimmed.chars().all(allowed) {
        return Err(BadText::Login);
    }
    if trimmed.len() > NAME_MAX_CHARS { Err(BadText::TooLong) } else { Ok(trimmed) }
}

/// A name as part of a file name (reports-api, section 13); `fallback` where nothing is left of it.
pub fn slug(name: &str, fallback: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for c in name.to_lowercase().chars() {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { fallback.chars().take(8).collect() } else { slug.to_owned() }
}

/// Percent-encoding of everything but unreserved characters (RFC 3986, 2.3).
pub fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// What a form-encoded text says: `+` is a space, `%41` is `A`. `None` where a percent sign begins no pair of hex digits,
/// or where the bytes are no UTF-8.
pub fn form_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let (byte, behind) = match (first, behind) {
            (b'%', [high, low, behind @ ..]) => (hex_digit(*high)? << 4 | hex_digit(*low)?, behind),
            (b'%', _) => return None,
            (b'+', behind) => (b' ', behind),
            (other, behind) => (*other, behind),
        };
        bytes.push(byte);
        rest = behind;
    }
    String::from_utf8(bytes).ok()
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Bytes as people can type them in: base32 (RFC 4648, section 6) without padding.
pub fn base32(bytes: &[u8]) -> String {
    let bit = |at: usize| bytes.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
    let letter = |at: usize| {
        let index = (5 * at..5 * at + 5).fold(0, |index, at| index << 1 | usize::from(bit(at)));
        BASE32.get(index).copied().map(char::from)
    };
    (0..(bytes.len() * 8).div_ceil(5)).filter_map(letter).collect()
}

/// The bytes that [`base32`] spells like this, in either case; `None` for any text that it never gives.
pub fn bytes_of_base32(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut held) = (Vec::with_capacity(text.len() * 5 / 8), 0_u32, 0_u32);
    for letter in text.bytes() {
        let letter = letter.to_ascii_uppercase();
        held = held << 5 | u32::try_from(BASE32.iter().position(|other| *other == letter)?).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
        held &= (1 << bits) - 1;
    }
    (bits < 5 && held == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_encoded_text_decodes_to_itself(text in any::<String>()) {
            prop_assert_eq!(form_decoded(&percent_encoded(&text)), Some(text));
        }
    }

    #[test]
    fn forms_are_decoded_or_refused() {
        assert_eq!(form_decoded("a+b%2dc%2D"), Some("a b-c-".to_owned()));
        for bad in ["%", "%2", "%2g", "%+1", "%ff"] {
            assert_eq!(form_decoded(bad), None, "{bad}");
        }
    }

    #[test]
    fn slugs_are_fit_for_file_names() {
        assert_eq!(slug("North  Partner & Sons!", "x"), "north-partner-sons");
        assert_eq!(slug("北方", "ede9f834-70b3"), "ede9f834");
        assert_eq!(slug("-a-", "x"), "a");
    }

    #[test]
    fn names_and_logins() {
        assert_eq!(check_name("Tab\there"), Err(BadText::Control));
        assert_eq!(check_name("  "), Err(BadText::Empty));
        assert_eq!(check_login("  jdoe "), Ok("jdoe"));
        assert_eq!(check_login("jd"), Err(BadText::Login));
        assert_eq!(check_login("j doe"), Err(BadText::Login));
    }

    #[test]
    fn passwords_are_counted_in_characters() {
        assert_eq!(check_password("1234567"), Err(BadPassword));
        assert_eq!(check_password("ÄÖÜäöüß€"), Ok(()));
        assert_eq!(check_password(&"x".repeat(256)), Ok(()));
        assert_eq!(check_password(&"x".repeat(257)), Err(BadPassword));
    }

    /// RFC 4648, section 10, less the padding.
    #[test]
    fn bytes_are_spelled_as_in_the_rfc_and_read_in_either_case() {
        let words = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
        let spelled = words.map(|word| base32(word.as_bytes()));
        assert_eq!(spelled, ["", "MY", "MZXQ", "MZXW6", "MZXW6YQ", "MZXW6YTB", "MZXW6YTBOI"]);
        for (word, text) in words.iter().zip(&spelled) {
            assert_eq!(bytes_of_base32(text).as_deref(), Some(word.as_bytes()));
            assert_eq!(bytes_of_base32(&text.to_lowercase()).as_deref(), Some(word.as_bytes()));
        }
        for wrong in ["M", "MZ", "MZX", "MY=", "M1", "MY ", "MÄ", "MZXW6A"] {
            assert_eq!(bytes_of_base32(wrong), None, "{wrong}");
        }
    }
}
