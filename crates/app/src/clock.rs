//! The only source of time.

use std::sync::{Arc, Mutex, PoisonError};

use domain::time::Instant;
use tokio::sync::watch;

/// A clock that also sleeps. Cheap to clone; clones of a manual clock move together.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's.
    System,
    /// Runs on from an instant: a rehearsal.
    From {
        /// What is added to the machine's clock, in microseconds.
        offset_micros: i64,
    },
    /// Stands still until it is moved; moving it wakes sleepers.
    Manual(ManualClock),
}

impl Clock {
    /// A clock that shows `start` now and runs on.
    pub fn running_from(start: Instant) -> Self {
        Self::From { offset_micros: start.0 - machine_now().0 }
    }

    /// Now.
    pub fn now(&self) -> Instant {
        match self {
            Self::System => machine_now(),
            Self::From { offset_micros } => Instant(machine_now().0 + offset_micros),
            Self::Manual(manual) => manual.now(),
        }
    }

    /// Returns once the clock shows `at` or later. Never sleeps more than a minute at once, so that a clock that was
    /// set forward is noticed.
    pub async fn sleep_until(&self, at: Instant) {
        if let Self::Manual(manual) = self {
            return manual.sleep_until(at).await;
        }
        loop {
            let wait = self.now().until(at).min(std::time::Duration::from_mins(1));
            if wait.is_zero() {
                return;
            }
            #[expect(clippy::disallowed_methods, reason = "this is the place that the others are sent to")]
            tokio::time::sleep(wait).await;
        }
    }
}

fn machine_now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "this is the place that the others are sent to")]
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Instant(since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX)))
}

/// A clock that moves only when told.
#[derive(Debug, Clone)]
pub struct ManualClock {
    now: Arc<Mutex<Instant>>,
    moved: watch::Sender<()>,
}

impl ManualClock {
    /// Stands at this instant.
    pub fn at(now: Instant) -> Self {
        Self { now: Arc::new(Mutex::new(now)), moved: watch::Sender::new(()) }
    }

    /// What it shows.
    pub fn now(&self) -> Instant {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves it, in either direction, and wakes whoever sleeps.
    pub fn set(&self, now: Instant) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
        self.moved.send_replace(());
    }

    async fn sleep_until(&self, at: Instant) {
        let mut moved = self.moved.subscribe();
        while self.now() < at {
            if moved.changed().await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn moving_a_manual_clock_wakes_its_sleepers() {
        let manual = ManualClock::at(Instant(0));
        let clock = Clock::Manual(manual.clone());
        let (woken, ()) = tokio::join!(
            async {
                clock.sleep_until(Instant(10)).await;
                clock.now()
            },
            async {
                manual.set(Instant(5));
                tokio::task::yield_now().await;
                manual.set(Instant(12));
            }
        );
        assert_eq!(woken, Instant(12));
    }
}
