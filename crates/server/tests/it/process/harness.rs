//! Data directories and processes of the binary under test.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use testkit::{Answer, Client, Database, Directory};
use ureq::http::Method;
use uuid::Uuid;

const POLL: Duration = Duration::from_millis(25);
/// The longest that anything may take. Far beyond what it does take, as two slow machines may share one core.
const PATIENCE: Duration = Duration::from_mins(1);

/// Looks again and again until there is something.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..PATIENCE.as_millis() / POLL.as_millis() {
        if let Some(found) = look() {
            return found;
        }
        thread::sleep(POLL);
    }
    panic!("{what}: not within {PATIENCE:?}")
}

/// The binary under test, with a subcommand, whatever the environment of the test says.
pub(crate) fn tidemark(subcommand: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemark"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TIDEMARK_")) {
        command.env_remove(name);
    }
    command.arg(subcommand);
    command
}

/// Runs to the end a command that must fail; gives what it said on standard error.
#[track_caller]
pub(crate) fn refusal(command: &mut Command) -> String {
    let mut process = Process::start(command);
    let status = process.ended();
    assert!(process.said_no_more(), "what was refused answers nothing");
    assert_eq!(status.code(), Some(1));
    process.whole_log()
}

/// What `init --json` prints: these members and no more.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct First {
    pub(crate) tenant_id: Uuid,
    pub(crate) client_id: Uuid,
    pub(crate) client_secret: String,
    pub(crate) user_id: Uuid,
    pub(crate) login: String,
    pub(crate) password: String,
}

/// A data directory that was initialised.
pub(crate) struct Place {
    directory: Directory,
    database: Vec<String>,
    pub(crate) first: First,
}

impl Place {
    /// A new one.
    pub(crate) fn new() -> Self {
        Self::made_at(None, Vec::new())
    }

    /// A new one for a rehearsal, made at this instant.
    pub(crate) fn rehearsing(start: &str) -> Self {
        Self::made_at(Some(start), Vec::new())
    }

    /// A new one whose installation is in a database of PostgreSQL that holds nothing yet.
    pub(crate) fn on(database: &Database) -> Self {
        Self::made_at(None, database.options())
    }

    fn made_at(start: Option<&str>, database: Vec<String>) -> Self {
        let directory = Directory::new();
        let mut init = tidemark("init");
        init.arg("--data-dir").arg(directory.path().join("data")).arg("--json").args(&database);
        if let Some(start) = start {
            init.args(["--clock-start", start]);
        }
        let output = init.output().expect("the binary under test");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let first = serde_json::from_slice(&output.stdout).expect("one line of JSON");
        Self { directory, database, first }
    }

    /// Where the data lie.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// A folder for what is no data of the server.
    pub(crate) fn beside(&self) -> &Path {
        self.directory.path()
    }

    /// The binary under test, with a subcommand on this directory.
    pub(crate) fn command(&self, subcommand: &str) -> Command {
        let mut command = tidemark(subcommand);
        command.arg("--data-dir").arg(self.data()).args(&self.database);
        command
    }

    /// `serve` on this directory and a free port, not started yet.
    pub(crate) fn serve_command(&self) -> Command {
        let mut command = self.command("serve");
        command.args(["--listen", "127.0.0.1:0"]);
        command
    }

    /// `serve` as a further node on the database of this place, with a directory of its own, not started yet.
    pub(crate) fn node_command(&self, name: &str) -> Command {
        let directory = self.directory.path().join(name);
        std::fs::create_dir_all(&directory).expect("a directory");
        std::fs::copy(self.data().join("secret.key"), directory.join("secret.key")).expect("a key");
        let mut command = tidemark("serve");
        command.arg("--data-dir").arg(directory).args(&self.database).args(["--listen", "127.0.0.1:0"]);
        command
    }

    /// A server on this directory that is ready.
    pub(crate) fn serve(&self) -> Serving {
        self.serve_by(self.serve_command())
    }

    /// A server on this directory, by this command, once it is ready.
    pub(crate) fn serve_by(&self, command: Command) -> Serving {
        Serving::start(command, &self.first)
    }

    /// The mails in the folder, by name. A mail is written under another name first, so that these are whole.
    pub(crate) fn mails(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.data().join("mail")).into_iter().flatten().flatten();
        let mut mails: Vec<PathBuf> = files.map(|file| file.path()).collect();
        mails.retain(|path| path.extension().is_some_and(|kind| kind == "eml"));
        mails.sort();
        mails.iter().map(|path| std::fs::read_to_string(path).expect("a mail")).collect()
    }
}

fn token(client: &Client, first: &First) -> String {
    let call = client.post("/api/2/idp/token").basic(&first.client_id.to_string(), &first.client_secret);
    let answer = call.form(&[("grant_type", "client_credentials")]).send().ok();
    answer["access_token"].as_str().expect("a token").to_owned()
}

/// What another process writes, line by line.
pub(crate) struct Lines(Receiver<String>);

impl Lines {
    /// Reads from here, in a thread of its own.
    pub(crate) fn of(out: impl Read + Send + 'static) -> Self {
        let (send, lines) = channel();
        thread::spawn(move || {
            BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| send.send(line))
        });
        Self(lines)
    }

    /// The next one; `Disconnected` once there is no more.
    pub(crate) fn next(&self) -> Result<String, RecvTimeoutError> {
        self.0.recv_timeout(PATIENCE)
    }
}

/// A process of the binary under test; killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    lines: Lines,
    log: Arc<Mutex<String>>,
    logging: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::start_with(Stdio::null(), command)
    }

    /// Starts it with this as its standard input.
    fn start_with(stdin: Stdio, command: &mut Command) -> Self {
        let command = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary under test");
        let (out, err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let lines = Lines::of(out);
        let log = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&log);
        let logging = thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                let mut log = kept.lock().expect("a log");
                log.push_str(&line);
                log.push('\n');
            }
        });
        Self { child, lines, log, logging: Some(logging) }
    }

    /// The next line on standard output.
    #[track_caller]
    pub(crate) fn line(&self) -> String {
        self.lines.next().unwrap_or_else(|why| panic!("no line: {why}\n{}", self.log()))
    }

    /// Whether standard output has ended, with nothing further on it.
    pub(crate) fn said_no_more(&self) -> bool {
        self.lines.next() == Err(RecvTimeoutError::Disconnected)
    }

    /// What it wrote on standard error so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("a log").clone()
    }

    /// What it wrote on standard error until it closed it.
    pub(crate) fn whole_log(&mut self) -> String {
        if let Some(logging) = self.logging.take() {
            logging.join().expect("a log");
        }
        self.log()
    }

    /// Waits until the log holds these words.
    #[track_caller]
    pub(crate) fn logged(&self, words: &str) {
        wait_for(words, || self.log().contains(words).then_some(()));
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM, as a service manager does.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Sends a signal, such as `-STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.id().to_string()]).status().expect("kill");
        assert!(sent.success());
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        wait_for("the end of the process", || self.child.try_wait().expect("a child"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGKILL: nothing of the process runs after it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- standard error of process {}\n{}---", self.id(), self.log());
        }
    }
}

/// A server that is ready, and a token for it.
pub(crate) struct Serving {
    pub(crate) process: Process,
    pub(crate) client: Client,
    pub(crate) token: String,
}

impl Serving {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(mut command: Command, first: &First) -> Self {
        Self::ready(Process::start(&mut command), first)
    }

    /// As [`Serving::start`], behind a socket that is handed over as systemd does: as descriptor 3.
    pub(crate) fn start_behind(socket: &TcpListener, command: &Command, first: &First) -> Self {
        Self::ready(Self::process_behind(socket, command), first)
    }

    /// The process of [`Serving::start_behind`], ready or not.
    pub(crate) fn process_behind(socket: &TcpListener, command: &Command) -> Process {
        let mut shell = Command::new("sh");
        // The shell becomes the server, so that its number is the server's.
        shell.args(["-c", r#"LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&0 </dev/null"#, "sh"]);
        shell.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let socket = OwnedFd::from(socket.try_clone().expect("a socket"));
        Process::start_with(socket.into(), &mut shell)
    }

    /// The server that this process is, once it is ready.
    pub(crate) fn ready(process: Process, first: &First) -> Self {
        let line = process.line();
        let address = line.strip_prefix("ready http://").and_then(|rest| rest.strip_suffix("/api/2"));
        let address = address.unwrap_or_else(|| panic!("not ready: {line:?}")).parse().expect("ADDR:PORT");
        let client = Client::new(address);
        let token = token(&client, first);
        Self { process, client, token }
    }

    /// An answer below `/api/2`, in the name of the first client.
    pub(crate) fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let call = self.client.call(method, &format!("/api/2{path}")).bearer(&self.token);
        match body {
            Some(body) => call.json(body.clone()).send(),
            None => call.send(),
        }
    }

    /// GET, which must succeed.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        succeeded(&self.ask(Method::GET, path, None))
    }

    /// POST, which must succeed.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        succeeded(&self.ask(Method::POST, path, Some(body)))
    }

    /// PUT, which must succeed.
    #[track_caller]
    pub(crate) fn put(&self, path: &str, body: &Value) -> Value {
        succeeded(&self.ask(Method::PUT, path, Some(body)))
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(self) {
        drop(self.process);
    }

    /// Opens a connection and sends these bytes as they are; no client stands between.
    pub(crate) fn connect(&self, bytes: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.client.address()).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream.write_all(bytes.as_bytes()).expect("bytes that leave");
        stream
    }

    /// GET in the name of the first client, with the body as it came, whatever its encoding.
    pub(crate) fn raw_file(&self, path: &str) -> RawAnswer {
        let (address, token) = (self.client.address(), &self.token);
        let mut stream = self.connect(&format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        ));
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("an answer");
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
        let body = bytes.split_off(end);
        RawAnswer { head: String::from_utf8(bytes).expect("a head of text"), body }
    }

    /// Sends a whole request as it is written here, and reads what comes until the server hangs up.
    pub(crate) fn raw(&self, request: &str) -> String {
        rest(self.connect(request))
    }
}

/// An answer as it came over the wire.
pub(crate) struct RawAnswer {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// What comes until the server hangs up.
pub(crate) fn rest(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[track_caller]
fn succeeded(answer: &Answer) -> Value {
    assert!((200..300).contains(&answer.status), "{} {}", answer.status, answer.text());
    answer.json()
}
