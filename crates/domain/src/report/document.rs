//! A report as rows.
//!
//! Nothing is summed before it is asked for: a tenant's sums are made when its rows are, in one pass over
//! the meters of its subtree, and dropped behind them. Over all tenants that costs the meters times the
//! depth of the tree, which is small, and no memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::fold::{Account, Line};
use super::members::{Members, Place, SUBJECT};
use super::meters::{Belongings, Owned, arrange, is_local_storage};
use super::slots::{Counted, Slot, Slots};
use super::tree::{Stay, Tree};
use super::{Figures, InfraTimeline, ItemTimeline, Kind, Label, ReportInput, Row, RowInfra, RowPricing};
use super::{RowTenant, Rows, TenantTimeline};
use crate::history::Series;
use crate::ids::InfraNo;
use crate::pricing::{mode_at, total_cost};
use crate::tenant::TenantKind;
use crate::time::Day;
use crate::timeline::Timeline;

/// The longest billing period, in days.
const LONGEST_MONTH: i32 = 31;

/// A report ready to be written.
#[derive(Debug)]
pub struct Document {
    /// Less its items, cells and storages, which stand arranged below.
    input: ReportInput,
    tree: Tree,
    members: Members,
    slots: Slots,
    items: Belongings<ItemTimeline>,
    series: Belongings<Series>,
    infras: HashMap<InfraNo, Timeline<Arc<RowInfra>>>,
}

impl Document {
    /// Arranges the input. `None` when the subject is not among its tenants.
    pub fn new(mut input: ReportInput) -> Option<Self> {
        let tree = Tree::new(&input.tenants, input.subject, input.as_known)?;
        let members = Members::new(&tree, &input, first_day(&input));
        let slots = Slots::new(&input);
        let (items, series) = arrange(&tree, &members, &slots, &mut input);
        let infras = std::mem::take(&mut input.infras);
        let infras = infras.iter().map(|infra| (infra.no, over_time(infra))).collect();
        Some(Self { input, tree, members, slots, items, series, infras })
    }

    /// The subject as its own rows show it.
    pub fn subject(&self) -> RowTenant {
        self.row_tenant(SUBJECT)
    }

    /// The rows of one member, its sums made first.
    fn rows_of(&self, place: Place) -> impl Iterator<Item = Row> {
        let tenant = Arc::new(self.row_tenant(place));
        self.fold(place).into_iter().flat_map(move |(slot, account)| {
            let item = self.items.find(place, slot);
            let tenant = tenant.clone();
            account
                .into_figures()
                .filter(|(_, figures)| !(self.input.hide_zero_usage && figures.are_zero()))
                .map(move |(date, figures)| self.row(&tenant, place, slot, item, date, figures))
        })
    }

    /// The accounts of a member that have rows, in the order of the rows.
    fn fold(&self, place: Place) -> BTreeMap<Slot, Account> {
        let mut accounts = BTreeMap::new();
        let dates = self.dates(place);
        if dates.is_empty() {
            return accounts;
        }
        let open = |slot| self.account(place, slot, &dates);
        let member = self.members.at(place);
        let sells = self.tree.kind(member.tenant, member.seen_last).sells();
        let metrics = self.slots.metrics().filter(|_| sells).map(|(_, slot)| slot);
        let items = self.items.of(place..place + 1).iter().filter(|item| self.was_on(item)).map(|it| it.slot);
        for slot in metrics.chain(items) {
            accounts.entry(slot).or_insert_with(|| open(slot)).has_rows = true;
        }
        let is_item = |slot| matches!(self.slots.at(slot).label, Label::Item(_));
        // Nobody is its own customer or partner.
        let counts = |owned: &Owned<Series>| is_item(owned.slot) || sells && owned.place != place;
        for (owned, stay) in self.readings_of(place).filter(|(owned, _)| counts(owned)) {
            let account = accounts.entry(owned.slot).or_insert_with(|| open(owned.slot));
            account.add(&owned.it, stay, self.input.period);
        }
        // Local storage is shown of customers and units, not of each user (reports-api, section 10).
        let is_hidden = |slot| self.tenant(place).is_personal && is_local_storage(self.slots.at(slot).label);
        accounts.retain(|slot, account| account.has_rows && !is_hidden(*slot));
        accounts
    }

    /// The meters of a member's subtree, each with the days on which it counts there.
    fn readings_of(&self, place: Place) -> impl Iterator<Item = (&Owned<Series>, &Stay)> {
        let always = self.series.of(place..self.members.at(place).end).iter().flat_map(|owned| {
            let member = self.members.at(owned.place);
            member.stays.iter().filter(|_| member.settled).map(move |stay| (owned, stay))
        });
        let at_times = self.members.visits(place).iter().flat_map(|visit| {
            let owned = self.series.of(visit.guest..visit.guest + 1);
            owned.iter().map(move |owned| (owned, &visit.stay))
        });
        always.chain(at_times).filter(|(_, stay)| self.may_count(stay))
    }

    /// The days that a member has rows for.
    fn dates(&self, place: Place) -> Vec<Day> {
        let member = self.members.at(place);
        let is_subject = place == SUBJECT;
        let counts = |stay: &Stay| is_subject || self.may_count(stay);
        let counted = |stays: &[Stay], day: Day| stays.iter().any(|stay| stay.contains(day) && counts(stay));
        if self.input.kind.is_per_day() {
            self.input.period.days().filter(|day| counted(&member.shown_on, *day)).collect()
        } else if is_subject || counted(&member.stays, member.seen_last) {
            vec![self.input.period.last()]
        } else {
            Vec::new()
        }
    }

    /// Monthly reports leave out what was used on trial (reports-api, section 10).
    fn may_count(&self, stay: &Stay) -> bool {
        !(stay.trial && self.input.leave_out_trial)
    }

    /// An empty account with a line for each date.
    fn account(&self, place: Place, slot: Slot, dates: &[Day]) -> Account {
        let lines = dates.iter().map(|end| Line::new(self.begin(place, slot, *end), *end)).collect();
        Account::new(lines, self.slots.at(slot).label.is_range())
    }

    /// The day whose end the delta of a row counts from (reports-api, 9.2).
    fn begin(&self, place: Place, slot: Slot, end: Day) -> Day {
        match self.input.kind {
            Kind::UsageSummary => self.input.period.start,
            Kind::UsageDaily | Kind::UsageBreakdown => end.previous(),
            Kind::UsageCurrent => {
                let own = self.items.find(place, slot).and_then(|item| *item.billing_day.at(end));
                let day = own.unwrap_or(*self.tenant(place).billing_day.at(end));
                day.period_of(end).start.previous()
            }
        }
    }

    /// Whether the item was on while its tenant was below the subject within the period.
    fn was_on(&self, item: &Owned<ItemTimeline>) -> bool {
        let period = self.input.period;
        // Without storage it holds but the price for storages that have none of their own.
        let holds_price_only = item.it.item.per_infra() && item.it.infra == InfraNo::NONE;
        let mut stays = self.members.at(item.place).stays.iter();
        !holds_price_only
            && stays.any(|stay| {
                let (first, last) = (stay.first.max(period.start), stay.last.min(period.last()));
                first <= last && item.it.enabled.any(first, last, |on| *on)
            })
    }

    fn row(
        &self,
        tenant: &Arc<RowTenant>,
        place: Place,
        slot: Slot,
        item: Option<&ItemTimeline>,
        date: Day,
        figures: Figures,
    ) -> Row {
        let Counted { label, infra } = self.slots.at(slot);
        // What became of a tenant after it had left is not the subject's to see.
        let as_of = date.min(self.members.at(place).seen_last);
        Row {
            tenant: tenant.clone(),
            label,
            infra: self.infras.get(&infra).map(|infra| infra.at(as_of).clone()),
            date,
            figures,
            quota: item.and_then(|item| *item.quota.at(as_of)),
            pricing: self.pricing(place, label, item, as_of, &figures),
            sku: self.sku(place, label, as_of),
        }
    }

    /// The price of the day, where there is one and a currency to say it in.
    fn pricing(
        &self,
        place: Place,
        label: Label,
        item: Option<&ItemTimeline>,
        day: Day,
        figures: &Figures,
    ) -> Option<RowPricing> {
        let on_any_storage = || self.items.find(place, self.slots.slot(label, InfraNo::NONE)?);
        let own = item.and_then(|item| *item.price.at(day));
        let price = own.or_else(|| on_any_storage().and_then(|item| *item.price.at(day)))?;
        let currency = (*self.tenant(place).currency.at(day))?;
        let payer = self.input.tenants.get(self.tree.payer(self.members.at(place).tenant, day))?;
        let mode = mode_at(*payer.pricing_mode.at(day), payer.created_at, day.last_second());
        let total_cost = total_cost(price, figures.effective.production, label.unit(), currency);
        Some(RowPricing { currency, mode, price, total_cost })
    }

    /// The SKU in the list of the nearest partner, the tenant itself or above it.
    fn sku(&self, place: Place, label: Label, day: Day) -> Option<String> {
        if !self.input.show_skus {
            return None;
        }
        let mut above = self.tree.chain(self.members.at(place).tenant, day);
        let partner = above.find(|at| self.tree.kind(*at, day) == TenantKind::Partner)?;
        let list = self.input.tenants.get(partner)?.skus.at(day);
        list.iter().find(|(name, _)| name == label.name()).map(|(_, sku)| sku.clone())
    }

    fn row_tenant(&self, place: Place) -> RowTenant {
        let (tenant, day) = (self.tenant(place), self.members.at(place).seen_last);
        RowTenant {
            no: tenant.no,
            id: tenant.id,
            name: tenant.name.at(day).clone(),
            kind: *tenant.kind.at(day),
            customer_id: tenant.customer_id.at(day).clone(),
        }
    }

    #[expect(clippy::indexing_slicing, reason = "the tree's indexes number these tenants")]
    fn tenant(&self, place: Place) -> &TenantTimeline {
        &self.input.tenants[self.members.at(place).tenant]
    }
}

impl Rows for Document {
    fn rows(&self) -> Box<dyn Iterator<Item = Row> + '_> {
        let shown = self.members.places().filter(|place| self.members.at(*place).shown);
        Box::new(shown.flat_map(|place| self.rows_of(place)))
    }
}

/// The first day that any figure of the report is read on.
fn first_day(input: &ReportInput) -> Day {
    let before = input.period.start.previous();
    match input.kind {
        Kind::UsageCurrent => before.min(input.period.last().plus(-LONGEST_MONTH)),
        _ => before,
    }
}

/// The storage as rows of each day show it.
fn over_time(infra: &InfraTimeline) -> Timeline<Arc<RowInfra>> {
    let days = infra.name.changes().chain(infra.owner.changes()).chain(infra.backend_type.changes());
    Timeline::composed(days, |day| {
        let (owner_no, owner_id) = *infra.owner.at(day);
        Arc::new(RowInfra {
            id: infra.id,
            name: infra.name.at(day).clone(),
            owner_id,
            owner_no,
            backend_type: *infra.backend_type.at(day),
        })
    })
}
