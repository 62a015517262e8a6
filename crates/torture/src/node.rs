//! A node: a real process of `tidemark serve`.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, Result};

use crate::clocks;

/// Where nodes listen now; `None` of one that does not.
#[derive(Debug, Clone)]
pub struct Addresses(Arc<Mutex<Vec<Place>>>);

#[derive(Debug, Clone, Default)]
struct Place {
    /// Which process of the node, counted.
    process: u64,
    address: Option<SocketAddr>,
}

impl Addresses {
    /// Of so many nodes, none of which listens.
    pub fn of(nodes: usize) -> Self {
        Self(Arc::new(Mutex::new(vec![Place::default(); nodes])))
    }

    /// Where this node listens.
    pub fn get(&self, node: usize) -> Option<SocketAddr> {
        let addresses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.get(node)?.address
    }

    /// The next process of a node, which does not listen yet.
    fn next(&self, node: usize) -> u64 {
        let mut addresses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.get_mut(node).map_or(0, |place| {
            place.process += 1;
            place.address = None;
            place.process
        })
    }

    /// What a process says of itself; one that is gone has nothing to say.
    fn set(&self, node: usize, process: u64, address: Option<SocketAddr>) {
        let mut addresses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = addresses.get_mut(node).filter(|place| place.process == process) {
            place.address = address;
        }
    }
}

/// A node that may run or not.
#[derive(Debug)]
pub struct Node {
    no: usize,
    addresses: Addresses,
    log: File,
    child: Option<Child>,
}

impl Node {
    /// A node that does not run yet and will write its log here.
    pub const fn new(no: usize, addresses: Addresses, log: File) -> Self {
        Self { no, addresses, log, child: None }
    }

    /// Starts it with this command, without waiting until it is ready. From the main thread alone: it ends with the
    /// thread that started it.
    pub fn start(&mut self, mut command: Command) -> Result<()> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(self.log.try_clone()?);
        let mut child = command.spawn().context("cannot start a node")?;
        let out = BufReader::new(child.stdout.take().context("a pipe")?);
        self.child = Some(child);
        let (no, addresses) = (self.no, self.addresses.clone());
        let process = addresses.next(no);
        thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let address = line.strip_prefix("ready http://").and_then(|rest| rest.strip_suffix("/api/2"));
                addresses.set(no, process, address.and_then(|address| address.parse().ok()));
            }
            addresses.set(no, process, None);
        });
        Ok(())
    }

    /// Whether it can answer, as far as is known.
    pub fn is_ready(&self) -> bool {
        self.child.is_some() && self.addresses.get(self.no).is_some()
    }

    /// Whether there is a process.
    pub const fn is_there(&self) -> bool {
        self.child.is_some()
    }

    /// How it ended, where it has by itself.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        let Some(child) = &mut self.child else { return Ok(None) };
        let Some(status) = child.try_wait()? else { return Ok(None) };
        clocks::clear_after(child.id());
        self.addresses.next(self.no);
        self.child = None;
        Ok(Some(status))
    }

    /// SIGKILL; `false` where there is nobody to kill.
    pub fn kill(&mut self) -> Result<bool> {
        let Some(mut child) = self.child.take() else { return Ok(false) };
        self.addresses.next(self.no);
        child.kill()?;
        child.wait()?;
        clocks::clear_after(child.id());
        Ok(true)
    }

    /// Sends it a signal, such as `STOP`; `false` where there is nobody to send it to.
    pub fn signal(&self, name: &str) -> Result<bool> {
        let Some(child) = &self.child else { return Ok(false) };
        let sent = Command::new("kill").arg(format!("-{name}")).arg(child.id().to_string()).status()?;
        Ok(sent.success())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}
