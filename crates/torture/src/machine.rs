//! Everything that a run is made of, and what is done to it.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::clocks::Clocks;
use crate::disk::Disk;
use crate::node::{Addresses, Node};
use crate::options::Setting;
use crate::plan::{Act, End, Victim};
use crate::postgres::Cluster;
use crate::proxy::Proxy;
use crate::sink::{self, Sink};
use crate::trouble::Trouble;

/// How long a node that ended by itself is left alone.
const PAUSE: Duration = Duration::from_millis(500);
/// What clients would call the nodes.
const PUBLIC_URL: &str = "http://tidemark.example";

/// What `init` printed.
#[derive(Debug, Clone)]
pub struct First {
    /// The top tenant.
    pub tenant: String,
    /// The first client.
    pub client: String,
    /// Its secret.
    pub secret: String,
}

/// The run.
#[derive(Debug)]
pub struct Machine {
    setting: Setting,
    /// The clocks of the nodes.
    pub clocks: Clocks,
    /// The relay.
    pub sink: Sink,
    /// Where the nodes listen.
    pub addresses: Addresses,
    /// The times of trouble, in the order of their begins.
    pub troubles: Vec<Trouble>,
    /// What must not be.
    pub faults: Vec<String>,
    /// Kills of nodes, and of PostgreSQL.
    pub kills: (u64, u64),
    /// How often each other thing was done.
    pub done: std::collections::BTreeMap<&'static str, u64>,
    disk: Disk,
    cluster: Option<Cluster>,
    to_database: Vec<Proxy>,
    to_relay: Vec<Proxy>,
    nodes: Vec<Node>,
    /// From when on each node is to be there; `None`: it is not to be.
    wanted: Vec<Option<Instant>>,
    begin: Instant,
    log: File,
}

impl Machine {
    /// Makes everything but the installation, and starts PostgreSQL.
    pub fn new(setting: &Setting) -> Result<Self> {
        let Setting { folder, shape, .. } = setting;
        let nodes = shape.nodes;
        let addresses = Addresses::of(nodes);
        let disk = Disk::new(&folder.join("disk"), shape.fills_disk)?;
        let cluster = match &setting.postgres {
            Some(programs) if shape.on_postgres => {
                let place = disk.folder().join("postgres");
                std::fs::create_dir(&place)?;
                let log = folder.join("postgres.log");
                Some(Cluster::new(programs, &place, setting.user.as_deref(), &log)?)
            }
            _ => None,
        };
        let (sink, mut to_database, mut to_relay, mut all) =
            (Sink::default(), Vec::new(), Vec::new(), Vec::new());
        for no in 0..nodes {
            let socket = folder.join(format!("relay-{no}"));
            sink.listen(&socket, no, setting.seed)?;
            to_relay.push(Proxy::to(socket)?);
            if let Some(cluster) = &cluster {
                to_database.push(Proxy::to(cluster.socket())?);
            }
            let log = File::create(folder.join(format!("node-{no}.log")))?;
            all.push(Node::new(no, addresses.clone(), log));
        }
        Ok(Self {
            clocks: Clocks::new(folder, &setting.faketime, nodes)?,
            sink,
            addresses,
            troubles: Vec::new(),
            faults: Vec::new(),
            kills: (0, 0),
            done: std::collections::BTreeMap::new(),
            disk,
            cluster,
            to_database,
            to_relay,
            nodes: all,
            wanted: vec![None; nodes],
            begin: Instant::now(),
            log: File::create(folder.join("events.log"))?,
            setting: setting.clone(),
        })
    }

    /// Makes the installation.
    pub fn init(&mut self) -> Result<First> {
        if let Some(cluster) = &self.cluster {
            wait("PostgreSQL", Duration::from_mins(1), || Ok(cluster.is_ready()))?;
            cluster.create_database()?;
        }
        let mut init = self.tidemark("init");
        let output = init.arg("--json").output()?;
        ensure!(output.status.success(), "init: {}", String::from_utf8_lossy(&output.stderr));
        let said: Value = serde_json::from_slice(&output.stdout)?;
        let word =
            |name: &str| said.get(name).and_then(Value::as_str).map(str::to_owned).context("init --json");
        Ok(First { tenant: word("tenant_id")?, client: word("client_id")?, secret: word("client_secret")? })
    }

    /// Says that from now on every node is to be there.
    pub fn start_all(&mut self) {
        self.wanted.fill(Some(Instant::now()));
    }

    /// Whether all nodes can answer.
    pub fn all_ready(&self) -> bool {
        self.nodes.iter().all(Node::is_ready)
    }

    /// Does one act.
    pub fn act(&mut self, act: Act) -> Result<()> {
        self.note(&format!("{act:?}"))?;
        let name = match act {
            Act::Kill(no) => return self.kill(no),
            Act::Start(no) => {
                self.want(no, Some(Instant::now()));
                return Ok(());
            }
            Act::KillPostgres(victim) => return self.kill_postgres(victim),
            Act::Stop(no) => {
                self.signal(no, "STOP")?;
                self.trouble(Some(no), Trouble::STOP, false);
                "stops"
            }
            Act::Continue(no) => {
                self.signal(no, "CONT")?;
                self.end_trouble(Some(no), Trouble::STOP);
                return Ok(());
            }
            Act::Clock(no, seconds) => {
                self.clocks.set_apart(no, seconds)?;
                if seconds == 0 {
                    return Ok(());
                }
                "clocks set apart"
            }
            Act::Time(leap) => {
                self.clocks.leap(leap)?;
                "leaps of all clocks"
            }
            Act::FillDisk => {
                self.disk.fill()?;
                self.trouble(None, "disk", false);
                "disk full"
            }
            Act::FreeDisk => {
                self.disk.free()?;
                self.end_trouble(None, "disk");
                return Ok(());
            }
            Act::Cut(no, end, loss) => {
                self.proxy(no, end).inspect(|proxy| proxy.cut(loss));
                self.trouble(Some(no), word(end), false);
                word(end)
            }
            Act::Slow(is_slow) => {
                self.sink.be_slow(is_slow);
                return Ok(());
            }
            Act::Mend(no, end) => {
                self.proxy(no, end).inspect(|proxy| proxy.mend());
                self.end_trouble(Some(no), word(end));
                return Ok(());
            }
        };
        *self.done.entry(name).or_default() += 1;
        Ok(())
    }

    /// Starts what is to be there and is not, and notices what has ended by itself.
    pub fn tend(&mut self) -> Result<()> {
        if let Some(cluster) = &mut self.cluster
            && cluster.has_ended()?
        {
            // It ends at once where others of the one before are not gone yet, or the disk is full.
            cluster.start()?;
        }
        let down = self.troubles.iter().any(|it| it.by == "postgres" && it.until.is_none());
        if down && self.cluster.as_ref().is_some_and(Cluster::is_ready) {
            self.end_trouble(None, "postgres");
        }
        for no in 0..self.nodes.len() {
            self.tend_node(no)?;
        }
        Ok(())
    }

    fn tend_node(&mut self, no: usize) -> Result<()> {
        let Some(node) = self.nodes.get_mut(no) else { return Ok(()) };
        let was_ready = node.is_ready();
        if let Some(status) = node.ended()? {
            self.note(&format!("node {no} ended by itself: {status}"))?;
            if was_ready && self.wanted.get(no).is_some_and(Option::is_some) {
                self.faults.push(format!("node {no} ended by itself after it was ready: {status}"));
            }
            self.want(no, Some(Instant::now() + PAUSE));
        }
        let is_due = self.wanted.get(no).copied().flatten().is_some_and(|from| from <= Instant::now());
        if is_due && !self.nodes.get(no).is_some_and(Node::is_there) {
            let command = self.serve(no);
            if let Some(node) = self.nodes.get_mut(no) {
                node.start(command)?;
            }
        }
        Ok(())
    }

    /// Ends all faults but those of the load: every node that still runs goes on.
    pub fn mend_all(&mut self) -> Result<()> {
        self.disk.free()?;
        self.sink.be_friendly();
        self.sink.be_slow(false);
        self.to_database.iter().chain(&self.to_relay).for_each(Proxy::mend);
        for no in 0..self.nodes.len() {
            self.signal(no, "CONT")?;
        }
        self.clocks.agree()?;
        let now = Instant::now();
        self.troubles.iter_mut().filter(|it| it.until.is_none()).for_each(|it| it.until = Some(now));
        self.note("all is mended")
    }

    /// Ends all nodes with SIGTERM, and says that they are to stay away.
    pub fn stop_all(&mut self) -> Result<()> {
        self.wanted.fill(None);
        for no in 0..self.nodes.len() {
            self.signal(no, "TERM")?;
        }
        wait("the end of the nodes after SIGTERM", Duration::from_secs(40), || {
            let mut left = false;
            for node in &mut self.nodes {
                node.ended()?;
                left |= node.is_there();
            }
            Ok(!left)
        })
    }

    /// A command of the binary under test, on this installation and past all faults of connections.
    pub fn tidemark(&self, subcommand: &str) -> Command {
        self.command(subcommand, 0, self.database())
    }

    fn command(&self, subcommand: &str, no: usize, database: Option<String>) -> Command {
        let mut command = Command::new("setpriv");
        // It ends with the thread that started it: nothing is left of a run that is ended by force.
        command.args(["--pdeathsig", "KILL", "--"]).arg(&self.setting.tidemark).arg(subcommand);
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TIDEMARK_"))
        {
            command.env_remove(name);
        }
        command.arg("--data-dir").arg(self.data(no));
        command.arg("--secret-key-file").arg(self.setting.folder.join("secret.key"));
        if let Some(database) = database {
            command.arg("--database-url").arg(database);
        }
        self.clocks.dress(&mut command, no);
        command
    }

    /// Where PostgreSQL is, past all faults; `None` on SQLite.
    pub fn database(&self) -> Option<String> {
        self.cluster.as_ref().map(Cluster::address)
    }

    /// Where the data of a node lie.
    pub fn data(&self, no: usize) -> PathBuf {
        self.disk.folder().join(format!("node-{no}"))
    }

    /// Where everything lies.
    pub fn folder(&self) -> &Path {
        &self.setting.folder
    }

    /// How often the nodes wrote these words into their logs.
    pub fn logged(&self, words: &str) -> u64 {
        let count = |no| {
            let log =
                std::fs::read_to_string(self.folder().join(format!("node-{no}.log"))).unwrap_or_default();
            log.lines().filter(|line| line.contains(words)).count() as u64
        };
        (0..self.nodes.len()).map(count).sum()
    }

    /// Writes a line into the log of events.
    pub fn note(&mut self, what: &str) -> Result<()> {
        Ok(writeln!(self.log, "{:9.3} {what}", self.begin.elapsed().as_secs_f64())?)
    }

    fn serve(&self, no: usize) -> Command {
        let through = |proxy: &Proxy| {
            format!("postgres://tidemark@127.0.0.1:{}/tidemark?sslmode=disable", proxy.port())
        };
        let mut command = self.command("serve", no, self.to_database.get(no).map(through));
        command.args(["--listen", "127.0.0.1:0", "--public-url", PUBLIC_URL]);
        if let Some(proxy) = self.to_relay.get(no) {
            command.env("TIDEMARK_SMTP__HOST", "127.0.0.1").env("TIDEMARK_SMTP__SECURITY", "none");
            command.env("TIDEMARK_SMTP__PORT", proxy.port().to_string());
            command.env("TIDEMARK_SMTP__TIMEOUT_SECONDS", sink::PATIENCE_SECONDS.to_string());
        }
        command.env("TIDEMARK_LOG__FILTER", "info,http_api=warn");
        command
    }

    fn kill(&mut self, no: usize) -> Result<()> {
        let killed = self.nodes.get_mut(no).map_or(Ok(false), Node::kill)?;
        self.kills.0 += u64::from(killed);
        self.want(no, None);
        self.trouble(Some(no), "kill", true);
        Ok(())
    }

    fn kill_postgres(&mut self, victim: Victim) -> Result<()> {
        let Some(cluster) = &mut self.cluster else { return Ok(()) };
        let title = cluster.kill(victim)?;
        self.kills.1 += 1;
        self.trouble(None, "postgres", false);
        self.note(&format!("killed: {title}"))
    }

    fn proxy(&self, no: usize, end: End) -> Option<&Proxy> {
        match end {
            End::Database => self.to_database.get(no),
            End::Relay => self.to_relay.get(no),
        }
    }

    fn signal(&self, no: usize, name: &str) -> Result<()> {
        self.nodes.get(no).map_or(Ok(false), |node| node.signal(name)).map(drop)
    }

    fn want(&mut self, no: usize, from: Option<Instant>) {
        if let Some(wanted) = self.wanted.get_mut(no) {
            *wanted = from;
        }
    }

    fn trouble(&mut self, node: Option<usize>, by: &'static str, is_over: bool) {
        let from = Instant::now();
        self.troubles.push(Trouble { node, by, from, until: is_over.then_some(from) });
    }

    fn end_trouble(&mut self, node: Option<usize>, by: &'static str) {
        let now = Instant::now();
        let same = |it: &&mut Trouble| it.node == node && it.by == by && it.until.is_none();
        self.troubles.iter_mut().filter(same).for_each(|it| it.until = Some(now));
    }
}

const fn word(end: End) -> &'static str {
    match end {
        End::Database => "database lost",
        End::Relay => "relay lost",
    }
}

/// Looks again and again until something is so; an error after so long.
pub fn wait(what: &str, longest: Duration, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let begin = Instant::now();
    while !is_so()? {
        ensure!(begin.elapsed() < longest, "{what}: not within {longest:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
