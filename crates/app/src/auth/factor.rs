//! Whether a one-time code is right: guesses are throttled, and each code is taken once.

use std::net::IpAddr;

use domain::access::Actor;
use domain::ids::UserId;
use store::Write;
use store::mfa::TotpFactor;

use super::sign_in::{begin_try, end_try};
use super::throttle::Guess;
use super::totp;
use crate::{App, Error, Result};

/// The name that the secret of a user's second factor is sealed under.
pub(crate) fn seal_name(user: UserId) -> String {
    format!("totp {user}")
}

/// The step of a code that is right, if it is. Fails with [`Error::Throttled`] after too many failures; the try counts as
/// one until [`take`] has used the step up.
fn matching_step(
    app: &App,
    user: UserId,
    factor: &TotpFactor,
    (code, from): (&str, Option<IpAddr>),
) -> Result<Option<i64>> {
    let now = app.clock.now();
    begin_try(app, Guess::Code(user), from)?;
    let secret = app.sealing.open(&seal_name(user), &factor.sealed_secret).map_err(Error::internal)?;
    Ok(totp::matching_step(&secret, code, now, factor.last_step))
}

/// Takes a code of a factor in a transaction that is not committed yet; `false` where the code is wrong or was taken
/// before.
pub(crate) async fn take(
    app: &App,
    tx: &mut Write,
    user: UserId,
    factor: &TotpFactor,
    (code, from): (&str, Option<IpAddr>),
) -> Result<bool> {
    let Some(step) = matching_step(app, user, factor, (code, from))? else { return Ok(false) };
    use_up(app, tx, user, factor, (step, from)).await
}

/// Of two sign-ins with one code at the same moment one wins.
async fn use_up(
    app: &App,
    tx: &mut Write,
    user: UserId,
    factor: &TotpFactor,
    (step, from): (i64, Option<IpAddr>),
) -> Result<bool> {
    let used = store::mfa::use_step(tx, user, factor, step).await?;
    if used {
        end_try(app, Guess::Code(user), from);
    }
    Ok(used)
}

/// Whether a code completes a sign-in of a user who has set a second factor up. Guesses do not get as far as the one
/// transaction that writes.
pub(super) async fn signs_in(app: &App, user: UserId, code: &str, from: Option<IpAddr>) -> Result<bool> {
    let factor = store::mfa::factor(&mut app.read().await?, user).await?;
    let Some(factor) = factor.filter(|factor| factor.is_confirmed) else { return Ok(false) };
    let Some(step) = matching_step(app, user, &factor, (code, from))? else { return Ok(false) };
    let mut tx = app.write_as(Actor::User(user)).await?;
    let used = use_up(app, &mut tx, user, &factor, (step, from)).await?;
    tx.commit().await?;
    Ok(used)
}
