//! Sending a mail once more: the stored files of its run, never made anew, as a delivery of its own with its own Message-ID.
//!
//! Only the newest delivery of a recipient and run can be sent again, and only once it has ended. So a double click, or two
//! people at once, make one mail: the second finds that the delivery is no longer the newest.

use domain::access::{Actor, Permission};
use domain::delivery::{Delivery, DeliveryState, DeliveryStatus};
use domain::ids::{DeliveryId, ReportId};
use domain::schedule::{ScheduleType, monthly_mail_from};
use store::Write;
use store::deliveries::ledger::{self, Entry, Sight};
use store::runs::Stored;

use super::{ALL, Asked, Operator, Shown, allow, one, shown, sight, sight_from};
use crate::jobs::{measures, standing};
use crate::reports::find;
use crate::{App, Caller, Error, Ids, Result, Settings, mail};

/// The most deliveries that one call sends again.
pub const MOST_RESENT: i64 = 200;

/// What was sent again.
#[derive(Debug, Clone)]
pub struct Resent {
    /// The new deliveries. One that is skipped says why.
    pub deliveries: Vec<Shown>,
    /// Whether more are left for the next call.
    pub is_more: bool,
}

/// Sends one delivery again; `InTheWay` where it is still under way or was sent again before.
pub async fn resend(app: &App, caller: &Caller, id: DeliveryId) -> Result<Shown> {
    let mut tx = app.write(caller).await?;
    let granted = allow(app, &mut tx, caller, Permission::ReportWriter, id).await?;
    let old = ledger::one(&mut tx, sight(&granted), id).await?;
    let old = old.ok_or(Error::NotFound { what: "delivery" })?;
    let begin = Begin::of(&mut tx, &old).await?;
    let new = again(&mut tx, &app.ids, &app.settings, &old, begin).await?;
    let shown = one(&mut tx, Some((caller, granted.root())), sight(&granted), new.id).await?;
    tx.commit().await?;
    begun(&[new]);
    app.work.notify_waiters();
    Ok(shown)
}

/// As [`resend`], for the operator, in the name of Tidemark itself. A server finds the mail within a minute.
pub async fn resend_for_operator(operator: &Operator, id: DeliveryId) -> Result<Shown> {
    let mut tx = operator.write().await?;
    let old = ledger::one(&mut tx, ALL, id).await?.ok_or(Error::NotFound { what: "delivery" })?;
    let begin = Begin::of(&mut tx, &old).await?;
    let new = again(&mut tx, &operator.ids, &operator.settings, &old, begin).await?;
    let shown = one(&mut tx, None, ALL, new.id).await?;
    tx.commit().await?;
    Ok(shown)
}

/// Sends again what did not arrive of a report, or of the run that `asked` names: the newest deliveries that stand in one of
/// the states asked for, which are `bounced` and `gave_up` where there are none. Of those that were skipped, the ones that
/// would not be now.
pub async fn resend_failed(app: &App, caller: &Caller, report: ReportId, asked: &Asked) -> Result<Resent> {
    let mut tx = app.write(caller).await?;
    let (_, granted) = find(app, &mut tx, caller, Permission::ReportWriter, report).await?;
    let sight = sight_from(granted.root());
    let (new, is_more) = each_again(&mut tx, (&app.ids, &app.settings), sight, report, asked).await?;
    let entries = entries(&mut tx, sight, &new).await?;
    let deliveries = shown(&mut tx, Some((caller, granted.root())), entries).await?;
    tx.commit().await?;
    begun(&new);
    app.work.notify_waiters();
    Ok(Resent { deliveries, is_more })
}

/// As [`resend_failed`], for the operator, of the report or the run that `asked` names.
pub async fn resend_failed_for_operator(operator: &Operator, asked: &Asked) -> Result<Resent> {
    let mut tx = operator.write().await?;
    let of_run = match asked.run {
        Some(run) => Some(store::runs::by_id(&mut tx, run).await?.ok_or(Error::NotFound { what: "run" })?),
        None => None,
    };
    let report = asked.report.or_else(|| of_run.map(|stored| stored.run.report_id));
    let report = report.ok_or_else(|| Error::invalid("report", "required"))?;
    store::reports::by_id(&mut tx, report).await?.ok_or(Error::NotFound { what: "report" })?;
    let (new, is_more) = each_again(&mut tx, (&operator.ids, &operator.settings), ALL, report, asked).await?;
    let entries = entries(&mut tx, ALL, &new).await?;
    let deliveries = shown(&mut tx, None, entries).await?;
    tx.commit().await?;
    Ok(Resent { deliveries, is_more })
}

impl Operator {
    /// A transaction in the name of Tidemark itself.
    pub(super) async fn write(&self) -> Result<Write> {
        Ok(self.db.write(Actor::System, || self.clock.now()).await?)
    }
}

async fn each_again(
    tx: &mut Write,
    (ids, settings): (&Ids, &Settings),
    sight: Sight,
    report: ReportId,
    asked: &Asked,
) -> Result<(Vec<Delivery>, bool)> {
    let failed = || vec![DeliveryStatus::Bounced, DeliveryStatus::GaveUp];
    let states = if asked.states.is_empty() { failed() } else { asked.states.clone() };
    let may = [DeliveryStatus::Bounced, DeliveryStatus::GaveUp, DeliveryStatus::Skipped];
    if states.iter().any(|state| !may.contains(state)) {
        return Err(Error::invalid("states", "must be of bounced, gave_up and skipped"));
    }
    let asked = Asked { states, ..asked.clone() };
    let (mut new, mut left, mut behind) = (Vec::new(), MOST_RESENT, None);
    loop {
        let found = ledger::to_resend(tx, sight, report, &asked, behind, left).await?;
        for old in &found.entries {
            let begin = Begin::of(tx, old).await?;
            // One that would be skipped once more stays as it is: the same call again would never come to an end.
            let is_skipped = |state: &DeliveryState| matches!(state, DeliveryState::Skipped { .. });
            if is_skipped(&old.delivery.state) && is_skipped(&begin.state) {
                continue;
            }
            new.push(again(tx, ids, settings, old, begin).await?);
            left -= 1;
        }
        behind = found.next;
        if left == 0 || behind.is_none() {
            return Ok((new, behind.is_some()));
        }
    }
}

async fn entries(tx: &mut Write, sight: Sight, new: &[Delivery]) -> Result<Vec<Entry>> {
    let mut entries = Vec::with_capacity(new.len());
    for delivery in new {
        entries.extend(ledger::one(tx, sight, delivery.id).await?);
    }
    Ok(entries)
}

/// How the next delivery of the same run to the same user begins: skipped where subject or recipient may no longer have it.
struct Begin {
    stored: Stored,
    state: DeliveryState,
    address: Option<String>,
}

impl Begin {
    async fn of(tx: &mut Write, old: &Entry) -> Result<Self> {
        let now = tx.now();
        let stored = store::runs::by_id(tx, old.delivery.run_id).await?;
        let stored = stored.ok_or_else(|| Error::internal("a delivery without its run"))?;
        let (state, address) = match standing::subject(tx, &stored).await? {
            Some(why) => (DeliveryState::Skipped { why }, None),
            None => standing::begin(tx, &stored, old.delivery.user_id, now).await?,
        };
        Ok(Self { stored, state, address })
    }
}

/// Inserts it.
async fn again(
    tx: &mut Write,
    ids: &Ids,
    settings: &Settings,
    old: &Entry,
    begin: Begin,
) -> Result<Delivery> {
    let Begin { stored, state, address } = begin;
    let (run_id, user_id, now) = (old.delivery.run_id, old.delivery.user_id, tx.now());
    if old.resent_at.is_some() {
        return Err(Error::InTheWay { why: "it was sent again before: only the newest delivery can be" });
    }
    if matches!(old.delivery.state, DeliveryState::Pending | DeliveryState::Sending) {
        return Err(Error::InTheWay { why: "it is still under way: it can be sent again once it has ended" });
    }
    let resend_no = old.delivery.resend_no + 1;
    let new = Delivery {
        id: DeliveryId(ids.other()?),
        run_id,
        user_id,
        resend_no,
        message_id: mail::message_id(settings, run_id, user_id, resend_no),
        state,
        attempts: 0,
        not_before: match stored.run.schedule {
            ScheduleType::Once => now,
            ScheduleType::Monthly => monthly_mail_from(stored.run.due_at).max(now),
        },
        address,
        fault: None,
        created_at: now,
    };
    store::deliveries::insert(tx, stored.subject, &new).await?;
    if !ledger::mark_resent(tx, old.delivery.id).await? {
        return Err(Error::internal("a delivery was sent again beside this transaction"));
    }
    store::runs::settle_unsent(tx, run_id).await?;
    Ok(new)
}

fn begun(new: &[Delivery]) {
    new.iter()
        .filter(|delivery| delivery.state != DeliveryState::Pending)
        .for_each(measures::delivery_recorded);
}
