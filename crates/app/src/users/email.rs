//! The confirmation of a new address: an activated user keeps the old one until whoever reads its mail agrees
//! (accounts-api, 1.9).

use domain::access::Actor;
use domain::user::{LinkPurpose, User, set_contact_text};
use store::Write;

use super::links;
use crate::auth::pages::Page;
use crate::{App, Result};

/// Lets a new address wait for its confirmation, and has the old one asked.
pub(super) async fn ask(app: &App, tx: &mut Write, user: &User, new_email: &str) -> Result<()> {
    links::send(app, tx, user, LinkPurpose::EmailChange, new_email).await
}

/// The page that asks whether the address is to change. It changes nothing by itself: mail programs open links too.
pub async fn page(app: &App, token: &str) -> Result<Page> {
    let mut conn = app.read().await?;
    let (user, link) = links::find(app, &mut conn, LinkPurpose::EmailChange, token).await?;
    let look = links::look(&mut conn, &user).await?;
    Page::of(render::pages::email_change(user.language, &look, &link.email))
}

/// Takes the new address, and gives the page that says so.
pub async fn confirm(app: &App, token: &str) -> Result<Page> {
    let (user, _) = links::find(app, &mut app.read().await?, LinkPurpose::EmailChange, token).await?;
    let mut tx = app.write_as(Actor::User(user.id)).await?;
    // Read anew in the transaction that changes it: of two clicks one wins.
    let (old, link) = links::find(app, &mut tx, LinkPurpose::EmailChange, token).await?;
    let mut new = old.clone();
    new.version += 1;
    set_contact_text(&mut new.contact.texts, "email", &link.email);
    store::users::update(&mut tx, &old, &new).await?;
    store::mailed_links::delete(&mut tx, old.id, LinkPurpose::EmailChange).await?;
    let look = links::look(&mut tx, &new).await?;
    tx.commit().await?;
    Page::of(render::pages::email_changed(new.language, &look, &link.email))
}
