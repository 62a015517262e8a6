//! Where a request comes from, as far as known proxies say.

use std::net::{IpAddr, SocketAddr};

use app::App;
use app::settings::{Proxies, ProxyHeader};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Puts the client's address in the place of a known proxy's.
pub(crate) async fn see_through_proxies(State(app): State<App>, mut request: Request) -> Request {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() {
        let from = client(&app.settings.proxies, peer.ip(), request.headers());
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(from, peer.port())));
    }
    request
}

/// Each proxy appends the address that it was called from, so the list is read from its end, as long as whoever wrote an
/// entry is one of ours: the rightmost address that is none of ours is the client's. What a client put in front is not
/// reached. Only the one header is read that the proxies keep: the other one they would hand on as a client sent it.
fn client(proxies: &Proxies, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let name = match proxies.header {
        ProxyHeader::XForwardedFor => X_FORWARDED_FOR,
        ProxyHeader::Forwarded => header::FORWARDED,
    };
    let mut from = peer.to_canonical();
    if !proxies.contains(from) {
        return from;
    }
    // Whatever a client put in front: it must not make unreadable what a proxy put behind it in the same line.
    let lines = headers.get_all(name).iter().map(HeaderValue::as_bytes).map(String::from_utf8_lossy);
    let lines: Vec<_> = lines.collect();
    let entries: Vec<&str> = lines.iter().flat_map(|line| line.split(',')).map(str::trim).collect();
    for entry in entries.into_iter().rev() {
        let said = match proxies.header {
            ProxyHeader::XForwardedFor => Some(entry),
            ProxyHeader::Forwarded => node(entry),
        };
        let Some(before) = said.and_then(address).filter(|_| proxies.contains(from)) else { break };
        from = before.to_canonical();
    }
    from
}

/// The `for` of one element of `Forwarded` (RFC 7239, 4), such as `for="[2001:db8::17]:4711";proto=https`.
fn node(element: &str) -> Option<&str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
    Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}

/// An address, with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse().ok().map(|with_port: SocketAddr| with_port.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(header: ProxyHeader, proxies: &[&str], peer: &str, lines: &[(&str, &[u8])]) -> String {
        let networks = proxies.iter().map(|network| network.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        client(&Proxies { networks, header }, peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn the_rightmost_address_that_is_no_proxy_s_is_the_client_s() {
        let ours = ["10.0.0.0/8", "::1"];
        for (peer, said, expected) in [
            ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
            ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
            ("::1", "198.51.100.7, 203.0.113.9, 10.2.3.4", "203.0.113.9"),
            ("10.0.0.1", "198.51.100.7,203.0.113.9:4711", "203.0.113.9"),
            ("10.0.0.1", "[2001:db8::17]:4711", "2001:db8::17"),
            ("10.0.0.1", "2001:db8::17", "2001:db8::17"),
            ("10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
            // All of them ours: the one furthest out.
            ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
            // Nothing to read: the proxy's own.
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "198.51.100.7, unknown", "10.0.0.1"),
            // A stranger's word counts for nothing.
            ("203.0.113.5", "10.0.0.1", "203.0.113.5"),
        ] {
            let lines = [("x-forwarded-for", said.as_bytes())];
            assert_eq!(seen(ProxyHeader::XForwardedFor, &ours, peer, &lines), expected, "{peer}: {said}");
        }
        let lines: [(&str, &[u8]); 1] = [("x-forwarded-for", b"203.0.113.9")];
        assert_eq!(seen(ProxyHeader::XForwardedFor, &[], "127.0.0.1", &lines), "127.0.0.1");
    }

    #[test]
    fn several_lines_are_one_list_and_bytes_of_no_text_hide_nobody() {
        let lines: [(&str, &[u8]); 2] =
            [("x-forwarded-for", b"198.51.100.7"), ("x-forwarded-for", b"\xff\xfe, 203.0.113.9")];
        assert_eq!(seen(ProxyHeader::XForwardedFor, &["10.0.0.1"], "10.0.0.1", &lines), "203.0.113.9");
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_has_it() {
        for (said, expected) in [
            ("for=203.0.113.9;proto=https;by=10.0.0.1", "203.0.113.9"),
            ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("for=198.51.100.7, proto=http; FOR=\"203.0.113.9:80\"", "203.0.113.9"),
            ("for=203.0.113.9, for=10.9.9.9", "203.0.113.9"),
            ("for=_hidden, for=unknown", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
        ] {
            let lines = [("forwarded", said.as_bytes())];
            assert_eq!(seen(ProxyHeader::Forwarded, &["10.0.0.0/8"], "10.0.0.1", &lines), expected, "{said}");
        }
    }

    #[test]
    fn the_header_that_the_proxies_do_not_keep_is_a_client_s_own_and_is_not_read() {
        let both: [(&str, &[u8]); 2] =
            [("x-forwarded-for", b"203.0.113.9"), ("forwarded", b"for=198.51.100.7")];
        assert_eq!(seen(ProxyHeader::XForwardedFor, &["10.0.0.1"], "10.0.0.1", &both), "203.0.113.9");
        assert_eq!(seen(ProxyHeader::Forwarded, &["10.0.0.1"], "10.0.0.1", &both), "198.51.100.7");
    }
}
