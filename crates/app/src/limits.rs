//! How many requests one caller may make: off unless the operator sets it (wire-conventions, 5.2).
//!
//! Each caller has a bucket of tokens that fills steadily, and a request takes one. The bucket is one instant, that at
//! which it is full again: a caller without one has a full bucket, so that whoever has been quiet can be forgotten.
//! Buckets are this process's own, and all of them can be lost.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::access::Actor;
use domain::time::Instant;

use crate::settings::Requests;
use crate::{App, Error, Result};

/// More buckets than this are never kept: some megabytes.
const MOST_CALLERS: usize = 100_000;

const SECOND_MICROS: i64 = 1_000_000;

/// The buckets of those who have called of late.
#[derive(Debug, Default)]
pub struct State(Mutex<HashMap<Actor, Instant>>);

impl App {
    /// Lets a caller's request in, or fails with [`Error::TooOften`]. Callers are counted once they have proven who they
    /// are, so that nobody can use up another one's requests.
    pub fn admit(&self, actor: Actor) -> Result<()> {
        let Some(limit) = self.settings.requests else { return Ok(()) };
        let mut buckets = self.limits.0.lock().unwrap_or_else(PoisonError::into_inner);
        let admitted = take(&mut buckets, limit, actor, self.clock.now());
        admitted.map_err(|retry_after_seconds| Error::TooOften { retry_after_seconds })
    }
}

/// Takes a token out of a bucket; where there is none, the seconds until there is.
fn take(
    buckets: &mut HashMap<Actor, Instant>,
    limit: Requests,
    actor: Actor,
    now: Instant,
) -> std::result::Result<(), i64> {
    let interval = SECOND_MICROS / i64::from(limit.per_second.get());
    let whole = interval * i64::from(limit.burst.get());
    let known = buckets.get(&actor).map_or(0, |full_at| full_at.0.saturating_sub(now.0));
    // A clock that went back would else hold everybody back until it has caught up.
    let missing = if known > whole { 0 } else { known.max(0) };
    let wait = missing + interval - whole;
    if wait > 0 {
        return Err(wait.unsigned_abs().div_ceil(SECOND_MICROS.unsigned_abs()).try_into().unwrap_or(1));
    }
    make_room(buckets, now);
    buckets.insert(actor, Instant(now.0.saturating_add(missing + interval)));
    Ok(())
}

fn make_room(buckets: &mut HashMap<Actor, Instant>, now: Instant) {
    if buckets.len() >= MOST_CALLERS {
        buckets.retain(|_, full_at| *full_at > now);
    }
    if buckets.len() >= MOST_CALLERS {
        buckets.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use domain::ids::ClientId;

    use super::*;

    const LIMIT: Requests =
        Requests { per_second: NonZero::new(2).unwrap(), burst: NonZero::new(3).unwrap() };

    fn client(n: u128) -> Actor {
        Actor::Client(ClientId(uuid::Uuid::from_u128(n)))
    }

    fn taken(buckets: &mut HashMap<Actor, Instant>, who: u128, half_seconds: i64) -> Option<i64> {
        take(buckets, LIMIT, client(who), Instant(half_seconds * SECOND_MICROS / 2)).err()
    }

    #[test]
    fn a_burst_passes_and_then_as_many_as_the_rate() {
        let mut buckets = HashMap::new();
        let at_once: Vec<_> = (0..5).map(|_| taken(&mut buckets, 1, 10)).collect();
        assert_eq!(at_once, [None, None, None, Some(1), Some(1)]);
        assert_eq!(taken(&mut buckets, 2, 10), None, "another caller has a bucket of its own");
        assert_eq!(taken(&mut buckets, 1, 11), None);
        assert_eq!(taken(&mut buckets, 1, 11), Some(1));
        let rested: Vec<_> = (0..4).map(|_| taken(&mut buckets, 1, 100)).collect();
        assert_eq!(rested, [None, None, None, Some(1)], "a bucket never holds more than the burst");
    }

    #[test]
    fn over_a_long_time_no_more_pass_than_the_rate_and_one_burst() {
        let mut buckets = HashMap::new();
        let passed = (0..10_000).filter(|at| taken(&mut buckets, 1, at / 10).is_none()).count();
        assert_eq!(passed, 1_000 + 2);
    }

    #[test]
    fn a_clock_that_went_back_holds_nobody_back() {
        let mut buckets = HashMap::new();
        for _ in 0..3 {
            assert_eq!(taken(&mut buckets, 1, 1_000_000), None);
        }
        assert_eq!(taken(&mut buckets, 1, 0), None);
    }

    #[test]
    fn no_more_callers_are_remembered_than_there_is_room_for() {
        let mut buckets = HashMap::new();
        for who in 0..=MOST_CALLERS as u128 {
            taken(&mut buckets, who, 0);
        }
        assert!(buckets.len() <= MOST_CALLERS);
    }
}
