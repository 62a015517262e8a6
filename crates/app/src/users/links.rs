//! Links that users are mailed: the link is the credential, works once, and until its end.

use domain::brand::Look;
use domain::ids::UserId;
use domain::user::{LinkPurpose, User};
use store::mailed_links::MailedLink;
use store::{Conn, Write};

use crate::auth::fingerprint;
use crate::{App, Error, Result, brands, mail};

/// How long a link works, in seconds: a day to confirm an address, three to choose a password (accounts-api, 2.5).
const fn lives_seconds(purpose: LinkPurpose) -> i64 {
    match purpose {
        LinkPurpose::EmailChange => 86_400,
        LinkPurpose::Activation => 3 * 86_400,
    }
}

/// Where the page of a link lies.
const fn noun(purpose: LinkPurpose) -> &'static str {
    match purpose {
        LinkPurpose::EmailChange => "email-changes",
        LinkPurpose::Activation => "activations",
    }
}

/// What is not there where a link is unknown, used or too old.
fn gone(purpose: LinkPurpose) -> Error {
    let what = match purpose {
        LinkPurpose::EmailChange => "e-mail change: its link works once, and for a day",
        LinkPurpose::Activation => "activation: its link works once, and for three days",
    };
    Error::NotFound { what }
}

/// Has a new link mailed to a user, in place of an earlier one of this purpose.
pub(super) async fn send(
    app: &App,
    tx: &mut Write,
    user: &User,
    purpose: LinkPurpose,
    email: &str,
) -> Result<()> {
    let token = app.ids.secret()?;
    let now = tx.now();
    let link = MailedLink {
        user_id: user.id,
        purpose,
        email: email.to_owned(),
        token_sha256: fingerprint(&token),
        sealed_token: app.sealing.seal(&user.id.to_string(), token.as_bytes())?,
        message_id: mail::random_message_id(&app.settings, app.ids.other()?),
        attempts: 0,
        not_before: now,
        asked_at: now,
        expires_at: now.plus_seconds(lives_seconds(purpose)),
    };
    Ok(store::mailed_links::insert(tx, user.tenant, &link).await?)
}

/// The address of a link's page.
pub(crate) fn address(app: &App, link: &MailedLink) -> Result<String> {
    let token = app.sealing.open(&link.user_id.to_string(), &link.sealed_token).map_err(Error::internal)?;
    let token = String::from_utf8(token).map_err(Error::internal)?;
    Ok(format!("{}/api/tidemark/1/{}/{token}", app.settings.public_url, noun(link.purpose)))
}

/// The live user and the link that a token belongs to. An activation is none any more once its user is activated, or has
/// another address: the mail went to the wrong one.
pub(super) async fn find(
    app: &App,
    conn: &mut Conn,
    purpose: LinkPurpose,
    token: &str,
) -> Result<(User, MailedLink)> {
    let link = store::mailed_links::by_token(conn, purpose, &fingerprint(token)).await?;
    let link = link.filter(|link| app.clock.now() < link.expires_at).ok_or_else(|| gone(purpose))?;
    let user = live(conn, link.user_id).await?.ok_or_else(|| gone(purpose))?;
    let is_open = match purpose {
        LinkPurpose::EmailChange => true,
        LinkPurpose::Activation => !user.activated && user.contact.text("email") == Some(&link.email),
    };
    if is_open { Ok((user, link)) } else { Err(gone(purpose)) }
}

/// What the pages of a user look like: as the brand of its tenant.
pub(super) async fn look(conn: &mut Conn, user: &User) -> Result<Look> {
    let brand = store::brands::nearest(conn, user.tenant).await?;
    brands::look(conn, brand.as_ref()).await
}

async fn live(conn: &mut Conn, id: UserId) -> Result<Option<User>> {
    Ok(store::users::by_id(conn, id).await?.filter(|user| user.deleted_at.is_none()))
}
