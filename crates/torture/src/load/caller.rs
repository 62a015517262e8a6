//! Calls to any of the nodes, as a client behind a load balancer would make them.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::{Answer, Call, Client};
use ureq::http::Method;

use crate::machine::First;
use crate::node::Addresses;
use crate::random::Random;

/// How long a client waits for an answer before it asks another node.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it then leaves that one alone.
const ELSEWHERE: Duration = Duration::from_secs(2);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(40);

/// What clients share.
#[derive(Debug, Clone)]
pub struct Access {
    /// Where the nodes listen.
    pub addresses: Addresses,
    /// How many there are.
    pub nodes: usize,
    /// Who they are.
    pub first: First,
    /// Whether they are to end.
    pub stop: Arc<AtomicBool>,
}

/// One client.
#[derive(Debug)]
pub struct Caller {
    access: Access,
    /// Where its choices come from.
    pub random: Random,
    /// How often which status came back; 0: no answer.
    pub statuses: BTreeMap<u16, u64>,
    /// What must not be.
    pub faults: Vec<String>,
    token: Option<String>,
    clients: HashMap<SocketAddr, Client>,
    /// Nodes that did not answer, and when.
    silent: HashMap<SocketAddr, Instant>,
}

impl Caller {
    /// A client whose choices follow from this seed.
    pub fn new(access: &Access, seed: u64, stream: u64) -> Self {
        Self {
            access: access.clone(),
            random: Random::of(seed, stream),
            statuses: BTreeMap::new(),
            faults: Vec::new(),
            token: None,
            clients: HashMap::new(),
            silent: HashMap::new(),
        }
    }

    /// Whether it is to end.
    pub fn is_over(&self) -> bool {
        self.access.stop.load(Ordering::Relaxed)
    }

    /// Asks a node; `None` where none answered, or the one asked could not do it now: then it was done or not. What is
    /// refused (4xx) is answered.
    pub fn ask(&mut self, method: &Method, path: &str, body: Option<&Body>) -> Option<Answer> {
        let address = self.any_node()?;
        let client = self.client(address);
        let token = self.token(&client)?;
        let call = client.call(method.clone(), path).bearer(&token);
        let answer = self.send(match body {
            Some(Body::Json(json)) => call.json(json.clone()),
            Some(Body::Lines(lines)) => call.raw("application/x-ndjson", lines.as_str()),
            None => call,
        });
        let Some(answer) = answer else {
            self.clients.remove(&address);
            self.silent.insert(address, Instant::now());
            return None;
        };
        match answer.status {
            401 => self.token = None,
            503 | 429 => thread::sleep(PAUSE),
            500 if answer.json().pointer("/error/code") == Some(&Value::from(1000)) => {}
            500..=599 => self.faults.push(format!("{method} {path}: {} {}", answer.status, answer.text())),
            _ => return Some(answer),
        }
        None
    }

    /// GET that is repeated until somebody answers; `None` where nobody does for long, or where it is refused.
    pub fn get(&mut self, path: &str) -> Option<Value> {
        for _ in 0..200 {
            if let Some(answer) = self.ask(&Method::GET, path, None) {
                return (answer.status == 200).then(|| answer.json());
            }
        }
        None
    }

    fn any_node(&mut self) -> Option<SocketAddr> {
        let node = self.random.place(self.access.nodes);
        let is_avoided =
            |address: &SocketAddr| self.silent.get(address).is_some_and(|since| since.elapsed() < ELSEWHERE);
        let address = self.access.addresses.get(node).filter(|address| !is_avoided(address));
        if address.is_none() {
            thread::sleep(PAUSE);
        }
        address
    }

    fn client(&mut self, address: SocketAddr) -> Client {
        self.clients.entry(address).or_insert_with(|| Client::patient(address, PATIENCE)).clone()
    }

    fn token(&mut self, client: &Client) -> Option<String> {
        if self.token.is_none() {
            let call = client.post("/api/2/idp/token");
            let call = call.basic(&self.access.first.client, &self.access.first.secret);
            let answer = self.send(call.form(&[("grant_type", "client_credentials")]))?;
            let token = answer.json();
            self.token = token.get("access_token").and_then(Value::as_str).map(str::to_owned);
        }
        self.token.clone()
    }

    fn send(&mut self, call: Call) -> Option<Answer> {
        let answer = call.try_send();
        let status = answer.as_ref().map_or(0, |answer| answer.status);
        *self.statuses.entry(status).or_default() += 1;
        if answer.is_none() {
            thread::sleep(PAUSE);
        }
        answer
    }
}

/// What is sent.
#[derive(Debug, Clone)]
pub enum Body {
    /// An object.
    Json(Value),
    /// Readings, one a line.
    Lines(String),
}
