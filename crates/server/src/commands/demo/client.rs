//! The demo's HTTP client: what an integration would do, and no more.

use std::io::Read as _;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use ureq::Agent;
use ureq::http::{Method, Request};

/// A client that holds a token.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    base_url: String,
    client_id: String,
    client_secret: String,
    token: String,
}

impl Client {
    /// Signs in.
    pub fn new(base_url: &str, client_id: &str, client_secret: &str) -> Result<Self> {
        let agent = Agent::config_builder().http_status_as_error(false).build().new_agent();
        let mut client = Self {
            agent,
            base_url: base_url.to_owned(),
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            token: String::new(),
        };
        client.sign_in()?;
        Ok(client)
    }

    /// Gets a fresh token: the one before runs out after two hours of the server's clock.
    pub fn sign_in(&mut self) -> Result<()> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.client_id.as_str()),
            ("client_secret", self.client_secret.as_str()),
        ];
        let mut response = self.agent.post(format!("{}/idp/token", self.base_url)).send_form(form)?;
        let body: Value = response.body_mut().read_json()?;
        ensure!(response.status().is_success(), "POST /idp/token: {} {body}", response.status());
        let token = body.get("access_token").and_then(Value::as_str).context("no access_token")?;
        token.clone_into(&mut self.token);
        Ok(())
    }

    /// GET.
    pub fn get(&self, path: &str) -> Result<Value> {
        self.call(&Method::GET, path, None)
    }

    /// POST.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.call(&Method::POST, path, Some(body))
    }

    /// PUT.
    pub fn put(&self, path: &str, body: &Value) -> Result<Value> {
        self.call(&Method::PUT, path, Some(body))
    }

    /// A file; its gzip encoding is taken off, as every client does that reads the header.
    pub fn download(&self, path: &str) -> Result<Vec<u8>> {
        let url = format!("{}{path}", self.base_url);
        let mut response = self.agent.get(&url).header("Authorization", self.bearer()).call()?;
        ensure!(response.status().is_success(), "GET {path}: {}", response.status());
        let mut bytes = Vec::new();
        response.body_mut().as_reader().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn call(&self, method: &Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let request = Request::builder()
            .method(method.clone())
            .uri(format!("{}{path}", self.base_url))
            .header("Authorization", self.bearer())
            .header("Content-Type", "application/json");
        let mut response = match body {
            Some(body) => self.agent.run(request.body(body.to_string())?)?,
            None => self.agent.run(request.body(())?)?,
        };
        let text = response.body_mut().read_to_string()?;
        ensure!(response.status().is_success(), "{method} {path}: {} {text}", response.status());
        Ok(if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? })
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
}
