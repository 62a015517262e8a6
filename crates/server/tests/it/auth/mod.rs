//! Signing in: accounts-api 1.1 to 1.4, over a real socket.

mod basic;
mod bearer;
mod discovery;
mod grants;
mod keys;
mod narrowing;
mod refresh;
mod revocation;
pub(crate) mod totp;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::access::Actor;
use serde_json::Value;
use store::Arg;
use testkit::{Answer, Server, TestApp};

const NOW: &str = "2026-05-08T10:58:53Z";
const TOKEN: &str = "/api/2/idp/token";
const CLIENT_CREDENTIALS: (&str, &str) = ("grant_type", "client_credentials");
const JWT_BEARER: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");

async fn served() -> (TestApp, Server) {
    let test = TestApp::at(NOW).await;
    let server = test.serve().await;
    (test, server)
}

/// A part of a token: 0 is the header, 1 the claims.
fn part(token: &str, at: usize) -> Value {
    serde_json::from_slice(&raw_part(token, at)).unwrap()
}

fn raw_part(token: &str, at: usize) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token.split('.').nth(at).unwrap()).unwrap()
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}")).to_owned()
}

/// What a protected call answers to a token.
async fn status_with(test: &TestApp, server: &Server, token: &str) -> u16 {
    server.get(&format!("/api/2/clients/{}", test.client_id)).bearer(token).await.status
}

/// Status and `error` of a flat refusal, whose form is checked on the way.
#[track_caller]
fn refusal(answer: &Answer) -> (u16, String) {
    let body = answer.json();
    assert!(!text(&body, "error_description").is_empty());
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    assert_eq!(answer.header("cache-control"), "no-store");
    (answer.status, text(&body, "error"))
}

fn refused(status: u16, error: &str) -> (u16, String) {
    (status, error.to_owned())
}

/// Changes the database below the use cases.
async fn change(test: &TestApp, sql: &'static str, args: Vec<Arg>) {
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    assert!(tx.run(sql, args).await.unwrap() > 0, "{sql}");
    tx.commit().await.unwrap();
}
