//! Restarts under load: no request fails.

mod nodes;
mod socket;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use crate::process::harness::wait_for;

/// Clients that ask one question after another, each on connections that it keeps.
const CLIENTS: usize = 6;
/// Answers to wait for between two steps of a test.
const SOME: usize = 60;

/// Clients at work.
struct Load {
    answered: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Each client does what `ask` makes for it, again and again, with the number of the request; it panics where a
    /// request fails.
    fn begin<F: FnMut(usize) + Send + 'static>(ask: impl Fn(usize) -> F) -> Self {
        let (answered, is_over) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let client = |number| {
            let (mut ask, answered, is_over) = (ask(number), answered.clone(), is_over.clone());
            thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    ask(answered.fetch_add(1, Ordering::Relaxed));
                }
            })
        };
        let clients = (0..CLIENTS).map(client).collect();
        Self { answered, is_over, clients }
    }

    /// Waits until the clients have got further.
    #[track_caller]
    fn goes_on(&self) {
        let before = self.answered.load(Ordering::Relaxed);
        wait_for("answers", || {
            assert!(!self.clients.iter().any(JoinHandle::is_finished), "a request failed");
            (self.answered.load(Ordering::Relaxed) > before + SOME).then_some(())
        });
    }

    /// Ends it; every request must have been answered.
    fn end(self) {
        self.is_over.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.join().expect("no request failed");
        }
    }
}
