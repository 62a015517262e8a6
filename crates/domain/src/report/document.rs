//! A report as rows.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::counters::{Counters, is_local_storage};
use super::items::Items;
use super::members::{Members, Place, SUBJECT};
use super::pass::{MOST_CELLS, Pass};
use super::question::before_billing;
use super::rows::RowsOfMember;
use super::shown::Shown;
use super::slots::{Counted, Slot, Slots};
use super::stays::Stay;
use super::sums::{Account, Accounts};
use super::tree::Tree;
use super::{Figures, InfraTimeline, ItemTimeline, Kind, Label, Question, ReportInput, Row, RowInfra};
use super::{RowPricing, RowTenant, TenantTimeline};
use crate::history::{Archive, Cells, Damaged, Twig};
use crate::ids::InfraNo;
use crate::pricing::{mode_at, total_cost};
use crate::tenant::TenantKind;
use crate::time::Day;
use crate::timeline::Timeline;

/// A report ready to be written.
#[derive(Debug)]
pub struct Document {
    /// Less its items and storages, which stand arranged below.
    pub(super) input: ReportInput,
    pub(super) pass: Pass,
    /// A pass over a whole channel, which has the figures of settled tenants.
    shared: Option<Arc<Pass>>,
    /// `None` where no row needs it.
    archive: Option<Archive>,
    pub(super) shown: Shown,
    slots: Slots,
    /// By counter of the own and of the shared pass.
    rows_of_counters: [Vec<Option<Slot>>; 2],
    pub(super) items: Items,
    infras: HashMap<InfraNo, Timeline<Arc<RowInfra>>>,
}

impl Document {
    /// Sums up what the meters of the input's tenants said, from the first day the report reads to the end of the period,
    /// as known at the input's number. `None` when the subject is not among the tenants.
    pub fn new(input: ReportInput, archive: Archive) -> Result<Option<Self>, Damaged> {
        Self::sharing(input, None, || Ok(archive))
    }

    /// The same report, with the figures of settled tenants from a pass over a channel that the subject is part of, of the
    /// same database and as known at the same number. The archive is loaded only where the pass has not those of all rows.
    pub fn sharing<E: From<Damaged>>(
        input: ReportInput,
        shared: Option<Arc<Pass>>,
        archive: impl FnOnce() -> Result<Archive, E>,
    ) -> Result<Option<Self>, E> {
        Self::arranged(input, shared, archive, MOST_CELLS)
    }

    /// Folds at most so many tenants times days at a time.
    pub(super) fn arranged<E: From<Damaged>>(
        mut input: ReportInput,
        shared: Option<Arc<Pass>>,
        archive: impl FnOnce() -> Result<Archive, E>,
        most_cells: usize,
    ) -> Result<Option<Self>, E> {
        let Some(tree) = tree(&input) else { return Ok(None) };
        let question = question(&input);
        let members = Members::new(tree, &question, |siblings| {
            siblings.sort_by_cached_key(|(tenant, day)| {
                input.tenants.get(*tenant).map(|it| (it.name.at(*day).clone(), it.id))
            });
        });
        let shown = Shown::new(&members, &input.tenants, input.period.start, input.level);
        let shared = shared.filter(|shared| shared.question.covers(&question));
        let most = most_cells / question.days.len();
        let mut pass = Pass::unread(members, question, most);
        let places: Vec<bool> =
            pass.members.subtree().map(|place| needs_fold(&pass, shared.as_deref(), &shown, place)).collect();
        let archive = places.contains(&true).then(archive).transpose()?;
        if let Some(archive) = &archive {
            let is_kept: Vec<bool> = pass
                .members
                .subtree()
                .zip(&places)
                .map(|(place, needs_fold)| *needs_fold && pass.outlasts_runs(place))
                .collect();
            let is_host = |place: Place| is_kept.get(place).copied().unwrap_or(false);
            pass.read(archive, &input.numbers, is_host)?;
        }
        let counters = [Some(&pass), shared.as_deref()].map(|pass| pass.map(|pass| &pass.counters));
        let metered = counters.into_iter().flatten();
        let metered =
            metered.flat_map(|counters| counters.all().filter_map(|counter| counters.label(counter)));
        let slots = Slots::new(&input.items, metered, &input.infras);
        let rows_of_counters = counters.map(|counters| {
            let slot = |counters: &Counters, counter| {
                counters.label(counter).and_then(|(label, infra)| slots.slot(label, infra))
            };
            let of_pass =
                |counters: &Counters| counters.all().map(|counter| slot(counters, counter)).collect();
            counters.map(of_pass).unwrap_or_default()
        });
        let items = Items::new(std::mem::take(&mut input.items), &pass.members, &slots);
        let infras = std::mem::take(&mut input.infras);
        let infras = infras.iter().map(|infra| (infra.no, over_time(infra))).collect();
        Ok(Some(Self { input, pass, shared, archive, shown, slots, rows_of_counters, items, infras }))
    }

    /// The subject as its own rows show it.
    pub fn subject(&self) -> RowTenant {
        self.row_tenant(SUBJECT)
    }

    /// The cells of the subject and all below it in the period, of tenants that count.
    pub fn cells(&self) -> Cells {
        match self.in_shared(SUBJECT) {
            Some((shared, place)) => shared.cells(place),
            None => self.pass.cells(SUBJECT),
        }
    }

    /// The pass over the channel and the member's place there, if its figures are the same there.
    fn in_shared(&self, place: Place) -> Option<(&Pass, Place)> {
        in_shared(&self.pass, self.shared.as_deref(), place)
    }

    /// What a member has rows for, in their order; `again` has its sums if its run was folded again.
    pub(super) fn rows_of(&self, place: Place, again: Option<&Accounts>) -> RowsOfMember<'_> {
        let dates = self.dates(place);
        let slots = if dates.is_empty() { Vec::new() } else { self.slots_of(place, again) };
        RowsOfMember::new(place, self.row_tenant(place), dates, slots)
    }

    /// What a member has rows for.
    fn slots_of(&self, place: Place, again: Option<&Accounts>) -> Vec<Slot> {
        let member = self.pass.members.at(place);
        let sells = self.pass.members.tree.kind(member.tenant(), member.seen_last).sells();
        let metrics = self.slots.metrics().filter(|_| sells).map(|(_, slot)| slot);
        let items = self.items.of(place).filter(|(_, item)| self.was_on(place, item)).map(|(slot, _)| slot);
        let used = self.accounts(place, again).filter(|(_, account)| account.used).map(|(slot, _)| slot);
        let mut shown: Vec<Slot> = metrics.chain(items).chain(used).collect();
        shown.sort_unstable();
        shown.dedup();
        // Local storage is shown of customers and units, not of each user (reports-api, section 10).
        let is_hidden = |slot: &Slot| {
            let label = self.slots.at(*slot).label;
            self.tenant(place).is_personal && matches!(label, Label::Item(item) if is_local_storage(item))
        };
        shown.retain(|slot| !is_hidden(slot));
        shown
    }

    /// The figures of a member for each of the days.
    pub(super) fn figures_of(
        &self,
        place: Place,
        again: Option<&Accounts>,
        slot: Slot,
        dates: &[Day],
    ) -> Vec<(Day, Figures)> {
        let account = self.accounts(place, again).find(|(at, _)| *at == slot);
        let account = account.map_or(Account::EMPTY, |(_, account)| account);
        let question = &self.in_shared(place).map_or(&self.pass, |(pass, _)| pass).question;
        let is_range = self.slots.at(slot).label.is_range();
        let of_day = |end: &Day| {
            let days = question.at(self.begin(place, slot, *end)).zip(question.at(*end));
            let figures = days.map(|(begin, end)| account.figures(is_range, begin, end));
            (*end, figures.unwrap_or_default())
        };
        dates.iter().map(of_day).collect()
    }

    /// The sums of a member.
    fn accounts<'a>(
        &'a self,
        place: Place,
        again: Option<&'a Accounts>,
    ) -> impl Iterator<Item = (Slot, Account<'a>)> {
        let [own, shared] = &self.rows_of_counters;
        let (accounts, slots) = match self.in_shared(place) {
            Some((pass, place)) => (pass.accounts(place), shared),
            None => match again.filter(|_| !self.pass.spans_runs(place)) {
                Some(again) => (again.of(place), own),
                None => (self.pass.accounts(place), own),
            },
        };
        accounts.filter_map(|account| Some((slots.get(account.counter).copied().flatten()?, account)))
    }

    /// The days that a member has rows for.
    fn dates(&self, place: Place) -> Vec<Day> {
        let is_subject = place == SUBJECT;
        let counts = |stay: &Stay| is_subject || !(stay.trial && self.input.leave_out_trial);
        let counted = |stays: &[Stay], day: Day| stays.iter().any(|stay| stay.contains(day) && counts(stay));
        if self.input.kind.is_per_day() {
            self.input.period.days().filter(|day| counted(self.shown.on(place), *day)).collect()
        } else if is_subject || counted(self.pass.members.stays(place), self.pass.members.at(place).seen_last)
        {
            vec![self.input.period.last()]
        } else {
            Vec::new()
        }
    }

    /// The day whose end the delta of a row counts from (reports-api, 9.2).
    fn begin(&self, place: Place, slot: Slot, end: Day) -> Day {
        match self.input.kind {
            Kind::UsageSummary => self.input.period.start,
            Kind::UsageDaily | Kind::UsageBreakdown => end.previous(),
            Kind::UsageCurrent => {
                let own = self.items.find(place, slot).and_then(|item| *item.billing_day.at(end));
                before_billing(own.unwrap_or(*self.tenant(place).billing_day.at(end)), end)
            }
        }
    }

    /// Whether the item was on while its tenant was below the subject within the period.
    fn was_on(&self, place: Place, item: &ItemTimeline) -> bool {
        let period = self.input.period;
        // Without storage it holds but the price for storages that have none of their own.
        let holds_price_only = item.item.per_infra() && item.infra == InfraNo::NONE;
        let mut stays = self.pass.members.stays(place).iter();
        !holds_price_only
            && stays.any(|stay| {
                let (first, last) = (stay.first.max(period.start), stay.last.min(period.last()));
                first <= last && item.enabled.any(first, last, |on| *on)
            })
    }

    pub(super) fn row(&self, member: &RowsOfMember<'_>, date: Day, figures: Figures) -> Row {
        let RowsOfMember { place, slot, item, .. } = *member;
        let Counted { label, infra } = self.slots.at(slot);
        // What became of a tenant after it had left is not the subject's to see.
        let as_of = date.min(self.pass.members.at(place).seen_last);
        Row {
            tenant: member.tenant.clone(),
            label,
            infra: self.infra(infra).map(|infra| infra.at(as_of).clone()),
            date,
            figures,
            // An item that is off keeps its quota, but has none to show.
            quota: item.filter(|item| *item.enabled.at(as_of)).and_then(|item| *item.quota.at(as_of)),
            pricing: self.pricing(place, label, item, as_of, &figures),
            sku: self.sku(place, label, as_of),
        }
    }

    fn infra(&self, no: InfraNo) -> Option<&Timeline<Arc<RowInfra>>> {
        if no == InfraNo::NONE { None } else { self.infras.get(&no) }
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
        let currency = (*self.tenant(place).currency.at(day))?;
        let on_any_storage = || self.items.find(place, self.slots.slot(label, InfraNo::NONE)?);
        let own = item.and_then(|item| *item.price.at(day));
        let price = own.or_else(|| on_any_storage().and_then(|item| *item.price.at(day)))?;
        let payer = self
            .input
            .tenants
            .get(self.pass.members.tree.payer(self.pass.members.at(place).tenant(), day))?;
        let mode = mode_at(*payer.pricing_mode.at(day), payer.created_at, day.last_second());
        let total_cost = total_cost(price, figures.effective.production, label.unit(), currency);
        Some(RowPricing { currency, mode, price, total_cost })
    }

    /// The SKU in the list of the nearest partner, the tenant itself or above it.
    fn sku(&self, place: Place, label: Label, day: Day) -> Option<String> {
        if !self.input.show_skus {
            return None;
        }
        let mut above = self.pass.members.tree.chain(self.pass.members.at(place).tenant(), day);
        let partner = above.find(|at| self.pass.members.tree.kind(*at, day) == TenantKind::Partner)?;
        let list = self.input.tenants.get(partner)?.skus.at(day);
        list.iter().find(|(name, _)| name == label.name()).map(|(_, sku)| sku.clone())
    }

    fn row_tenant(&self, place: Place) -> RowTenant {
        let (tenant, day) = (self.tenant(place), self.pass.members.at(place).seen_last);
        RowTenant {
            no: tenant.no,
            id: tenant.id,
            name: tenant.name.at(day).clone(),
            kind: *tenant.kind.at(day),
            customer_id: tenant.customer_id.at(day).clone(),
        }
    }

    /// Folds a run again if the report has several, and rows of it need it.
    #[expect(
        clippy::expect_used,
        reason = "the same blocks were read the same way when the document was made"
    )]
    pub(super) fn fold_again(&self, run: &Range<Place>) -> Option<Accounts> {
        let needs_fold = |place| needs_fold(&self.pass, self.shared.as_deref(), &self.shown, place);
        if self.pass.runs.len() == 1 || !run.clone().any(needs_fold) {
            return None;
        }
        let again = self.pass.read_run(run, self.archive.as_ref()?, &self.input.numbers, needs_fold);
        Some(again.expect("a block is what it was"))
    }

    #[expect(clippy::indexing_slicing, reason = "the tree's indexes number these tenants")]
    fn tenant(&self, place: Place) -> &TenantTimeline {
        &self.input.tenants[self.pass.members.at(place).tenant()]
    }
}

/// Whether a member has rows whose figures are not in the shared pass.
fn needs_fold(pass: &Pass, shared: Option<&Pass>, shown: &Shown, place: Place) -> bool {
    shown.is_shown(place) && in_shared(pass, shared, place).is_none()
}

/// The shared pass and the member's place there, if its figures are the same there.
fn in_shared<'a>(pass: &Pass, shared: Option<&'a Pass>, place: Place) -> Option<(&'a Pass, Place)> {
    let shared = shared?;
    Some((shared, shared.settled(pass.members.at(place).no)?))
}

fn tree(input: &ReportInput) -> Option<Tree> {
    let twigs: Vec<Twig> = input.tenants.iter().map(TenantTimeline::twig).collect();
    Tree::new(twigs.iter(), input.subject, input.as_known)
}

/// The days that the report reads.
fn question(input: &ReportInput) -> Question {
    let end = input.period.last();
    let days = input.tenants.iter().map(|tenant| *tenant.billing_day.at(end));
    let own_days = input.items.iter().filter_map(|item| *item.billing_day.at(end));
    Question::new(input.period, input.kind, days.chain(own_days), input.as_known, input.leave_out_trial)
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
