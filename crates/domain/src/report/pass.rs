//! One pass over the blocks, for the reports of everyone.
//!
//! Memory: blocks stay compressed, and are unpacked for a run of consecutive tenants at a time; a run is cut where
//! subtrees end, and has at most [`MOST_CELLS`] tenants times days. A meter takes 16 bytes then and 8 more for each day
//! that is read; a sum takes 8 bytes and 8 for each day, 16 where sums are too large for 64 bits, and its tenant 24. With
//! five meters a tenant the longest run takes some 22 MB for many days and 42 MB for two, and about as much for the sums, if
//! those of all tenants are kept. They are if one run is all there is. Of a larger report (the daily one of a whole
//! channel) only the sums of the few tenants whose subtree is larger than a run are kept, and the others are folded again,
//! run by run, when their rows are written. A pass over a whole channel, which the reports of all partners share, keeps the
//! sums of all tenants but units. Of the few members that moved or switched within the days that are read whole series are
//! kept, 16 bytes a reading.

use std::ops::Range;

use super::Figures;
use super::counters::Counters;
use super::fold::{Source, fold};
use super::guests::Guests;
use super::members::{Members, Place};
use super::question::Question;
use super::sums::{Accounts, OfTenant};
use super::tree::Tree;
use crate::catalogue::ItemNumbers;
use crate::history::{Archive, Cells, Damaged, Twig};
use crate::ids::{InfraNo, ItemNo, TenantNo};
use crate::tenant::TenantKind;

/// How many tenants a pass over a channel folds at a time. As ranges that several runs need are unpacked for each of them,
/// fewer cost time, and more memory.
const TENANTS_OF_PASS: usize = 1 << 15;

/// How many tenants, times the days that are read, are folded at a time.
pub(super) const MOST_CELLS: usize = 1 << 19;

/// What every tenant of a channel used, each with its subtree.
///
/// A tenant that stood at one place in one mode on all days that are read has the same figures in every report it occurs
/// in, so that reports of all partners can take theirs from here.
#[derive(Debug)]
pub struct Pass {
    pub(super) question: Question,
    pub(super) members: Members,
    pub(super) counters: Counters,
    guests: Guests,
    /// Cut where subtrees end.
    pub(super) runs: Vec<Range<Place>>,
    accounts: Option<Accounts>,
    personal: Vec<bool>,
}

impl Pass {
    /// Reads the blocks once. `None` when the subject, below which the channel stands, is not among the tenants.
    pub fn new(
        subject: TenantNo,
        twigs: Vec<Twig>,
        archive: &Archive,
        numbers: &ItemNumbers,
        question: Question,
    ) -> Result<Option<Self>, Damaged> {
        let Some(tree) = Tree::new(twigs.iter(), subject, question.as_known) else { return Ok(None) };
        let personal = twigs.iter().map(|twig| twig.is_personal).collect();
        // They are large, and what comes next finds room where they were.
        drop(twigs);
        let members = Members::new(tree, &question, |_| {});
        let mut pass = Self::unread(members, question, TENANTS_OF_PASS);
        pass.personal = personal;
        let keeps: Vec<bool> = pass.members.subtree().map(|place| pass.keeps(place)).collect();
        pass.read(archive, numbers, |place| keeps.get(place).copied().unwrap_or(false))?;
        Ok(Some(pass))
    }

    /// A pass in which nobody has figures yet; runs have at most so many tenants.
    pub(super) fn unread(members: Members, question: Question, most: usize) -> Self {
        let runs = runs(&members, most.max(1));
        Self {
            question,
            members,
            counters: Counters::default(),
            guests: Guests::default(),
            runs,
            accounts: None,
            personal: Vec::new(),
        }
    }

    /// Reads the blocks, and keeps the sums of hosts.
    pub(super) fn read(
        &mut self,
        archive: &Archive,
        numbers: &ItemNumbers,
        is_host: impl Fn(Place) -> bool + Sync,
    ) -> Result<(), Damaged> {
        let Self { question, members, counters, .. } = self;
        self.guests = Guests::read(archive, members, question, counters, numbers)?;
        let mut counters = std::mem::take(&mut self.counters);
        self.accounts = Some(fold(self.source(archive, numbers), &self.runs, &mut counters, is_host)?);
        self.counters = counters;
        Ok(())
    }

    /// Folds one of several runs again, for the wanted members that do not span some.
    pub(super) fn read_run(
        &self,
        run: &Range<Place>,
        archive: &Archive,
        numbers: &ItemNumbers,
        is_host: impl Fn(Place) -> bool + Sync,
    ) -> Result<Accounts, Damaged> {
        let is_host = |place| is_host(place) && !self.spans_runs(place);
        // All counters are known by now, by their numbers.
        let mut counters = self.counters.clone();
        fold(self.source(archive, numbers), std::slice::from_ref(run), &mut counters, is_host)
    }

    fn source<'a>(&'a self, archive: &'a Archive, numbers: &'a ItemNumbers) -> Source<'a> {
        let Self { members, question, guests, .. } = self;
        Source { archive, members, question, guests, numbers }
    }

    /// Whether a report keeps the sums of the member while it writes rows, instead of folding its run again.
    pub(super) fn outlasts_runs(&self, place: Place) -> bool {
        self.runs.len() == 1 || self.spans_runs(place)
    }

    /// Whether the member's subtree is more than one run.
    pub(super) fn spans_runs(&self, place: Place) -> bool {
        let behind = self.runs.iter().map(|run| run.end).find(|end| *end > place);
        behind.is_some_and(|behind| self.members.at(place).end() > behind)
    }

    /// The sums of a member, if they were kept.
    pub(super) fn accounts(&self, place: Place) -> OfTenant<'_> {
        self.accounts.as_ref().map_or_else(OfTenant::default, |accounts| accounts.of(place))
    }

    /// The place of a tenant whose figures here are those of every report.
    pub(super) fn settled(&self, no: TenantNo) -> Option<Place> {
        let place = self.members.place(self.members.tree.find(no)?)?;
        (self.members.at(place).settled.is_some() && self.keeps(place)).then_some(place)
    }

    /// Whether a pass over a channel keeps the sums of a member: units have no reports of their own, and rows at the lowest
    /// level alone.
    fn keeps(&self, place: Place) -> bool {
        self.members.at(place).kind != TenantKind::Unit
    }

    /// Every tenant below the subject of which figures are kept, and the subject, each before those below it: in the order
    /// in which [`Pass::figures`] finds theirs soonest.
    pub fn tenants(&self) -> impl Iterator<Item = TenantNo> {
        self.members.subtree().filter(|place| self.keeps(*place)).map(|place| self.members.at(place).no)
    }

    /// What a tenant and all below it used, item by item, from the end of one day to that of another, in no order: what
    /// was above zero on some day of the period. Local storage of personal tenants is left out, as reports have no rows
    /// of it (reports-api, section 10). Nothing if a day is not among those that were read.
    pub fn figures(
        &self,
        tenant: TenantNo,
        begin: crate::time::Day,
        end: crate::time::Day,
    ) -> impl Iterator<Item = (ItemNo, InfraNo, Figures)> {
        let tenant = self.members.tree.find(tenant);
        let is_personal = tenant.and_then(|tenant| self.personal.get(tenant)).copied().unwrap_or(false);
        let place = tenant.and_then(|tenant| self.members.place(tenant));
        let days = self.question.at(begin).zip(self.question.at(end));
        let used = place.into_iter().flat_map(|place| self.accounts(place)).filter(|account| account.used);
        used.filter_map(move |account| {
            let ((begin, end), counted) = days.zip(self.counters.counted(account.counter))?;
            let is_hidden = is_personal && self.counters.is_local_storage(account.counter);
            let figures = account.figures(self.counters.is_range(account.counter), begin, end);
            (!is_hidden).then_some((counted.no, counted.infra, figures))
        })
    }

    /// How many cells of the period, of a tenant and all below it, were carried forward from the day before.
    pub fn carried(&self, tenant: TenantNo) -> u64 {
        let place = self.members.tree.find(tenant).and_then(|tenant| self.members.place(tenant));
        place.map_or(0, |place| self.cells(place).carried)
    }

    /// The cells of a member's subtree, if its sums were kept.
    pub(super) fn cells(&self, place: Place) -> Cells {
        self.accounts.as_ref().map_or_else(Cells::default, |accounts| accounts.cells(place))
    }
}

/// Cuts the places into runs of at most so many, where subtrees end. Those whose subtree is larger stand for themselves.
fn runs(members: &Members, most: usize) -> Vec<Range<Place>> {
    let mut runs = Vec::new();
    let mut run = 0..0;
    while run.end < members.subtree().end {
        let whole = members.at(run.end).end();
        let end = if whole - run.end > most { run.end + 1 } else { whole };
        if end - run.start > most && !run.is_empty() {
            runs.push(run.clone());
            run.start = run.end;
        }
        run.end = end;
    }
    runs.push(run);
    runs
}
