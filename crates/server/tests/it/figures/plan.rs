//! What may happen in a channel, at random.

use proptest::prelude::*;

/// A usage that is metered: its item, and which of the storages it lies on.
pub(super) struct Meter {
    pub(super) item: &'static str,
    pub(super) storage: Option<usize>,
    pub(super) accumulates: bool,
}

const fn meter(item: &'static str, storage: Option<usize>, accumulates: bool) -> Meter {
    Meter { item, storage, accumulates }
}

/// In the order of rows; the second storage is a partner's own, the third one serves disaster recovery.
pub(super) const METERS: [Meter; 6] = [
    meter("compute_points", Some(2), true),
    meter("local_storage", None, false),
    meter("storage", Some(0), false),
    meter("storage", Some(1), false),
    meter("vms", None, false),
    meter("notarizations", None, true),
];

/// Tenants are named by any number, taken modulo how many there are; parents, modulo how many may be one.
#[derive(Debug, Clone)]
pub(super) enum Event {
    Create {
        parent: usize,
        kind: usize,
        own_storage: bool,
    },
    Move {
        who: usize,
        parent: usize,
    },
    Rename {
        who: usize,
        letter: u8,
    },
    /// A partner becomes a folder, a folder a partner.
    Turn {
        who: usize,
    },
    Access {
        who: usize,
        open: bool,
    },
    Delete {
        who: usize,
    },
    Mode {
        who: usize,
        suspended: bool,
    },
    BillingDay {
        who: usize,
        day: i8,
    },
    ItemBillingDay {
        who: usize,
        meter: usize,
        day: i8,
    },
    Switch {
        who: usize,
        meter: usize,
        on: bool,
    },
    Report(Order),
}

/// A report: days are counted back from the day it is ordered on.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) subject: usize,
    pub(super) level: usize,
    pub(super) kind: usize,
    pub(super) ends_before: i32,
    pub(super) days: i32,
    pub(super) hide_zero_usage: bool,
}

/// A day on which something happens, so many days behind the last.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) days_later: i32,
    pub(super) time: &'static str,
    /// Who, which meter, the value: one call.
    pub(super) readings: Vec<(usize, usize, i64)>,
    pub(super) events: Vec<Event>,
}

const WHO: std::ops::Range<usize> = 0..64;

/// What becomes of a channel whose tenants are there from the first day.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) tenants: Vec<Event>,
    /// The two monthly reports: of whom, at which level, of which kind.
    pub(super) monthly: [(usize, usize, usize); 2],
    pub(super) steps: Vec<Step>,
}

pub(super) fn plan() -> impl Strategy<Value = Plan> {
    let monthly = || (0_usize..4, 0_usize..5, 0_usize..4);
    (prop::collection::vec(create(), 18..26), [monthly(), monthly()], prop::collection::vec(step(), 24))
        .prop_map(|(tenants, monthly, steps)| Plan { tenants, monthly, steps })
}

fn create() -> impl Strategy<Value = Event> {
    (WHO, 0_usize..7, any::<bool>()).prop_map(|(parent, kind, own_storage)| Event::Create {
        parent,
        kind,
        own_storage,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let value = prop_oneof![1 => Just(0), 6 => 1_i64..50, 1 => Just(domain::usage::MAX_READING)];
    let readings = prop::collection::vec((WHO, 0..METERS.len(), value), 0..24);
    let time = prop_oneof![
        1 => Just("00:00:00"),
        2 => Just("12:00:00"),
        1 => Just("23:59:59"),
    ];
    let days_later = prop_oneof![4 => Just(1), 2 => Just(2), 1 => Just(4)];
    (days_later, time, readings, prop::collection::vec(event(), 0..5))
        .prop_map(|(days_later, time, readings, events)| Step { days_later, time, readings, events })
}

fn event() -> impl Strategy<Value = Event> {
    let meter = || 0..METERS.len();
    prop_oneof![
        2 => create(),
        9 => (WHO, WHO).prop_map(|(who, parent)| Event::Move { who, parent }),
        1 => (WHO, b'A'..=b'Z').prop_map(|(who, letter)| Event::Rename { who, letter }),
        1 => WHO.prop_map(|who| Event::Turn { who }),
        1 => (WHO, any::<bool>()).prop_map(|(who, open)| Event::Access { who, open }),
        1 => WHO.prop_map(|who| Event::Delete { who }),
        2 => (WHO, any::<bool>()).prop_map(|(who, suspended)| Event::Mode { who, suspended }),
        1 => (WHO, 1_i8..=28).prop_map(|(who, day)| Event::BillingDay { who, day }),
        1 => (WHO, meter(), 1_i8..=28).prop_map(|(who, meter, day)| Event::ItemBillingDay { who, meter, day }),
        2 => (WHO, meter(), any::<bool>()).prop_map(|(who, meter, on)| Event::Switch { who, meter, on }),
        3 => order().prop_map(Event::Report),
    ]
}

fn order() -> impl Strategy<Value = Order> {
    let subject = prop_oneof![2 => 0_usize..4, 1 => WHO];
    (subject, 0_usize..5, 0_usize..4, 0_i32..12, 1_i32..32, any::<bool>()).prop_map(
        |(subject, level, kind, ends_before, days, hide_zero_usage)| Order {
            subject,
            level,
            kind,
            ends_before,
            days,
            hide_zero_usage,
        },
    )
}
