//! The pure rules of signing in through a browser or on a device (RFC 6749, 7636, 8252, 8628).

use std::fmt;
use std::str::FromStr;

use crate::tenant::words;

words! {
    /// What a one-time token is for (accounts-api, tier 3).
    OneTimePurpose {
        /// Begins a browser session.
        UserLogin = "user_login",
        /// Proves who somebody is, and begins none.
        Verify = "verify",
    }
}

/// The longest redirect address, in bytes.
const URI_MAX_BYTES: usize = 2000;

/// Why an address was refused as one that codes may be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRedirectUri {
    /// Longer than [`URI_MAX_BYTES`].
    #[error("is too long")]
    TooLong,
    /// White space, controls, or what an address holds percent-encoded only.
    #[error("must hold printable ASCII without quotes, angle brackets and backslashes")]
    Characters,
    /// The code would be lost in it, or worse (RFC 6749, 3.1.2).
    #[error("must not have a fragment")]
    Fragment,
    /// Neither protected on its way nor on the person's own machine.
    #[error("must begin with https://, or http:// and a loopback host")]
    Scheme,
    /// No host, a port that is none, or a name and password in front of it.
    #[error("must name a host, with nothing but a port beside it")]
    Host,
}

/// Whether codes may be sent to this address: https, or http to the machine that the browser runs on.
pub fn check_redirect_uri(uri: &str) -> Result<(), BadRedirectUri> {
    if uri.len() > URI_MAX_BYTES {
        return Err(BadRedirectUri::TooLong);
    }
    if !uri.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte)) {
        return Err(BadRedirectUri::Characters);
    }
    if uri.contains('#') {
        return Err(BadRedirectUri::Fragment);
    }
    let (scheme, rest) = uri.split_once("://").ok_or(BadRedirectUri::Scheme)?;
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let host = host(authority).ok_or(BadRedirectUri::Host)?;
    let is_loopback = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
    match scheme {
        "https" => Ok(()),
        "http" if is_loopback => Ok(()),
        _ => Err(BadRedirectUri::Scheme),
    }
}

/// The host of a host and port; `None` where it is neither a name nor an address, or the port is none.
fn host(authority: &str) -> Option<&str> {
    let end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, port) = authority.split_at_checked(end)?;
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let is_address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    let port_is_good = match port.strip_prefix(':') {
        Some(port) => port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok(),
        None => port.is_empty(),
    };
    (!host.is_empty() && (is_name || is_address) && port_is_good).then_some(host)
}

/// The path and query of a page of this server, given as such or as an address that begins with `public_url`; `None`
/// where a browser could read it as the address of another host.
pub fn own_page<'a>(public_url: &str, target: &'a str) -> Option<&'a str> {
    let path = match target.strip_prefix(public_url) {
        Some("") => "/",
        Some(path) => path,
        None => target,
    };
    let stays = path.starts_with('/') && !path.starts_with("//");
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\".contains(&byte));
    (stays && is_plain).then_some(path)
}

/// Whether this can be a `code_challenge` of the method S256: SHA-256 in base64url (RFC 7636, 4.2).
pub fn is_challenge(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Whether this can be a `code_verifier` (RFC 7636, 4.1; accounts-api, 1.2).
pub fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

/// The letters of user codes: no vowels, so that no words come about, and none that are easily mistaken (RFC 8628, 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const USER_CODE_LETTERS: usize = 8;

/// What a person types to connect a device, such as `RDRD-WNDB`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCode(String);

/// The text is no user code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be eight letters, such as RDRD-WNDB")]
pub struct NotAUserCode;

impl UserCode {
    /// One of 20^8 codes, from a random number; the remainder favours none by more than one part in 10^8.
    pub fn of(random: u64) -> Self {
        let letters = (0..USER_CODE_LETTERS).scan(random, |rest, _| {
            let letter = LETTERS.get(usize::try_from(*rest % 20).unwrap_or(0));
            *rest /= 20;
            letter.map(|letter| char::from(*letter))
        });
        Self(letters.collect())
    }

    /// Its letters alone.
    pub fn letters(&self) -> &str {
        &self.0
    }
}

/// As people type it: in either case, with or without the dash.
impl FromStr for UserCode {
    type Err = NotAUserCode;

    fn from_str(text: &str) -> Result<Self, NotAUserCode> {
        let typed = text.chars().filter(|c| *c != '-' && !c.is_whitespace());
        let letters: String = typed.map(|c| c.to_ascii_uppercase()).take(USER_CODE_LETTERS + 1).collect();
        let is_code = letters.len() == USER_CODE_LETTERS && letters.bytes().all(|c| LETTERS.contains(&c));
        is_code.then_some(Self(letters)).ok_or(NotAUserCode)
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one, two) = self.0.split_at_checked(USER_CODE_LETTERS / 2).unwrap_or((&self.0, ""));
        write!(f, "{one}-{two}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_are_sent_over_https_or_to_the_own_machine() {
        for good in [
            "https://crm.example.com",
            "https://crm.example.com:8443/back?tenant=7&x=%20",
            "http://localhost:51004/",
            "http://127.0.0.1:51004/back",
            "http://[::1]:51004/back",
            "https://[2001:db8::1]/back",
        ] {
            assert_eq!(check_redirect_uri(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("http://crm.example.com/back", BadRedirectUri::Scheme),
            ("http://localhost.example.com/", BadRedirectUri::Scheme),
            ("com.example.crm:/back", BadRedirectUri::Scheme),
            ("javascript://localhost/%0Aalert(1)", BadRedirectUri::Scheme),
            ("data:text/html,x", BadRedirectUri::Scheme),
            ("/back", BadRedirectUri::Scheme),
            ("", BadRedirectUri::Scheme),
            ("https://crm.example.com/back#there", BadRedirectUri::Fragment),
            ("https://crm.example.com/back#", BadRedirectUri::Fragment),
            ("https:///back", BadRedirectUri::Host),
            ("https://crm.example.com@evil.example.com/", BadRedirectUri::Host),
            ("http://localhost:x@evil.example.com/", BadRedirectUri::Host),
            ("http://localhost:99999/", BadRedirectUri::Host),
            ("http://[::1/back", BadRedirectUri::Host),
            ("https://crm.example.com\\@evil.example.com/", BadRedirectUri::Characters),
            ("https://crm.example.com/ba ck", BadRedirectUri::Characters),
            ("https://crm.example.com/\n", BadRedirectUri::Characters),
            ("https://bücher.example.com/", BadRedirectUri::Characters),
        ] {
            assert_eq!(check_redirect_uri(bad), Err(why), "{bad}");
        }
        assert_eq!(
            check_redirect_uri(&format!("https://a.example/{}", "x".repeat(2000))),
            Err(BadRedirectUri::TooLong)
        );
    }

    #[test]
    fn only_pages_of_this_server_are_gone_on_to() {
        let own = |target| own_page("https://tide.example.com", target);
        assert_eq!(own("/device?user_code=RDRD-WNDB"), Some("/device?user_code=RDRD-WNDB"));
        assert_eq!(own("https://tide.example.com"), Some("/"));
        assert_eq!(own("https://tide.example.com/console#here"), Some("/console#here"));
        for other in [
            "https://tide.example.com.evil.example/",
            "https://tide.example.com@evil.example/",
            "https://tide.example.com:8443/",
            "https://tide.example.com//evil.example/",
            "http://tide.example.com/",
            "https://evil.example/",
            "//evil.example/",
            "/\\evil.example/",
            "\\\\evil.example/",
            "/\t/evil.example/",
            "\t//evil.example/",
            "/x\r\nLocation: y",
            "javascript:alert(1)",
            "console",
            "",
        ] {
            assert_eq!(own(other), None, "{other:?}");
        }
    }

    #[test]
    fn challenges_and_verifiers_have_their_published_form() {
        // The example of RFC 7636, appendix B.
        assert!(is_challenge("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
        assert!(is_verifier("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        assert!(!is_challenge("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c="));
        assert!(!is_verifier(&"a".repeat(42)) && !is_verifier(&"a".repeat(129)));
        assert!(is_verifier(&"~".repeat(128)) && !is_verifier(&"ä".repeat(30)));
    }

    proptest! {
        #[test]
        fn a_user_code_is_read_however_it_is_typed(random: u64) {
            let code = UserCode::of(random);
            let shown = code.to_string();
            prop_assert_eq!(shown.len(), 9);
            prop_assert_eq!(shown.parse(), Ok(code.clone()));
            prop_assert_eq!(format!(" {} ", shown.to_lowercase().replace('-', " ")).parse(), Ok(code.clone()));
            prop_assert_eq!(code.letters().parse(), Ok(code));
        }

        #[test]
        fn no_text_is_too_strange_to_be_refused(text: String) {
            let _ = (check_redirect_uri(&text), own_page("https://tide.example.com", &text), text.parse::<UserCode>());
        }
    }

    #[test]
    fn what_is_no_user_code_is_refused() {
        for text in ["", "RDRD-WND", "RDRD-WNDBB", "RDRD-WNDA", "RDRD-WND1", "RDRD-WNDß"] {
            assert_eq!(text.parse::<UserCode>(), Err(NotAUserCode), "{text}");
        }
    }
}
