//! Mails that are held since a backup was restored: they may have left after it was made, and somebody who can look that up
//! at the relay decides.

use domain::access::Actor;
use domain::time::Instant;
use store::restores::{self, Decision, HeldLink, HeldMail};
use store::{Conn, Db};

use crate::{Clock, Result};

/// What is held.
#[derive(Debug, Clone, Default)]
pub struct Held {
    /// Mails of reports, by when their runs were due.
    pub mails: Vec<HeldMail>,
    /// Mails with links, by when they were asked for.
    pub links: Vec<HeldLink>,
    /// Runs that were due before the restore and are still to be made: their mails will be held.
    pub coming: i64,
}

/// What is held that was due, or asked for, from `from` on and before `until`.
pub async fn list(conn: &mut Conn, from: Instant, until: Instant) -> Result<Held> {
    Ok(Held {
        mails: restores::held_mails(conn, from, until).await?,
        links: restores::held_links(conn, from, until).await?,
        coming: restores::count_coming(conn).await?,
    })
}

/// Decides on all that [`list`] gives; says how many mails that were.
pub async fn decide(
    db: &Db,
    clock: &Clock,
    (from, until): (Instant, Instant),
    decision: Decision,
) -> Result<usize> {
    let mut tx = db.write(Actor::System, || clock.now()).await?;
    let held = list(&mut tx, from, until).await?;
    let mut decided = 0;
    for mail in &held.mails {
        decided += usize::from(restores::decide_on_mail(&mut tx, mail, decision).await?);
    }
    for link in &held.links {
        decided += usize::from(restores::decide_on_link(&mut tx, link, decision).await?);
    }
    tx.commit().await?;
    Ok(decided)
}
