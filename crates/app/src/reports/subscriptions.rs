//! Report subscriptions: the recipients of reports, seen from a user (accounts-api, 2.8).
//!
//! Users may list, join and leave their own subscriptions whatever their roles (accounts-api, 2.8). A report to join is one
//! that they may read or one on their own tenant or below: otherwise anybody who knows a report's id would get its figures.

use domain::access::{Actor, Permission};
use domain::ids::{ReportId, UserId};
use domain::report::ResultAction;
use store::reports::Stored;
use store::tenants::Reach;
use store::{Conn, Write};

use super::change::check_ahead;
use super::{Shown, depth, find};
use crate::access::Depth;
use crate::{App, Caller, Error, Result, Rule};

/// The reports that list the user as a recipient, as far as the caller may read them.
pub async fn list(app: &App, caller: &Caller, user: UserId) -> Result<Vec<ReportId>> {
    let mut conn = app.read().await?;
    check_user(app, &mut conn, caller, Permission::ReportReader, user).await?;
    let mut readable = Vec::new();
    for id in store::reports::of_recipient(&mut conn, user).await? {
        if is_own(caller, user) {
            readable.push(id);
            continue;
        }
        match find(app, &mut conn, caller, Permission::ReportReader, id).await {
            Ok(_) => readable.push(id),
            Err(Error::Forbidden | Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(readable)
}

/// Adds the user to the recipients of a report; unchanged where it is one.
pub async fn add(app: &App, caller: &Caller, user: UserId, id: ReportId) -> Result<Shown> {
    let mut tx = app.write(caller).await?;
    let now = tx.now();
    check_user(app, &mut tx, caller, Permission::ReportWriter, user).await?;
    let old = if is_own(caller, user) {
        joinable(app, &mut tx, caller, id).await?
    } else {
        let (old, granted) = find(app, &mut tx, caller, Permission::ReportWriter, id).await?;
        if depth(old.report.parameters.level) == Depth::Inside && !granted.may_look_inside() {
            return Err(Error::Forbidden);
        }
        old
    };
    if old.report.recipients.contains(&user) {
        return Ok(Shown::at(old.report, now));
    }
    if old.report.result_action == ResultAction::Save {
        return Err(Error::rule(Rule::Business, "report_id: a saved report has no recipients"));
    }
    check_ahead(&mut tx, &old).await?;
    if !store::reports::sees_user(&mut tx, old.writer, user).await? {
        return Err(Error::rule(
            Rule::Business,
            format!("recipients: {user} lies outside the report's subtree"),
        ));
    }
    let mut new = old.clone();
    new.report.recipients.push(user);
    save(tx, &old, &mut new).await?;
    Ok(Shown::at(new.report, now))
}

/// The report, where the calling user may see its figures: by a role, or because they are of its own tenant or of one
/// below, as far as the token reaches.
async fn joinable(app: &App, conn: &mut Conn, caller: &Caller, id: ReportId) -> Result<Stored> {
    let stored = store::reports::by_id(conn, id).await?.ok_or(Error::NotFound { what: "report" })?;
    let inside = depth(stored.report.parameters.level) == Depth::Inside;
    match find(app, conn, caller, Permission::ReportReader, id).await {
        Ok((_, granted)) if !inside || granted.may_look_inside() => return Ok(stored),
        Ok(_) | Err(Error::Forbidden) => {}
        Err(error) => return Err(error),
    }
    let narrowed_to = match caller.narrowed_to {
        None => Some(caller.tenant),
        Some(to) => store::tenants::by_id(conn, to).await?.map(|to| to.no),
    };
    for root in [Some(caller.tenant), narrowed_to] {
        let root = root.ok_or(Error::Forbidden)?;
        let Some(Reach { depth, walls: 0 }) = store::tenants::reach(conn, root, stored.subject).await? else {
            return Err(Error::Forbidden);
        };
        let subject = store::tenants::by_no(conn, stored.subject).await?;
        let closed = subject.is_none_or(|subject| !subject.ancestral_access);
        if inside && closed && depth > 0 {
            return Err(Error::Forbidden);
        }
    }
    Ok(stored)
}

/// Takes the user off the recipients of a report.
pub async fn remove(app: &App, caller: &Caller, user: UserId, id: ReportId) -> Result<()> {
    let mut tx = app.write(caller).await?;
    check_user(app, &mut tx, caller, Permission::ReportWriter, user).await?;
    let old = if is_own(caller, user) {
        store::reports::by_id(&mut tx, id).await?.ok_or(Error::NotFound { what: "report" })?
    } else {
        find(app, &mut tx, caller, Permission::ReportWriter, id).await?.0
    };
    let mut new = old.clone();
    new.report.recipients.retain(|recipient| *recipient != user);
    if new.report.recipients == old.report.recipients {
        return Err(Error::NotFound { what: "report subscription" });
    }
    if new.report.recipients.is_empty() {
        return Err(Error::rule(Rule::Business, "recipients: the last one cannot be removed"));
    }
    save(tx, &old, &mut new).await
}

/// No change of the report's writer: only POST and PUT of the report itself make one (reports-api, 8.4).
async fn save(mut tx: Write, old: &Stored, new: &mut Stored) -> Result<()> {
    new.report.version += 1;
    store::reports::update(&mut tx, old, new).await?;
    Ok(tx.commit().await?)
}

fn is_own(caller: &Caller, user: UserId) -> bool {
    caller.actor() == Actor::User(user)
}

async fn check_user(
    app: &App,
    conn: &mut Conn,
    caller: &Caller,
    permission: Permission,
    user: UserId,
) -> Result<()> {
    if is_own(caller, user) {
        return Ok(());
    }
    caller.require(permission)?;
    let tenant = store::reports::tenant_of_user(conn, user).await?.ok_or(Error::NotFound { what: "user" })?;
    app.allow_inside(conn, caller, permission, tenant).await.map(|_| ())
}
