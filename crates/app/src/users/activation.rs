//! The activation of a new user: a mail with a link, behind which it chooses its password (accounts-api, 2.5).

use domain::access::{Actor, Permission};
use domain::ids::UserId;
use domain::text::check_password;
use domain::user::LinkPurpose;
use render::pages::WrongPassword;

use super::password::{check_reach, store_password};
use super::{find, links};
use crate::access::Deleted;
use crate::auth::pages::Page;
use crate::auth::passwords;
use crate::{App, Caller, Error, Result, Rule};

/// Has a user mailed the link behind which it chooses its password; nothing where it is activated already.
pub async fn send(app: &App, caller: &Caller, id: UserId) -> Result<()> {
    let mut tx = app.write(caller).await?;
    let user = find(app, &mut tx, caller, Permission::UserAdmin, id, Deleted::Hidden).await?;
    check_reach(app, &mut tx, caller, id).await?;
    if user.activated {
        return Ok(());
    }
    let email = user.contact.text("email").filter(|email| !email.is_empty());
    let email = email.ok_or_else(|| Error::rule(Rule::Business, "contact.email: the user has no address"))?;
    links::send(app, &mut tx, &user, LinkPurpose::Activation, email).await?;
    tx.commit().await?;
    app.work.notify_waiters();
    Ok(())
}

/// The page that asks for a password.
pub async fn page(app: &App, token: &str) -> Result<Page> {
    let mut conn = app.read().await?;
    let (user, _) = links::find(app, &mut conn, LinkPurpose::Activation, token).await?;
    let look = links::look(&mut conn, &user).await?;
    Page::of(render::pages::activation(user.language, &look, &user.login, None))
}

/// Takes a password that was typed twice, and gives the page that says so; where it cannot be taken, the page that asks,
/// with what is wrong.
pub async fn choose(app: &App, token: &str, password: &str, again: &str) -> Result<Page> {
    let mut conn = app.read().await?;
    let (user, _) = links::find(app, &mut conn, LinkPurpose::Activation, token).await?;
    let look = links::look(&mut conn, &user).await?;
    drop(conn);
    let wrong = if password == again {
        check_password(password).is_err().then_some(WrongPassword::Length)
    } else {
        Some(WrongPassword::Differ)
    };
    if wrong.is_some() {
        return Page::of(render::pages::activation(user.language, &look, &user.login, wrong));
    }
    let hash = passwords::hash(app, password).await?;
    let mut tx = app.write_as(Actor::User(user.id)).await?;
    // Read anew in the transaction that changes it: of two clicks one wins.
    let (user, _) = links::find(app, &mut tx, LinkPurpose::Activation, token).await?;
    store_password(&mut tx, &user, &hash).await?;
    tx.commit().await?;
    Page::of(render::pages::activated(user.language, &look, &user.login))
}
