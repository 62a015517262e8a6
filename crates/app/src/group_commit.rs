//! Group commit: many calls, one durable transaction.
//!
//! A call is put into the queue and waits for its turn. Whoever gets the turn while its own call still waits leads: it
//! commits everything queued so far and answers all of them. Calls leave the queue only once they are answered. A leader
//! whose caller hangs up half way therefore loses nobody's call: the next in turn finds them where they were, and so a
//! call that is written twice must change nothing the second time.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::{App, Error, Result};

/// What may be written in one transaction with others of its kind. A clone is cheap.
pub(crate) trait Call: Clone + Send + Sync + 'static {
    /// What is kept from one transaction to the next.
    type Remembered: Default + Send;
    /// What becomes of the call.
    type Answer: Send;
    /// The most weight of one transaction, but for a single call that has more.
    const MOST: usize;

    /// How much it is, as [`Call::MOST`] counts.
    fn weight(&self) -> usize;

    /// Writes all of them durably, and gives an answer to each.
    fn commit(
        app: &App,
        remembered: &mut Self::Remembered,
        calls: &[Self],
    ) -> impl Future<Output = Result<Vec<Self::Answer>>> + Send;
}

/// The calls that wait to be written, and what is remembered between transactions.
pub(crate) struct Queue<C: Call> {
    waiting: Mutex<VecDeque<Waiting<C>>>,
    turn: tokio::sync::Mutex<C::Remembered>,
}

struct Waiting<C: Call> {
    call: C,
    answer: oneshot::Sender<Result<C::Answer>>,
}

impl<C: Call> Default for Queue<C> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }
}

impl<C: Call> fmt::Debug for Queue<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("waiting", &self.waiting().len()).finish_non_exhaustive()
    }
}

impl<C: Call> Queue<C> {
    /// Writes the call; returns once it is safe on disk.
    pub(crate) async fn write(&self, app: &App, call: C) -> Result<C::Answer> {
        let (answer, mut answered) = oneshot::channel();
        self.waiting().push_back(Waiting { call, answer });
        loop {
            tokio::select! {
                biased;
                outcome = &mut answered => {
                    return outcome.unwrap_or_else(|_| Err(Error::internal("a call was dropped unanswered")));
                }
                mut remembered = self.turn.lock() => {
                    let calls = self.next_calls();
                    let outcome = C::commit(app, &mut remembered, &calls).await;
                    self.answer(calls.len(), outcome);
                }
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting<C>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first calls in the queue, up to the bound; those whose caller has gone are dropped.
    fn next_calls(&self) -> Vec<C> {
        let mut waiting = self.waiting();
        waiting.retain(|waiting| !waiting.answer.is_closed());
        let mut weight = 0;
        let fits = |waiting: &&Waiting<C>| {
            let first = weight == 0;
            weight += waiting.call.weight();
            first || weight <= C::MOST
        };
        waiting.iter().take_while(fits).map(|waiting| waiting.call.clone()).collect()
    }

    fn answer(&self, calls: usize, outcome: Result<Vec<C::Answer>>) {
        let mut outcome = outcome.map(Vec::into_iter);
        for waiting in self.waiting().drain(..calls) {
            let answer = match &mut outcome {
                Ok(answers) => answers.next().ok_or_else(|| Error::internal("a call got no answer")),
                Err(error) => Err(same(error)),
            };
            // A caller who has gone needs no answer.
            let _ = waiting.answer.send(answer);
        }
    }
}

/// The failure of a transaction, told to every call in it.
fn same(error: &Error) -> Error {
    match error {
        Error::Unavailable(store::Error::Full) => Error::Unavailable(store::Error::Full),
        Error::Unavailable(_) => Error::Unavailable(store::Error::Busy),
        other => Error::internal(format!("the transaction failed: {other:?}")),
    }
}
