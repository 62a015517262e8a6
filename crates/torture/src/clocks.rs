//! The clocks of the nodes. Each process is started with libfaketime, which reads how far its clock is from the machine's
//! from a file, again and again: so a clock can be set while its process runs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use domain::schedule::next_monthly_due;
use domain::time::Instant;

use crate::plan::Leap;

/// The clock of everybody when a run begins.
const BEGIN: &str = "2026-01-28T20:00:00Z";

/// What every node believes.
#[derive(Debug)]
pub struct Clocks {
    folder: PathBuf,
    library: PathBuf,
    /// Of everybody, ahead of the machine's clock.
    ahead: i64,
    /// Of each node, ahead of everybody's.
    apart: Vec<i64>,
}

impl Clocks {
    /// Sets all to the begin. `library` is libfaketime's file.
    pub fn new(folder: &Path, library: &Path, nodes: usize) -> Result<Self> {
        let begin: Instant = BEGIN.parse().ok().context(BEGIN)?;
        let ahead = (begin.0 - machine_now().0) / 1_000_000;
        let clocks =
            Self { folder: folder.to_owned(), library: library.to_owned(), ahead, apart: vec![0; nodes] };
        clocks.write()?;
        Ok(clocks)
    }

    /// The environment in which a process has the clock of this node.
    pub fn dress(&self, command: &mut Command, node: usize) {
        command.env("LD_PRELOAD", &self.library).env("FAKETIME_TIMESTAMP_FILE", self.file(node));
        // Waiting is none of the clock's affairs, and a file is not read more than once a second.
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("FAKETIME_CACHE_DURATION", "1");
    }

    /// What everybody's clock shows.
    pub fn now(&self) -> Instant {
        Instant(machine_now().0 + self.ahead * 1_000_000)
    }

    /// Lets everybody's clock go on.
    pub fn leap(&mut self, leap: Leap) -> Result<()> {
        self.ahead += match leap {
            Leap::Seconds(seconds) => seconds,
            Leap::BeforeMonthly => (next_monthly_due(self.now()).0 - self.now().0) / 1_000_000 - 3,
        }
        .max(0);
        self.write()
    }

    /// Sets a node's clock apart from everybody's.
    pub fn set_apart(&mut self, node: usize, seconds: i64) -> Result<()> {
        if let Some(apart) = self.apart.get_mut(node) {
            *apart = seconds;
        }
        self.write()
    }

    /// Sets all clocks alike.
    pub fn agree(&mut self) -> Result<()> {
        self.apart.fill(0);
        self.write()
    }

    fn file(&self, node: usize) -> PathBuf {
        self.folder.join(format!("clock-{node}"))
    }

    fn write(&self) -> Result<()> {
        for (node, apart) in self.apart.iter().enumerate() {
            let unfinished = self.folder.join("clock.part");
            std::fs::write(&unfinished, format!("{:+}\n", self.ahead + apart))?;
            std::fs::rename(unfinished, self.file(node))?;
        }
        Ok(())
    }
}

/// Takes away what libfaketime leaves of a process that was killed: it would not start under the same number again.
pub fn clear_after(process: u32) {
    for name in ["faketime_shm_", "sem.faketime_sem_"] {
        let _ = std::fs::remove_file(format!("/dev/shm/{name}{process}"));
    }
}

fn machine_now() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
