//! What stands between a node and the others: connections pass, until they are lost.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::plan::Loss;

/// How often silence looks whether it is over.
const PERIOD: Duration = Duration::from_millis(20);

/// A port of this machine that leads to a socket.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    loss: Option<Loss>,
    next: u64,
    open: HashMap<u64, (TcpStream, UnixStream)>,
}

impl Proxy {
    /// Opens one on a free port; the socket need not be there yet.
    pub fn to(socket: PathBuf) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                // Who cannot be connected is hung up on.
                let _ = accept(stream, &socket, &shared);
            }
        });
        Ok(Self { port, state })
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Loses connections from now on.
    pub fn cut(&self, loss: Loss) {
        let mut state = lock(&self.state);
        state.loss = Some(loss);
        if loss == Loss::HangUp {
            for (node, other) in state.open.values() {
                let _ = (node.shutdown(Shutdown::Both), other.shutdown(Shutdown::Both));
            }
        }
    }

    /// Lets everything pass again.
    pub fn mend(&self) {
        lock(&self.state).loss = None;
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(node: TcpStream, socket: &Path, state: &Arc<Mutex<State>>) -> Result<()> {
    if lock(state).loss == Some(Loss::HangUp) {
        return Ok(());
    }
    node.set_nodelay(true)?;
    let other = UnixStream::connect(socket)?;
    let number = {
        let mut state = lock(state);
        state.next += 1;
        let number = state.next;
        state.open.insert(number, (node.try_clone()?, other.try_clone()?));
        number
    };
    let there = (node.try_clone()?, other.try_clone()?, Arc::clone(state));
    thread::spawn(move || pump(there.0, there.1, &there.2, number));
    let back = Arc::clone(state);
    thread::spawn(move || pump(other, node, &back, number));
    Ok(())
}

/// Hands on what comes, and in the end that nothing comes any more.
fn pump(mut from: impl Read, mut to: impl Write, state: &Mutex<State>, number: u64) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        while lock(state).loss == Some(Loss::Silence) {
            thread::sleep(PERIOD);
        }
        if to.write_all(buffer.get(..read).unwrap_or_default()).is_err() {
            break;
        }
    }
    if let Some((node, other)) = lock(state).open.remove(&number) {
        let _ = (node.shutdown(Shutdown::Both), other.shutdown(Shutdown::Both));
    }
}
