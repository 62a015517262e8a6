//! A small HTTP client for a server under test, in this process or another.

use std::future::{Future, IntoFuture};
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::text::percent_encoded;
use serde_json::Value;
use ureq::Agent;
use ureq::http::{HeaderMap, Method, Request, Response};

/// A client of one server.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    agent: Agent,
}

impl Client {
    /// A client of the server at this address. It follows no redirect, and no status is a failure to it.
    pub fn new(address: SocketAddr) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0);
        Self { address, agent: config.build().into() }
    }

    /// As [`Client::new`]; a call that takes longer than this in all has no answer.
    pub fn patient(address: SocketAddr, longest: Duration) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0);
        Self { address, agent: config.timeout_global(Some(longest)).build().into() }
    }

    /// Where the server listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A GET, sent when awaited.
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// A POST, sent when awaited.
    pub fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    /// A PUT, sent when awaited.
    pub fn put(&self, path: &str) -> Call {
        self.call(Method::PUT, path)
    }

    /// A DELETE, sent when awaited.
    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    /// A request of any method, sent when awaited. `path` begins with a slash and may have a query.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let url = format!("http://{}{path}", self.address);
        Call { agent: self.agent.clone(), method, url, headers: Vec::new(), body: None }
    }

    /// A bearer token by client credentials.
    ///
    /// # Panics
    /// Where the server gives none.
    pub async fn token(&self, client_id: &str, secret: &str) -> String {
        let call = self.post("/api/2/idp/token").basic(client_id, secret);
        let answer = call.form(&[("grant_type", "client_credentials")]).await.ok();
        answer.get("access_token").and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

/// A request on its way: await it to send it.
#[derive(Debug)]
#[must_use = "a call is sent when it is awaited"]
pub struct Call {
    agent: Agent,
    method: Method,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Call {
    /// With a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a bearer token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// With a login or client id and its password or secret.
    pub fn basic(self, name: &str, secret: &str) -> Self {
        self.header("Authorization", &format!("Basic {}", STANDARD.encode(format!("{name}:{secret}"))))
    }

    /// With a JSON body.
    #[expect(clippy::needless_pass_by_value, reason = "reads best with json!(..) in the call")]
    pub fn json(self, body: Value) -> Self {
        self.raw("application/json", body.to_string())
    }

    /// With an URL-encoded form.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let pairs = fields
            .iter()
            .map(|(name, value)| format!("{}={}", percent_encoded(name), percent_encoded(value)));
        let body = pairs.collect::<Vec<_>>().join("&");
        self.raw("application/x-www-form-urlencoded", body)
    }

    /// With these bytes.
    pub fn raw(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.header("Content-Type", content_type)
    }

    /// With these bytes and no word on what they are.
    pub fn untyped(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sends it and waits for the answer, for tests without a runtime.
    ///
    /// # Panics
    /// Where none comes.
    #[expect(clippy::expect_used, reason = "a test whose server does not answer cannot go on")]
    pub fn send(self) -> Answer {
        self.outcome().expect("an answer")
    }

    /// As [`Call::send`]; `None` where the server goes away before it has answered.
    ///
    /// # Panics
    /// Where the request is malformed.
    pub fn try_send(self) -> Option<Answer> {
        self.outcome().ok()
    }

    fn outcome(self) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder().method(self.method).uri(self.url);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let response = match self.body {
            Some(body) => request.body(body).map(|request| self.agent.run(request)),
            None => request.body(()).map(|request| self.agent.run(request)),
        };
        #[expect(clippy::expect_used, reason = "a mistake of the test")]
        Answer::read(response.expect("a well-formed request")?)
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    #[expect(clippy::expect_used, reason = "a panic there is the test's")]
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { tokio::task::spawn_blocking(|| self.send()).await.expect("a call") })
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, after decompression.
    pub body: Vec<u8>,
}

impl Answer {
    fn read(response: Response<ureq::Body>) -> Result<Self, ureq::Error> {
        let (parts, mut body) = response.into_parts();
        let body = body.with_config().limit(256 * 1024 * 1024).read_to_vec()?;
        Ok(Self { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    /// A header's value, `""` where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The body as JSON of an answer with this status.
    ///
    /// # Panics
    /// Where the status is another.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }

    /// The body as JSON of an answer with status 200.
    ///
    /// # Panics
    /// Where the status is another.
    #[track_caller]
    pub fn ok(&self) -> Value {
        self.expect(200)
    }
}
