//! Passwords set by others than their user, and logins that are asked for (accounts-api, 2.5).

use domain::access::{Actor, Permission};
use domain::ids::UserId;
use domain::text::{check_login, check_password};
use domain::user::{LinkPurpose, User};
use store::{Conn, Write};

use super::find;
use crate::access::{Deleted, Depth};
use crate::auth::passwords;
use crate::{App, Caller, Error, Result};

/// Sets the password of a user below the client's own tenant, which also activates it. What was issued to the user before
/// is revoked.
pub async fn set_password(app: &App, caller: &Caller, id: UserId, password: &str) -> Result<()> {
    check_password(password).map_err(|why| Error::invalid("password", why.to_string()))?;
    may_set(app, &mut app.read().await?, caller, id).await?;
    let hash = passwords::hash(app, password).await?;
    let mut tx = app.write(caller).await?;
    // Hashing takes a moment, in which the user may have moved out of reach.
    let user = may_set(app, &mut tx, caller, id).await?;
    store_password(&mut tx, &user, &hash).await?;
    Ok(tx.commit().await?)
}

async fn may_set(app: &App, conn: &mut Conn, caller: &Caller, id: UserId) -> Result<User> {
    caller.require_client()?;
    let user = find(app, conn, caller, Permission::UserAdmin, id, Deleted::Hidden).await?;
    if user.tenant == caller.tenant {
        return Err(Error::Forbidden);
    }
    check_reach(app, conn, caller, id).await?;
    Ok(user)
}

/// Fails with 403 where the user holds a role on a tenant whose users the caller does not administer: whoever gets hold of
/// the account would get hold of that tenant.
pub(crate) async fn check_reach(app: &App, conn: &mut Conn, caller: &Caller, id: UserId) -> Result<()> {
    for policy in store::policies::of_user(conn, id).await? {
        let (permission, tenant) = (Permission::UserAdmin, policy.tenant_id);
        app.allow_at(conn, caller, permission, tenant, Depth::Own, Deleted::Shown).await?;
    }
    Ok(())
}

/// Stores the hash of a password; sessions of before, and links to choose one, end with it.
pub(super) async fn store_password(tx: &mut Write, user: &User, hash: &str) -> Result<()> {
    store::users::set_password(tx, user, hash).await?;
    store::mailed_links::delete(tx, user.id, LinkPurpose::Activation).await?;
    Ok(store::tokens::revoke_all(tx, Actor::User(user.id)).await?)
}

/// What a login that was asked for is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginCheck {
    /// A new user may have it.
    Free,
    /// A live user has it.
    Taken,
    /// Nobody can have it.
    NotAcceptable(String),
}

/// Whether a new user may have this login.
pub async fn login_check(app: &App, login: &str) -> Result<LoginCheck> {
    let login = match check_login(login) {
        Ok(login) => login,
        Err(why) => return Ok(LoginCheck::NotAcceptable(why.to_string())),
    };
    let taken = store::users::login_exists(&mut app.read().await?, login).await?;
    Ok(if taken { LoginCheck::Taken } else { LoginCheck::Free })
}
