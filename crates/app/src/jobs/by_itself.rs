//! Records what came to pass by itself, so that lists of changes show it: the end of a trial, and of a user's time.

use domain::access::Actor;
use domain::user::User;

use crate::{App, Result};

/// Objects looked at in one transaction.
const BATCH: i64 = 200;

/// Records all that has come to pass. A user whose `disable_after` has come is disabled; a trial that has ended was ended
/// for all who read it before (accounts-api, 1.13).
pub(super) async fn work(app: &App) -> Result<()> {
    loop {
        let next = store::moments_due::next(&mut app.read().await?).await?;
        if next.is_none_or(|next| next > app.clock.now()) {
            return Ok(());
        }
        let mut tx = app.write_as(Actor::System).await?;
        let now = tx.now();
        for (tenant, created_at) in store::moments_due::trials(&mut tx, BATCH).await? {
            let ends_at = created_at.plus_one_month();
            if ends_at <= now {
                store::moments_due::trial_ended(&mut tx, tenant).await?;
            } else {
                store::moments_due::put_trial_off(&mut tx, tenant, ends_at).await?;
            }
        }
        for id in store::moments_due::users(&mut tx, BATCH).await? {
            let Some(old) = store::users::by_id(&mut tx, id).await? else { continue };
            let new = User { enabled: false, version: old.version + 1, ..old.clone() };
            store::users::update(&mut tx, &old, &new).await?;
        }
        tx.commit().await?;
    }
}
