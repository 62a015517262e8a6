//! What should have gone out and did not: shown until it has gone out, is sent again, or somebody says that it is known.
//!
//! All of it is computed when somebody looks, from what is due: a scheduler, builder or mailer that is dead is found out by
//! what it has left undone.

use std::collections::HashSet;

use domain::access::{Actor, Permission};
use domain::delivery::AlertKind;
use domain::ids::{AlertId, DeliveryId, RunId, TenantId, TenantNo};
use domain::time::Instant;
use store::alerts as stored;
use store::deliveries::ledger::{self, Sight};
use store::{Conn, Write};

use super::{ALL, Operator, root, sight};
use crate::access::{Deleted, Depth};
use crate::{App, Caller, Clock, Error, Result, Settings};

pub use store::alerts::{Alert, Position};

/// The oldest alerts that are logged one by one; of more, the metrics tell how many there are.
const LOGGED: i64 = 1_000;

/// Some alerts, what was due first before.
#[derive(Debug, Clone)]
pub struct Page {
    /// At most as many as were asked for.
    pub alerts: Vec<Alert>,
    /// Behind what the next page begins, where more follow.
    pub next: Option<Position>,
}

/// What was due at this moment or earlier, and has not gone out, is late.
fn late_at(clock: &Clock, settings: &Settings) -> Instant {
    clock.now().plus_seconds(-settings.mail.late_after_seconds)
}

/// A page of what is outstanding of the reports on a tenant and on all below it.
pub async fn page(
    app: &App,
    caller: &Caller,
    tenant: TenantId,
    behind: Option<Position>,
    limit: i64,
) -> Result<Page> {
    let mut conn = app.read().await?;
    let granted = app.allow(&mut conn, caller, Permission::ReportReader, tenant).await?;
    let late_at = late_at(&app.clock, &app.settings);
    let mut page = read(&mut conn, sight(&granted), late_at, behind, limit).await?;
    hide(&mut conn, granted.root(), &mut page.alerts).await?;
    Ok(page)
}

/// As [`page`], for the operator: of the whole channel where no tenant is named.
pub async fn page_for_operator(
    operator: &Operator,
    tenant: Option<TenantId>,
    behind: Option<Position>,
    limit: i64,
) -> Result<Page> {
    let mut conn = operator.db.read().await?;
    let sight = Sight { root: root(&mut conn, tenant).await?, ..ALL };
    read(&mut conn, sight, late_at(&operator.clock, &operator.settings), behind, limit).await
}

async fn read(
    conn: &mut Conn,
    sight: Sight,
    late_at: Instant,
    behind: Option<Position>,
    limit: i64,
) -> Result<Page> {
    let mut alerts = stored::list(conn, sight, late_at, behind, limit.saturating_add(1)).await?;
    let is_more = i64::try_from(alerts.len()).is_ok_and(|found| found > limit);
    if is_more {
        alerts.pop();
    }
    let next = alerts.last().map(Alert::position).filter(|_| is_more);
    Ok(Page { alerts, next })
}

/// Takes out what mail servers said of recipients whom the reader could not look up.
async fn hide(conn: &mut Conn, root: TenantNo, alerts: &mut [Alert]) -> Result<()> {
    let users: HashSet<Actor> = alerts.iter().filter_map(|alert| alert.user).map(Actor::User).collect();
    let seen = store::history::seen_actors(conn, root, &Vec::from_iter(users)).await?;
    for alert in alerts {
        if alert.user.is_some_and(|user| !seen.contains(&user.0)) {
            alert.why = None;
        }
    }
    Ok(())
}

/// Says that a run or mail that failed is known, and why that is all right where a reason is given: it is outstanding no
/// more. What is only late is not taken: it ends by itself.
pub async fn acknowledge(app: &App, caller: &Caller, id: AlertId, reason: Option<&str>) -> Result<()> {
    let mut tx = app.write(caller).await?;
    let run = RunId(id.0);
    if ledger::place(&mut tx, DeliveryId(id.0)).await?.is_some() {
        super::allow(app, &mut tx, caller, Permission::ReportWriter, DeliveryId(id.0)).await?;
    } else {
        let stored = store::runs::by_id(&mut tx, run).await?.ok_or(Error::NotFound { what: "alert" })?;
        let (permission, subject) = (Permission::ReportWriter, stored.run.subject_id);
        app.allow_at(&mut tx, caller, permission, subject, Depth::Own, Deleted::Shown).await?;
    }
    note(&mut tx, id, reason).await?;
    Ok(tx.commit().await?)
}

/// As [`acknowledge`], for the operator, in the name of Tidemark itself.
pub async fn acknowledge_for_operator(operator: &Operator, id: AlertId, reason: Option<&str>) -> Result<()> {
    let mut tx = operator.write().await?;
    note(&mut tx, id, reason).await?;
    Ok(tx.commit().await?)
}

async fn note(tx: &mut Write, id: AlertId, reason: Option<&str>) -> Result<()> {
    if let Some(reason) = reason {
        tx.because(reason);
    }
    let delivery = ledger::one(tx, ALL, DeliveryId(id.0)).await?;
    let run = delivery.as_ref().map_or(RunId(id.0), |entry| entry.delivery.run_id);
    let run = store::runs::by_id(tx, run).await?.ok_or(Error::NotFound { what: "alert" })?;
    let noted = match &delivery {
        Some(entry) => stored::acknowledge_mail(tx, &run, &entry.delivery).await?,
        None => stored::acknowledge_run(tx, &run).await?,
    };
    if noted { Ok(()) } else { Err(Error::InTheWay { why: "nothing of it waits for an acknowledgement" }) }
}

/// How many alerts there are of each kind in the whole installation.
pub(crate) async fn counts(app: &App, conn: &mut Conn) -> Result<Vec<(AlertKind, i64)>> {
    Ok(stored::counts(conn, late_at(&app.clock, &app.settings)).await?)
}

/// Logs what has become outstanding since the last look. Failures are logged where they happen.
pub(crate) async fn watch(app: &App) -> Result<Option<Instant>> {
    let mut conn = app.read().await?;
    let late_at = late_at(&app.clock, &app.settings);
    let alerts = stored::list(&mut conn, ALL, late_at, None, LOGGED).await?;
    let unlogged = |alert: &&Alert| alert.kind.ends_by_itself() || alert.kind == AlertKind::AllSkipped;
    let now: HashSet<_> = alerts.iter().filter(unlogged).map(|alert| (alert.kind, alert.id)).collect();
    let before = app.jobs.exchange_alerts(now);
    for alert in alerts.iter().filter(unlogged).filter(|alert| !before.contains(&(alert.kind, alert.id))) {
        let Alert { kind, due_at, subject, report, why, .. } = alert;
        let run = alert.run.map(|run| run.to_string());
        let user = alert.user.map(|user| user.to_string());
        tracing::warn!(%kind, %report, run, user, %subject, %due_at, why, "a report has not gone out");
    }
    Ok(None)
}
