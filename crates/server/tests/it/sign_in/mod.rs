//! Signing in through a browser, on a device and with one-time tokens (accounts-api, tier 3), over a real socket.

mod authorize;
mod browser;
mod codes;
mod devices;
mod login;
mod one_time;
mod reach;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::access::{Actor, Role};
use domain::ids::{TenantId, UserId};
use domain::tenant::TenantKind;
use domain::text::percent_encoded;
use serde_json::{Value, json};
use store::Arg;
use testkit::{Answer, Server, TestApp};

use browser::Browser;

const NOW: &str = "2026-05-08T10:58:53Z";
const TOKEN: &str = "/api/2/idp/token";
const BACK: &str = "https://crm.example.com/back?from=tidemark";
/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Names and values of a form or query.
type Fields<'a> = &'a [(&'a str, &'a str)];

/// A partner with a customer and its user, and a partner beside it.
struct Scene {
    test: TestApp,
    server: Server,
    north: TenantId,
    south: TenantId,
    harbour: TenantId,
    anna: UserId,
    root: String,
}

async fn scene() -> Scene {
    scene_at("https://tide.example.com").await
}

async fn scene_at(public_url: &str) -> Scene {
    let test = TestApp::with_settings(NOW, |settings| public_url.clone_into(&mut settings.public_url)).await;
    let server = test.serve().await;
    let north = test.tenant(test.top, TenantKind::Partner, "North").await;
    let south = test.tenant(test.top, TenantKind::Partner, "South").await;
    let harbour = test.tenant(north, TenantKind::Customer, "Harbour").await;
    let anna = test.user(harbour, "anna", "right", Role::CompanyAdmin).await;
    let root = server.token(&test.client_id, &test.client_secret).await;
    Scene { test, server, north, south, harbour, anna, root }
}

/// A client as its secret shows it once.
#[derive(Clone)]
struct Registered {
    id: String,
    secret: String,
}

impl Scene {
    /// A client of this tenant, made by root, that codes may be sent to.
    async fn client(&self, tenant: TenantId, auth_method: &str) -> Registered {
        let body = json!({
            "type": "api_client", "tenant_id": tenant, "token_endpoint_auth_method": auth_method,
            "data": {"client_name": "Harbour CRM"}, "redirect_uris": [BACK, "http://127.0.0.1:51004/back"],
        });
        let made = self.server.post("/api/2/clients").bearer(&self.root).json(body).await.expect(201);
        let secret = made["client_secret"].as_str().unwrap_or_default().to_owned();
        Registered { id: text(&made, "client_id"), secret }
    }

    /// Anna's browser, signed in.
    async fn signed_in(&self) -> Browser<'_> {
        self.signed_in_as("anna").await
    }

    async fn signed_in_as(&self, login: &str) -> Browser<'_> {
        let mut browser = Browser::new(&self.server);
        browser.sign_in(login, "right").await.expect(200);
        browser
    }

    async fn change(&self, sql: &'static str, args: Vec<Arg>) {
        let mut tx = self.test.app.write_as(Actor::System).await.unwrap();
        assert!(tx.run(sql, args).await.unwrap() > 0, "{sql}");
        tx.commit().await.unwrap();
    }

    fn later(&self, seconds: i64) {
        self.test.clock.set(self.test.app.clock.now().plus_seconds(seconds));
    }

    /// Status and `error` at the token endpoint.
    async fn refusal_of(&self, form: &[(&str, &str)]) -> (u16, String) {
        refusal(&self.server.post(TOKEN).form(form).await)
    }

    async fn me(&self, token: &str) -> Answer {
        self.server.get("/api/2/users/me").bearer(token).await
    }
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}")).to_owned()
}

fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

/// Status and `error` of a flat refusal.
#[track_caller]
fn refusal(answer: &Answer) -> (u16, String) {
    let body = answer.json();
    assert!(!text(&body, "error_description").is_empty());
    (answer.status, text(&body, "error"))
}

fn refused(status: u16, error: &str) -> (u16, String) {
    (status, error.to_owned())
}

/// A path with a query.
fn path(path: &str, fields: &[(&str, &str)]) -> String {
    format!("{path}?{}", encoded(fields))
}

/// The query of a redirect to the client.
#[track_caller]
fn sent_back(answer: &Answer) -> BTreeMap<String, String> {
    assert_eq!(answer.status, 302, "{}", answer.text());
    let location = answer.header("location");
    let query = location.strip_prefix(BACK).unwrap_or_else(|| panic!("not to the client: {location}"));
    assert!(query.starts_with('&'), "the address had a query: {location}");
    assert_eq!(answer.header("cache-control"), "no-store");
    decoded(&query[1..])
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let pairs = fields.iter().map(|(name, value)| format!("{name}={}", percent_encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn decoded(query: &str) -> BTreeMap<String, String> {
    let unescape = |text: &str| {
        let (mut out, mut bytes) = (Vec::new(), text.bytes());
        while let Some(byte) = bytes.next() {
            out.push(match byte {
                b'+' => b' ',
                b'%' => {
                    let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                plain => plain,
            });
        }
        String::from_utf8(out).unwrap()
    };
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (unescape(name), unescape(value))).collect()
}
