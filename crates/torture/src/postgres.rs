//! A PostgreSQL server of the run's own, whose processes can be killed one by one. It listens on a socket in its folder.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::disk::run;
use crate::plan::Victim;

/// The port is a part of the socket's name alone.
const PORT: &str = "5432";

/// A cluster.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    user: Option<String>,
    log: File,
    child: Option<Child>,
}

impl Cluster {
    /// Makes one in this folder, and starts it. `programs` is the folder of PostgreSQL's server programs, `user` the one to
    /// run it as where this process is root's.
    pub fn new(programs: &Path, folder: &Path, user: Option<&str>, log: &Path) -> Result<Self> {
        let mut cluster = Self {
            programs: programs.to_owned(),
            folder: folder.to_owned(),
            user: user.map(str::to_owned),
            log: File::create(log)?,
            child: None,
        };
        if let Some(user) = user {
            run(Command::new("chown").arg(user).arg(folder))?;
        }
        let mut initdb = cluster.command("initdb", &[]);
        initdb.args(["--auth=trust", "--username=tidemark", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        run(initdb.arg("--pgdata").arg(folder.join("data")))?;
        cluster.start()?;
        Ok(cluster)
    }

    /// The socket that it listens on.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(format!(".s.PGSQL.{PORT}"))
    }

    /// The address of the database, past all faults of connections.
    pub fn address(&self) -> String {
        format!("postgres://tidemark@localhost/tidemark?host={}", self.folder.display())
    }

    /// Starts it, without waiting. From the main thread alone: the server ends with the thread that started it.
    pub fn start(&mut self) -> Result<()> {
        // QUIT: it ends at once.
        let mut postgres = self.command("postgres", &["--pdeathsig=QUIT"]);
        postgres.arg("-D").arg(self.folder.join("data")).arg("-k").arg(&self.folder).args(["-p", PORT]);
        // A process that is killed loses nothing that the kernel has: there is no need to wait for a disk.
        for setting in [
            "listen_addresses=",
            "fsync=off",
            "max_connections=200",
            "max_wal_size=256MB",
            "shared_buffers=64MB",
        ] {
            postgres.args(["-c", setting]);
        }
        postgres.stdin(Stdio::null()).stdout(self.log.try_clone()?).stderr(self.log.try_clone()?);
        self.child = Some(postgres.spawn().context("cannot start postgres")?);
        Ok(())
    }

    /// Whether its first process has ended.
    pub fn has_ended(&mut self) -> Result<bool> {
        match &mut self.child {
            Some(child) => Ok(child.try_wait()?.is_some()),
            None => Ok(true),
        }
    }

    /// Whether it answers.
    pub fn is_ready(&self) -> bool {
        let mut ask = Command::new(self.programs.join("pg_isready"));
        ask.arg("--quiet").arg("--host").arg(&self.folder).args(["--port", PORT]);
        ask.status().is_ok_and(|status| status.success())
    }

    /// Makes the database.
    pub fn create_database(&self) -> Result<()> {
        let mut create = Command::new(self.programs.join("createdb"));
        create.arg("--host").arg(&self.folder).args(["--port", PORT, "--username=tidemark", "tidemark"]);
        run(&mut create)
    }

    /// SIGKILL to one of its processes; gives its title.
    pub fn kill(&mut self, victim: Victim) -> Result<String> {
        let Some(child) = &mut self.child else { return Ok("not there".to_owned()) };
        if let Victim::Backend(place) = victim {
            let others = children(child.id())?;
            if let Some((id, title)) = others.get(place % others.len().max(1)) {
                let _ = Command::new("kill").args(["-KILL", id]).output()?;
                return Ok(title.clone());
            }
        }
        child.kill()?;
        child.wait()?;
        Ok("postmaster".to_owned())
    }

    fn command(&self, program: &str, options: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        if let Some(user) = &self.user {
            command.arg(format!("--reuid={user}")).args(["--clear-groups"]);
        }
        command.args(options).arg("--").arg(self.programs.join(program)).current_dir(&self.folder);
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Its other processes see that it is gone, and end by themselves.
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The processes that this one has started: number and title.
fn children(parent: u32) -> Result<Vec<(String, String)>> {
    let output = Command::new("ps").args(["--ppid", &parent.to_string(), "-o", "pid=,args="]).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.lines().filter_map(|line| line.trim().split_once(' '));
    Ok(lines.map(|(id, title)| (id.to_owned(), title.trim().to_owned())).collect())
}
