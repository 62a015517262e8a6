//! The rows of a report from the raw log, day by day and tenant by tenant, with no thought of speed.

use super::plan::{Event, METERS, Plan, no, rename};
use super::world::{day, tenant_id};
use crate::history::Cells;
use crate::ids::TenantNo;
use crate::pricing::PricingMode;
use crate::report::{Figure, Figures, Kind, Level, Row};
use crate::tenant::TenantKind;
use crate::time::Day;

/// What there is to compare of a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expected {
    tenant: crate::ids::TenantId,
    name: String,
    kind: TenantKind,
    what: String,
    date: Day,
    figures: Figures,
}

impl From<&Row> for Expected {
    fn from(row: &Row) -> Self {
        let infra = row.infra.as_ref().map(|infra| infra.name.replace('S', "@")).unwrap_or_default();
        Self {
            tenant: row.tenant.id,
            name: row.tenant.name.clone(),
            kind: row.tenant.kind,
            what: format!("{}{infra}", row.label.name()),
            date: row.date,
            figures: row.figures,
        }
    }
}

/// Everything a row may count, in the order of rows. Numbers are those of METERS.
#[derive(Clone, Copy, PartialEq)]
enum What {
    Customers,
    Partners,
    WithBackup,
    Meter(usize),
}

const ORDER: [(&str, What); 9] = [
    ("euc_count", What::Customers),
    ("reseller_count", What::Partners),
    ("compute_points@1", What::Meter(0)),
    ("euc_with_local_backup_count", What::WithBackup),
    ("local_storage", What::Meter(1)),
    ("storage@1", What::Meter(2)),
    ("storage@2", What::Meter(3)),
    ("vms", What::Meter(4)),
    ("notarizations", What::Meter(5)),
];
const LOCAL: usize = 1;

impl Plan {
    fn deleted(&self, tenant: usize, on: i32) -> bool {
        let last = self.known(tenant, on).rev().find_map(|event| match event {
            Event::Deleted(deleted) => Some(*deleted),
            _ => None,
        });
        last.unwrap_or(false)
    }

    fn open(&self, tenant: usize, on: i32) -> bool {
        let last = self.known(tenant, on).rev().find_map(|event| match event {
            Event::Open(open) => Some(*open),
            _ => None,
        });
        last.unwrap_or(true)
    }

    fn on(&self, tenant: usize, meter: usize, on: i32) -> bool {
        let last = self.known(tenant, on).rev().find_map(|event| match event {
            Event::Switch(which, to) if *which == meter => Some(*to),
            _ => None,
        });
        last.unwrap_or(false)
    }

    fn level(&self, tenant: usize, meter: usize, on: i32) -> i128 {
        let last = self.known(tenant, on).rev().find_map(|event| match event {
            Event::Reading(which, level) if *which == meter => Some(*level),
            _ => None,
        });
        i128::from(last.unwrap_or(0))
    }

    fn name(&self, tenant: usize, on: i32) -> String {
        let last = self.known(tenant, on).rev().find_map(|event| match event {
            Event::Rename(letter) => Some(rename(*letter)),
            _ => None,
        });
        last.unwrap_or(format!("T{}", no(tenant)))
    }

    pub(super) fn is_trial(&self, tenant: usize, on: i32) -> bool {
        let mut payer = tenant;
        while self.kind_on(payer, on) == TenantKind::Unit {
            payer = self.parent_on(payer, on);
        }
        let born = &self.born[payer];
        if born.mode == PricingMode::Production {
            return false;
        }
        let by_hand =
            self.log.iter().find(|(_, who, event)| *who == payer && matches!(event, Event::Production));
        let by_hand = by_hand.map(|(then, ..)| day(*then)).filter(|then| *then <= day(self.as_known));
        let by_itself =
            Some(born.created_at.plus_one_month().day()).filter(|then| *then <= day(self.as_known));
        let month = |then: Day| then.to_string()[..7].to_owned();
        ![by_hand, by_itself].into_iter().flatten().any(|switch| month(switch) <= month(day(on)))
    }

    /// Whether the tenant is `host` or below it, and `host` the subject or below that, all of them alive.
    pub(super) fn is_in(&self, tenant: usize, host: usize, on: i32) -> bool {
        let (mut at, mut met) = (tenant, false);
        loop {
            met |= at == host;
            if self.deleted(at, on) {
                return false;
            }
            if at == self.subject {
                return met;
            }
            if at == 0 {
                return false;
            }
            at = self.parent_on(at, on);
        }
    }

    fn last_day(&self, tenant: usize) -> Option<i32> {
        (self.period.0..=self.period.1).rev().find(|on| self.is_in(tenant, self.subject, *on))
    }

    /// What a single tenant of the subtree of `host` gives on a day.
    fn one(&self, tenant: usize, host: usize, what: What, on: i32) -> i128 {
        let kind = self.kind_on(tenant, on);
        let all = 0..self.born.len();
        match what {
            What::Meter(meter) => self.level(tenant, meter, on),
            _ if tenant == host => 0,
            _ if day(on) < self.born[tenant].created_at.day() => 0,
            What::Customers => i128::from(kind == TenantKind::Customer),
            What::Partners => i128::from(kind == TenantKind::Partner),
            What::WithBackup => {
                let used = all
                    .filter(|unit| self.is_in(*unit, tenant, on))
                    .any(|unit| self.level(unit, LOCAL, on) > 0);
                i128::from(used && kind == TenantKind::Customer)
            }
        }
    }

    /// The sum over the members of the subtree on day `on` of what each gave on day `then`.
    fn sum(&self, host: usize, what: What, on: i32, then: i32) -> Figure {
        let mut figure = Figure::default();
        for tenant in (0..self.born.len()).filter(|tenant| self.is_in(*tenant, host, on)) {
            let given = self.one(tenant, host, what, then);
            match self.is_trial(tenant, on) {
                true if self.leave_out_trial => {}
                true => figure.trial += given,
                false => figure.production += given,
            }
        }
        figure
    }

    fn figures(&self, host: usize, what: What, begin: i32, end: i32) -> Figures {
        let at_end = self.sum(host, what, end, end);
        if matches!(what, What::Meter(0 | 5)) {
            let mut growth = Figure::default();
            for on in begin + 1..=end {
                growth += self.sum(host, what, on, on) - self.sum(host, what, on, on - 1);
            }
            return Figures { absolute: at_end, delta: growth, effective: growth };
        }
        let delta = at_end - self.sum(host, what, begin, begin);
        Figures { absolute: at_end, delta, effective: at_end }
    }

    /// The days that a tenant has rows for.
    fn dates(&self, tenant: usize) -> Vec<i32> {
        let (first, last) = self.period;
        let has_rows = |on: i32| {
            self.is_in(tenant, self.subject, on)
                && (tenant == self.subject || !(self.leave_out_trial && self.is_trial(tenant, on)))
        };
        match self.kind {
            Kind::UsageDaily | Kind::UsageBreakdown => {
                (first..=last).filter(|on| has_rows(*on) && self.is_of_level(tenant, *on)).collect()
            }
            _ if tenant == self.subject => vec![last],
            _ => self.last_day(tenant).filter(|on| has_rows(*on)).map(|_| last).into_iter().collect(),
        }
    }

    pub(super) fn begin(&self, tenant: usize, end: i32) -> i32 {
        match self.kind {
            Kind::UsageSummary => self.period.0,
            Kind::UsageDaily | Kind::UsageBreakdown => end - 1,
            Kind::UsageCurrent => {
                let anchor = i8::try_from(self.born[tenant].billing_day).unwrap();
                (0..31).map(|back| end - back).find(|on| day(*on).day_of_month() == anchor).unwrap() - 1
            }
        }
    }

    fn is_of_level(&self, tenant: usize, on: i32) -> bool {
        use TenantKind::{Customer, Folder, Partner};
        let kind = self.kind_on(tenant, on);
        tenant == self.subject
            || match self.level {
                Level::Itself => false,
                Level::DirectPartners => {
                    self.parent_on(tenant, on) == self.subject && kind != TenantKind::Unit
                }
                Level::AllCustomers => [Partner, Folder, Customer].contains(&kind),
                Level::Accounts => true,
                Level::AllPartners => [Partner, Folder].contains(&kind),
            }
    }

    /// By the level on any day it was below the subject; closed tenants are those of its last day there.
    fn is_shown(&self, tenant: usize, seen_last: i32) -> bool {
        let mut days = self.period.0..=self.period.1;
        let by_level = days.any(|on| self.is_in(tenant, self.subject, on) && self.is_of_level(tenant, on));
        by_level && !self.is_hidden(tenant, seen_last)
    }

    /// Whether a tenant between the subject and this one is closed on the day.
    fn is_hidden(&self, tenant: usize, on: i32) -> bool {
        let mut above = self.parent_on(tenant, on);
        while above != self.subject {
            if !self.open(above, on) {
                return true;
            }
            above = self.parent_on(above, on);
        }
        false
    }

    fn has_row(&self, tenant: usize, what: What) -> bool {
        let mut days = self.period.0..=self.period.1;
        match what {
            What::Meter(meter) => days.any(|on| {
                let is_on = self.is_in(tenant, self.subject, on) && self.on(tenant, meter, on);
                is_on || self.sum(tenant, what, on, on) != Figure::default()
            }),
            _ => self.kind_on(tenant, self.last_day(tenant).unwrap_or(self.period.1)).sells(),
        }
    }

    /// The tenants in the order of the rows, each with the day it was seen last on.
    pub(super) fn ordered(&self, top: usize) -> Vec<(usize, i32)> {
        let mut all = vec![(top, self.last_day(top).unwrap_or(self.period.1))];
        let mut children: Vec<_> = (0..self.born.len())
            .filter(|tenant| *tenant != self.subject)
            .filter_map(|tenant| Some((tenant, self.last_day(tenant)?)))
            .filter(|(tenant, on)| self.parent_on(*tenant, *on) == top)
            .collect();
        children.sort_by_key(|(tenant, on)| (self.name(*tenant, *on), *tenant));
        all.extend(children.into_iter().flat_map(|(tenant, _)| self.ordered(tenant)));
        all
    }

    pub(super) fn expected(&self) -> Vec<Expected> {
        let mut rows = Vec::new();
        for (tenant, on) in self.ordered(self.subject) {
            if tenant != self.subject && !self.is_shown(tenant, on) {
                continue;
            }
            for (name, what) in ORDER.into_iter().filter(|(_, what)| self.has_row(tenant, *what)) {
                for end in self.dates(tenant) {
                    let figures = self.figures(tenant, what, self.begin(tenant, end), end);
                    if !(self.hide_zero_usage && figures == Figures::default()) {
                        rows.push(Expected {
                            tenant: tenant_id(no(tenant)),
                            name: self.name(tenant, on),
                            kind: self.kind_on(tenant, on),
                            what: name.to_owned(),
                            date: day(end),
                            figures,
                        });
                    }
                }
            }
        }
        rows
    }

    /// The subject and those below it, by number, each with the days on which it was there and nobody hid it.
    pub(super) fn seen(&self) -> Vec<(TenantNo, Vec<Day>)> {
        let is_seen = |tenant: usize, on: i32| {
            self.is_in(tenant, self.subject, on) && (tenant == self.subject || !self.is_hidden(tenant, on))
        };
        let days = |tenant| (self.period.0..=self.period.1).filter(move |on| is_seen(tenant, *on)).map(day);
        let seen =
            (0..self.born.len()).map(|tenant| (TenantNo(no(tenant)), days(tenant).collect::<Vec<_>>()));
        seen.filter(|(_, days)| !days.is_empty()).collect()
    }

    /// The days of the period on which something was known of a meter of a member that counts.
    pub(super) fn cells(&self) -> Cells {
        let reported = |tenant: usize, meter: usize, on: i32| {
            let is_reading = |event: &Event| matches!(event, Event::Reading(which, _) if *which == meter);
            self.log.iter().any(|(then, who, event)| *then == on && *who == tenant && is_reading(event))
        };
        let is_known = |tenant: usize, meter: usize, on: i32| {
            let mut known = self.known(tenant, on);
            known.any(|event| matches!(event, Event::Reading(which, _) if *which == meter))
        };
        let mut cells = Cells::default();
        for on in self.period.0..=self.period.1 {
            let members = (0..self.born.len()).filter(|tenant| self.is_in(*tenant, self.subject, on));
            let counted = members.filter(|tenant| !(self.leave_out_trial && self.is_trial(*tenant, on)));
            for tenant in counted {
                for meter in (0..METERS.len()).filter(|meter| is_known(tenant, *meter, on)) {
                    cells.all += 1;
                    cells.carried += u64::from(!reported(tenant, meter, on));
                }
            }
        }
        cells
    }

    /// Whether the tenant stood at one place in one mode from the end of April on, with all above it.
    pub(super) fn is_settled(&self, tenant: usize) -> bool {
        let mut above = tenant;
        loop {
            let changes = |(_, who, event): &(i32, usize, Event)| {
                *who == above
                    && matches!(
                        event,
                        Event::Move(_) | Event::Deleted(_) | Event::Regroup | Event::Production
                    )
            };
            if self.log.iter().any(changes) || self.born[above].mode == PricingMode::Trial {
                return false;
            }
            if above == 0 {
                return true;
            }
            above = self.born[above].parent;
        }
    }

    /// What the tenant itself used, apart from those below it.
    pub(super) fn own(&self, tenant: usize, meter: usize, on: i32) -> Figure {
        let level = if self.is_in(tenant, self.subject, on) { self.level(tenant, meter, on) } else { 0 };
        match self.is_trial(tenant, on) {
            true if self.leave_out_trial => Figure::default(),
            true => Figure { trial: level, production: 0 },
            false => Figure { production: level, trial: 0 },
        }
    }
}

/// The name a meter has in [`Expected`].
pub(super) fn meter_name(meter: usize) -> String {
    let (name, infra) = METERS[meter];
    if infra == 0 { name.to_owned() } else { format!("{name}@{infra}") }
}

impl Expected {
    /// Whether the row is this tenant's for this meter.
    pub(super) fn is_of(&self, tenant: usize, meter: usize) -> bool {
        self.tenant == tenant_id(no(tenant)) && self.what == meter_name(meter)
    }

    pub(super) fn figures(&self) -> Figures {
        self.figures
    }
}
