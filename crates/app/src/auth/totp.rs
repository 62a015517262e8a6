//! One-time codes from a shared secret and the time: RFC 6238 with SHA-1, 6 digits and steps of 30 seconds, the values
//! that every authenticator app assumes.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY};
use domain::text::{base32, percent_encoded};
use domain::time::Instant;

/// Bytes of a secret: as many as SHA-1 gives (RFC 4226, section 4).
pub const SECRET_BYTES: usize = 20;
/// Digits of a code.
pub const DIGITS: usize = 6;
/// Seconds that a code is shown for.
pub const STEP_SECONDS: i64 = 30;
/// How many steps the other clock may be ahead or behind.
const DRIFT_STEPS: i64 = 1;

/// The step that a moment lies in.
const fn step_at(now: Instant) -> i64 {
    now.unix_seconds().div_euclid(STEP_SECONDS)
}

/// The code that an authenticator app shows at this moment.
pub fn code_at(secret: &[u8], now: Instant) -> String {
    code(secret, step_at(now))
}

/// The code of a step.
fn code(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    // Dynamic truncation (RFC 4226, 5.3): the last four bits say where the number begins.
    let at = usize::from(tag.as_ref().last().copied().unwrap_or(0) & 0x0f);
    let number =
        tag.as_ref().iter().skip(at).take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

/// The step whose code this is, at this moment or one step around it; none at or before `last_step`, so that each code is
/// taken once.
pub fn matching_step(secret: &[u8], sent: &str, now: Instant, last_step: i64) -> Option<i64> {
    let current = step_at(now);
    let mut steps = (current - DRIFT_STEPS..=current + DRIFT_STEPS).filter(|step| *step > last_step);
    steps.find(|step| verify_slices_are_equal(code(secret, *step).as_bytes(), sent.as_bytes()).is_ok())
}

/// What authenticator apps read from a QR code: who issues the codes, for which login, and the secret.
pub fn uri(issuer: &str, login: &str, secret: &[u8]) -> String {
    let (issuer, login) = (percent_encoded(issuer), percent_encoded(login));
    format!(
        "otpauth://totp/{issuer}:{login}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}",
        base32(secret)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    const fn second(at: i64) -> Instant {
        Instant(at * 1_000_000)
    }

    /// RFC 6238, appendix B: the table has eight digits, of which six are left.
    #[test]
    fn the_codes_are_those_of_the_rfc() {
        for (at, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_at(SECRET, second(at)), expected, "{at}");
        }
    }

    #[test]
    fn a_code_is_taken_a_step_early_or_late_and_never_twice() {
        let sent = code(SECRET, 100);
        let taken = |at, last| matching_step(SECRET, &sent, second(at), last);
        assert_eq!(
            [2_969, 2_970, 3_000, 3_059, 3_060].map(|at| taken(at, 0)),
            [None, Some(100), Some(100), Some(100), None]
        );
        assert_eq!(taken(3_000, 99), Some(100));
        assert_eq!((taken(3_000, 100), taken(3_000, 101)), (None, None));
        assert_eq!(matching_step(SECRET, "", second(3_000), 0), None);
    }

    #[test]
    fn a_login_breaks_no_address() {
        let uri = uri("tide.example.com", "a&b=c/d?e#f", b"f");
        let expected = "otpauth://totp/tide.example.com:a%26b%3Dc%2Fd%3Fe%23f?secret=MY&issuer=tide.example.com\
                        &algorithm=SHA1&digits=6&period=30";
        assert_eq!(uri, expected);
    }
}
