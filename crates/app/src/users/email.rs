//! The confirmation of a new address: an activated user keeps the old one until whoever reads its mail agrees
//! (accounts-api, 1.9).

use domain::access::Actor;
use domain::user::{User, set_contact_text};
use store::Write;
use store::email_changes::EmailChange;

use crate::auth::fingerprint;
use crate::{App, Error, Result, mail};

/// How long a link works, in seconds: a day.
const LINK_SECONDS: i64 = 86_400;
/// What is not there where a link is unknown, used or too old.
const WHAT: &str = "e-mail change: its link works once, and for a day";

/// Lets a new address wait for its confirmation, and has the old one asked.
pub(super) async fn ask(app: &App, tx: &mut Write, user: &User, new_email: &str) -> Result<()> {
    let token = app.ids.secret()?;
    let now = tx.now();
    let change = EmailChange {
        user_id: user.id,
        new_email: new_email.to_owned(),
        token_sha256: fingerprint(&token),
        sealed_token: app.sealing.seal(&user.id.to_string(), token.as_bytes())?,
        message_id: mail::random_message_id(&app.settings, app.ids.other()?),
        attempts: 0,
        not_before: now,
        requested_at: now,
        expires_at: now.plus_seconds(LINK_SECONDS),
    };
    Ok(store::email_changes::insert(tx, user.tenant, &change).await?)
}

/// The address of the page that confirms a change.
pub(crate) fn link(app: &App, change: &EmailChange) -> Result<String> {
    let token =
        app.sealing.open(&change.user_id.to_string(), &change.sealed_token).map_err(Error::internal)?;
    let token = String::from_utf8(token).map_err(Error::internal)?;
    Ok(format!("{}/api/tidemark/1/email-changes/{token}", app.settings.public_url))
}

/// The page that asks whether the address is to change. It changes nothing by itself: mail programs open links too.
pub async fn page(app: &App, token: &str) -> Result<String> {
    let (user, change) = find(app, token).await?;
    render::pages::email_change(user.language, &change.new_email).map_err(Error::internal)
}

/// Takes the new address, and gives the page that says so.
pub async fn confirm(app: &App, token: &str) -> Result<String> {
    let (user, change) = find(app, token).await?;
    let mut tx = app.write_as(Actor::User(user.id)).await?;
    // Read anew in the transaction that changes it: of two clicks one wins.
    let still = store::email_changes::by_token(&mut tx, &change.token_sha256).await?;
    let old = store::users::by_id(&mut tx, user.id).await?;
    let (Some(_), Some(old)) = (still, old) else { return Err(Error::NotFound { what: WHAT }) };
    let mut new = old.clone();
    new.version += 1;
    set_contact_text(&mut new.contact.texts, "email", &change.new_email);
    store::users::update(&mut tx, &old, &new).await?;
    store::email_changes::delete(&mut tx, user.id).await?;
    tx.commit().await?;
    render::pages::email_changed(new.language, &change.new_email).map_err(Error::internal)
}

async fn find(app: &App, token: &str) -> Result<(User, EmailChange)> {
    let mut conn = app.read().await?;
    let change = store::email_changes::by_token(&mut conn, &fingerprint(token)).await?;
    let change = change.filter(|change| app.clock.now() < change.expires_at);
    let change = change.ok_or(Error::NotFound { what: WHAT })?;
    let user = store::users::by_id(&mut conn, change.user_id).await?;
    let user = user.filter(|user| user.deleted_at.is_none()).ok_or(Error::NotFound { what: WHAT })?;
    Ok((user, change))
}
