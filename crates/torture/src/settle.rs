//! The time after the faults: everything comes to its end, within a bound.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::machine::{Machine, wait};
use crate::plan::Leap;
use crate::rows::Rows;

/// More than any clock was ahead of the others.
const UNTIL_ALL_AGREE: i64 = 4 * 3_600;
/// How long the nodes are left alone with work that nobody has begun, before their clocks go on and they start anew.
const ROUND: Duration = Duration::from_secs(4);
/// And while somebody holds a lease: a node that is gone is taken for dead after a while, by one that was there meanwhile.
const ROUND_OF_LEASES: Duration = Duration::from_secs(45);
/// How long the mailer may hold still, in seconds.
const LONGEST_PAUSE: i64 = 900;

/// Mends everything and lets the nodes work until nothing is left to do. What is not done within `longest` is a fault.
pub fn settle(machine: &mut Machine, longest: Duration) -> Result<()> {
    let begin = Instant::now();
    machine.mend_all()?;
    machine.clocks.leap(Leap::Seconds(UNTIL_ALL_AGREE))?;
    machine.start_all();
    ready(machine)?;
    let rows = Rows::open(machine.database().as_deref(), &machine.data(0))?;
    loop {
        if is_idle(machine, &rows)? {
            return Ok(());
        }
        let (leases, open) = rows.held()?;
        machine.note(&format!("settling: {open} runs and mails are open, {leases} leases held"))?;
        ensure!(
            begin.elapsed() < longest,
            "not settled within {longest:?}: {open} runs and mails are open, {leases} leases held"
        );
        // Nobody waits for the moment of the next try, and nodes that start look at their clocks at once.
        let now = machine.clocks.now();
        let next = rows.next_moment(now)?.map_or(0, |next| (next.0 - now.0) / 1_000_000 + 1);
        machine.stop_all()?;
        machine.clocks.leap(Leap::Seconds(next.max(LONGEST_PAUSE)))?;
        machine.start_all();
        ready(machine)?;
    }
}

fn ready(machine: &mut Machine) -> Result<()> {
    wait("nodes that are ready", Duration::from_mins(1), || {
        machine.tend()?;
        Ok(machine.all_ready())
    })
}

/// Whether nothing is left to do; where something is, after a while in which nobody was at it.
fn is_idle(machine: &mut Machine, rows: &Rows) -> Result<bool> {
    let (begin, mut held_at) = (Instant::now(), Instant::now());
    while held_at.elapsed() < ROUND && begin.elapsed() < ROUND_OF_LEASES {
        machine.tend()?;
        let (leases, open) = rows.held()?;
        if (leases, open) == (0, 0) && rows.history_rests()? {
            return Ok(true);
        }
        if leases > 0 {
            held_at = Instant::now();
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(false)
}
