//! On which days tenants count for one they stood below, as far as those above may see.

use super::members::{Members, Place};
use super::question::Question;
use super::shown::Shown;
use super::tree::Tree;
use super::{Kind, Level, TenantTimeline};
use crate::history::Twig;
use crate::ids::{TenantId, TenantNo};
use crate::time::{Day, Period};

/// A tenant that was the subject or below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Its number.
    pub no: TenantNo,
    /// Its id.
    pub id: TenantId,
    /// The days on which it was, oldest first, with a day between any two runs of them.
    pub days: Vec<Period>,
    /// Whether it is so still, today.
    pub is_there: bool,
}

/// The subject and everyone who was below it within the period, by number: those that a report of the level
/// [`Level::Accounts`] has rows of, for the same days. `None` where the subject is not among the tenants, which are
/// those of [`super::ReportInput::tenants`].
pub fn present(
    tenants: &[TenantTimeline],
    subject: TenantNo,
    period: Period,
    today: Day,
) -> Option<Vec<Present>> {
    let twigs: Vec<Twig> = tenants.iter().map(TenantTimeline::twig).collect();
    let tree = Tree::new(twigs.iter(), subject, period.last())?;
    let question = Question::new(period, Kind::UsageSummary, [], period.last(), false);
    let members = Members::new(tree, &question, |_| {});
    let shown = Shown::new(&members, tenants, period.start, Level::Accounts);
    let places = members.subtree().filter(|place| shown.is_shown(*place));
    let one = |place: Place| {
        let index = members.at(place).tenant;
        let tenant = tenants.get(index)?;
        let mut days: Vec<Period> = Vec::new();
        for stay in shown.on(place) {
            match days.last_mut().filter(|run| run.end == stay.first) {
                Some(run) => run.end = stay.last.next(),
                None => days.push(Period::inclusive(stay.first, stay.last)),
            }
        }
        Some(Present { no: tenant.no, id: tenant.id, days, is_there: members.tree.is_member(index, today) })
    };
    let mut present: Vec<Present> = places.filter_map(one).collect();
    present.sort_unstable_by_key(|present| present.no);
    Some(present)
}
