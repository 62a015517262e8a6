//! The only source of time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::time::Instant;
use tokio::sync::watch;

/// The longest single sleep: a machine's clock that was set forward is noticed after this.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

/// A clock that also sleeps. Cheap to clone; clones of a manual clock move together.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's.
    System,
    /// One that can be set, for rehearsals and tests.
    Manual(ManualClock),
}

impl Clock {
    /// A clock that shows `start` now and runs on.
    pub fn running_from(start: Instant) -> Self {
        let clock = ManualClock::at(start);
        clock.run_on();
        Self::Manual(clock)
    }

    /// Now.
    pub fn now(&self) -> Instant {
        match self {
            Self::System => machine_now(),
            Self::Manual(manual) => manual.now(),
        }
    }

    /// Returns once the clock shows `at` or later.
    pub async fn sleep_until(&self, at: Instant) {
        match self {
            Self::System => {
                while machine_now() < at {
                    sleep(machine_now().until(at)).await;
                }
            }
            Self::Manual(manual) => manual.sleep_until(at).await,
        }
    }
}

fn machine_now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "this is the place that the others are sent to")]
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Instant(since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX)))
}

/// A moment of the machine that no setting of its clock moves: for how long ago something was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(std::time::Instant);

impl Moment {
    /// Now.
    pub fn now() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the place that the others are sent to")]
        Self(std::time::Instant::now())
    }

    /// How long ago it was.
    pub fn age(self) -> Duration {
        self.0.elapsed()
    }
}

/// Waits in the machine's time, whatever the clock shows: how long a shutdown may take.
pub async fn patience(wait: Duration) {
    #[expect(clippy::disallowed_methods, reason = "this is the place that the others are sent to")]
    tokio::time::sleep(wait).await;
}

async fn sleep(wait: Duration) {
    patience(wait.min(LONGEST_SLEEP)).await;
}

#[derive(Debug, Clone, Copy)]
enum Pace {
    Still(Instant),
    Running { ahead_micros: i64 },
}

/// A clock that can be set. It stands still until it is told to run on.
#[derive(Debug, Clone)]
pub struct ManualClock {
    pace: Arc<Mutex<Pace>>,
    moved: watch::Sender<()>,
}

impl ManualClock {
    /// Stands at this instant.
    pub fn at(now: Instant) -> Self {
        Self { pace: Arc::new(Mutex::new(Pace::Still(now))), moved: watch::Sender::new(()) }
    }

    /// What it shows.
    pub fn now(&self) -> Instant {
        match self.pace() {
            Pace::Still(now) => now,
            Pace::Running { ahead_micros } => Instant(machine_now().0 + ahead_micros),
        }
    }

    /// Moves it, in either direction, lets it stand there, and wakes whoever sleeps.
    pub fn set(&self, now: Instant) {
        self.change(Pace::Still(now));
    }

    /// Lets it run on at the machine's pace from what it shows.
    pub fn run_on(&self) {
        self.change(Pace::Running { ahead_micros: self.now().0 - machine_now().0 });
    }

    fn pace(&self) -> Pace {
        *self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, pace: Pace) {
        *self.pace.lock().unwrap_or_else(PoisonError::into_inner) = pace;
        self.moved.send_replace(());
    }

    async fn sleep_until(&self, at: Instant) {
        let mut moved = self.moved.subscribe();
        while self.now() < at {
            let running = matches!(self.pace(), Pace::Running { .. });
            tokio::select! {
                changed = moved.changed() => if changed.is_err() { return },
                () = sleep(self.now().until(at)), if running => {}
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

    #[tokio::test]
    async fn a_clock_that_runs_on_reaches_the_next_moment_by_itself() {
        let start = Instant::from_unix_seconds(1_494_201_599);
        let clock = Clock::running_from(start);
        clock.sleep_until(Instant(start.0 + 2_000)).await;
        assert!(clock.now() >= Instant(start.0 + 2_000));
    }
}
