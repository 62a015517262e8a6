//! The rows of a report, made one after the other.

use std::ops::Range;
use std::sync::Arc;

use super::members::Place;
use super::slots::Slot;
use super::sums::Accounts;
use super::{Document, Figures, ItemTimeline, Row, RowTenant, Rows};
use crate::time::Day;

impl Rows for Document {
    fn rows(&self) -> Box<dyn Iterator<Item = Row> + '_> {
        Box::new(RowsOfDocument {
            document: self,
            runs: self.pass.runs.iter(),
            again: None,
            places: 0..0,
            member: None,
        })
    }
}

/// What is left of the rows of a report.
struct RowsOfDocument<'a> {
    document: &'a Document,
    runs: std::slice::Iter<'a, Range<Place>>,
    /// The sums of the run, if it was folded again.
    again: Option<Accounts>,
    /// What is left of the run.
    places: Range<Place>,
    member: Option<RowsOfMember<'a>>,
}

/// What is left of the rows of a member.
pub(super) struct RowsOfMember<'a> {
    pub(super) place: Place,
    pub(super) tenant: Arc<RowTenant>,
    dates: Vec<Day>,
    slots: std::vec::IntoIter<Slot>,
    /// The one whose figures are being given.
    pub(super) slot: Slot,
    pub(super) item: Option<&'a ItemTimeline>,
    figures: std::vec::IntoIter<(Day, Figures)>,
}

impl RowsOfMember<'_> {
    pub(super) fn new(place: Place, tenant: RowTenant, dates: Vec<Day>, slots: Vec<Slot>) -> Self {
        let (tenant, slots, figures) = (Arc::new(tenant), slots.into_iter(), Vec::new().into_iter());
        Self { place, tenant, dates, slots, slot: 0, item: None, figures }
    }
}

impl Iterator for RowsOfDocument<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        let document = self.document;
        let hides = document.input.hide_zero_usage;
        loop {
            if let Some(member) = &mut self.member {
                if let Some((date, figures)) = member.figures.find(|(_, it)| !(hides && it.are_zero())) {
                    return Some(document.row(member, date, figures));
                }
                if let Some(slot) = member.slots.next() {
                    let again = self.again.as_ref();
                    member.slot = slot;
                    member.item = document.items.find(member.place, slot);
                    member.figures =
                        document.figures_of(member.place, again, slot, &member.dates).into_iter();
                    continue;
                }
            }
            if let Some(place) = self.places.find(|place| document.shown.is_shown(*place)) {
                self.member = Some(document.rows_of(place, self.again.as_ref()));
                continue;
            }
            let run = self.runs.next()?;
            self.again = document.fold_again(run);
            self.places = run.clone();
        }
    }
}
