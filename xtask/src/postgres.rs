//! A PostgreSQL server for the tests: a cluster of their own, made by an unprivileged user and gone when they end.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::workspace::{output, run, succeeds};

/// Where tests look for the server's address, `postgres://user@host:port`.
pub(crate) const SERVER: &str = "TIDEMARK_TEST_POSTGRES";
/// The oldest version that Tidemark runs on.
const OLDEST: u32 = 15;
/// Where Debian keeps its versions, each in a folder of its number.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The folder of the newest server's programs on this machine.
pub(crate) fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().filter_map(Result::ok);
    let debian = versions.filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((version, entry.path().join("bin")))
    });
    let elsewhere = output(Command::new("sh").args(["-c", "pg_config --bindir || true"])).ok();
    let elsewhere = elsewhere.map(|folder| PathBuf::from(folder.trim()));
    let newest = debian.filter(|(version, folder)| *version >= OLDEST && has_initdb(folder)).max();
    newest.map(|(_, folder)| folder).or(elsewhere.filter(|folder| has_initdb(folder)))
}

fn has_initdb(folder: &Path) -> bool {
    folder.join("initdb").is_file() && folder.join("postgres").is_file()
}

/// Whether a commit reaches the disk before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disk {
    /// As in earnest.
    IsWaitedFor,
    /// For data that is worth nothing.
    IsNotWaitedFor,
}

/// Who runs the server, which refuses to run as root.
#[derive(Debug)]
pub(crate) struct Unprivileged {
    /// Name and group of another user, where this process is root's.
    other: Option<(&'static str, String)>,
}

impl Unprivileged {
    pub(crate) fn find() -> Result<Self> {
        if output(Command::new("id").arg("-u"))?.trim() != "0" {
            return Ok(Self { other: None });
        }
        // Debian's package makes a user for it; others may not.
        let user = if succeeds(Command::new("id").arg("postgres")) { "postgres" } else { "nobody" };
        let group = output(Command::new("id").args(["-g", user]))?.trim().to_owned();
        Ok(Self { other: Some((user, group)) })
    }

    /// A new folder of its own.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let template = format!("{name}-XXXXXX");
        let folder = PathBuf::from(output(Command::new("mktemp").args(["-d", "-t", &template]))?.trim());
        if let Some((user, _)) = self.other {
            run(Command::new("chown").arg(user).arg(&folder))?;
        }
        Ok(folder)
    }

    /// A program in its name, which ends at once where this process is killed.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let Some((user, group)) = &self.other else { return Command::new(program) };
        let mut command = Command::new("setpriv");
        command.arg(format!("--reuid={user}")).arg(format!("--regid={group}"));
        command.args(["--clear-groups", "--pdeathsig=QUIT", "--"]).arg(program);
        command
    }
}

/// Removes a folder as soon as the processes that write there, which were killed, are gone.
pub(crate) fn remove(folder: &Path) {
    for _ in 0..50 {
        if std::fs::remove_dir_all(folder).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A running cluster. Dropped, it is ended and removed.
#[derive(Debug)]
pub(crate) struct Cluster {
    folder: PathBuf,
    port: u16,
    server: Child,
}

impl Cluster {
    /// Makes and starts one on a free port of this machine.
    pub(crate) fn start(disk: Disk) -> Result<Self> {
        let programs = programs().context("PostgreSQL is not here")?;
        let user = Unprivileged::find()?;
        let folder = user.folder("tidemark-pg")?;
        let data = folder.join("data");
        let mut initdb = user.command(&programs.join("initdb"));
        initdb.args(["--auth=trust", "--username=tidemark", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        run(initdb.arg("--pgdata").arg(&data).current_dir(&folder).stdout(Stdio::null()))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut postgres = user.command(&programs.join("postgres"));
        postgres.arg("-D").arg(&data).arg("-k").arg(&folder).args(["-p", &port.to_string()]);
        for setting in ["listen_addresses=127.0.0.1", "max_connections=300", "log_min_messages=panic"] {
            postgres.args(["-c", setting]);
        }
        if disk == Disk::IsNotWaitedFor {
            postgres.args(["-c", "fsync=off"]);
        }
        let server =
            postgres.current_dir(&folder).stdin(Stdio::null()).spawn().context("cannot start postgres")?;
        let mut cluster = Self { folder, port, server };
        cluster.wait(&programs)?;
        Ok(cluster)
    }

    fn wait(&mut self, programs: &Path) -> Result<()> {
        let port = self.port.to_string();
        let ready = || {
            let mut ask = Command::new(programs.join("pg_isready"));
            succeeds(ask.args(["--quiet", "--host=127.0.0.1", "--port", &port]))
        };
        while !ready() {
            ensure!(self.server.try_wait()?.is_none(), "PostgreSQL ended as soon as it was started");
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Its address, without a database.
    pub(crate) fn address(&self) -> String {
        format!("postgres://tidemark@127.0.0.1:{}", self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Its processes see that it is gone and end by themselves, and then the folder can go.
        let _ = self.server.kill();
        let _ = self.server.wait();
        remove(&self.folder);
    }
}
