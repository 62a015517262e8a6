//! Whether a one-time code is right: guesses are throttled, and each code is taken once.

use std::net::IpAddr;

use domain::access::Actor;
use domain::ids::UserId;
use store::Write;
use store::mfa::TotpFactor;

use super::sign_in::throttle;
use super::throttle::Guess;
use super::totp;
use crate::{App, Error, Result};

/// The name that the secret of a user's second factor is sealed under.
pub(crate) fn seal_name(user: UserId) -> String {
    format!("totp {user}")
}

/// Takes a code of a factor in a transaction that is not committed yet; `false` where the code is wrong or was taken
/// before. Fails with [`Error::Throttled`] after too many failures.
pub(crate) async fn take(
    app: &App,
    tx: &mut Write,
    user: UserId,
    factor: &TotpFactor,
    (code, from): (&str, Option<IpAddr>),
) -> Result<bool> {
    let now = app.clock.now();
    let begun = throttle(app).begin(now, Guess::Code(user), from);
    begun.map_err(|retry_after_seconds| Error::Throttled { retry_after_seconds })?;
    let secret = app.sealing.open(&seal_name(user), &factor.sealed_secret).map_err(Error::internal)?;
    let Some(step) = totp::matching_step(&secret, code, now, factor.last_step) else { return Ok(false) };
    let taken = store::mfa::use_step(tx, user, factor, step).await?;
    if taken {
        throttle(app).succeed(Guess::Code(user), from);
    }
    Ok(taken)
}

/// Whether a code completes a sign-in of a user who has set a second factor up.
pub(super) async fn signs_in(app: &App, user: UserId, code: &str, from: Option<IpAddr>) -> Result<bool> {
    let mut tx = app.write_as(Actor::User(user)).await?;
    let Some(factor) = store::mfa::factor(&mut tx, user).await?.filter(|factor| factor.is_confirmed) else {
        return Ok(false);
    };
    let taken = take(app, &mut tx, user, &factor, (code, from)).await?;
    if taken {
        tx.commit().await?;
    }
    Ok(taken)
}
