//! Slows down whoever guesses passwords, by login and by address (wire-conventions, section 4), and whoever has devices wait
//! for their person without end.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use aws_lc_rs::digest::{SHA256, digest};
use domain::access::Actor;
use domain::ids::UserId;
use domain::time::Instant;

/// Failures of one login, or of one second factor, that cost nothing yet.
const FREE_BY_LOGIN: u32 = 5;
/// Failures from one address that cost nothing yet: many people may share one.
const FREE_BY_ADDRESS: u32 = 50;
/// The longest wait after one failure.
const LONGEST_WAIT_SECONDS: i64 = 300;
/// Failures are forgotten after this long without another one.
const FORGOTTEN_AFTER_SECONDS: i64 = 15 * 60;
/// More entries than this are never kept.
const MOST_ENTRIES: usize = 100_000;

/// What somebody may be guessing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Guess<'a> {
    /// The password of this login.
    Password(&'a str),
    /// The one-time code of this user. Its failures are its own: whoever has the password could begin anew with it after
    /// every wrong code.
    Code(UserId),
    /// What some device shows, by this client or user.
    Device(Actor),
    /// Nothing: a device wants codes, from an address. Each such try counts, and none is taken back.
    NewDevice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    /// SHA-256 of the login, which may be of any length.
    Login([u8; 32]),
    /// The second factor of a user.
    Factor(UserId),
    /// What devices show, by who types it.
    Device(Actor),
    /// An IPv4 address, or the /64 of an IPv6 address.
    Address(IpAddr),
    /// The same, for devices alone: they keep nobody from signing in.
    Devices(IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

/// The failures of late.
#[derive(Debug, Default)]
pub(super) struct Throttle(HashMap<Key, Failures>);

impl Throttle {
    /// Begins a try and counts it as failed until [`Throttle::succeed`], so that tries at the same moment count, too.
    /// Where it comes too early: the seconds to wait.
    pub(super) fn begin(&mut self, now: Instant, guess: Guess<'_>, from: Option<IpAddr>) -> Result<(), i64> {
        let keys = keys(guess, from);
        if let Some(wait) = keys.iter().filter_map(|key| self.wait(now, *key)).max() {
            return Err(wait);
        }
        self.make_room(now);
        for key in keys {
            let entry = self.0.entry(key).or_insert(Failures { count: 0, last: now });
            entry.count = if is_forgotten(*entry, now) { 1 } else { entry.count.saturating_add(1) };
            entry.last = now;
        }
        Ok(())
    }

    /// The try was none of a guesser: the login or factor starts anew, and the address is as before.
    pub(super) fn succeed(&mut self, guess: Guess<'_>, from: Option<IpAddr>) {
        for key in keys(guess, from) {
            match key {
                Key::Login(_) | Key::Factor(_) | Key::Device(_) => drop(self.0.remove(&key)),
                Key::Address(_) | Key::Devices(_) => {
                    self.0
                        .entry(key)
                        .and_modify(|failures| failures.count = failures.count.saturating_sub(1));
                }
            }
        }
    }

    fn wait(&self, now: Instant, key: Key) -> Option<i64> {
        let failures = self.0.get(&key).filter(|failures| !is_forgotten(**failures, now))?;
        let by_address = matches!(key, Key::Address(_) | Key::Devices(_));
        let free = if by_address { FREE_BY_ADDRESS } else { FREE_BY_LOGIN };
        let over = failures.count.checked_sub(free)?;
        let wait = 2_i64.saturating_pow(over).min(LONGEST_WAIT_SECONDS) - seconds_since(*failures, now);
        (wait > 0).then_some(wait)
    }

    fn make_room(&mut self, now: Instant) {
        if self.0.len() >= MOST_ENTRIES {
            self.0.retain(|_, failures| !is_forgotten(*failures, now));
        }
        if self.0.len() >= MOST_ENTRIES {
            self.0.clear();
        }
    }
}

fn keys(guess: Guess<'_>, from: Option<IpAddr>) -> Vec<Key> {
    let of_guess = match guess {
        Guess::Password(login) => {
            let mut hash = [0; 32];
            hash.copy_from_slice(digest(&SHA256, login.as_bytes()).as_ref());
            Key::Login(hash)
        }
        Guess::Code(user) => Key::Factor(user),
        Guess::Device(typist) => Key::Device(typist),
        Guess::NewDevice => return from.map(|from| Key::Devices(network(from))).into_iter().collect(),
    };
    std::iter::once(of_guess).chain(from.map(|from| Key::Address(network(from)))).collect()
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

const fn seconds_since(failures: Failures, now: Instant) -> i64 {
    now.0.saturating_sub(failures.last.0) / 1_000_000
}

/// A clock that went back forgets, too: until it has caught up nobody could sign in.
const fn is_forgotten(failures: Failures, now: Instant) -> bool {
    now.0 < failures.last.0 || seconds_since(failures, now) >= FORGOTTEN_AFTER_SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: Guess<'static> = Guess::Password("anna");

    const fn second(at: i64) -> Instant {
        Instant(at * 1_000_000)
    }

    #[test]
    fn waits_double_after_the_free_tries_and_end_with_a_success() {
        let mut throttle = Throttle::default();
        for _ in 0..5 {
            assert_eq!(throttle.begin(second(0), ANNA, None), Ok(()));
        }
        assert_eq!(throttle.begin(second(0), ANNA, None), Err(1));
        assert_eq!(
            throttle.begin(second(0), Guess::Password("bert"), None),
            Ok(()),
            "another login is not held back"
        );
        assert_eq!(throttle.begin(second(1), ANNA, None), Ok(()));
        assert_eq!(throttle.begin(second(1), ANNA, None), Err(2));
        throttle.succeed(ANNA, None);
        assert_eq!(throttle.begin(second(1), ANNA, None), Ok(()));
    }

    #[test]
    fn a_clock_that_went_back_locks_nobody_out() {
        let mut throttle = Throttle::default();
        for _ in 0..5 {
            assert_eq!(throttle.begin(second(100_000), ANNA, None), Ok(()));
        }
        assert_eq!(throttle.begin(second(0), ANNA, None), Ok(()));
    }

    #[test]
    fn devices_hold_their_address_back_and_nobody_who_signs_in_from_there() {
        let mut throttle = Throttle::default();
        let from = Some("192.0.2.7".parse().unwrap());
        for _ in 0..50 {
            assert_eq!(throttle.begin(second(0), Guess::NewDevice, from), Ok(()));
        }
        assert_eq!(throttle.begin(second(0), Guess::NewDevice, from), Err(1));
        assert_eq!(throttle.begin(second(0), ANNA, from), Ok(()));
        assert_eq!(throttle.begin(second(0), Guess::NewDevice, Some("192.0.2.8".parse().unwrap())), Ok(()));
        assert_eq!(throttle.begin(second(900), Guess::NewDevice, from), Ok(()));
    }

    #[test]
    fn an_address_is_held_back_over_all_logins_and_forgotten_later() {
        let mut throttle = Throttle::default();
        let from = |text: &str| Some(text.parse().unwrap());
        for at in 0..50 {
            assert_eq!(
                throttle.begin(second(0), Guess::Password(&format!("user{at}")), from("2001:db8::1")),
                Ok(())
            );
        }
        assert!(
            throttle.begin(second(0), Guess::Password("fresh"), from("2001:db8::2")).is_err(),
            "the same network"
        );
        assert_eq!(throttle.begin(second(0), Guess::Password("fresh"), from("2001:db8:1::1")), Ok(()));
        assert_eq!(throttle.begin(second(900), Guess::Password("fresh"), from("2001:db8::1")), Ok(()));
    }
}
