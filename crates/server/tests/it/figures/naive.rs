//! The rows of a report from the calls that were accepted, as reports-api, 9 and 10 have them and with no thought of speed.

use std::collections::HashMap;

use domain::time::{Day, Instant, Period};

use super::plan::METERS;

/// What a tenant is on a day.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) parent: usize,
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) open: bool,
    pub(super) deleted: bool,
    pub(super) billing_day: i8,
    pub(super) item_billing_day: [Option<i8>; METERS.len()],
    pub(super) on: [bool; METERS.len()],
    pub(super) level: [i128; METERS.len()],
}

/// What was accepted.
#[derive(Debug, Clone)]
pub(super) enum Fact {
    Parent(usize),
    Name(String),
    Kind(&'static str),
    Open(bool),
    Deleted,
    BillingDay(i8),
    ItemBillingDay(usize, i8),
    On(usize, bool),
    Level(usize, i128),
}

pub(super) struct Tenant {
    pub(super) id: String,
    pub(super) created_at: Instant,
    /// As it was made: its first version reaches back for ever.
    pub(super) first: State,
    /// When its customer's trial was ended by hand.
    pub(super) production_on: Option<Day>,
}

/// Everything that was accepted.
#[derive(Default)]
pub(super) struct Log {
    pub(super) tenants: Vec<Tenant>,
    /// The ids of the storages that [`METERS`] number.
    pub(super) storages: [String; 3],
    pub(super) facts: Vec<(Day, usize, Fact)>,
}

/// What a report asks for.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) subject: usize,
    pub(super) level: &'static str,
    pub(super) kind: &'static str,
    pub(super) period: Period,
    pub(super) hide_zero_usage: bool,
    pub(super) leave_out_trial: bool,
    pub(super) made_on: Day,
}

/// Production and trial.
type Figure = [i128; 2];

/// A line of the file, as far as it follows from the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) tenant: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) what: String,
    /// The storage's id, empty where there is none.
    pub(super) infra: String,
    pub(super) date: String,
    pub(super) is_range: bool,
    /// In the order of the columns.
    pub(super) figures: [i128; 9],
}

pub(super) const SELLS: [&str; 3] = ["root", "partner", "folder"];
const LOCAL_STORAGE: usize = 1;

/// What a row counts.
#[derive(Clone, Copy, PartialEq)]
enum What {
    Customers,
    Partners,
    WithLocalBackup,
    Meter(usize),
}

/// In the order of rows.
const ORDER: [(&str, What); 9] = [
    ("euc_count", What::Customers),
    ("reseller_count", What::Partners),
    ("compute_points", What::Meter(0)),
    ("euc_with_local_backup_count", What::WithLocalBackup),
    ("local_storage", What::Meter(1)),
    ("storage", What::Meter(2)),
    ("storage", What::Meter(3)),
    ("vms", What::Meter(4)),
    ("notarizations", What::Meter(5)),
];

/// Whether rows of the log count this.
pub(super) fn counts(name: &str) -> bool {
    ORDER.iter().any(|(counted, _)| *counted == name)
}

impl Log {
    /// Every tenant at the end of a day.
    pub(super) fn at(&self, day: Day) -> Vec<State> {
        let mut states: Vec<State> = self.tenants.iter().map(|tenant| tenant.first.clone()).collect();
        for (_, who, fact) in self.facts.iter().rev() {
            // The first word on an item reaches back, and the last one read here is the first.
            if let Fact::On(meter, on) = fact {
                states[*who].on[*meter] = *on;
            }
        }
        for (_, who, fact) in self.facts.iter().filter(|(on, ..)| *on <= day) {
            let state = &mut states[*who];
            match fact.clone() {
                Fact::Parent(parent) => state.parent = parent,
                Fact::Name(name) => state.name = name,
                Fact::Kind(kind) => state.kind = kind,
                Fact::Open(open) => state.open = open,
                Fact::Deleted => state.deleted = true,
                Fact::BillingDay(day) => state.billing_day = day,
                Fact::ItemBillingDay(meter, day) => state.item_billing_day[meter] = Some(day),
                Fact::On(meter, on) => state.on[meter] = on,
                Fact::Level(meter, level) => state.level[meter] = level,
            }
        }
        states
    }

    /// The first day of the billing period that the day lies in.
    pub(super) fn period_start(&self, who: usize, meter: Option<usize>, day: Day) -> Day {
        let state = &self.at(day)[who];
        let own = meter.and_then(|meter| state.item_billing_day[meter]);
        let anchor = own.unwrap_or(state.billing_day);
        (0..31).map(|back| day.plus(-back)).find(|day| day.day_of_month() == anchor).unwrap()
    }

    /// The first day of the month from which on the tenant counts as production.
    fn production_from(&self, who: usize, made_on: Day) -> Option<Day> {
        let tenant = &self.tenants[who];
        if tenant.first.kind != "customer" {
            return Some(Day::FOREVER_AGO);
        }
        let by_itself = tenant.created_at.plus_one_month().day();
        let switches = [tenant.production_on, Some(by_itself)].into_iter().flatten();
        switches.filter(|day| *day <= made_on).min().map(Day::first_of_month)
    }

    pub(super) fn rows(&self, wanted: &Wanted) -> Vec<Row> {
        Report::new(self, wanted).rows()
    }
}

/// The log, laid out for one report.
struct Report<'a> {
    log: &'a Log,
    wanted: &'a Wanted,
    states: HashMap<Day, Vec<State>>,
    /// The members of each day with the tenants above them, down from the subject, themselves included.
    members: HashMap<Day, HashMap<usize, Vec<usize>>>,
    production_from: Vec<Option<Day>>,
}

impl<'a> Report<'a> {
    fn new(log: &'a Log, wanted: &'a Wanted) -> Self {
        let first = wanted.period.start.plus(-1).min(wanted.period.last().plus(-32));
        let (mut states, mut members) = (HashMap::new(), HashMap::new());
        for day in Period::inclusive(first, wanted.period.last()).days() {
            let then = log.at(day);
            let chains = (0..then.len()).filter_map(|who| Some((who, chain(&then, who, wanted.subject)?)));
            members.insert(day, chains.collect());
            states.insert(day, then);
        }
        let all = 0..log.tenants.len();
        let production_from = all.map(|who| log.production_from(who, wanted.made_on)).collect();
        Self { log, wanted, states, members, production_from }
    }

    fn state(&self, who: usize, day: Day) -> &State {
        &self.states[&day][who]
    }

    fn is_trial(&self, who: usize, day: Day) -> bool {
        let mut payer = who;
        while self.state(payer, day).kind == "unit" {
            payer = self.state(payer, day).parent;
        }
        self.production_from[payer].is_none_or(|from| day < from)
    }

    /// The members of the day that are the host or stand below it.
    fn below(&self, host: usize, day: Day) -> impl Iterator<Item = usize> {
        self.members[&day].iter().filter(move |(_, chain)| chain.contains(&host)).map(|(who, _)| *who)
    }

    /// The sum over the members of a day of what each had at the end of another.
    fn sum(&self, host: usize, what: What, members_of: Day, day: Day) -> Figure {
        let mut figure = [0, 0];
        for who in self.below(host, members_of) {
            let trial = self.is_trial(who, members_of);
            if !(trial && self.wanted.leave_out_trial) {
                figure[usize::from(trial)] += self.one(who, host, what, day);
            }
        }
        figure
    }

    fn one(&self, who: usize, host: usize, what: What, day: Day) -> i128 {
        let kind = self.state(who, day).kind;
        match what {
            What::Meter(meter) => self.state(who, day).level[meter],
            _ if who == host => 0,
            // Usage reaches back before its tenant was made, the tenant itself does not.
            _ if day < self.log.tenants[who].created_at.day() => 0,
            What::Customers => i128::from(kind == "customer"),
            What::Partners => i128::from(kind == "partner"),
            What::WithLocalBackup => {
                let uses = |below: usize| self.state(below, day).level[LOCAL_STORAGE] > 0;
                i128::from(kind == "customer" && self.below(who, day).any(uses))
            }
        }
    }

    fn figures(&self, host: usize, what: What, begin: Day, end: Day) -> [i128; 9] {
        let absolute = self.sum(host, what, end, end);
        let mut delta = [0, 0];
        let accumulates = is_range(what);
        if accumulates {
            for day in Period::inclusive(begin.next(), end).days() {
                let (now, before) =
                    (self.sum(host, what, day, day), self.sum(host, what, day, day.previous()));
                delta = [0, 1].map(|mode: usize| delta[mode] + now[mode] - before[mode]);
            }
        } else {
            let at_begin = self.sum(host, what, begin, begin);
            delta = [0, 1].map(|mode: usize| absolute[mode] - at_begin[mode]);
        }
        let effective = if accumulates { delta } else { absolute };
        let columns =
            [absolute, delta, effective].map(|[production, trial]| [production, production + trial, trial]);
        columns.concat().try_into().unwrap()
    }

    fn seen_last(&self, who: usize) -> Option<Day> {
        self.wanted.period.days().rev().find(|day| self.members[day].contains_key(&who))
    }

    /// The tenants in the order of rows.
    fn ordered(&self, top: usize) -> Vec<usize> {
        let mut children: Vec<(&str, &str, usize)> = (0..self.log.tenants.len())
            .filter(|who| *who != self.wanted.subject)
            .filter_map(|who| Some((who, self.state(who, self.seen_last(who)?))))
            .filter(|(_, state)| state.parent == top)
            .map(|(who, state)| (state.name.as_str(), self.log.tenants[who].id.as_str(), who))
            .collect();
        children.sort_unstable();
        std::iter::once(top).chain(children.into_iter().flat_map(|(.., who)| self.ordered(who))).collect()
    }

    fn is_of_level(&self, who: usize, day: Day) -> bool {
        let state = self.state(who, day);
        match self.wanted.level {
            "itself" => false,
            "direct_partners" => state.parent == self.wanted.subject && state.kind != "unit",
            "all_customers" => state.kind != "unit",
            "all_partners" => SELLS.contains(&state.kind),
            _ => true,
        }
    }

    /// The days the tenant has rows for.
    fn dates(&self, who: usize) -> Vec<Day> {
        let (subject, period) = (self.wanted.subject, self.wanted.period);
        let is_member = |day: &Day| self.members[day].contains_key(&who);
        let is_counted =
            |day: &Day| who == subject || !(self.wanted.leave_out_trial && self.is_trial(who, *day));
        let is_shown = |day: &Day| who == subject || self.is_of_level(who, *day);
        let last = self.seen_last(who).unwrap_or(period.last());
        let above = &self.members[&last].get(&who);
        let between = above.iter().flat_map(|chain| chain.iter()).filter(|at| ![who, subject].contains(at));
        if who != subject && !between.clone().all(|at| self.state(*at, last).open) {
            return Vec::new();
        }
        if self.wanted.kind == "usage_daily" || self.wanted.kind == "usage_breakdown" {
            return period.days().filter(|day| is_member(day) && is_counted(day) && is_shown(day)).collect();
        }
        let shown = who == subject || period.days().any(|day| is_member(&day) && is_shown(&day));
        if shown && is_counted(&last) { vec![period.last()] } else { Vec::new() }
    }

    fn begin(&self, who: usize, what: What, end: Day) -> Day {
        match self.wanted.kind {
            "usage_summary" => self.wanted.period.start,
            "usage_current" => {
                let meter = if let What::Meter(meter) = what { Some(meter) } else { None };
                self.log.period_start(who, meter, end).previous()
            }
            _ => end.previous(),
        }
    }

    fn has_rows(&self, who: usize, what: What) -> bool {
        let mut days = self.wanted.period.days();
        let What::Meter(meter) = what else {
            let last = self.seen_last(who).unwrap_or(self.wanted.period.last());
            return SELLS.contains(&self.state(who, last).kind);
        };
        days.any(|day| {
            self.members[&day].contains_key(&who) && self.state(who, day).on[meter]
                || self.sum(who, what, day, day) != [0, 0]
        })
    }

    fn infra(&self, what: What) -> &str {
        match what {
            What::Meter(meter) => METERS[meter].storage.map_or("", |storage| &self.log.storages[storage]),
            _ => "",
        }
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for who in self.ordered(self.wanted.subject) {
            let dates = self.dates(who);
            let state = self.state(who, self.seen_last(who).unwrap_or(self.wanted.period.last()));
            let has_rows = |what: What| !dates.is_empty() && self.has_rows(who, what);
            let mut order = ORDER;
            // Storages by their ids.
            order[5..=6].sort_by_key(|(_, what)| self.infra(*what));
            for (name, what) in order.into_iter().filter(|(_, what)| has_rows(*what)) {
                for date in &dates {
                    let figures = self.figures(who, what, self.begin(who, what, *date), *date);
                    if self.wanted.hide_zero_usage && figures == [0; 9] {
                        continue;
                    }
                    rows.push(Row {
                        tenant: self.log.tenants[who].id.clone(),
                        name: state.name.clone(),
                        kind: state.kind.to_owned(),
                        what: name.to_owned(),
                        infra: self.infra(what).to_owned(),
                        date: date.to_string(),
                        is_range: is_range(what),
                        figures,
                    });
                }
            }
        }
        rows
    }
}

fn is_range(what: What) -> bool {
    matches!(what, What::Meter(meter) if METERS[meter].accumulates)
}

/// The tenant and those above it up to the subject; none where one of them is deleted or the subject not among them.
fn chain(states: &[State], who: usize, subject: usize) -> Option<Vec<usize>> {
    let mut chain = vec![who];
    loop {
        let at = *chain.last()?;
        if states[at].deleted {
            return None;
        }
        if at == subject {
            return Some(chain);
        }
        if states[at].parent == at {
            return None;
        }
        chain.push(states[at].parent);
    }
}
