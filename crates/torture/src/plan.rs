//! What is done to whom and when: the whole of it follows from a seed.

use crate::random::Random;

/// Of so many kills one is PostgreSQL's.
const ONE_IN: u64 = 10;
/// Between two steps, in milliseconds.
const GAP: std::ops::Range<u64> = 600..2_000;
/// How long one node is left alone, in milliseconds: a node takes work over once it has watched the others for a while.
const SPARED: std::ops::Range<u64> = 32_000..42_000;
/// Between two ends of a month, in milliseconds: three months are what the key of a reading is kept for.
const BETWEEN_MONTHS: std::ops::Range<u64> = 35_000..50_000;

/// What is tortured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Nodes of Tidemark.
    pub nodes: usize,
    /// Whether they share a PostgreSQL server, which is tortured too.
    pub on_postgres: bool,
    /// Whether there is a disk that can be filled.
    pub fills_disk: bool,
    /// How often something is killed.
    pub kills: u64,
    /// How long a node may say nothing before another takes over its work, in milliseconds.
    pub lease: u64,
}

/// Which process of PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    /// The first one; it has to be started again.
    Postmaster,
    /// Any of the others: the first one ends all and recovers by itself.
    Backend(usize),
}

/// What a node is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The database.
    Database,
    /// The mail relay.
    Relay,
}

/// How a connection is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Both sides are hung up on, and new connections too.
    HangUp,
    /// Nothing passes, and nobody is told.
    Silence,
}

/// How the time of all goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leap {
    /// By so many seconds.
    Seconds(i64),
    /// To just before the next monthly reports are due.
    BeforeMonthly,
}

/// One thing done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// SIGKILL to a node.
    Kill(usize),
    /// A node is started again.
    Start(usize),
    /// SIGKILL to a process of PostgreSQL.
    KillPostgres(Victim),
    /// SIGSTOP to a node.
    Stop(usize),
    /// SIGCONT to it.
    Continue(usize),
    /// The clock of a node is set apart from the others', in seconds.
    Clock(usize, i64),
    /// The clocks of all nodes go on.
    Time(Leap),
    /// The disk of the database has no room.
    FillDisk,
    /// It has some again.
    FreeDisk,
    /// A node loses a connection.
    Cut(usize, End, Loss),
    /// It can connect again.
    Mend(usize, End),
    /// The relay takes its time with every mail, or no longer.
    Slow(bool),
}

/// An act and its moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Milliseconds after the begin.
    pub at: u64,
    /// What is done.
    pub act: Act,
}

/// All events in their order.
pub fn plan(seed: u64, shape: Shape) -> Vec<Event> {
    let mut draft = Draft {
        random: Random::of(seed, 0),
        shape,
        events: Vec::new(),
        free_at: vec![0; shape.nodes],
        now: 0,
        kills: 0,
        spared: 0,
        spared_until: SPARED.end,
        long_stop_until: 0,
        disk_free_at: 0,
        month_at: 5_000,
    };
    // The fault that takes longest comes first, so that the shortest run has it: while the mails of a month leave.
    while draft.kills < shape.kills {
        if draft.long_stop_until == 0 && draft.now > 7_000 {
            draft.stop(true);
        }
        draft.step();
    }
    draft.events.sort_by_key(|event| event.at);
    draft.events
}

struct Draft {
    random: Random,
    shape: Shape,
    events: Vec<Event>,
    /// From when on each node can have another fault of its process.
    free_at: Vec<u64>,
    now: u64,
    kills: u64,
    /// The node whose process has no faults now.
    spared: usize,
    spared_until: u64,
    long_stop_until: u64,
    disk_free_at: u64,
    month_at: u64,
}

impl Draft {
    fn step(&mut self) {
        self.now += self.random.of_range(GAP);
        if self.spared_until <= self.now && self.long_stop_until <= self.now {
            self.spared = (self.spared + 1) % self.shape.nodes;
            self.spared_until = self.now + self.random.of_range(SPARED);
        }
        let seconds = self.random.of_range(5..90).cast_signed();
        self.push(self.now, Act::Time(Leap::Seconds(seconds)));
        if self.now >= self.month_at {
            self.push(self.now, Act::Time(Leap::BeforeMonthly));
            self.month_at = self.now + self.random.of_range(BETWEEN_MONTHS);
        }
        match self.random.of_range(0..100) {
            0..60 => self.kill(),
            60..70 => {
                let long = self.random.percent(60);
                self.stop(long);
            }
            70..82 => self.clock(),
            82..97 => self.cut(),
            _ => self.disk(),
        }
    }

    fn push(&mut self, at: u64, act: Act) {
        self.events.push(Event { at, act });
    }

    /// A node that runs now and is not spared.
    fn running(&mut self) -> Option<usize> {
        let alone = self.shape.nodes == 1;
        let nodes = (0..).zip(&self.free_at).filter(|(node, _)| alone || *node != self.spared);
        let running: Vec<usize> =
            nodes.filter(|(_, free_at)| **free_at <= self.now).map(|(node, _)| node).collect();
        let place = self.random.place(running.len());
        running.get(place).copied()
    }

    fn busy(&mut self, node: usize, until: u64) {
        if let Some(free_at) = self.free_at.get_mut(node) {
            *free_at = until;
        }
    }

    fn kill(&mut self) {
        if self.shape.on_postgres && (self.kills + 1).is_multiple_of(ONE_IN) {
            let backend = self.random.place(64);
            let victim = if self.random.percent(50) { Victim::Postmaster } else { Victim::Backend(backend) };
            self.push(self.now, Act::KillPostgres(victim));
            self.kills += 1;
            return;
        }
        let Some(node) = self.running() else { return };
        let up_at = self.now + self.random.of_range(50..1_200);
        self.push(self.now, Act::Kill(node));
        self.push(up_at, Act::Start(node));
        // Some are killed again while they start.
        let free_at = up_at + self.random.of_range(100..1_500);
        self.busy(node, free_at);
        self.kills += 1;
    }

    fn stop(&mut self, long: bool) {
        let long = long && self.long_stop_until <= self.now && self.shape.nodes > 1;
        let Some(node) = self.running() else { return };
        let millis = if long {
            self.shape.lease + self.random.of_range(1_500..5_000)
        } else {
            self.random.of_range(200..3_000)
        };
        let until = self.now + millis;
        if long {
            self.long_stop_until = until + 5_000;
            // About now others take its work over, and are at it when it goes on.
            self.push(until - 5_000, Act::Slow(true));
            self.push(until + 500, Act::Slow(false));
        }
        self.push(self.now, Act::Stop(node));
        self.push(until, Act::Continue(node));
        // What it does once it goes on must be seen.
        self.busy(node, until + if long { 4_000 } else { 500 });
    }

    fn clock(&mut self) {
        let node = self.random.place(self.shape.nodes);
        let farthest = if self.random.percent(50) { 60 } else { 3 * 3_600 };
        let apart = self.random.of_range(1..farthest).cast_signed();
        let apart = if self.random.percent(50) { apart } else { -apart };
        let until = self.now + self.random.of_range(1_000..8_000);
        self.push(self.now, Act::Clock(node, apart));
        self.push(until, Act::Clock(node, 0));
    }

    fn cut(&mut self) {
        let node = self.random.place(self.shape.nodes);
        let end = if self.shape.on_postgres && self.random.percent(50) { End::Database } else { End::Relay };
        let loss = if self.random.percent(50) { Loss::HangUp } else { Loss::Silence };
        let until = self.now + self.random.of_range(200..5_000);
        self.push(self.now, Act::Cut(node, end, loss));
        self.push(until, Act::Mend(node, end));
    }

    fn disk(&mut self) {
        if self.shape.fills_disk && self.disk_free_at <= self.now {
            let until = self.now + self.random.of_range(500..4_000);
            self.push(self.now, Act::FillDisk);
            self.push(until, Act::FreeDisk);
            self.disk_free_at = until + 5_000;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { nodes: 3, on_postgres: true, fills_disk: true, kills: 1_000, lease: 15_000 };

    #[test]
    fn a_seed_gives_one_plan() {
        assert_eq!(plan(5, SHAPE), plan(5, SHAPE));
        assert_ne!(plan(5, SHAPE), plan(6, SHAPE));
    }

    #[test]
    fn one_kill_in_ten_is_of_postgresql() {
        let events = plan(1, SHAPE);
        let count = |is: fn(&Act) -> bool| events.iter().filter(|event| is(&event.act)).count();
        assert_eq!(count(|act| matches!(act, Act::KillPostgres(_))), 100);
        assert_eq!(count(|act| matches!(act, Act::Kill(_))), 900);
    }

    #[test]
    fn what_is_done_is_undone() {
        let events = plan(2, SHAPE);
        let count = |is: fn(&Act) -> bool| events.iter().filter(|event| is(&event.act)).count();
        for (done, undone) in [
            (count(|act| matches!(act, Act::Kill(_))), count(|act| matches!(act, Act::Start(_)))),
            (count(|act| matches!(act, Act::Stop(_))), count(|act| matches!(act, Act::Continue(_)))),
            (count(|act| matches!(act, Act::Cut(..))), count(|act| matches!(act, Act::Mend(..)))),
            (count(|act| *act == Act::FillDisk), count(|act| *act == Act::FreeDisk)),
        ] {
            assert_eq!(done, undone);
            assert!(done > 0);
        }
    }

    #[test]
    fn a_node_lives_long_enough_to_take_over_what_others_leave() {
        for seed in 0..50 {
            let mut touched = [Vec::new(), Vec::new(), Vec::new()];
            for Event { at, act } in plan(seed, SHAPE) {
                if let Act::Kill(node) | Act::Stop(node) = act {
                    touched[node].push(at);
                }
            }
            let rests = |times: &Vec<u64>| times.windows(2).filter(|pair| pair[1] - pair[0] > 32_000).count();
            assert!(touched.iter().all(|times| rests(times) > 10), "seed {seed}");
        }
    }

    #[test]
    fn a_node_that_is_stopped_for_longer_than_a_lease_is_let_go_on() {
        for seed in 0..50 {
            let mut stopped = [None; 3];
            let mut long = 0;
            for Event { at, act } in plan(seed, SHAPE) {
                match act {
                    Act::Stop(node) => stopped[node] = Some(at),
                    Act::Kill(node) => assert_eq!(stopped[node], None, "seed {seed}"),
                    Act::Continue(node) => {
                        long += usize::from(stopped[node].take().is_some_and(|from| at - from > SHAPE.lease));
                    }
                    _ => {}
                }
            }
            assert!(long > 0, "seed {seed}");
        }
    }

    #[test]
    fn one_node_is_not_stopped_for_long_and_its_database_is_not_killed() {
        let alone = Shape { nodes: 1, on_postgres: false, ..SHAPE };
        let events = plan(3, alone);
        assert!(!events.iter().any(|event| matches!(event.act, Act::KillPostgres(_))));
        assert_eq!(events.iter().filter(|event| matches!(event.act, Act::Kill(0))).count(), 1_000);
    }
}
