//! Runs that read the same of the history, and the one pass over the blocks that they share.
//!
//! On the first of a month the reports of all partners are due at once. One pass has the figures of everybody who stood
//! at one place all the time, but for units; a report that shares it loads no block unless it shows somebody else.
//!
//! A pass is of one acceptance number, and the runs that share it are as known at that number, whatever is accepted while
//! they are made: parts add up to the whole in the reports of one batch. Only runs that waited when the pass was read take
//! part, so that a report never lacks what was accepted before it was ordered.
//!
//! There is one batch at a time, and its pass goes with it: 60 MB at most with a summary of 200,000 tenants, and some
//! 110 MB with the largest that [`Question::may_be_shared`] allows.
//!
//! [`Question::may_be_shared`]: domain::report::Question::may_be_shared

use std::sync::Arc;

use domain::ids::{Seq, TenantNo};
use domain::report::Pass;
use domain::time::Day;
use store::Conn;
use store::report_input::Channel;
use store::runs::{Alike, Claim, Pinned};

use super::{content, describe, measures, steps};
use crate::history::apart;
use crate::{App, Error, Result};

/// Runs to be built together.
pub(super) struct Batch {
    alike: Alike,
    /// How many there were when somebody looked.
    pub(super) count: usize,
    /// A run that begins on another day may know of other switches to production.
    today: Day,
    shared: Option<Shared>,
}

/// A pass, as known at a number.
struct Shared {
    pass: Arc<Pass>,
    as_of: Seq,
}

impl Batch {
    /// The oldest run that can be built now, and all that are like it. `None` where there is none.
    pub(super) async fn next(app: &App) -> Result<Option<Self>> {
        let (mut conn, now) = (app.read().await?, app.clock.now());
        let Some(alike) = store::runs::next(&mut conn, now).await? else { return Ok(None) };
        let waiting = store::runs::count_alike(&mut conn, alike, now).await?;
        let ranges = store::tree::size(&mut conn).await?.ranges;
        // A pass reads each range once, and a report by itself at least one.
        let count = usize::try_from(waiting).map_err(Error::internal)?;
        let pays = count > 1 && count >= ranges;
        let shared = if pays { pass(conn, alike, now.day()).await } else { Ok(None) };
        // A damaged block is the fault of the reports that read it, and each of them says so for itself.
        let shared = shared.unwrap_or_else(|error| {
            let why = describe(&error);
            tracing::warn!(runs = waiting, why, "there is no pass: the reports are made one by one");
            None
        });
        if let Some(Shared { as_of, .. }) = &shared {
            measures::pass_made(waiting, *as_of);
            steps::reached(app, "after-pass");
        }
        Ok(Some(Self { alike, count, today: now.day(), shared }))
    }

    /// Claims the next of its runs; `None` where none is left.
    pub(super) async fn claim(&self, app: &App) -> Result<Option<Claim>> {
        if app.clock.now().day() != self.today {
            return Ok(None);
        }
        let mut tx = app.write_as(domain::access::Actor::System).await?;
        let claim = store::runs::claim(&mut tx, self.alike, app.nodes.own()).await?;
        tx.commit().await?;
        Ok(claim)
    }

    /// The number that its runs begin with; `None` where each has its own.
    pub(super) fn as_of(&self) -> Option<Seq> {
        self.shared.as_ref().map(|shared| shared.as_of)
    }

    /// The pass, for a run that is as known at its number: one that had begun before is not.
    pub(super) fn pass_for(&self, pinned: &Pinned) -> Option<Arc<Pass>> {
        let shared = self.shared.as_ref().filter(|shared| shared.as_of == pinned.as_of);
        shared.map(|shared| shared.pass.clone())
    }
}

/// Makes the pass from the very snapshot that the runs were seen in. `None` where its sums would be too many.
async fn pass(mut conn: Conn, alike: Alike, as_known: Day) -> Result<Option<Shared>> {
    let leave_out_trial = content::leaves_out_trial(alike.schedule);
    apart(async move {
        let Alike { period, kind, .. } = alike;
        let channel =
            store::report_input::channel(&mut conn, period, kind, as_known, leave_out_trial).await?;
        drop(conn);
        let Some(Channel { question, as_of, twigs, archive, numbers }) = channel else { return Ok(None) };
        let pass = Pass::new(TenantNo::TOP, twigs, &archive, &numbers, question)?;
        let pass = pass.ok_or_else(|| Error::internal("the top tenant is not among the tenants"))?;
        Ok(Some(Shared { pass: Arc::new(pass), as_of }))
    })
    .await
}
