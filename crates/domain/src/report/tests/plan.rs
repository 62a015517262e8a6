//! Random histories of a small channel: the raw log that both computations start from.

use proptest::prelude::*;

use super::world::{World, day};
use crate::billing::BillingDay;
use crate::ids::TenantNo;
use crate::pricing::PricingMode;
use crate::report::{Kind, Level, ReportInput};
use crate::tenant::TenantKind;
use crate::time::{Day, Instant, Period};
use crate::timeline::Timeline;

/// What the channel meters, by item and storage.
pub(super) const METERS: [(&str, i64); 6] = [
    ("compute_points", 1),
    ("local_storage", 0),
    ("storage", 1),
    ("storage", 2),
    ("vms", 0),
    ("notarizations", 0),
];

#[derive(Debug, Clone)]
pub(super) enum Event {
    /// Under another parent, if the tree allows it then.
    Move(usize),
    Deleted(bool),
    /// Of a partner to folder, of a folder to partner.
    Regroup,
    Production,
    Open(bool),
    Rename(u8),
    /// Switches a meter's item.
    Switch(usize, bool),
    /// A reading of a meter.
    Reading(usize, i64),
}

#[derive(Debug, Clone)]
pub(super) struct Born {
    pub(super) kind: TenantKind,
    pub(super) parent: usize,
    pub(super) created_at: Instant,
    pub(super) mode: PricingMode,
    pub(super) billing_day: i64,
}

/// The tenants as they were for ever, then what happened: day of May, tenant, event, by day.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) born: Vec<Born>,
    pub(super) log: Vec<(i32, usize, Event)>,
    pub(super) subject: usize,
    pub(super) period: (i32, i32),
    pub(super) kind: Kind,
    pub(super) level: Level,
    pub(super) hide_zero_usage: bool,
    pub(super) leave_out_trial: bool,
    pub(super) as_known: i32,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..9_usize).prop_map(Event::Move),
        1 => any::<bool>().prop_map(Event::Deleted),
        1 => Just(Event::Regroup),
        1 => Just(Event::Production),
        1 => any::<bool>().prop_map(Event::Open),
        1 => (0..4_u8).prop_map(Event::Rename),
        2 => (0..METERS.len(), any::<bool>()).prop_map(|(meter, on)| Event::Switch(meter, on)),
        8 => (0..METERS.len(), 0..5_i64).prop_map(|(meter, level)| Event::Reading(meter, level)),
    ]
}

fn born() -> impl Strategy<Value = (usize, usize, i32, bool, i64)> {
    // Some are made within the days of the plan, a few only behind them.
    let created = prop_oneof![3 => -5..35_i32, 1 => 45..85_i32];
    (0..8_usize, 0..9_usize, created, any::<bool>(), prop_oneof![Just(1_i64), 1..=28_i64])
}

/// Events lie from April 26 to June 9, so that months end within.
pub(super) fn plans() -> impl Strategy<Value = Plan> {
    let shape = (0..4_usize, 20..40_i32, 0..6_i32, 0..12_i32);
    let choice = (0..4_usize, 0..5_usize, any::<bool>(), any::<bool>());
    let log = prop::collection::vec((22..40_i32, 0..9_usize, event()), 0..40);
    (prop::collection::vec(born(), 1..9), log, shape, choice).prop_map(|(raw, log, shape, choice)| {
        let (subject, first, length, later) = shape;
        let (kind, level, hide_zero_usage, leave_out_trial) = choice;
        let mut plan = Plan {
            born: births(&raw),
            log: Vec::new(),
            subject: subject % (raw.len() + 1),
            period: (first, first + length),
            kind: Kind::ALL[kind],
            level: Level::ALL[level],
            hide_zero_usage,
            leave_out_trial,
            as_known: first + length + later,
        };
        plan.take_log(log);
        plan
    })
}

fn births(raw: &[(usize, usize, i32, bool, i64)]) -> Vec<Born> {
    // Trials that began between the end of March and the begin of May end within the days of the plan.
    let at = |created: i32| day(created - 31).start().plus_seconds(3_600);
    let mut born = vec![Born {
        kind: TenantKind::Root,
        parent: 0,
        created_at: at(0),
        mode: PricingMode::Production,
        billing_day: 1,
    }];
    for (kind, parent, created, trial, billing_day) in raw {
        use TenantKind::{Customer, Folder, Partner, Unit};
        let parent = parent % born.len();
        let below_seller = [Partner, Partner, Folder, Customer, Customer, Customer, Partner, Customer][*kind];
        let kind = if born[parent].kind.sells() { below_seller } else { Unit };
        // Sellers are never on trial; the mode that a unit has of its own must not matter.
        let mode = if *trial && !kind.sells() { PricingMode::Trial } else { PricingMode::Production };
        born.push(Born { kind, parent, created_at: at(*created), mode, billing_day: *billing_day });
    }
    born
}

impl Plan {
    /// Keeps what is allowed when it happens.
    fn take_log(&mut self, mut log: Vec<(i32, usize, Event)>) {
        log.sort_by_key(|(on, ..)| *on);
        for (on, tenant, event) in log {
            let tenant = tenant % self.born.len();
            let event = match event {
                Event::Move(to) => Event::Move(to % self.born.len()),
                other => other,
            };
            let allowed = match event {
                Event::Move(to) => self.may_move(tenant, to),
                Event::Regroup => {
                    matches!(self.kind_on(tenant, i32::MAX), TenantKind::Partner | TenantKind::Folder)
                }
                _ => true,
            };
            if allowed {
                self.log.push((on, tenant, event));
            }
        }
    }

    fn may_move(&self, tenant: usize, to: usize) -> bool {
        let mut above = to;
        while above != 0 && above != tenant {
            above = self.parent_on(above, i32::MAX);
        }
        let kinds = (self.kind_on(tenant, i32::MAX), self.kind_on(to, i32::MAX));
        above != tenant && kinds.0.may_stand_below(kinds.1)
    }

    /// What the log says of a tenant up to the end of a day, the latest last.
    pub(super) fn known(&self, tenant: usize, on: i32) -> impl DoubleEndedIterator<Item = &Event> {
        let upto = self.log.iter().filter(move |(then, who, _)| *then <= on && *who == tenant);
        upto.map(|(_, _, event)| event)
    }

    pub(super) fn parent_on(&self, tenant: usize, on: i32) -> usize {
        let moved = self.known(tenant, on).rev().find_map(|event| match event {
            Event::Move(to) => Some(*to),
            _ => None,
        });
        moved.unwrap_or(self.born[tenant].parent)
    }

    pub(super) fn kind_on(&self, tenant: usize, on: i32) -> TenantKind {
        self.known(tenant, on).fold(self.born[tenant].kind, |kind, event| match (event, kind) {
            (Event::Regroup, TenantKind::Partner) => TenantKind::Folder,
            (Event::Regroup, TenantKind::Folder) => TenantKind::Partner,
            _ => kind,
        })
    }

    /// The same as the store would load it, with what lies outside the subject's tree as well.
    pub(super) fn world(&self) -> World {
        let mut world = World::about(no(self.subject));
        world.0.period = Period::inclusive(day(self.period.0), day(self.period.1));
        world.0.kind = self.kind;
        world.0.level = self.level;
        world.0.hide_zero_usage = self.hide_zero_usage;
        world.0.leave_out_trial = self.leave_out_trial;
        world.0.as_known = day(self.as_known);
        world.infra(1, 1);
        world.infra(2, 2);
        for (at, born) in self.born.iter().enumerate() {
            let tenant = world.tenant(no(at), no(born.parent), born.kind);
            tenant.created_at = born.created_at;
            tenant.pricing_mode = Timeline::always(born.mode);
            tenant.billing_day = Timeline::always(BillingDay::new(born.billing_day).unwrap());
            self.tell(at, &mut world);
        }
        world
    }

    pub(super) fn input(&self) -> ReportInput {
        self.world().0
    }

    fn tell(&self, at: usize, world: &mut World) {
        for (meter, (name, infra)) in METERS.into_iter().enumerate() {
            let mut switched = Timeline::always(false);
            let mut levels = Vec::new();
            for (on, _, event) in self.log.iter().filter(|(_, who, _)| *who == at) {
                match event {
                    Event::Switch(which, to) if *which == meter => switched.push(day(*on), *to),
                    Event::Reading(which, level) if *which == meter => levels.push((*on, *level)),
                    _ => {}
                }
            }
            world.item(no(at), name, infra).enabled = switched;
            world.reads(no(at), name, infra, &levels);
        }
        let tenant = world.of(no(at));
        for (on, _, event) in self.log.iter().filter(|(_, who, _)| *who == at) {
            let on: Day = day(*on);
            match event {
                Event::Move(to) => tenant.parent.push(on, TenantNo(no(*to))),
                Event::Deleted(deleted) => tenant.deleted.push(on, *deleted),
                Event::Regroup => {
                    let other = match tenant.kind.latest() {
                        TenantKind::Folder => TenantKind::Partner,
                        _ => TenantKind::Folder,
                    };
                    tenant.kind.push(on, other);
                }
                Event::Production => tenant.pricing_mode.push(on, PricingMode::Production),
                Event::Open(open) => tenant.ancestral_access.push(on, *open),
                Event::Rename(letter) => tenant.name.push(on, rename(*letter)),
                Event::Switch(..) | Event::Reading(..) => {}
            }
        }
    }
}

/// Numbers start at 1.
pub(super) fn no(at: usize) -> i64 {
    i64::try_from(at).unwrap() + 1
}

pub(super) fn rename(letter: u8) -> String {
    format!("N{letter}")
}
