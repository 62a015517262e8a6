//! What a run says, as it was known when it began.

use std::sync::Arc;

use domain::report::Pass;
use domain::schedule::ScheduleType;
use store::Conn;
use store::brands::Stored as Brand;
use store::report_input::Wanted;
use store::runs::{Pinned, Stored};

use crate::reports::content::{self, Content};
use crate::{App, Error, Result, brands};

/// Loads the content of a run that has begun, with the figures of a pass as known at its number if there is one. The same
/// run gives the same content whenever it is loaded.
pub(super) async fn load(
    app: &App,
    stored: &Stored,
    pinned: &Pinned,
    shared: Option<Arc<Pass>>,
) -> Result<Content> {
    let wanted = wanted(stored, pinned);
    let mut conn = app.read().await?;
    let brand = brand(&mut conn, pinned).await?;
    let look = brands::look(&mut conn, brand.as_ref()).await?;
    let content = content::load(conn, &wanted, shared, pinned.generated_at, pinned.language, look).await?;
    content.ok_or_else(|| Error::internal("the subject is not among its own tenants"))
}

/// The brand of a run that has begun, as it was known then.
pub(crate) async fn brand(conn: &mut Conn, pinned: &Pinned) -> Result<Option<Brand>> {
    let Some(id) = pinned.brand else { return Ok(None) };
    Ok(store::brands::as_known(conn, id, pinned.as_of).await?)
}

fn wanted(stored: &Stored, pinned: &Pinned) -> Wanted {
    let run = &stored.run;
    Wanted {
        subject: stored.subject,
        period: run.period,
        kind: run.parameters.kind,
        level: run.parameters.level,
        hide_zero_usage: run.parameters.hide_zero_usage.unwrap_or(false),
        show_skus: run.parameters.show_skus.unwrap_or(false),
        leave_out_trial: leaves_out_trial(run.schedule),
        as_known: pinned.generated_at.day(),
        as_of: pinned.as_of,
    }
}

/// Monthly reports leave the usage of trial tenants out.
pub(super) fn leaves_out_trial(schedule: ScheduleType) -> bool {
    schedule == ScheduleType::Monthly
}
