//! Issuer, discovery and links come from `public_url`, whatever a request says about the host (wire-conventions, 1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::harness::{Place, Serving};

const PUBLIC_URL: &str = "https://tide.example.com";
const FORGED: &str = "Host: evil.example\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: gopher\r\n\
     Forwarded: host=evil.example;proto=gopher\r\nX-Original-Host: evil.example\r\n";

fn serve(place: &Place) -> Serving {
    let mut command = place.serve_command();
    command.args(["--public-url", PUBLIC_URL]);
    place.serve_by(command)
}

/// The answer to a request with forged headers: it must not hold the forged name anywhere.
#[track_caller]
fn forged(serving: &Serving, request: &str, more: &str, body: &str) -> Value {
    let length = body.len();
    let head =
        format!("{request} HTTP/1.1\r\n{FORGED}{more}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    let answer = serving.raw(&format!("{head}{body}"));
    assert!(answer.starts_with("HTTP/1.1 200"), "{request}: {answer}");
    assert!(!answer.contains("evil.example") && !answer.contains("gopher"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|why| panic!("{why}: {body}"))
}

#[test]
fn discovery_names_public_url_alone() {
    let place = Place::new();
    let serving = serve(&place);
    for path in ["/.well-known/openid-configuration", "/api/2/.well-known/openid-configuration"] {
        let document = forged(&serving, &format!("GET {path}"), "", "");
        assert_eq!(document["issuer"], PUBLIC_URL);
        for (name, value) in document.as_object().unwrap() {
            if name.ends_with("_endpoint") || name.ends_with("_uri") {
                let address = value.as_str().unwrap();
                assert!(address.starts_with(&format!("{PUBLIC_URL}/api/2/")), "{name}: {address}");
            }
        }
    }
}

#[test]
fn tokens_name_public_url_as_issuer_and_its_host_as_audience() {
    let place = Place::new();
    let serving = serve(&place);
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        place.first.client_id, place.first.client_secret
    );
    let more = "Content-Type: application/x-www-form-urlencoded\r\n";
    let answer = forged(&serving, "POST /api/2/idp/token", more, &form);
    for member in ["access_token", "id_token"] {
        let claims = claims(answer[member].as_str().unwrap());
        assert_eq!(claims["iss"], PUBLIC_URL, "{member}");
    }
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(claims(token)["aud"], "tide.example.com");
    // And it is good where it says it is, under whatever name the server is reached.
    let more = format!("Authorization: Bearer {token}\r\n");
    forged(&serving, &format!("GET /api/2/tenants/{}", place.first.tenant_id), &more, "");
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[test]
fn without_a_public_url_it_is_the_address_that_was_got() {
    let place = Place::new();
    let serving = place.serve();
    let document = forged(&serving, "GET /.well-known/openid-configuration", "", "");
    assert_eq!(document["issuer"], format!("http://{}", serving.client.address()));
}
