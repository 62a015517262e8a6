//! A mail relay on a socket that can be told how to fail.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use ::app::settings::{Security, Smtp};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// How one connection fails. A reply is a line such as `451 try later`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Greets with this.
    Greeting(&'static str),
    /// Never says a word.
    Silent,
    /// Answers MAIL with this.
    Mail(&'static str),
    /// Answers RCPT with this.
    Rcpt(&'static str),
    /// Answers DATA with this.
    Data(&'static str),
    /// Takes the whole mail and answers this.
    Message(&'static str),
    /// Takes the whole mail and hangs up without a word.
    DropAfterMessage,
    /// Hangs up in the middle of the mail.
    DropInMessage,
    /// Is silent after this verb until it is told to go on.
    Wait(&'static str),
    /// Announces that it takes this many bytes, and refuses mails that name more or have more (RFC 1870).
    Limit(usize),
    /// Refuses mails of more bytes, and does not say so before.
    HiddenLimit(usize),
}

impl Fault {
    /// What it says to EHLO beside its name.
    fn features(self) -> String {
        match self {
            Self::Limit(most) => format!("250-8BITMIME\r\n250 SIZE {most}"),
            _ => "250 8BITMIME".to_owned(),
        }
    }

    /// The answer to a mail of this size, where it is too large.
    fn too_large(self, bytes: usize) -> Option<&'static str> {
        match self {
            Self::Limit(most) | Self::HiddenLimit(most) if bytes > most => {
                Some("552 5.3.4 message too large")
            }
            _ => None,
        }
    }
}

/// A mail that the relay has read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The address of MAIL.
    pub from: String,
    /// The address of RCPT.
    pub to: String,
    /// Headers and body, with dots unstuffed and lines ended by LF.
    pub text: String,
    /// Whether the relay has said 250 to it.
    pub accepted: bool,
}

impl Mail {
    /// The value of a header that stands on one line.
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.text.split("\n\n").next().unwrap_or("");
        headers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

#[derive(Debug, Default)]
struct State {
    faults: VecDeque<Fault>,
    mails: Vec<Mail>,
    connections: usize,
    waiting: usize,
}

/// A relay that takes every mail, but for the faults it was told to have, one per connection. Hangs up when dropped.
#[derive(Debug)]
pub struct SmtpSink {
    port: u16,
    state: Arc<Mutex<State>>,
    go_on: Arc<Notify>,
    _serving: JoinSet<()>,
}

#[expect(clippy::expect_used, reason = "a test without its relay cannot go on")]
impl SmtpSink {
    /// A relay on a free port of this machine whose first connections fail like this.
    pub async fn failing(faults: impl IntoIterator<Item = Fault>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(Mutex::new(State { faults: faults.into_iter().collect(), ..State::default() }));
        let go_on = Arc::new(Notify::new());
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, state.clone(), go_on.clone()));
        Self { port, state, go_on, _serving: serving }
    }

    /// Where it listens, on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// How to send through it, with a patience of one second.
    pub fn settings(&self) -> Smtp {
        Smtp {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            security: Security::None,
            credentials: None,
            ca_file: None,
            timeout_seconds: 1,
        }
    }

    /// The mails read to their end so far.
    pub fn mails(&self) -> Vec<Mail> {
        locked(&self.state).mails.clone()
    }

    /// Whether a connection waits to be told to go on.
    pub fn is_waiting(&self) -> bool {
        locked(&self.state).waiting > 0
    }

    /// Lets the connection that waits go on.
    pub fn go_on(&self) {
        self.go_on.notify_one();
    }

    /// How often somebody has connected.
    pub fn connections(&self) -> usize {
        locked(&self.state).connections
    }
}

fn locked(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>, go_on: Arc<Notify>) {
    let mut conversations = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let fault = {
            let mut state = locked(&state);
            state.connections += 1;
            state.faults.pop_front()
        };
        let (state, go_on) = (state.clone(), go_on.clone());
        // A client that hangs up is part of the game.
        conversations.spawn(async move { converse(stream, fault, &state, &go_on).await.ok() });
    }
}

struct Wire {
    lines: BufReader<OwnedReadHalf>,
    out: OwnedWriteHalf,
}

impl Wire {
    async fn say(&mut self, line: &str) -> std::io::Result<()> {
        self.out.write_all(format!("{line}\r\n").as_bytes()).await
    }

    /// A line without its end; `None` once the client has hung up.
    async fn line(&mut self) -> std::io::Result<Option<String>> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).await?;
        Ok((read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

async fn converse(
    stream: TcpStream,
    fault: Option<Fault>,
    state: &Mutex<State>,
    go_on: &Notify,
) -> std::io::Result<()> {
    let (read, out) = stream.into_split();
    let mut wire = Wire { lines: BufReader::new(read), out };
    match fault {
        Some(Fault::Silent) => while wire.line().await?.is_some() {},
        Some(Fault::Greeting(reply)) => wire.say(reply).await?,
        _ => wire.say("220 sink ESMTP").await?,
    }
    let (mut from, mut to) = (String::new(), String::new());
    while let Some(line) = wire.line().await? {
        let verb = line.split([' ', ':']).next().unwrap_or("").to_ascii_uppercase();
        if fault.is_some_and(|fault| matches!(fault, Fault::Wait(at) if at == verb)) {
            locked(state).waiting += 1;
            go_on.notified().await;
            locked(state).waiting -= 1;
        }
        match (verb.as_str(), fault) {
            ("MAIL", Some(Fault::Mail(reply)))
            | ("RCPT", Some(Fault::Rcpt(reply)))
            | ("DATA", Some(Fault::Data(reply))) => wire.say(reply).await?,
            ("EHLO", fault) => {
                let features = fault.map_or_else(|| "250 8BITMIME".to_owned(), Fault::features);
                wire.say(&format!("250-sink\r\n{features}")).await?;
            }
            ("MAIL", Some(fault)) if fault.too_large(declared(&line)).is_some() => {
                wire.say("552 5.3.4 message too large").await?;
            }
            ("MAIL", _) => {
                from = address(&line);
                wire.say("250 sender ok").await?;
            }
            ("RCPT", _) => {
                to = address(&line);
                wire.say("250 recipient ok").await?;
            }
            ("DATA", _) => {
                wire.say("354 go on").await?;
                let Some(text) = message(&mut wire, fault).await? else { return Ok(()) };
                let too_large = fault.and_then(|fault| fault.too_large(text.len()));
                let refused =
                    too_large.is_some() || matches!(fault, Some(Fault::Message(_) | Fault::DropAfterMessage));
                let mail = Mail { from: from.clone(), to: to.clone(), text, accepted: !refused };
                locked(state).mails.push(mail);
                match fault {
                    Some(Fault::DropAfterMessage) => return Ok(()),
                    Some(Fault::Message(reply)) => wire.say(reply).await?,
                    _ => wire.say(too_large.unwrap_or("250 2.0.0 queued as SINK1")).await?,
                }
            }
            ("QUIT", _) => return wire.say("221 bye").await,
            _ => wire.say("500 what?").await?,
        }
    }
    Ok(())
}

/// The mail up to the lonely dot; `None` where the relay or the client hangs up before.
async fn message(wire: &mut Wire, fault: Option<Fault>) -> std::io::Result<Option<String>> {
    let mut text = String::new();
    while let Some(line) = wire.line().await? {
        if fault == Some(Fault::DropInMessage) {
            return Ok(None);
        }
        if line == "." {
            return Ok(Some(text));
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
        text.push('\n');
    }
    Ok(None)
}

/// The bytes that a MAIL command names.
fn declared(line: &str) -> usize {
    let size = line.split(' ').find_map(|word| word.strip_prefix("SIZE="));
    size.and_then(|size| size.parse().ok()).unwrap_or(0)
}

fn address(line: &str) -> String {
    let address = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    address.map(|(address, _)| address.to_owned()).unwrap_or_default()
}
