//! etcd, three nodes of Patroni with PostgreSQL, and HAProxy in front of them, all on this machine.

use std::fmt::Write as _;
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::call::get;
use crate::postgres::{self, Unprivileged};
use crate::workspace::{output, run};

/// How many nodes of PostgreSQL.
const NODES: usize = 3;
/// How long anything may take, such as the copy of a primary.
const PATIENCE: Duration = Duration::from_mins(3);
const POLL: Duration = Duration::from_millis(200);

/// Asks again and again until there is something.
pub(super) fn wait_for<T>(
    what: &str,
    patience: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    for _ in 0..patience.as_millis() / POLL.as_millis() {
        if let Some(found) = look()? {
            return Ok(found);
        }
        thread::sleep(POLL);
    }
    bail!("{what}: not within {patience:?}")
}

pub(super) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A node of Patroni.
struct Node {
    config: PathBuf,
    data: PathBuf,
    rest: u16,
    port: u16,
    process: Option<Child>,
}

/// The cluster. Dropped, its processes are killed, each by its id, and its folder is removed.
pub(super) struct Patroni {
    folder: PathBuf,
    user: Unprivileged,
    nodes: Vec<Node>,
    beside: Vec<Child>,
    port: u16,
}

impl Patroni {
    /// Starts it, and waits until it has a primary and a database for Tidemark.
    pub(super) fn start() -> Result<Self> {
        let user = Unprivileged::find()?;
        let folder = user.folder("tidemark-failover")?;
        println!("everything lies in {}", folder.display());
        let (etcd, etcd_peer) = (free_port()?, free_port()?);
        let mut cluster = Self { folder, user, nodes: Vec::new(), beside: Vec::new(), port: free_port()? };
        let (client, peer) = (format!("http://127.0.0.1:{etcd}"), format!("http://127.0.0.1:{etcd_peer}"));
        let mut command = cluster.user.command(Path::new("etcd"));
        command.arg("--data-dir").arg(cluster.folder.join("etcd"));
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &format!("default={peer}")]);
        let child = cluster.logged("etcd", command)?;
        cluster.beside.push(child);
        for number in 1..=NODES {
            let node = cluster.node(number, etcd)?;
            cluster.nodes.push(node);
            cluster.restart(number)?;
        }
        cluster.proxy()?;
        cluster.await_whole()?;
        cluster.make_database()?;
        Ok(cluster)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where Tidemark finds the primary, whichever it is: HAProxy.
    pub(super) fn address(&self) -> String {
        format!("postgres://tidemark@127.0.0.1:{}/tidemark", self.port)
    }

    fn node(&self, number: usize, etcd: u16) -> Result<Node> {
        let (rest, port) = (free_port()?, free_port()?);
        let (data, folder) = (self.folder.join(format!("node-{number}")), self.folder.display());
        let programs = postgres::programs().context("PostgreSQL is not here")?;
        let config = format!(
            "scope: tidemark
name: node-{number}
restapi: {{listen: '127.0.0.1:{rest}', connect_address: '127.0.0.1:{rest}'}}
etcd3: {{host: '127.0.0.1:{etcd}'}}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 2
    retry_timeout: 5
    synchronous_mode: true
    synchronous_mode_strict: true
    postgresql:
      use_pg_rewind: true
      parameters: {{max_connections: 200, wal_keep_size: 512MB}}
  initdb: [{{encoding: UTF8}}, {{locale: C}}, data-checksums]
  pg_hba: ['host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust']
postgresql:
  listen: 127.0.0.1:{port}
  connect_address: 127.0.0.1:{port}
  data_dir: {data}
  bin_dir: {programs}
  pgpass: {folder}/pgpass-{number}
  parameters: {{unix_socket_directories: '{folder}'}}
  authentication:
    superuser: {{username: postgres}}
    replication: {{username: replicator}}
    rewind: {{username: postgres}}
",
            data = data.display(),
            programs = programs.display(),
        );
        let file = self.folder.join(format!("node-{number}.yml"));
        std::fs::write(&file, config)?;
        Ok(Node { config: file, data, rest, port, process: None })
    }

    fn proxy(&mut self) -> Result<()> {
        let mut config = format!(
            "defaults
  mode tcp
  timeout connect 4s
  timeout client 30m
  timeout server 30m
  timeout check 2s
listen primary
  bind 127.0.0.1:{}
  option httpchk GET /primary
  http-check expect status 200
  default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions
",
            self.port
        );
        for (node, number) in self.nodes.iter().zip(1..) {
            writeln!(config, "  server node-{number} 127.0.0.1:{} check port {}", node.port, node.rest)?;
        }
        let file = self.folder.join("haproxy.cfg");
        std::fs::write(&file, config)?;
        let mut command = self.user.command(Path::new("haproxy"));
        command.arg("-db").arg("-f").arg(file);
        let child = self.logged("haproxy", command)?;
        self.beside.push(child);
        Ok(())
    }

    fn logged(&self, name: &str, mut command: Command) -> Result<Child> {
        let log = File::options().create(true).append(true).open(self.folder.join(format!("{name}.log")))?;
        let command = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        command.current_dir(&self.folder).spawn().with_context(|| format!("cannot start {name}"))
    }

    fn make_database(&self) -> Result<()> {
        let psql = postgres::programs().context("PostgreSQL is not here")?.join("psql");
        for sql in [
            "CREATE ROLE tidemark LOGIN",
            "CREATE DATABASE tidemark OWNER tidemark ENCODING UTF8 TEMPLATE template0",
        ] {
            let mut command = Command::new(&psql);
            command.args([
                "--quiet",
                "--no-psqlrc",
                "--host=127.0.0.1",
                "--username=postgres",
                "--dbname=postgres",
            ]);
            run(command.arg(format!("--port={}", self.port)).args(["--command", sql]))?;
        }
        Ok(())
    }

    /// Whether a node answers 200 to one of Patroni's questions.
    fn is(node: &Node, what: &str) -> bool {
        let base = format!("http://127.0.0.1:{}", node.rest);
        get(&base, &format!("/{what}"), None).is_some_and(|(status, _)| status == 200)
    }

    /// Waits for a primary other than `but`, and a synchronous standby beside it; gives its number, counted from 1.
    pub(super) fn await_primary(&self, but: Option<usize>) -> Result<usize> {
        wait_for("a primary", PATIENCE, || {
            let mut numbered = self.nodes.iter().zip(1..).filter(|(_, number)| Some(*number) != but);
            Ok(numbered.find(|(node, _)| Self::is(node, "primary")).map(|(_, number)| number))
        })
    }

    /// Waits until all nodes are there, one of them a synchronous standby.
    pub(super) fn await_whole(&self) -> Result<()> {
        wait_for("three nodes", PATIENCE, || {
            let count = |what: &str| self.nodes.iter().filter(|node| Self::is(node, what)).count();
            Ok((count("primary") == 1 && count("replica") == NODES - 1 && count("synchronous") == 1)
                .then_some(()))
        })
    }

    /// Ends the primary's Patroni and its PostgreSQL with SIGKILL, by their ids; gives its number.
    pub(super) fn kill_primary(&mut self) -> Result<usize> {
        let number = self.await_primary(None)?;
        let node = self.nodes.get_mut(number - 1).context("a node")?;
        node.kill()?;
        Ok(number)
    }

    /// Starts a node's Patroni.
    pub(super) fn restart(&mut self, number: usize) -> Result<()> {
        let config = &self.nodes.get(number - 1).context("a node")?.config;
        let mut command = self.user.command(Path::new("patroni"));
        command.arg(config);
        let child = self.logged(&format!("node-{number}"), command)?;
        self.nodes.get_mut(number - 1).context("a node")?.process = Some(child);
        Ok(())
    }
}

impl Node {
    /// Patroni first, which would start PostgreSQL anew.
    fn kill(&mut self) -> Result<()> {
        if let Some(mut patroni) = self.process.take() {
            patroni.kill()?;
            patroni.wait()?;
        }
        // The first line of this file is the server's process id, as long as it runs.
        let Ok(text) = std::fs::read_to_string(self.data.join("postmaster.pid")) else { return Ok(()) };
        let id = text.lines().next().unwrap_or_default().to_owned();
        let command =
            output(Command::new("ps").args(["--no-headers", "-o", "args", "-p", &id])).unwrap_or_default();
        if command.contains(&self.data.display().to_string()) {
            run(Command::new("kill").args(["-KILL", &id]))?;
        }
        Ok(())
    }
}

impl Drop for Patroni {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            let _ = node.kill();
        }
        for process in &mut self.beside {
            let _ = process.kill();
            let _ = process.wait();
        }
        if !thread::panicking() {
            postgres::remove(&self.folder);
        }
    }
}
